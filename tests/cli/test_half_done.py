"""Commands that fail when something is done already: they say how far they came."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from syncer.app import App
from syncer.database.connections import writing
from syncer.database.failures import half_done
from syncer.errors import UserError
from tests.conftest import Clock
from tests.support.backups import backup, restore
from tests.support.processes import inside as run
from tests.support.purging import old_and_new
from tests.support.servers import free_port
from tests.support.walk import OTHER, PERSON, whats


def refuse(app: App, event: str, table: str) -> None:
    """Let the database refuse a kind of statement from now on."""
    with writing(app.engine) as connection:
        body = "BEGIN SELECT RAISE(ABORT, 'refused'); END"
        connection.exec_driver_sql(f"CREATE TRIGGER refuse BEFORE {event} ON {table} {body}")


def test_init_prints_each_step_that_is_done_before_the_one_that_fails(
    settings_file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = settings_file()
    monkeypatch.setenv("SYNCER_QUEUE__URL", f"postgresql://nobody@127.0.0.1:{free_port()}/none")

    done = run(path, "init")

    assert done.returncode == 2
    assert "made; back it up" in done.stdout
    assert "created" in done.stdout
    assert "queue table" not in done.stdout
    assert done.stderr.count("\n") == 1


def test_an_upgrade_that_is_cut_short_names_the_command_that_goes_on(settings_file: Callable[..., Path]) -> None:
    path = settings_file()
    with closing(sqlite3.connect(path.parent / "syncer.db")) as somebody, somebody:
        somebody.execute("CREATE TABLE syncer_event (id)")

    done = run(path, "db", "upgrade")

    assert done.returncode == 2
    assert "run `syncer db upgrade` again" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_a_fork_on_record_that_could_not_be_signed_says_so(app: App, tmp_path: Path) -> None:
    path = app.settings.path
    run(path, "submit", "erasure", stdin=PERSON)
    run(path, "drain")
    backup(tmp_path / "syncer.db", tmp_path / "kept.db")
    run(path, "submit", "objection", stdin=OTHER)
    run(path, "drain")
    app.close()
    restore(tmp_path / "kept.db", tmp_path / "syncer.db")
    refuse(app, "INSERT", "syncer_checkpoint")

    done = run(path, "audit", "fork", "--reason", "the disk died")

    assert done.returncode == 2
    assert f"entry {len(whats(app))} records it" in done.stderr
    assert "`syncer audit checkpoint`" in done.stderr
    assert whats(app)[-1] == "audit:forked"


@pytest.mark.slow
def test_a_purge_that_stops_halfway_says_that_it_goes_on(app: App, clock: Clock) -> None:
    old_and_new(app, clock)
    refuse(app, "UPDATE", "syncer_audit")

    with pytest.raises(UserError, match="goes on where it stopped"), half_done("it goes on where it stopped"):
        app.purge.carry_out()

    assert whats(app)[-1] == "audit:purged"
