"""What a session of tests leaves in the folder for temporary files: nothing, or it fails and names it.

The session, its workers and whatever they start get a folder of their own inside the machine's, which goes with it.
Where the machine has memory to spare it lies there: databases write through to the disk, thousands of times, and no
test cuts the power. A TMPDIR that is set is used. Pytest's own folders lie beside it, and keep what failed.

SQLite makes a temporary file and unlinks its name at once, before it writes (unixOpen in its os_unix.c). A process that
a test kills between the two leaves an empty name, and cannot do better. One that holds anything counts.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

#: a file system in memory, and the octets that must be free there
MEMORY, ROOM = Path("/dev/shm"), 4 << 30
#: seconds in which who has ended may still tidy up: a process that a worker started outlives it by a moment
MOMENT = 5.0
_folder = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    """Begin; a worker uses the folder of who started it."""
    if hasattr(config, "workerinput"):
        return
    place = str(MEMORY) if "TMPDIR" not in os.environ and _is_usable(MEMORY) else tempfile.gettempdir()
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", place)
    folder = Path(tempfile.mkdtemp(prefix="syncer-tests-", dir=place))
    folder.chmod(0o755)  # a server of another user's lives in it
    config.stash[_folder] = folder
    _use(folder)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the folder, however the session ended."""
    if _folder in config.stash:
        shutil.rmtree(config.stash[_folder], ignore_errors=True)
        _use(config.stash[_folder].parent)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """Look into the folder when everybody has ended; fail for what is there."""
    yield
    if _folder not in session.config.stash:
        return
    left = _left_in(session.config.stash[_folder])
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    for name in left:
        reporter.write_line(f"left behind in the folder for temporary files: {name}", red=True)
    if left and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _left_in(folder: Path) -> list[str]:
    """Return the names of what is still in a folder when everybody had their moment."""
    until = time.monotonic() + MOMENT
    while left := sorted(path.name for path in folder.iterdir() if not _was_never_used(path)):
        if time.monotonic() > until:
            break
        time.sleep(0.1)
    return left


def _was_never_used(path: Path) -> bool:
    """Say whether this is a temporary file of SQLite's whose process was killed before it could use it."""
    return path.name.startswith("etilqs_") and path.is_file() and path.stat().st_size == 0


def _is_usable(memory: Path) -> bool:
    """Say whether a file system in memory is there, has room, and lets files be executed."""
    if not os.access(memory, os.W_OK):
        return False
    about = os.statvfs(memory)
    return about.f_bavail * about.f_frsize >= ROOM and not about.f_flag & os.ST_NOEXEC


def _use(folder: Path) -> None:
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
