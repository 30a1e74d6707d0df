"""The tables against the log: what somebody changed, added or deleted there behind the program's back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from syncer.audit.log_end import untyped
from syncer.audit.offline.history import DeliveryRecord, EventRecord, History
from syncer.audit.offline.times import moment
from syncer.clock import stamp
from syncer.database.connections import plain_rows, plain_rows_of
from syncer.database.derived.tally import counters_differ
from syncer.database.tables import Tables
from syncer.domain.codes import PARKED, SHADOWED
from syncer.domain.model import WORKABLE, EventState, State
from syncer.domain.policy import LONGEST_ASKED_FOR
from syncer.domain.rights import RANKS

#: a host's clock may be hours wrong without anybody's doing; what is put off for good lies far beyond
CLOCKS = timedelta(hours=6)
UNREADABLE = "a table holds a time that cannot be read"
#: states whose code says why a delivery is closed
_CLOSED_FOR = frozenset({State.EXEMPT, State.ATTESTED, State.NOT_APPLICABLE})
#: what is said of a delivery of which the log says nothing yet
_UNTOUCHED = DeliveryRecord()


@dataclass(frozen=True, slots=True)
class PurgedEvent:
    """What the log still says of an event that lost texts: its latest entry's time (as the log has it).

    `whole`: it lost all of them, and nothing was written of it since.
    """

    latest_at: str
    whole: bool


class TableComparison:
    """Compares what the tables hold with what the log says up to the same moment, some events at a time.

    `now` (UTC) is the present, or the latest time of an entry where a clock ran ahead. A recheck puts a confirmed
    delivery back to be read without an entry. Of a purged event the log does not tell enough: only that it was over
    long ago, and that its row stands there.
    """

    def __init__(self, tables: Tables, now: datetime) -> None:
        self._tables = tables
        #: rows of events that the log received, of each table
        self.found: Counter[str] = Counter()
        self.set_now(now)
        d, e = tables.delivery.c, tables.event.c
        self._deliveries = _untyped(
            d.event_id, d.destination, d.action, d.state, d.outcome, d.attempts, d.next_attempt_at, d.claim_rank,
            d.due_on, d.confirmed_at, d.code, d.begun_at, d.settles_on, d.lapses_on,
        )  # fmt: skip
        self._events = _untyped(
            e.id, e.right, e.subject, e.received_at, e.due_on, e.state, e.fulfilled_at, e.event_key, e.source,
            e.source_ref, e.released_at,
        )  # fmt: skip

    def set_now(self, now: datetime) -> None:
        """Set the latest present time that is known."""
        self._present = stamp(now + CLOCKS)
        self._longest = stamp(now + LONGEST_ASKED_FOR + CLOCKS)

    def of_events(
        self,
        connection: sa.Connection,
        history: History,
        ids: Sequence[str],
        new: Collection[str],
        purged: Mapping[str, PurgedEvent],
    ) -> Iterator[tuple[str, str]]:
        """Yield the events whose rows say otherwise than the history, each contradiction in one line.

        `purged` are those that lost texts. The rows of `new` ones, each event once, are counted: `added` compares that
        with how many there are.
        """
        try:
            yield from self._of_events(connection, history, ids, new, purged)
        except sa.exc.DataError:  # a time that Python has no value for, such as PostgreSQL's infinity
            yield from ((event, UNREADABLE) for event in ids)  # it may be any of them

    def _of_events(
        self,
        connection: sa.Connection,
        history: History,
        ids: Sequence[str],
        new: Collection[str],
        purged: Mapping[str, PurgedEvent],
    ) -> Iterator[tuple[str, str]]:
        seen: dict[str, int] = {}  # of each event, a bit for each of its deliveries that stands in the table
        missing = set(ids)
        for row in plain_rows_of(connection, self._deliveries, self._tables.delivery.c.event_id, ids):
            self.found["delivery"] += row[0] in new
            for contradiction in self._delivery(history, seen, row):
                yield row[0], contradiction
        for row in plain_rows_of(connection, self._events, self._tables.event.c.id, ids):
            self.found["event"] += row[0] in new
            missing.discard(row[0])
            told = self._event(history, seen, row) if row[0] not in purged else _was_over(row, purged[row[0]])
            for contradiction in told:
                yield row[0], contradiction
        for event in ids:
            if event in missing and (event in purged or history.event(event) is not None):
                yield event, f"event {event} was received and is not in its table: somebody deleted it"

    def of_lanes(self, connection: sa.Connection) -> str | None:
        """Return the first time of a lane or a look that syncer never writes, in one line; None for none."""
        lane, watch = self._tables.lane.c, self._tables.watch.c
        try:
            for columns, latest in (
                ((lane.destination, lane.cool_until, lane.probe_at), self._longest),
                ((watch.destination, watch.looked_at, watch.listed_at), self._present),
            ):
                for name, *values in plain_rows(connection, _untyped(*columns)):
                    for column, value in zip(columns[1:], values, strict=True):
                        if found := next(_too_late(f"destination {name}", column.name, value, latest), None):
                            return found
        except sa.exc.DataError:
            return UNREADABLE
        return None

    def added(self, connection: sa.Connection) -> str | None:
        """Return the first row of an event that the log never received, or a wrong tally, in one line; None for none.

        For a caller that let every event of the log be compared: then as many rows stand here as were found.
        """
        t, d, e = self._tables.audit, self._tables.delivery, self._tables.event
        for name, table, place in (("delivery", d, d.c.event_id), ("event", e, e.c.id)):
            if connection.execute(sa.select(sa.func.count()).select_from(table)).scalar() == self.found[name]:
                continue
            known = sa.exists().where(t.c.event_id == place, t.c.what == "event:received")
            row = connection.execute(sa.select(untyped(place)).where(~known).limit(1)).first()
            if row is not None:
                return f"event {row[0]} is in its table, but the log never received it"
        return counters_differ(connection, self._tables)

    # -- deliveries -----------------------------------------------------------------------------------------

    def _delivery(self, history: History, seen: dict[str, int], row: Any) -> Iterator[str]:
        event, destination, action, state, outcome, attempts, next_attempt_at, claim_rank, due_on, *more = row
        confirmed_at, code, begun_at, settles_on, lapses_on = more
        if history.is_purged(event):
            return
        record, place = history.event(event), f"event {event} at {destination}"
        if record is None:
            yield f"event {event} is in its table, but the log never received it"
            return
        if destination not in record.plan:
            yield f"{place} is in its table, but the log never named that destination"
            return
        seen[event] = seen.get(event, 0) | 1 << list(record.plan).index(destination)
        said = record.deliveries.get(destination, _UNTOUCHED)
        rechecked = state == State.APPLIED and said.state == State.CONFIRMED and confirmed_at is not None
        if state != said.state and not rechecked:
            yield f"{place} is {state} in its table, but not in the log, which says {said.state}"
        yield from _differs(place, "action", action, record.plan[destination])
        yield from _differs(place, "outcome", outcome, said.outcome)
        yield from _differs(place, "attempts", attempts, said.attempts)
        yield from _differs(place, "begun_at", _time(begun_at), said.begun_at)
        if state in _CLOSED_FOR and state == said.state:
            yield from _differs(place, "code", code, said.why)
        if state == State.ACCEPTED == said.state:
            yield from _differs(place, "settles_on", _day(settles_on), said.settles_on)
        if state == State.NOT_APPLICABLE == said.state:
            yield from _differs(place, "lapses_on", _day(lapses_on), said.lapses_on)
        if not _is_urgent_since_it_came(_day(due_on), record):
            yield from _differs(place, "due_on", _day(due_on), record.due_on)
        if state in WORKABLE and not (next_attempt_at is claim_rank is None and _rightly_waits(code, state, said)):
            if next_attempt_at is None or claim_rank not in RANKS:
                yield f"{place} is {state}, but nothing would ever take it up: next_attempt_at or claim_rank is missing"
            yield from _too_late(place, "next_attempt_at", next_attempt_at, self._longest)

    # -- events ---------------------------------------------------------------------------------------------

    def _event(self, history: History, seen: dict[str, int], row: Any) -> Iterator[str]:
        event, right, subject, received_at, due_on, state, fulfilled_at, *names, released_at = row
        record = history.event(event)
        if record is None:
            yield f"event {event} is in its table, but the log never received it"
            return
        table = (right, subject, _time(received_at), _day(due_on), state, _time(fulfilled_at), *names)
        log = (record.right, record.subject, record.received_at, record.due_on, record.state, record.fulfilled_at)
        if table != (*log, record.event_key, record.source, record.source_ref):
            yield from self._event_differs(history, row, record)
        yield from _differs(f"event {event}", "released_at", _time(released_at), record.released_at)
        for number, destination in enumerate(record.plan):
            if not seen.get(event, 0) >> number & 1:
                yield f"event {event} at {destination} was planned and is not in its table: somebody deleted it"

    def _event_differs(self, history: History, row: Any, record: EventRecord) -> Iterator[str]:
        event, right, subject, received_at, due_on, state, fulfilled_at, event_key, source, source_ref, _ = row
        place = f"event {event}"
        yield from _differs(place, "right", right, record.right)
        if record.subject is not None or not history.was_brought(event):
            yield from _differs(place, "subject", subject, record.subject)
        yield from _differs(place, "received_at", _time(received_at), record.received_at)
        yield from _differs(place, "due_on", _day(due_on), record.due_on)
        yield from _differs(place, "state", state, record.state)
        yield from _differs(place, "fulfilled_at", _time(fulfilled_at), record.fulfilled_at)
        yield from _differs(place, "event_key", event_key, record.event_key)
        yield from _differs(place, "source", source, record.source)
        yield from _differs(place, "source_ref", source_ref, record.source_ref)


def _rightly_waits(code: Any, state: Any, said: DeliveryRecord) -> bool:
    """Say whether an open delivery may be without a time; in shadow mode only what the log says was previewed.

    What was carried out before waits there too, without an entry.
    """
    return code in PARKED and (code != SHADOWED or said.previewed or state == State.APPLIED)


def _was_over(row: Any, purged: PurgedEvent) -> Iterator[str]:
    """Hold the row of an event that lost texts against what a purge goes by: it was over before all of them."""
    event, _, _, received_at, _, state, fulfilled_at, *_ = row
    if purged.whole and state != EventState.FULFILLED:
        yield f"event {event} is {_shown(state)} in its table, but it was purged, and only what is fulfilled is"
    for column, value in (("received_at", received_at), ("fulfilled_at", fulfilled_at)):
        text = _time(value)
        if text is not None and (moment(text) is None or text > purged.latest_at):
            yield f"event {event}: its {column} is {_shown(text)} in its table, later than all that the log says of it"


def _is_urgent_since_it_came(due_on: Any, record: EventRecord) -> bool:
    """Say whether a delivery is urgent from the day it was taken, in whatever time zone: it was late already then."""
    if not isinstance(due_on, str) or not isinstance(record.due_on, str) or due_on <= record.due_on:
        return False
    return due_on <= (date.fromisoformat(record.taken_on) + timedelta(days=1)).isoformat()


def _differs(place: str, column: str, value: Any, said: Any) -> Iterator[str]:
    if value != said:
        yield f"{place}: its {column} is {_shown(value)} in its table, but {_shown(said)} in the log"


def _too_late(place: str, column: str, value: Any, latest: str) -> Iterator[str]:
    text = _time(value)
    if text is not None and (moment(text) is None or text > latest):
        yield f"{place}: its {column} is {_shown(text)} in its table, later than syncer ever writes"


def _shown(value: Any) -> str:
    return "empty" if value is None else str(value)[:80]


def _time(value: Any) -> Any:
    """Return a time as the log writes it; of what is none, something that the log never says."""
    if isinstance(value, datetime):
        return stamp(value)
    if not isinstance(value, str):
        return value
    # SQLite gives back the text that was written; one with a T would be another time to every comparison there
    return f"{value[:10]}T{value[11:]}Z" if value[10:11] == " " else f"{value} (not as syncer writes it)"


def _day(value: Any) -> Any:
    """Return a day as the log writes it; what is none as it is."""
    return value.isoformat() if isinstance(value, date) else value


def _untyped(*columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """Return the query of these columns as the driver gives them, whatever somebody wrote there."""
    return sa.select(*map(untyped, columns))
