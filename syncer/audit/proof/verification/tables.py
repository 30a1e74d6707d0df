"""The tables against the log: what somebody changed, added or deleted there behind the program's back."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from syncer.audit.ledger import FETCH
from syncer.audit.offline.history import DeliveryRecord, EventRecord, History
from syncer.audit.offline.times import moment
from syncer.clock import stamp
from syncer.database.connections import plain_rows
from syncer.database.derived.tally import counters_differ
from syncer.database.tables import Tables
from syncer.domain.model import WORKABLE, State
from syncer.domain.policy import LONGEST_WAIT
from syncer.domain.rights import RANKS

#: no wait is longer: the policy's own end after hours, and no adapter asks for more than a day (`delete_blocked`)
LONGEST = max(timedelta(days=1), timedelta(seconds=LONGEST_WAIT))
#: a host's clock may be hours wrong without anybody's doing; what is put off for good lies far beyond
CLOCKS = timedelta(hours=6)
#: what is said of a delivery of which the log says nothing yet
_UNTOUCHED = DeliveryRecord()


class TableComparison:
    """Compares the tables of one moment with what the log says up to the same moment.

    `now` (UTC) is the present, or the latest time of an entry where a clock ran ahead. A recheck puts a confirmed
    delivery back to be read without an entry, and a purged event is passed over: the log does not tell enough of it.
    """

    def __init__(self, tables: Tables, history: History, now: datetime) -> None:
        self._tables = tables
        self._history = history
        self._present = stamp(now + CLOCKS)
        self._longest = stamp(now + LONGEST + CLOCKS)
        self._missing = set(history.events())
        self._seen: dict[str, int] = {}  # of each event, a bit for each of its deliveries that stands in the table

    def contradiction(self, connection: sa.Connection) -> str | None:
        """Return the first contradiction, in one line; None where the tables agree."""
        try:
            with closing(self._contradictions(connection)) as found:
                return next(found, None)
        except sa.exc.DataError:  # a time that Python has no value for, such as PostgreSQL's infinity
            return "a table holds a time that cannot be read"

    def _contradictions(self, connection: sa.Connection) -> Generator[str, None, None]:
        d, e, lane, watch = (self._tables.delivery.c, self._tables.event.c, self._tables.lane.c, self._tables.watch.c)
        for row in _rows(
            connection, d.event_id, d.destination, d.action, d.state, d.outcome, d.attempts, d.next_attempt_at,
            d.claim_rank, d.due_on, d.confirmed_at, d.code,
        ):  # fmt: skip
            yield from self._delivery(row)
        for row in _rows(connection, e.id, e.right, e.subject, e.received_at, e.due_on, e.state, e.fulfilled_at):
            yield from self._event(row)
        for event in self._missing:
            yield f"event {event} was received and is not in its table: somebody deleted it"
        for name, cool_until, probe_at in _rows(connection, lane.destination, lane.cool_until, lane.probe_at):
            for column, value in (("cool_until", cool_until), ("probe_at", probe_at)):
                yield from _too_late(f"destination {name}", column, value, self._longest)
        for name, looked_at, listed_at in _rows(connection, watch.destination, watch.looked_at, watch.listed_at):
            for column, value in (("looked_at", looked_at), ("listed_at", listed_at)):
                yield from _too_late(f"destination {name}", column, value, self._present)
        if differing := counters_differ(connection, self._tables):
            yield differing

    # -- deliveries -----------------------------------------------------------------------------------------

    def _delivery(self, row: Any) -> Iterator[str]:
        event, destination, action, state, outcome, attempts, next_attempt_at, claim_rank, due_on, *more = row
        confirmed_at, code = more
        if self._history.is_purged(event):
            return
        record, place = self._history.event(event), f"event {event} at {destination}"
        if record is None:
            yield f"event {event} is in its table, but the log never received it"
            return
        if destination not in record.plan:
            yield f"{place} is in its table, but the log never named that destination"
            return
        self._seen[event] = self._seen.get(event, 0) | 1 << list(record.plan).index(destination)
        said = record.deliveries.get(destination, _UNTOUCHED)
        rechecked = state == State.APPLIED and said.state == State.CONFIRMED and confirmed_at is not None
        if state != said.state and not rechecked:
            yield f"{place} is {state} in its table, but not in the log, which says {said.state}"
        yield from _differs(place, "action", action, record.plan[destination])
        yield from _differs(place, "outcome", outcome, said.outcome)
        yield from _differs(place, "attempts", attempts, said.attempts)
        if state == State.EXEMPT == said.state:
            yield from _differs(place, "code", code, said.ground)
        if not _is_urgent_since_it_came(_text(due_on), record):
            yield from _differs(place, "due_on", _text(due_on), record.due_on)
        if state in WORKABLE:
            if next_attempt_at is None or claim_rank not in RANKS:
                yield f"{place} is {state}, but nothing would ever take it up: next_attempt_at or claim_rank is missing"
            yield from _too_late(place, "next_attempt_at", next_attempt_at, self._longest)

    # -- events ---------------------------------------------------------------------------------------------

    def _event(self, row: Any) -> Iterator[str]:
        event, right, subject, received_at, due_on, state, fulfilled_at = row
        self._missing.discard(event)
        if self._history.is_purged(event):
            return
        record, place = self._history.event(event), f"event {event}"
        if record is None:
            yield f"{place} is in its table, but the log never received it"
            return
        yield from _differs(place, "right", right, record.right)
        if record.subject is not None or not self._history.was_brought(event):
            yield from _differs(place, "subject", subject, record.subject)
        yield from _differs(place, "received_at", _text(received_at), record.received_at)
        yield from _differs(place, "due_on", _text(due_on), record.due_on)
        yield from _differs(place, "state", state, record.state)
        yield from _differs(place, "fulfilled_at", _text(fulfilled_at), record.fulfilled_at)
        yield from self._lacking(event, record)

    def _lacking(self, event: str, record: EventRecord) -> Iterator[str]:
        seen = self._seen.pop(event, 0)
        for number, destination in enumerate(record.plan):
            if not seen >> number & 1:
                yield f"event {event} at {destination} was planned and is not in its table: somebody deleted it"


def _is_urgent_since_it_came(due_on: Any, record: EventRecord) -> bool:
    """Say whether a delivery is urgent from the day it was taken, in whatever time zone: it was late already then."""
    if not isinstance(due_on, str) or not isinstance(record.due_on, str) or due_on <= record.due_on:
        return False
    return due_on <= (date.fromisoformat(record.taken_on) + timedelta(days=1)).isoformat()


def _differs(place: str, column: str, value: Any, said: Any) -> Iterator[str]:
    if value != said:
        yield f"{place}: its {column} is {_shown(value)} in its table, but {_shown(said)} in the log"


def _too_late(place: str, column: str, value: Any, latest: str) -> Iterator[str]:
    text = _text(value)
    if text is not None and (moment(text) is None or text > latest):
        yield f"{place}: its {column} is {_shown(text)} in its table, later than syncer ever writes"


def _shown(value: Any) -> str:
    return "empty" if value is None else str(value)[:80]


def _text(value: Any) -> Any:
    """Return a time or a day as the log writes it; what is none of these as it is."""
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, date):
        return value.isoformat()
    # SQLite gives back the text that was written
    return f"{value.replace(' ', 'T')}Z" if isinstance(value, str) and " " in value else value


def _rows(connection: sa.Connection, *columns: sa.ColumnElement[Any]) -> Iterator[Any]:
    """Yield all rows of a table as the driver gives them, whatever somebody wrote there, in constant memory."""
    raw: list[Any] = [sa.type_coerce(column, sa.types.NULLTYPE) for column in columns]
    query = sa.select(*raw)
    if connection.dialect.name == "sqlite":
        yield from plain_rows(connection, query)
        return
    with closing(connection.execution_options(stream_results=True, yield_per=FETCH).execute(query)) as result:
        for part in result.partitions(FETCH):
            yield from part
