"""What a new user sees of the first `make`: each step before it begins, and one line with the remedy if one fails."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT

#: a Python that runs, makes a virtual environment of one such script, and lacks what `$LACKS` names
PYTHON = f"""#!/bin/sh
case "$*" in
  *"$LACKS"*) exit 1 ;;
  "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && exit 0 ;;
  *"pip install"*) exit 0 ;;
esac
exec {sys.executable} "$@"
"""


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """A checkout's Makefile and lock in the folder of a Python that installs nothing."""
    for name in ("Makefile", "requirements-dev.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    script = tmp_path / "python3"
    script.write_text(PYTHON, encoding="utf-8")
    script.chmod(0o755)
    return script


def make(python: Path, lacks: str = "nothing") -> tuple[int, list[str]]:
    """Run the step that every target begins with; return its exit code and what it said."""
    done = subprocess.run(
        ["make", "--no-print-directory", ".venv/.installed", f"PYTHON={python}"],
        cwd=python.parent if python.exists() else python.parent.parent,
        # `make test` hands its own flags and level on, by which a make within calls itself another
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")} | {"LACKS": lacks},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout.splitlines()


def test_each_step_is_named_before_it_begins_with_the_time_that_it_takes(python: Path) -> None:
    code, said = make(python)

    assert code == 0
    assert [line[:8] for line in said] == ["1 of 3: ", "2 of 3: ", "3 of 3: "]
    assert all("(about" in line or "minute" in line for line in said)
    assert (python.parent / ".venv/.installed").exists()
    assert make(python) == (0, ["make: '.venv/.installed' is up to date."])


@pytest.mark.parametrize(
    ("lacks", "remedy"),
    [
        ("version_info", "is older than Python 3.11; name a newer one: make PYTHON=/path/to/python3"),
        ("ensurepip", "cannot make virtual environments; install what it lacks: apt-get install python3-venv"),
        ("pip install --quiet --require", "the packages were not installed: pip says why above"),
        ("pip install --quiet --no-deps", "syncer was not installed: pip says why above"),
    ],
)
def test_what_is_lacking_is_one_line_with_its_remedy(python: Path, lacks: str, remedy: str) -> None:
    code, said = make(python, lacks)

    assert code == 2
    assert remedy in said[-2]
    assert said[-1].startswith("make: ***")
    assert not (python.parent / ".venv/.installed").exists()


def test_without_any_python_the_line_says_what_to_install(python: Path) -> None:
    code, said = make(python.parent / "nowhere" / "python3")

    assert code == 2
    assert "install Python 3.11 or newer, or say where it is: make PYTHON=/path/to/python3" in said[0]


def test_where_there_is_no_apt_the_tools_are_named_and_nothing_is_installed(tmp_path: Path) -> None:
    for name in ("bash", "id"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))

    done = subprocess.run(
        [str(ROOT / "tests" / "tools.sh")],
        env={"PATH": str(tmp_path)}, capture_output=True, encoding="utf-8", check=False, timeout=60,
    )  # fmt: skip

    assert done.returncode == 1
    assert done.stderr.startswith("this is no Debian, so nothing was installed; install with your own package manager")
    assert {"chromium", "node", "openssl"} <= set(done.stderr.split())
