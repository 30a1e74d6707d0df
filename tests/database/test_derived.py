"""What the database derives from its rows: the columns by which an index finds the few, and the tally."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from adapters.contract import Action, Outcome
from syncer.app import App
from syncer.database import revisions
from syncer.database.connections import reading, writing
from syncer.database.derived import tally
from syncer.database.derived.hops import distinct
from syncer.domain.model import READ_BACK, EventState, State
from syncer.domain.rights import Right
from syncer.events.reading.answers import Answers
from tests.support.processes import run
from tests.support.servers import ENGINES

RECEIVED = datetime(2026, 10, 1, 9, 0, tzinfo=UTC)
every_engine = pytest.mark.parametrize("engine", ENGINES, indirect=True)


def an_event(app: App, event_id: str, **values: Any) -> str:
    """Write an event as its table holds one, with some values of its own."""
    usual: dict[str, Any] = {
        "id": event_id, "event_key": event_id, "right": "erasure", "received_at": RECEIVED,
        "due_on": RECEIVED.date() + timedelta(days=30), "state": "fulfilled", "created_at": RECEIVED,
        "rechecks_done": 0,
    }  # fmt: skip
    with writing(app.engine) as connection:
        connection.execute(app.tables.event.insert().values(usual | values))
    return event_id


def a_delivery(app: App, event_id: str, **values: Any) -> None:
    """Write a delivery of an event in the same way."""
    usual: dict[str, Any] = {
        "event_id": event_id, "destination": "crm", "adapter": "activecampaign", "action": "delete",
        "state": "confirmed", "outcome": "done", "attempts": 1, "due_on": RECEIVED.date(),
    }  # fmt: skip
    with writing(app.engine) as connection:
        connection.execute(app.tables.delivery.insert().values(usual | values))


def derived(app: App, column: sa.Column[Any]) -> list[Any]:
    """Return what the database derived, by the order of the rows' ids."""
    with reading(app.engine) as connection:
        return list(connection.execute(sa.select(column).order_by(column.table.c.id)).scalars())


# -- derived columns ----------------------------------------------------------------------------------------


@every_engine
def test_the_words_that_the_database_knows_are_those_of_the_program(app: App) -> None:
    for number, word in enumerate(EventState):
        an_event(app, f"state-{number}", state=word)
    for number, right in enumerate((*Right, None)):
        an_event(app, f"right-{number}", right=right)
    of = an_event(app, "zz")
    changes: list[dict[str, Any]] = [
        *({"state": word} for word in State),
        *({"action": word} for word in (*Action, None)),
        *({"outcome": word} for word in (*READ_BACK, None)),
    ]
    for number, change in enumerate(changes):
        a_delivery(app, of, destination=f"d{number}", **change)

    assert set(derived(app, app.tables.event.c.odd)) == {None}
    assert set(derived(app, app.tables.delivery.c.strange)) == {None}
    assert {word for word in Outcome if word not in READ_BACK} <= set(State), "those are states"


@every_engine
@pytest.mark.parametrize("change", [{"state": "gone"}, {"right": "erasur"}, {"right": "ERASURE"}])
def test_an_event_with_another_word_is_odd(app: App, change: dict[str, str]) -> None:
    an_event(app, "one", **change)

    assert derived(app, app.tables.event.c.odd) == [1]


@every_engine
@pytest.mark.parametrize(
    "change",
    [
        {"state": "done"}, {"state": "Accepted"}, {"state": "accepted "}, {"state": "not applicable"}, {"action": "x"},
        {"outcome": "found"}, {"outcome": "accepted"}, {"outcome": "not_applicable"},
    ],
)  # fmt: skip
def test_a_delivery_with_another_word_is_strange(app: App, change: dict[str, str]) -> None:
    a_delivery(app, an_event(app, "one"), **change)

    assert derived(app, app.tables.delivery.c.strange) == [1]


@every_engine
def test_the_version_before_is_told_which_deliveries_it_cannot_read(app: App) -> None:
    of, new = an_event(app, "one"), {State.ACCEPTED, State.ATTESTED, State.NOT_APPLICABLE}
    for state in State:
        a_delivery(app, of, destination=state, state=state)

    assert derived(app, app.tables.delivery.c.odd) == [1 if state in new else None for state in State]


@every_engine
def test_only_answers_that_may_be_late_are_slow(app: App) -> None:
    month = RECEIVED + timedelta(days=30)
    answers: list[tuple[str, datetime | None, int | None]] = [
        ("erasure", None, None),
        ("erasure", RECEIVED + timedelta(days=29), None),
        ("erasure", month.replace(hour=0), 1_000_000),  # on the day itself: by the controller's clock it may be over
        ("objection", RECEIVED + timedelta(minutes=59), None),
        ("objection", RECEIVED + timedelta(hours=48), 48),
        ("objection", RECEIVED + timedelta(hours=47, minutes=59), 47),
        ("objection", RECEIVED - timedelta(hours=9), None),
        ("objection", month + timedelta(days=1), 1_000_000),
    ]
    for number, (right, fulfilled, _) in enumerate(answers):
        an_event(app, f"{number}", right=right, fulfilled_at=fulfilled)

    assert derived(app, app.tables.event.c.slow) == [slow for _, _, slow in answers]
    with reading(app.engine) as connection:
        late = set(Answers(app.tables, app.engine.dialect.name).late(connection, app.rule))
    assert late == {"4", "7"}


