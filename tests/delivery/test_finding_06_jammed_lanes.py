"""Finding 6, in a lane: one row with a value that syncer never writes is held, and those behind it go on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from syncer.app import App
from syncer.service.drain import drain, prepare
from tests.support.attacks.tampering import undone
from tests.support.servers import ENGINES
from tests.support.walk import OTHER, PERSON, put, rows

everywhere = pytest.mark.parametrize("engine", ENGINES, indirect=True)
#: what SQLite alone stores in such a column
ABSURD = ("9007199254740991", "9223372036854775807", "'abc'", "-5", "1.5", "x'00'")


def two_events(app: App) -> str:
    """Put two requests and return the id of the first."""
    put(app, "erasure", PERSON, "k1")
    prepare(app)
    (first,) = rows(app, app.tables.event)
    put(app, "erasure", OTHER, "k2")
    prepare(app)
    return str(first.id)


def change(app: App, statement: str) -> None:
    with app.engine.begin() as connection:
        connection.exec_driver_sql(statement)


def stand(app: App) -> dict[str, set[tuple[str, str | None]]]:
    """Return event id -> the states and codes of its deliveries."""
    found: dict[str, set[tuple[str, str | None]]] = {}
    d = app.tables.delivery
    with app.engine.connect() as connection:
        for row in connection.execute(d.select().with_only_columns(d.c.event_id, d.c.state, d.c.code)):
            found.setdefault(row.event_id, set()).add((row.state, row.code))
    return found


def require_only_the_first_is_held(app: App, first: str) -> None:
    found = stand(app)
    assert found.pop(first) == {("held", "damaged")}
    assert list(found.values()) == [{("confirmed", None)}]


@everywhere
def test_finding_06_a_count_that_cannot_grow_does_not_stop_those_behind_it(app: App) -> None:
    first = two_events(app)
    change(app, f"UPDATE syncer_delivery SET attempts = 2147483647 WHERE event_id = '{first}'")

    drain(app)

    require_only_the_first_is_held(app, first)


@pytest.mark.slow
@pytest.mark.parametrize("value", ABSURD)
@pytest.mark.parametrize("column", ["attempts", "unseen"])
def test_finding_06_no_count_at_all_does_not_stop_those_behind_it(app: App, column: str, value: str) -> None:
    first = two_events(app)
    change(app, f"UPDATE syncer_delivery SET {column} = {value} WHERE event_id = '{first}'")

    drain(app)

    require_only_the_first_is_held(app, first)


@pytest.mark.parametrize(("column", "value"), [("subject", "x'0011'"), ("received_at", "5"), ("created_at", "x'00'")])
def test_finding_06_bytes_and_numbers_in_an_event_do_not_stop_those_behind_it(
    app: App, column: str, value: str
) -> None:
    first = two_events(app)
    change(app, f"UPDATE syncer_event SET {column} = {value} WHERE id = '{first}'")

    drain(app)

    found = stand(app)
    assert {state for state, _ in found.pop(first)} == {"held"}
    assert list(found.values()) == [{("confirmed", None)}]


@pytest.mark.slow
@everywhere
@pytest.mark.parametrize("fence", ["9223372036854775807", "-3"])
def test_finding_06_a_fence_that_cannot_grow_does_not_stop_its_lane(app: App, fence: str) -> None:
    put(app, "erasure", PERSON, "k1")
    drain(app)
    change(app, f"UPDATE syncer_lane SET fence = {fence}")
    put(app, "erasure", OTHER, "k2")

    drain(app)

    assert set().union(*stand(app).values()) == {("confirmed", None)}
    assert app.leases.read()["crm"].fence == 2


@pytest.mark.parametrize("fence", ["'abc'", "1.5", "x'00'"])
def test_finding_06_a_fence_that_is_no_number_does_not_stop_its_lane(app: App, fence: str) -> None:
    put(app, "erasure", PERSON, "k1")
    change(app, f"UPDATE syncer_lane SET fence = {fence}, strikes = 'abc'")

    drain(app)

    assert set().union(*stand(app).values()) == {("confirmed", None)}


@pytest.mark.slow
@pytest.mark.parametrize("value", ["2147483647", "'abc'", "-1"])
def test_finding_06_a_count_of_rechecks_that_cannot_grow_does_not_stop_the_rechecks(app: App, value: str) -> None:
    two_events(app)
    drain(app)
    change(app, f"UPDATE syncer_event SET rechecks_done = {value}, next_recheck_at = '2020-01-01 00:00:00.000000'")

    while app.store.start_rechecks():
        pass
    drain(app)

    assert {row.state for row in rows(app, app.tables.event)} == {"fulfilled"}


@contextmanager
def refusing(app: App, event_id: str) -> Iterator[None]:
    """Let the database refuse every attempt to begin deliveries of an event, as a trigger of somebody else's can."""
    change(
        app,
        "CREATE TRIGGER refusing BEFORE UPDATE OF attempts ON syncer_delivery"
        f" WHEN NEW.event_id = '{event_id}' AND NEW.attempts > 0 BEGIN SELECT RAISE(ABORT, 'no'); END",
    )
    yield
    undone(app, "DROP TRIGGER refusing")


def test_finding_06_a_row_that_the_database_refuses_is_held_and_the_batch_goes_on_without_it(app: App) -> None:
    first = two_events(app)

    with refusing(app, first):
        drain(app)

    require_only_the_first_is_held(app, first)
