"""What the machinery around the tests says of a session: what stayed behind, what was left open, what is missing."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.servers import MariaDB, Missing, binary

CONFTEST = """
from tests.support.session import leftovers, tools
def pytest_configure(config):
    config.pluginmanager.register(leftovers)
    config.pluginmanager.register(tools)
"""


@pytest.fixture(params=[[], ["-n", "1"]], ids=["alone", "workers"])
def workers(request: pytest.FixtureRequest) -> list[str]:
    """Options with which a session runs in one process, or as a worker's."""
    options: list[str] = request.param
    return options


def session(folder: Path, test: str, *options: str) -> tuple[int, str]:
    """Run one file of tests as a session of its own; return its exit code and what it said."""
    (folder / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    (folder / "test_it.py").write_text(test, encoding="utf-8")
    (folder / "temporary").mkdir()
    around = {name: text for name, text in os.environ.items() if not name.startswith(("PYTEST_", "SYNCER_REQUIRE"))}
    around |= {"TMPDIR": str(folder / "temporary"), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, "test_it.py"],
        cwd=folder, env=around, capture_output=True, encoding="utf-8", check=False, timeout=120,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_this_session_has_a_folder_of_its_own_for_what_is_temporary() -> None:
    assert Path(tempfile.gettempdir()).name.startswith("syncer-tests-")


@pytest.mark.slow  # sessions of their own
def test_what_stays_behind_fails_the_session_and_is_named_and_removed(tmp_path: Path, workers: list[str]) -> None:
    code, said = session(
        tmp_path, "import tempfile\ndef test_it():\n    tempfile.mkdtemp(prefix='syncer-kept-')\n", *workers
    )

    assert code == 1
    assert "left behind in the folder for temporary files: syncer-kept-" in said
    assert not list((tmp_path / "temporary").glob("syncer-*"))


@pytest.mark.slow  # sessions of their own
def test_a_name_that_a_killed_process_left_of_sqlites_temporary_file_fails_no_session_but_what_it_wrote_does(
    tmp_path: Path, workers: list[str]
) -> None:
    kept = "import pathlib, tempfile\ndef test_it():\n    folder = pathlib.Path(tempfile.gettempdir())\n"
    written = {"etilqs_7c052aec10789fbb": "", "etilqs_0": "a page", "other": ""}
    for number, name in enumerate(written):
        kept += f"    folder.joinpath({name!r}).write_text({written[name]!r})\n"
        (folder := tmp_path / str(number)).mkdir()

        code, said = session(folder, kept, *workers)

        assert code == min(number, 1), said
        assert [line.split()[-1] for line in said.splitlines() if "left behind" in line] == [*written][1 : number + 1]


@pytest.mark.slow  # sessions of their own
def test_what_tidies_up_a_moment_after_the_session_leaves_nothing(tmp_path: Path, workers: list[str]) -> None:
    later = (
        "import subprocess, sys, tempfile\ndef test_it():\n    folder = tempfile.mkdtemp()\n"
        "    code = f'import os, time; time.sleep(2); os.rmdir({folder!r})'\n"
        "    subprocess.Popen([sys.executable, '-c', code], start_new_session=True)\n"
    )

    code, said = session(tmp_path, later, *workers)

    assert code == 0, said


@pytest.mark.slow  # sessions of their own
def test_a_session_that_cleans_up_leaves_nothing(tmp_path: Path, workers: list[str]) -> None:
    tidy = "import tempfile\ndef test_it(tmp_path):\n    with tempfile.TemporaryDirectory(): pass\n"

    code, said = session(tmp_path, tidy, *workers)

    assert code == 0, said
    assert not list((tmp_path / "temporary").glob("syncer-*"))


class NowhereInstalled(MariaDB):
    """A server without binaries."""

    def _install(self) -> None:
        binary("no-such-binary-anywhere")


def test_a_server_that_is_not_installed_leaves_no_folder() -> None:
    before = set(Path(tempfile.gettempdir()).iterdir())

    with pytest.raises(Missing, match="no-such-binary-anywhere is not installed"):
        NowhereInstalled()

    assert set(Path(tempfile.gettempdir()).iterdir()) == before


def test_what_is_missing_is_said_once_with_the_command_that_installs_it(tmp_path: Path, workers: list[str]) -> None:
    test = (
        "import pytest\nfrom tests.support.session import tools\n"
        "@pytest.mark.parametrize('number', range(3))\n"
        "def test_it(number):\n    tools.skip('mariadb', f'mariadbd {tools.NOT_INSTALLED}')\n"
    )

    code, said = session(tmp_path, test, *workers)

    assert code == 0
    assert said.count("not installed") == 2  # the line, and the remedy
    assert "skipped     3: mariadbd is not installed\n`make test-tools` installs what is not installed\n" in said


@pytest.mark.slow  # sessions of their own
@pytest.mark.parametrize(
    ("left", "named"),
    [
        ("import socket; socket.socket()", "unclosed <socket"),
        ("open('left', 'w')", "unclosed file"),
        ("import threading, time; threading.Thread(target=time.sleep, args=(60,), daemon=True).start()", "threads"),
        ("import sqlite3; sqlite3.connect('left.db').execute('SELECT 1')", "unclosed database"),
    ],
    ids=["socket", "file", "thread", "database"],
)
def test_what_is_left_open_fails_the_test_that_left_it(tmp_path: Path, left: str, named: str) -> None:
    if "database" in named and sys.version_info < (3, 13):
        pytest.skip("Python says it of a database from 3.13 on")
    test = f"import gc\ngc.disable()\ndef test_it():\n    kept = []\n    kept.append(kept)\n    {left}\n"

    code, said = session(
        tmp_path, test, "-p", "tests.support.session.leaks", "-W", "error", "-o", "addopts=", "-p", "no:xdist"
    )

    assert code == 1
    assert "test_it.py::test_it" in said
    assert named in said
