"""Run the tests on the newest Python to be had: `python -m tests.newest`, and pytest's own arguments behind it.

As root, with debootstrap, that is the Python of Debian's unstable or else stable release, in a folder of its own;
otherwise the newest that is installed here. It is what a new user does, with a user's rights: `make test`, which
installs first.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support import chroot
from tests.support.paths import ROOT

RELEASES = ("sid", "trixie")
PACKAGES = ("adduser", "ca-certificates", "make", "procps", "python3", "python3-venv")
USER = "tester"
#: each test answers for what it leaves open
LEAKS = ("-p", "tests.support.session.leaks")
#: seconds for all tests
LONGEST = 3000


def main(words: Sequence[str]) -> int:
    """Run the tests; return their exit code."""
    for release in RELEASES:
        try:
            with chroot.built(release, PACKAGES) as debian:
                return _within(debian, words)
        except (AssertionError, pytest.skip.Exception) as failure:
            _say(f"no Debian {release}: {str(failure).strip().splitlines()[-1]}")
    python = _newest_here()
    if python is None:
        _say(f"no Python here is newer than {sys.version.split()[0]}, so the tests ran on that one alone")
        return 1 if "newest" in os.environ.get("SYNCER_REQUIRE", "").split(",") else 0
    with tempfile.TemporaryDirectory(prefix="syncer-newest-") as folder:
        _copy(Path(folder))
        return subprocess.run(_make_test(python, words), cwd=folder, check=False).returncode


def _within(debian: chroot.Chroot, words: Sequence[str]) -> int:
    done = debian.run(["adduser", "--disabled-password", "--gecos", "", USER])
    assert done.returncode == 0, done.stdout
    home = debian.root / "home" / USER / "syncer"
    _copy(home)
    debian.run(["chown", "-R", f"{USER}:", f"/home/{USER}"])
    _say(f"the newest Python: {debian.run(['python3', '--version']).stdout.strip()}, of Debian {debian.release}")
    done = debian.run(_make_test("python3", words), USER, place=f"/home/{USER}/syncer", timeout=LONGEST)
    print(done.stdout)
    return done.returncode


def _make_test(python: str, words: Sequence[str]) -> list[str]:
    options = shlex.join([*LEAKS, *words])
    return ["env", "-u", "SYNCER_REQUIRE", f"PYTEST_ADDOPTS={options}", "make", "test", f"PYTHON={python}"]


def _newest_here() -> str | None:
    """Return the path of the newest Python that is installed, if it is newer than this one."""
    found = {}
    for folder in [*os.get_exec_path(), *map(str, Path.home().glob(".pyenv/versions/*/bin"))]:
        for path in Path(folder).glob("python3.*"):
            if match := re.fullmatch(r"python3\.(\d+)", path.name):
                found[int(match[1])] = str(path)
    newest = max((minor for minor, path in found.items() if _works(path)), default=0)
    return found[newest] if newest > sys.version_info.minor else None


def _works(python: str) -> bool:
    """Say whether it runs: a shim may stand for nothing."""
    return subprocess.run([python, "-c", "import venv, ensurepip"], capture_output=True, check=False).returncode == 0


def _copy(folder: Path) -> None:
    """Copy the source as it is here, without what git ignores."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True, encoding="utf-8",
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
