"""Lists of requests: every filter, in pages, on every engine, is what one that reads everything would say."""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from syncer.app import App
from syncer.database.connections import writing
from syncer.domain.rights import Right
from syncer.events.reading import selection
from syncer.events.reading.selection import EventFilter
from syncer.reports.as_json import array_as_json, as_json
from syncer.reports.views import EventView
from tests.support.processes import run
from tests.support.servers import ENGINES

every_engine = pytest.mark.parametrize("engine", ENGINES, indirect=True)
EVENTS = 24
STATES = (None, "open", "held", "fulfilled", "overdue", "late")
RIGHTS = (None, Right.OBJECTION)
DESTINATIONS = (None, "crm", "gone")
LIMITS = (None, 1, 5)


@pytest.fixture
def mixed(make_app: Callable[..., App], monkeypatch: pytest.MonkeyPatch) -> App:
    """Events in every state, early and late, at one destination or two, some with words that syncer never writes."""
    monkeypatch.setattr(selection, "PAGE", 3)
    app = make_app()
    now = app.clock()
    events, deliveries = [], []
    for number in range(EVENTS):
        state = ("open", "held", "fulfilled", "fulfilled")[number % 4]
        # taken in another order than they were received in, and several at one moment
        received = (now - timedelta(days=(number * 7) % 12 * 6)).replace(microsecond=0)
        events.append(_event(number, state, received, now))
        for name in ("crm", "gone") if number % 5 == 0 else ("crm",) if number % 3 else ("newsletter",):
            deliveries.append(_delivery(number, name, state))
    events[6] |= {"right": "erasur"}
    deliveries[3] |= {"outcome": "found"}
    with writing(app.engine) as connection:
        connection.execute(app.tables.event.insert(), events)
        connection.execute(app.tables.delivery.insert(), deliveries)
    return app


def _event(number: int, state: str, received: datetime, now: datetime) -> dict[str, Any]:
    event_id = f"0000000{number:02}-e"
    return {
        "id": event_id, "event_key": event_id, "right": "objection" if number % 3 == 0 else "erasure", "subject": "p",
        "received_at": received, "due_on": (received + timedelta(days=30)).date(), "state": state, "code": None,
        "created_at": now, "rechecks_done": 0,
        "fulfilled_at": now if state == "fulfilled" else None,
    }  # fmt: skip


def _delivery(number: int, destination: str, state: str) -> dict[str, Any]:
    return {
        "event_id": f"0000000{number:02}-e", "destination": destination, "adapter": "a", "action": "delete",
        "state": {"open": "pending", "held": "held"}.get(state, "confirmed"), "outcome": None, "attempts": 1,
        "due_on": datetime.now(UTC).date(),
    }  # fmt: skip


def _matches(event: EventView, wanted: EventFilter) -> bool:
    return (
        (wanted.since is None or event.received_at >= wanted.since)
        and (wanted.until is None or event.received_at < wanted.until)
        and (wanted.right in (None, event.right))
        and (wanted.destination is None or wanted.destination in {item.destination for item in event.deliveries})
        and (
            event.overdue
            if wanted.state == "overdue"
            else event.late
            if wanted.state == "late"
            else wanted.state in (None, event.state)
        )
    )


@pytest.mark.slow
@every_engine
def test_every_filter_finds_what_a_look_at_everything_finds(mixed: App) -> None:
    now = mixed.clock()
    everything = list(mixed.reader.stream(EventFilter()))
    assert len(everything) == EVENTS
    spans = ((None, None), (now - timedelta(days=40), None), (None, now - timedelta(days=20)))
    for state, right, destination, (since, until), limit in itertools.product(
        STATES, RIGHTS, DESTINATIONS, spans, LIMITS
    ):
        wanted = EventFilter(state, since, until, right=right, destination=destination)
        expected = [event for event in everything if _matches(event, wanted)]
        if wanted.spans:
            expected.sort(key=lambda event: (event.received_at, event.id))

        found = list(mixed.reader.stream(wanted, limit))

        assert [event.id for event in found] == [event.id for event in expected[-limit if limit else 0 :]], wanted
        assert found == expected[-limit if limit else 0 :]


def test_the_many_of_one_moment_are_read_once(mixed: App) -> None:
    moment = mixed.clock() - timedelta(days=5)
    with writing(mixed.engine) as connection:
        connection.execute(mixed.tables.event.update().values(received_at=moment))
    reads: list[int] = []

    def note(_connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if "ix_syncer_event_received" in statement:
            reads.append(1)

    sa.event.listen(mixed.engine, "before_cursor_execute", note)
    found = list(mixed.reader.stream(EventFilter(since=moment)))
    sa.event.remove(mixed.engine, "before_cursor_execute", note)

    assert len(found) == EVENTS
    assert len(reads) <= 2 * (EVENTS // 3 + 1)


@pytest.mark.parametrize("column", ["id", "received_at"])
def test_what_is_no_text_ends_no_list_too_early_nor_never(mixed: App, column: str) -> None:
    value = "CAST(x'ff' AS TEXT)" if column == "id" else "substr(received_at, 1, 19) || '.0000001'"
    which = "WHERE id = '000000002-e'" if column == "id" else ""
    with closing(sqlite3.connect(str(mixed.engine.url.database))) as connection, connection:  # no foreign keys there
        connection.execute(f"UPDATE syncer_event SET {column} = {value} {which}")

    for wanted in (EventFilter(), EventFilter(since=mixed.clock() - timedelta(days=400)), EventFilter(state="late")):
        found = [event.id for event in mixed.reader.stream(wanted)]
        assert len(found) == len(set(found))
        assert wanted.state or len(found) == EVENTS


@pytest.mark.slow
def test_a_list_in_json_is_the_same_whether_it_comes_piece_by_piece_or_at_once(mixed: App) -> None:
    everything = mixed.reader.events()

    assert "".join(array_as_json(everything)) == as_json(everything)
    assert "".join(array_as_json([])) == as_json([]) == "[]"
    printed = run(mixed.settings.path, "events", "--json").stdout
    assert len(json.loads(printed)) == EVENTS


def test_a_list_that_nobody_reads_to_its_end_reads_no_further(mixed: App) -> None:
    pages: list[str] = []

    def note(_connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        pages.append(statement)

    sa.event.listen(mixed.engine, "before_cursor_execute", note)
    next(mixed.reader.stream(EventFilter()))
    sa.event.remove(mixed.engine, "before_cursor_execute", note)

    assert sum("LIMIT" in statement for statement in pages) == 1
