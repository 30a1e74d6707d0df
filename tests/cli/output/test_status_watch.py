"""`syncer status --watch`: one status after another until Ctrl-C, in place on a terminal, also without a database."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.support import schemas
from tests.support.processes import command, seen, until
from tests.support.processes import inside as run

MOMENT = re.compile(r"^-- \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ$", re.MULTILINE)


@pytest.fixture
def settings(settings_file: Callable[..., Path]) -> Path:
    path = settings_file()
    assert run(path, "init").returncode == 0
    return path


@contextmanager
def watching(settings: Path, *words: str) -> Iterator[tuple[subprocess.Popen[bytes], Path, Path]]:
    """The command with its output in a file, and its remarks in another."""
    out, remarks = settings.parent / "out", settings.parent / "remarks"
    with out.open("wb") as stdout, remarks.open("wb") as stderr:
        process = subprocess.Popen(command(settings, "status", *words), stdout=stdout, stderr=stderr)
        try:
            yield process, out, remarks
        finally:
            process.kill()
            process.wait()


def interrupted(process: subprocess.Popen[bytes]) -> int:
    process.send_signal(signal.SIGINT)
    return process.wait(timeout=20)


@pytest.mark.slow
def test_one_block_follows_another_in_a_file_and_ctrl_c_ends_it_well(settings: Path) -> None:
    with watching(settings, "--watch", "1") as (process, out, remarks):
        until(lambda: len(MOMENT.findall(out.read_text(encoding="utf-8"))) >= 2, 20)

        assert interrupted(process) == 0
    _, first, *_ = MOMENT.split(out.read_text(encoding="utf-8"))
    assert first.strip() == run(settings, "status").stdout.strip()
    assert remarks.read_text(encoding="utf-8") == ""


@pytest.mark.slow
def test_the_exit_code_is_that_of_the_last_status(settings: Path) -> None:
    run(settings, "init")
    run(settings, "pause", "crm", "--reason", "to have something that needs attention")
    run(settings, "submit", "erasure", stdin="ada@lovelace.test")
    with watching(settings, "--watch", "1") as (process, out, _):
        until(lambda: out.read_text(encoding="utf-8"), 20)

        assert interrupted(process) == run(settings, "status").returncode


@pytest.mark.slow
def test_as_json_each_status_is_a_line(settings: Path) -> None:
    with watching(settings, "--json", "--watch", "1") as (process, out, _):
        until(lambda: len(out.read_text(encoding="utf-8").splitlines()) >= 2, 20)
        interrupted(process)

    for line in out.read_text(encoding="utf-8").splitlines():
        schemas.valid("status", json.loads(line))


@pytest.mark.slow
def test_on_a_terminal_it_is_drawn_in_place(settings: Path) -> None:
    text = seen(
        settings, "status", "--watch", "1", columns=100, interrupted_at=lambda text: text.count("Ctrl-C ends it") >= 2
    )

    drawn = [part for part in text.split("\x1b[2K") if "Ctrl-C ends it" in part]
    assert len(drawn) >= 2
    assert "\x1b[1A" in text  # up again
    assert all("waiting in the queue" in part for part in drawn)
    assert text.count("\x1b[?25h") == 1  # the cursor is back


def test_seconds_that_are_none_are_refused(settings: Path) -> None:
    for wrong in ("0", "-1", "nan", "often", "0.5"):
        done = run(settings, "status", "--watch", wrong)

        assert (done.returncode, done.stdout) == (2, "")
        assert len(done.stderr.splitlines()) == 1


def test_what_a_person_must_mend_ends_it(settings: Path) -> None:
    (settings.parent / "syncer.key").unlink()

    done = run(settings, "status", "--watch")

    assert done.returncode == 2
    assert "syncer.key" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("as_json", [False, True])
def test_a_database_that_is_away_is_said_and_asked_again(settings: Path, as_json: bool) -> None:
    words = ["--watch", "1", *["--json"][:as_json]]
    with closing(sqlite3.connect(settings.parent / "syncer.db", isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with watching(settings, *words) as (process, out, remarks):
            said = remarks if as_json else out
            until(lambda: "the database is away" in said.read_text(encoding="utf-8"), 40)
            assert process.poll() is None
            other.close()
            sign = '"events"' if as_json else "waiting in the queue"
            until(lambda: sign in out.read_text(encoding="utf-8"), 40)
            time.sleep(0.1)

            assert interrupted(process) == 0
    assert "Traceback" not in remarks.read_text(encoding="utf-8")
