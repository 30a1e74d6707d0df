"""Reads events with their deliveries, and one of them with its timeline."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from adapters.contract import Action, Outcome
from syncer.audit.ledger import Ledger
from syncer.database.bulk import one_of
from syncer.database.column_types import day_of, raw
from syncer.database.connections import reading
from syncer.database.tables import Tables
from syncer.domain.codes import DAMAGED
from syncer.domain.deadlines import Rule
from syncer.domain.endings import UNSEEN, Ending, answered_late, ending
from syncer.domain.model import READ_BACK, EventState, State, word
from syncer.domain.rights import Right
from syncer.errors import UserError
from syncer.events.reading.answers import Answers, answered_at
from syncer.events.reading.selection import EventFilter, EventSelection
from syncer.language.texts import Sentence
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
        self._answers = Answers(tables, engine.dialect.name)
        self._selection = EventSelection(engine, tables, rule, clock)

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
        """Return events with their deliveries, oldest first; with `limit` the newest so many. See `stream`."""
        people = (subject,) if isinstance(subject, str) else None if subject is None else tuple(subject)
        wanted = EventFilter(state, since, until, people, event_id, destination, right)
        return list(self.stream(wanted, limit))

    def stream(self, wanted: EventFilter, limit: int | None = None) -> Iterator[EventView]:
        """Yield events with their deliveries, page by page, oldest first; with `limit` the newest so many.

        With a destination it is the events that were sent there, each with all its deliveries.

        A row with a word that syncer never writes is shown as held, with the code `damaged`: it waits for a person, and
        keeps nobody from seeing the others.
        """
        for event in self._selection.pages(wanted, limit, self.of_ids):
            if _wanted(event, wanted.state):
                yield event

    def of_ids(self, connection: sa.Connection, ids: Sequence[str]) -> Iterator[EventView]:
        """Yield the events with these ids, a few hundred, in the order of the ids, as a connection sees them."""
        e, d, kind = self._tables.event, self._tables.delivery, self._engine.dialect.name
        # not the sealed address: the account of a reader may not see it
        columns = [column for column in e.c if column is not e.c.email_sealed]
        events = connection.execute(sa.select(*columns).where(one_of(e.c.id, ids, kind)))
        rows = {row.id: row for row in events}
        deliveries: dict[str, list[DeliveryView]] = {}
        days = [raw(column).label(column.name) for column in (d.c.settles_on, d.c.lapses_on)]
        others = [column for column in d.c if column not in (d.c.settles_on, d.c.lapses_on)]
        for row in connection.execute(
            sa.select(*others, *days).where(one_of(d.c.event_id, ids, kind)).order_by(d.c.id)
        ):
            deliveries.setdefault(row.event_id, []).append(_delivery(row))
        told, now = self._answers.told(connection, ids), self._clock()
        for row in (rows[event_id] for event_id in ids if event_id in rows):
            case, answered = told.get(row.id, (None, None))
            yield self._event(
                row, case, answered_at(answered, row.fulfilled_at), tuple(deliveries.get(row.id, ())), now
            )

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
                Sentence(
                    "write a case number, like 4711, or at least 6 characters of an event's id (0-9, a-f and -);"
                    " `syncer events` lists both"
                )
            )
        with reading(self._engine) as connection:
            # the range is what an index answers, whatever the order of letters: no id has a character behind f
            alike = sa.select(e.id).where(e.id >= prefix, e.id < f"{prefix}g", e.id.startswith(prefix))
            ids = list(connection.execute(alike.limit(50)).scalars())
        if not ids:
            raise UserError(Sentence("there is no event {event}; `syncer events` lists them", event=prefix))
        if len(ids) > 1:
            raise UserError(
                Sentence(
                    "{number} events or more start with {start}; give more of the id", number=len(ids), start=prefix
                )
            )
        return str(ids[0])

    def _of_case(self, number: int) -> str:
        t = self._tables.audit.c
        found = sa.select(t.event_id).where(t.seq == number, t.what == "event:received")
        with reading(self._engine) as connection:
            event_id = connection.execute(found).scalar() if number <= MOST_ENTRIES else None
        if event_id is None:
            raise UserError(Sentence("there is no case {number}; `syncer events` lists them", number=number))
        return str(event_id)

    def _event(
        self, row: Any, case: int | None, answered: datetime | None, deliveries: tuple[DeliveryView, ...], now: datetime
    ) -> EventView:
        rule, state, right = self._rule, word(EventState, row.state), row.right and word(Right, row.right)
        damaged = state is None or (row.right and right is None) or any(item.code == DAMAGED for item in deliveries)
        waiting = state is not EventState.FULFILLED
        shown = EventState.HELD if damaged or state is None else state
        overdue = waiting and rule.late(row.right, row.received_at, row.due_on, now)
        ended = ending(shown, ((delivery.state, delivery.code) for delivery in deliveries))
        # of a request made by mistake nobody was owed an answer
        answer_late = (
            not waiting
            and ended is not Ending.WITHDRAWN
            and answered_late(rule, row.right, row.received_at, row.due_on, answered)
        )
        return EventView(
            id=row.id,
            case=case,
            event_key=row.event_key,
            right=right or None,
            subject=row.subject,
            state=shown,
            ending=ended,
            code=DAMAGED if damaged else row.code,
            received_at=row.received_at,
            due_on=row.due_on,
            overdue=overdue,
            late=overdue or answer_late,
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


def _wanted(event: EventView, state: str | None) -> bool:
    if state == "overdue":
        return event.overdue
    return event.late if state == "late" else state in (None, event.state)


def _delivery(row: Any) -> DeliveryView:
    state = word(State, row.state)
    action = word(Action, row.action) if row.action else None
    outcome = word(Outcome, row.outcome) if row.outcome else None
    outcome = outcome if outcome in READ_BACK else None
    settles_on, lapses_on = day_of(row.settles_on), day_of(row.lapses_on)
    damaged = state is None or (action is None) != (not row.action) or (outcome is None) != (not row.outcome)
    damaged = damaged or any(
        (day is None) != (held is None) for day, held in ((settles_on, row.settles_on), (lapses_on, row.lapses_on))
    )
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
        confirmed_at=None if state in UNSEEN else row.confirmed_at,
        settles_on=settles_on if state is State.ACCEPTED else None,
        lapses_on=lapses_on if state is State.NOT_APPLICABLE else None,
    )
