"""Reads events with their deliveries, and one of them with its timeline."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from adapters.contract import Action, Outcome
from syncer.audit.ledger import Ledger
from syncer.database.bulk import one_of
from syncer.database.connections import reading
from syncer.database.tables import Tables
from syncer.domain.codes import DAMAGED
from syncer.domain.deadlines import Rule
from syncer.domain.endings import Ending, answered_late, ending
from syncer.domain.model import EventState, State, word
from syncer.domain.rights import Right
from syncer.errors import UserError
from syncer.reports.views import DeliveryView, EventHistory, EventView, TimelineEntry, event_values
from syncer.reports.wording.cases import case_number

#: the highest number of an entry that a database's BIGINT can hold
MOST_ENTRIES = 2**63 - 1
RECEIVED, FULFILLED = "event:received", "event:fulfilled"


class Reader:
    """Reads the events of one installation."""

    def __init__(
        self, engine: sa.Engine, tables: Tables, ledger: Ledger, rule: Rule, clock: Callable[[], datetime]
    ) -> None:
        self._engine = engine
        self._tables = tables
        self._ledger = ledger
        self._rule = rule
        self._clock = clock

    def events(
        self,
        *,
        state: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        subject: str | Sequence[str] | None = None,
        event_id: str | None = None,
        destination: str | None = None,
        right: Right | None = None,
        limit: int | None = None,
    ) -> list[EventView]:
        """Return events with their deliveries, oldest first; with `limit` the newest so many. Times are UTC.

        `state` may also be `overdue`, open past its day, or `late`, that or answered late. `subject` is one pseudonym
        of a person, or every one that they have had. With `destination` it is the events that were sent there, each
        with all its deliveries.

        A row with a word that syncer never writes is shown as held, with the code `damaged`: it waits for a person, and
        keeps nobody from seeing the others.
        """
        e, d = self._tables.event, self._tables.delivery
        conditions = []
        if state in tuple(EventState):
            conditions.append(sa.or_(e.c.state == state, self._damaged()))
        if since is not None:
            conditions.append(e.c.received_at >= since)
        if until is not None:
            conditions.append(e.c.received_at < until)
        if subject is not None:
            conditions.append(e.c.subject.in_([subject] if isinstance(subject, str) else subject))
        if event_id is not None:
            conditions.append(e.c.id == event_id)
        if destination is not None:
            conditions.append(e.c.id.in_(sa.select(d.c.event_id).where(d.c.destination == destination)))
        if right is not None:
            conditions.append(e.c.right == right)
        events = [event for event in self._read(conditions) if _wanted(event, state)]
        return events if limit is None else events[max(len(events) - limit, 0) :]

    def of_ids(self, connection: sa.Connection, ids: Sequence[str]) -> Iterator[EventView]:
        """Yield the events with these ids, a few hundred, in the order of the ids, as a connection sees them."""
        e, t, d, kind = self._tables.event.c, self._tables.audit.c, self._tables.delivery, connection.dialect.name
        # by the event alone: by its kind, an entry would be one of all that were ever written
        told = self._first().where(one_of(t.event_id, ids, kind)).group_by(t.event_id)
        sent = sa.select(d).where(one_of(d.c.event_id, ids, kind))
        found = {event.id: event for event in self._views(connection, [one_of(e.id, ids, kind)], told, sent)}
        for event_id in ids:
            if event_id in found:
                yield found[event_id]

    def _read(self, conditions: Sequence[sa.ColumnElement[bool]]) -> Iterator[EventView]:
        e, d = self._tables.event, self._tables.delivery
        sent = sa.select(d).join(e, d.c.event_id == e.c.id).where(*conditions)
        with reading(self._engine) as connection:
            return self._views(connection, conditions, self._told(conditions), sent)

    def _views(
        self,
        connection: sa.Connection,
        conditions: Sequence[sa.ColumnElement[bool]],
        about: sa.Select[Any],
        sent: sa.Select[Any],
    ) -> Iterator[EventView]:
        e, d = self._tables.event, self._tables.delivery
        # not the sealed address: the account of a reader may not see it
        columns = [column for column in e.c if column is not e.c.email_sealed]
        told, answer = about.subquery(), self._tables.audit.alias()
        joined_to = e.outerjoin(told, told.c.event_id == e.c.id).outerjoin(answer, answer.c.seq == told.c.answered)
        chosen = (
            sa.select(*columns, told.c.case, answer.c.at.label("answered_at"))
            .select_from(joined_to)
            .where(*conditions)
            .order_by(e.c.id)
        )
        deliveries: dict[str, list[DeliveryView]] = {}
        rows = connection.execute(chosen).all()
        for row in connection.execute(sent.order_by(d.c.id)):
            deliveries.setdefault(row.event_id, []).append(_delivery(row))
        now = self._clock()
        return (self._event(row, tuple(deliveries.get(row.id, ())), now) for row in rows)

    def _told(self, conditions: Sequence[sa.ColumnElement[bool]]) -> sa.Select[Any]:
        """Return the query for what the log alone knows of events: the entry of the receipt, and the first answer."""
        t, e = self._tables.audit.c, self._tables.event
        joined = sa.join(self._tables.audit, e, e.c.id == t.event_id)
        entries = self._first().select_from(joined)
        return entries.where(t.what.in_((RECEIVED, FULFILLED)), *conditions).group_by(t.event_id)

    def _first(self) -> sa.Select[Any]:
        t = self._tables.audit.c
        received = sa.func.min(sa.case((t.what == RECEIVED, t.seq))).label("case")
        # by its number, not by its time: what somebody else added comes last, whatever time it claims
        answered = sa.func.min(sa.case((t.what == FULFILLED, t.seq))).label("answered")
        return sa.select(t.event_id, received, answered)

    def show(self, event_id: str) -> EventHistory:
        """Return one event with its deliveries and its whole timeline."""
        (event,) = self.events(event_id=event_id)
        timeline = tuple(
            TimelineEntry(entry.seq, entry.at, entry.what, entry.destination, entry.actor, entry.facts)
            for entry in self._ledger.timeline(event_id)
        )
        return EventHistory(**event_values(event), deliveries=event.deliveries, audit=timeline)

    def resolve(self, prefix: str) -> str:
        """Return the id of the event with this case number, or of the one whose id starts so.

        Raises UserError for none or several.
        """
        e = self._tables.event.c
        number = case_number(prefix)
        if number is not None:
            return self._of_case(number)
        if len(prefix) < 6 or not all(char in "0123456789abcdef-" for char in prefix):
            raise UserError(
                "write a case number, like 4711, or at least 6 characters of an event's id (0-9, a-f and -);"
                " `syncer events` lists both"
            )
        with reading(self._engine) as connection:
            ids = list(connection.execute(sa.select(e.id).where(e.id.startswith(prefix)).limit(50)).scalars())
        if not ids:
            raise UserError(f"there is no event {prefix}; `syncer events` lists them")
        if len(ids) > 1:
            raise UserError(f"{len(ids)} events or more start with {prefix}; give more of the id")
        return str(ids[0])

    def _of_case(self, number: int) -> str:
        t = self._tables.audit.c
        found = sa.select(t.event_id).where(t.seq == number, t.what == "event:received")
        with reading(self._engine) as connection:
            event_id = connection.execute(found).scalar() if number <= MOST_ENTRIES else None
        if event_id is None:
            raise UserError(f"there is no case {number}; `syncer events` lists them")
        return str(event_id)

    def _damaged(self) -> sa.ColumnElement[bool]:
        """Return the condition that an event, or one of its deliveries, holds a word that syncer never writes."""
        e, d = self._tables.event.c, self._tables.delivery.c
        kinds = ((d.state, State), (d.action, Action), (d.outcome, Outcome))
        odd = sa.select(d.event_id).where(sa.or_(*(column.not_in(list(kind)) for column, kind in kinds)))
        return sa.or_(e.state.not_in(list(EventState)), e.right.not_in(list(Right)), e.id.in_(odd))

    def _event(self, row: Any, deliveries: tuple[DeliveryView, ...], now: datetime) -> EventView:
        rule, state, right = self._rule, word(EventState, row.state), row.right and word(Right, row.right)
        damaged = state is None or (row.right and right is None) or any(item.code == DAMAGED for item in deliveries)
        waiting = state is not EventState.FULFILLED
        shown = EventState.HELD if damaged or state is None else state
        overdue = waiting and rule.late(row.right, row.received_at, row.due_on, now)
        ended = ending(shown, ((delivery.state, delivery.code) for delivery in deliveries))
        return EventView(
            id=row.id,
            case=row.case,
            event_key=row.event_key,
            right=right or None,
            subject=row.subject,
            state=shown,
            ending=ended,
            code=DAMAGED if damaged else row.code,
            received_at=row.received_at,
            due_on=row.due_on,
            overdue=overdue,
            # of a request made by mistake nobody was owed an answer
            late=overdue or (not waiting and ended is not Ending.WITHDRAWN and self._answered_late(row)),
            warning=rule.warning(row.received_at, now) if waiting else None,
            target_at=rule.target_at(row.right, row.received_at),
            legal_due_on=row.legal_due_on,
            extended_at=row.extended_at,
            informed_on=row.informed_on,
            source=row.source,
            source_ref=row.source_ref,
            fulfilled_at=row.fulfilled_at,
            shredded_at=row.shredded_at,
            deliveries=deliveries,
        )

    def _answered_late(self, row: Any) -> bool:
        return answered_late(self._rule, row.right, row.received_at, row.due_on, answered_at(row))


def _wanted(event: EventView, state: str | None) -> bool:
    if state == "overdue":
        return event.overdue
    return event.late if state == "late" else state in (None, event.state)


def answered_at(row: Any) -> datetime | None:
    """Return when a request was first fulfilled (UTC), by the log where it says so, else by its row."""
    told: str | None = row.answered_at
    fulfilled: datetime | None = row.fulfilled_at
    try:
        moment = datetime.fromisoformat(told) if told else fulfilled
    except (TypeError, ValueError):  # what somebody else wrote there
        return fulfilled
    return moment if moment is None or moment.tzinfo else fulfilled


def _delivery(row: Any) -> DeliveryView:
    state = word(State, row.state)
    action = word(Action, row.action) if row.action else None
    outcome = word(Outcome, row.outcome) if row.outcome else None
    damaged = state is None or (action is None) != (not row.action) or (outcome is None) != (not row.outcome)
    return DeliveryView(
        destination=row.destination,
        adapter=row.adapter,
        action=action,
        state=State.HELD if damaged or state is None else state,
        outcome=outcome,
        code=DAMAGED if damaged else row.code,
        attempts=row.attempts,
        next_attempt_at=row.next_attempt_at,
        applied_at=row.applied_at,
        confirmed_at=row.confirmed_at,
    )