@pytest.mark.parametrize("word", ["now", " now", "9999-99-99", "", b"\xff", 5])
def test_no_word_in_the_place_of_a_time_keeps_a_row_from_being_read(app: App, word: object) -> None:
    an_event(app, "one", right="objection", fulfilled_at=RECEIVED)
    with writing(app.engine) as connection:
        connection.exec_driver_sql("UPDATE syncer_event SET received_at = ?, fulfilled_at = ?", (word, word))

    assert len(derived(app, app.tables.event.c.slow)) == 1


@every_engine
def test_the_different_values_of_a_column_are_each_found_once(app: App) -> None:
    query = distinct(app.tables.delivery.c.destination, app.engine.dialect.name)
    with reading(app.engine) as connection:
        assert connection.execute(query).all() == []
    for number in range(9):
        a_delivery(app, an_event(app, f"e{number}"), destination=f"d{number % 3}")

    with reading(app.engine) as connection:
        assert sorted(connection.execute(query).scalars()) == ["d0", "d1", "d2"]


# -- the tally ----------------------------------------------------------------------------------------------


@every_engine
def test_what_is_taken_from_the_queue_is_counted(app: App) -> None:
    queued(app, 3)

    with reading(app.engine) as connection:
        said, counted = tally.read(connection, app.tables), tally.count(connection, app.tables)
    assert said == counted == {("event", ""): 3, ("delivery", "crm"): 3, ("delivery", "newsletter"): 3}
    assert app.status.read().events.open == 3


@pytest.mark.slow
def test_a_tally_that_somebody_changed_is_named_with_its_remedy(app: App) -> None:
    queued(app, 2)
    with writing(app.engine) as connection:
        connection.exec_driver_sql("UPDATE syncer_tally SET number = 5 WHERE destination = 'crm'")

    finding = app.verify()

    assert not finding.ok
    assert "syncer_tally counts 5 of delivery at crm, but its table holds 2" in str(finding.reason)
    assert "`syncer db upgrade`" in str(finding.reason)
    assert "syncer_tally had been dropped or changed" in run(app.settings.path, "db", "upgrade").stdout
    assert app.verify().ok


@pytest.mark.slow
@pytest.mark.parametrize("number", [-5, 2**63 - 1, "abc", b"\xff", 1.5])
def test_no_number_in_the_tally_stops_the_intake_or_the_status(app: App, number: object) -> None:
    queued(app, 1)
    with writing(app.engine) as connection:
        connection.exec_driver_sql("UPDATE syncer_tally SET number = ?", (number,))

    status = app.status.read()
    queued(app, 1, "again")

    assert (status.events.open, app.status.read().events.open) == (1, 2)
    assert app.verify().ok is (number == 1)


@every_engine
def test_an_upgrade_counts_what_is_there(app: App) -> None:
    queued(app, 2)
    with writing(app.engine) as connection:
        connection.execute(app.tables.tally.delete())
    restored = revisions.upgrade(app.engine, app.tables, queue_here=True)

    assert restored == ("syncer_tally",)
    with reading(app.engine) as connection:
        assert tally.counters_differ(connection, app.tables) is None
    assert revisions.upgrade(app.engine, app.tables, queue_here=True) == ()


@pytest.mark.parametrize("engine", ["mariadb", "postgresql"], indirect=True)
def test_two_who_count_at_once_both_count(app: App, in_a_thread: Callable[[Callable[[], None]], Any]) -> None:
    numbers = {("event", ""): 1, ("delivery", "crm"): 2}

    def second() -> None:
        with writing(app.engine) as connection:
            tally.add(connection, app.tables, numbers)

    with writing(app.engine) as connection:
        tally.add(connection, app.tables, numbers)
        waiting = in_a_thread(second)
    waiting.join()

    with reading(app.engine) as connection:
        assert tally.read(connection, app.tables) == {("event", ""): 2, ("delivery", "crm"): 4}


@pytest.fixture
def in_a_thread() -> Callable[[Callable[[], None]], Any]:
    """Start something in a thread of its own."""
    from threading import Thread

    def start(action: Callable[[], None]) -> Thread:
        thread = Thread(target=action)
        thread.start()
        return thread

    return start


def queued(app: App, count: int, name: str = "k") -> None:
    """Queue so many erasures and take them in."""
    rows = [
        {
            "event_key": f"{name}{number}",
            "kind": "erasure",
            "email": f"{name}{number}@example.org",
            "created_at": app.clock(),
        }
        for number in range(count)
    ]
    with writing(app.queue.engine) as connection:
        connection.execute(app.queue.table.insert(), rows)
    app.intake.take_all()
