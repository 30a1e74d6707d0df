"""`submit` says so when the queue does not take a row, and keeps nothing then."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from syncer.app import App
from syncer.audit.anchors import folder
from syncer.database.connections import writing
from syncer.intake.queue import RowRefused
from tests.support.processes import inside, inside_json
from tests.support.servers import ENGINES
from tests.support.walk import OTHER, put

on_every_engine = pytest.mark.parametrize("engine", ENGINES, indirect=True)
CHECK = "ALTER TABLE syncer_queue ADD CONSTRAINT odd CHECK (email NOT LIKE 'bad%%')"
REFUSING = {
    "sqlite": "CREATE TRIGGER odd BEFORE INSERT ON syncer_queue WHEN NEW.email LIKE 'bad%'"
    " BEGIN SELECT RAISE(ABORT, 'bad@list.test is not wanted'); END",
    "mariadb": CHECK,
    "postgresql": CHECK,
}


@pytest.fixture
def settings(settings_file: Callable[..., Path]) -> Path:
    path = settings_file()
    assert inside(path, "init").returncode == 0
    return path


@on_every_engine
def test_finding_23_a_row_that_the_queue_refuses_is_named_by_its_line_and_nothing_is_kept(
    app: App, engine: str
) -> None:
    with writing(app.queue.engine) as connection:
        connection.exec_driver_sql(REFUSING[engine])
    lines = [f"p{number}@list.test" for number in range(700)]
    lines[611] = "bad@list.test"

    done = inside(app.settings.path, "submit", "erasure", stdin="\n".join(lines))

    said = [line for line in done.stderr.splitlines() if "library.message" not in line]  # psycopg's own word for it
    assert (done.returncode, done.stdout, len(said)) == (2, "", 1), done.stderr
    assert "line 612: the queue table refuses this row" in done.stderr
    assert "bad@" not in done.stderr
    assert inside_json(app.settings.path, "status")["queue"]["waiting"] == 0


@on_every_engine
def test_finding_23_a_key_that_is_there_stays_harmless_beside_a_constraint(app: App, engine: str) -> None:
    with writing(app.queue.engine) as connection:
        connection.exec_driver_sql(REFUSING[engine])
    put(app, "erasure", OTHER, "there")
    rows = [{"event_key": key, "kind": "erasure", "email": OTHER} for key in ("there", "new", "new")]

    assert app.queue.insert(rows) == 1
    with pytest.raises(RowRefused):
        app.queue.insert([*rows, {"event_key": "k", "kind": "erasure", "email": "bad@list.test"}])


@on_every_engine
def test_finding_23_a_missing_table_is_no_row_s_fault(app: App) -> None:
    with writing(app.queue.engine) as connection:
        connection.exec_driver_sql("DROP TABLE syncer_queue")

    with pytest.raises(sa.exc.DBAPIError):
        app.queue.insert([{"event_key": "k", "kind": "erasure", "email": OTHER}])
    with pytest.raises(sa.exc.DBAPIError):
        app.intake.take_all()


@pytest.mark.parametrize(
    "content",
    [b"\r" * 250_000, b"x" * 250_000, b"o\n1\n\n" + b"\xe2\x80\x94 a AAAAAAA=\n" * 16_000],
    ids=["line ends", "one line", "signatures"],
)
def test_finding_23_notes_of_somebody_else_in_the_state_folder_cost_no_command_its_time(
    settings: Path, content: bytes
) -> None:
    put_there = settings.parent / "syncer-state"
    found = next((path for path in settings.parent.iterdir() if list(path.glob("*.note"))), put_there)
    found.mkdir(exist_ok=True)
    for number in range(20):
        (found / f"syncer_00000000-{number:012d}.note").write_bytes(content)
        (found / f"syncer_00000001-{number:012d}.note").write_bytes(content[:65_000])

    began = time.monotonic()
    done = inside(settings, "submit", "erasure", stdin=OTHER)

    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began < 20


def test_finding_23_what_is_no_file_or_too_long_is_no_note(tmp_path: Path) -> None:
    import os

    pipe, long = tmp_path / "a-000000000001.note", tmp_path / "a-000000000002.note"
    os.mkfifo(pipe)
    long.write_bytes(b"x" * 70_000)

    assert folder.all_notes(tmp_path) == [(str(pipe), ""), (str(long), "")]
