"""What producers may write into each kind of database, and what intake makes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from syncer.app import App
from syncer.service.drain import drain, prepare
from tests.support.bad_rows import ANYWHERE, MARIADB, POSTGRESQL, SQLITE
from tests.support.servers import ENGINES
from tests.support.walk import OTHER, put, rows


def cases() -> list[Any]:
    """Return every statement with every kind of database that takes it."""
    own = {"sqlite": SQLITE, "mariadb": MARIADB, "postgresql": POSTGRESQL}
    return [
        pytest.param(kind, statement, id=f"{kind}-{number}")
        for kind in ENGINES
        for number, statement in enumerate(own[kind] + ANYWHERE)
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("engine", "statement"), cases(), indirect=["engine"])
def test_whatever_a_producer_wrote_is_read_without_a_crash(app: App, engine: str, statement: str) -> None:
    with app.queue.engine.begin() as connection:
        if engine == "mariadb":
            connection.exec_driver_sql("SET sql_mode = ''")
        connection.exec_driver_sql(statement.replace("%", "%%") if engine == "mariadb" else statement)
        if engine == "mariadb":
            connection.exec_driver_sql("SET sql_mode = DEFAULT")
    put(app, "erasure", OTHER, "good")

    drain(app)

    states = {row.event_key: row.state for row in rows(app, app.tables.event)}
    assert states == {"bad": "held", "good": "fulfilled"}


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_two_keys_that_only_a_collation_takes_for_one_are_two_events(app: App) -> None:
    keys = ["key", "KEY", "kéy", "key ", "straße", "strasse"]
    for key in keys:
        put(app, "erasure", OTHER, key)

    prepare(app)

    assert sorted(row.event_key for row in rows(app, app.tables.event)) == sorted(keys)


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_times_of_the_queue_keep_their_microseconds(make_app: Callable[..., App]) -> None:
    app = make_app()
    with app.queue.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO syncer_queue (event_key, kind, email, received_at)"
            " VALUES ('k1', 'erasure', 'a@b.test', '2026-03-29 01:30:00.500001'),"
            " ('k2', 'erasure', 'a@b.test', '2026-10-25 00:30:00.5')"
        )

    prepare(app)

    received = {row.event_key: row.received_at.isoformat() for row in rows(app, app.tables.event)}
    assert received == {"k1": "2026-03-29T01:30:00.500001+00:00", "k2": "2026-10-25T00:30:00.500000+00:00"}
