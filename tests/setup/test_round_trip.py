"""The round trip of `syncer check`: what it finds on servers that do not give back what they were given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from syncer.app import App
from syncer.database import engines
from syncer.database.connections import reading, writing
from syncer.setup import round_trip
from tests.support.processes import inside as run
from tests.support.servers import ENGINES, Server
from tests.support.walk import rows

on_postgresql = pytest.mark.parametrize("engine", ["postgresql"], indirect=True)


def shown(path: Path) -> tuple[int, str]:
    done = run(path, "check")
    return done.returncode, " ".join(done.stdout.split())


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_a_sound_database_gives_back_what_it_was_given_and_keeps_nothing_of_it(app: App) -> None:
    before = [len(rows(app, table)) for table in (*app.tables.own, app.tables.queue)]

    findings = round_trip.run(app.engine, app.queue, app.tables)

    assert [finding.ok for finding in findings] == [True, True]
    assert "times, days, numbers, texts, digests" in findings[0].detail
    assert [len(rows(app, table)) for table in (*app.tables.own, app.tables.queue)] == before
    assert app.ledger.verify().ok


@on_postgresql
def test_a_database_that_does_not_hold_every_letter_is_named(
    settings_file: Callable[..., Path], postgresql: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = "ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
    postgresql.sql(f"CREATE DATABASE western {options}")
    monkeypatch.setenv("SYNCER_DATABASE__URL", postgresql.url("western"))
    path = settings_file()
    assert run(path, "init").returncode == 0

    code, text = shown(path)

    assert code == 1
    assert "does not store every letter of Unicode" in text


@on_postgresql
def test_a_read_only_account_is_named(app: App, postgresql: Server) -> None:
    name = sa.make_url(app.settings.database.url).database
    postgresql.sql(f"ALTER DATABASE {name} SET default_transaction_read_only TO on")

    code, text = shown(app.settings.path)

    assert code == 1
    assert "are read-only" in text


@on_postgresql
def test_a_time_that_the_queue_table_does_not_keep_whole_is_named(app: App) -> None:
    with writing(app.engine) as connection:
        connection.exec_driver_sql("ALTER TABLE syncer_queue ALTER received_at TYPE timestamp(0)")

    code, text = shown(app.settings.path)

    assert code == 1
    assert "FAIL queue round trip: what was written comes back changed: times" in text


@pytest.mark.parametrize("engine", ["mariadb"], indirect=True)
def test_a_queue_table_of_another_character_set_is_named(app: App) -> None:
    with writing(app.engine) as connection:
        connection.exec_driver_sql("ALTER TABLE syncer_queue MODIFY source varchar(64) CHARACTER SET latin1")

    code, text = shown(app.settings.path)

    assert code == 1
    assert "FAIL queue round trip: nothing can be written (it does not store every letter of Unicode)" in text


@on_postgresql
def test_an_account_that_may_not_insert_is_told_that_nothing_was_tried(app: App, postgresql: Server) -> None:
    name = str(sa.make_url(app.settings.database.url).database)
    postgresql.sql("CREATE ROLE looks_only LOGIN")
    postgresql.sql("GRANT SELECT ON ALL TABLES IN SCHEMA public TO looks_only", name)
    try:
        with engines.opened(postgresql.url(name, "looks_only")) as engine, reading(engine):
            findings = round_trip.run(engine, app.queue, app.tables)
    finally:
        postgresql.sql("DROP OWNED BY looks_only", name)
        postgresql.sql("DROP ROLE looks_only")

    assert findings[0].ok
    assert "not tried" in findings[0].detail
