"""What a session of tests leaves in the folder for temporary files: nothing, or it fails and names it.

The session, its workers and whatever they start get a folder of their own inside the machine's, which goes with it.
Pytest's own folders, which hold what failed, stay where they are.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

_folder = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    """Begin; a worker uses the folder of who started it."""
    if hasattr(config, "workerinput"):
        return
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())
    folder = Path(tempfile.mkdtemp(prefix="syncer-tests-"))
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
    left = sorted(path.name for path in session.config.stash[_folder].iterdir())
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    for name in left:
        reporter.write_line(f"left behind in the folder for temporary files: {name}", red=True)
    if left and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _use(folder: Path) -> None:
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
