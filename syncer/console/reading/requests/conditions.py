"""What a filter of the register asks of each request, as conditions; and the indexes that find the few at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa

from syncer.console.reading.requests.wanted import ANSWERED_LATE, LATE, UNKNOWN_RIGHT, RegisterFilter
from syncer.database.bulk import by_index
from syncer.database.derived.hops import distinct
from syncer.database.tables import Tables
from syncer.domain.codes import DAMAGED
from syncer.domain.deadlines import Rule, end_of_day
from syncer.domain.model import EventState
from syncer.domain.rights import Right
from syncer.events.reading.counts import late_condition
from syncer.events.reading.ranges import all_but

Condition = sa.ColumnElement[bool]


class RegisterConditions:
    """Translates filters at one moment (UTC); `kind` is the dialect's name."""

    def __init__(self, tables: Tables, rule: Rule, now: datetime, kind: str) -> None:
        self._tables = tables
        self._event = tables.event.c
        self._rule = rule
        self._now = now
        self._kind = kind

    def span(self, wanted: RegisterFilter) -> list[Condition]:
        """Return the conditions that the index of receipts answers."""
        e, found = self._event, []
        if wanted.received_from is not None:
            start = datetime.combine(wanted.received_from, time(), self._rule.zone).astimezone(UTC)
            found.append(e.received_at >= start)
        if wanted.received_until is not None:
            found.append(e.received_at < end_of_day(wanted.received_until, self._rule.zone))
        return found

    def of_each(self, wanted: RegisterFilter) -> list[Condition]:
        """Return the conditions that are asked of each request by itself."""
        e, found = self._event, []
        if wanted.state is not None:
            found += self._state(wanted.state)
        if wanted.right == UNKNOWN_RIGHT:
            found.append(sa.or_(e.right.is_(None), e.right.not_in([*Right])))
        elif wanted.right is not None:
            found.append(e.right == wanted.right)
        if wanted.recipient is not None:
            found.append(self._delivery(lambda d: d.destination == wanted.recipient))
        if wanted.cause is not None:
            found.append(self._cause(wanted.cause, wanted.recipient))
        if wanted.due == ANSWERED_LATE:
            found.append(e.state == EventState.FULFILLED)
        elif wanted.due is not None:
            found += [e.state != EventState.FULFILLED, self._due(wanted.due)]
        if wanted.source is not None:
            found.append(e.source == wanted.source)
        return found

    def few(self, wanted: RegisterFilter, query: sa.Select[Any]) -> Iterator[sa.Select[Any]]:
        """Yield queries by index that together find all that a filter can be about, where those may be few."""
        event, e, prefix = self._tables.event, self._event, self._tables.prefix
        by_state = f"ix_{prefix}event_state"
        if wanted.cause is not None:
            yield from self._by_cause(wanted, query)
        elif wanted.due is not None:
            for condition in all_but(e.state, EventState.FULFILLED):
                yield by_index(query.where(condition), event, by_state)
        elif wanted.state in (EventState.OPEN, EventState.HELD):
            yield by_index(query.where(e.state == wanted.state), event, by_state)
            if wanted.state == EventState.HELD:
                yield from self._odd(query)

    def _by_cause(self, wanted: RegisterFilter, query: sa.Select[Any]) -> Iterator[sa.Select[Any]]:
        d, e, prefix = self._tables.delivery, self._event, self._tables.prefix
        if wanted.cause == DAMAGED:
            yield from self._odd(query)
        for condition in all_but(e.state, EventState.FULFILLED):
            own = query.where(condition, e.code == wanted.cause)
            yield by_index(own, self._tables.event, f"ix_{prefix}event_state")
        at = d.c.destination == wanted.recipient if wanted.recipient else d.c.destination.in_(self._everywhere())
        held = by_index(sa.select(d.c.event_id).where(at, d.c.code == wanted.cause), d, f"ix_{prefix}delivery_code")
        yield query.where(e.id.in_(held))

    def _everywhere(self) -> Any:
        return distinct(self._tables.delivery.c.destination, self._kind)

    def _odd(self, query: sa.Select[Any]) -> Iterator[sa.Select[Any]]:
        """Yield the queries for rows that hold a word which syncer never writes."""
        event, d, prefix = self._tables.event, self._tables.delivery, self._tables.prefix
        yield by_index(query.where(event.c.odd == 1), event, f"ix_{prefix}event_odd")
        odd = by_index(sa.select(d.c.event_id).where(d.c.strange == 1), d, f"ix_{prefix}delivery_strange")
        yield query.where(event.c.id.in_(odd))

    def _state(self, state: str) -> list[Condition]:
        e = self._event
        damaged = self._delivery(lambda d: d.strange.is_not(None))
        if state == EventState.HELD:
            return [sa.or_(e.state == EventState.HELD, e.odd.is_not(None), damaged)]
        return [e.state == state, e.odd.is_(None), ~damaged]

    def _due(self, due: str) -> Condition:
        if due == LATE:
            return late_condition(self._tables, self._rule, self._now)
        today = self._now.astimezone(self._rule.zone).date()
        return sa.and_(self._event.due_on >= today, self._event.due_on <= today + timedelta(days=int(due)))

    def _cause(self, cause: str, recipient: str | None) -> Condition:
        def there(d: Any) -> Condition:
            at = d.destination == recipient if recipient is not None else sa.true()
            word = sa.or_(d.code == cause, d.strange.is_not(None)) if cause == DAMAGED else d.code == cause
            return sa.and_(at, word)

        own: list[Condition] = [sa.and_(self._event.state != EventState.FULFILLED, self._event.code == cause)]
        own += [self._event.odd.is_not(None)] if cause == DAMAGED else []
        return sa.or_(*own, self._delivery(there))

    def _delivery(self, condition: Any) -> Condition:
        """Return the condition that a request has a delivery for which a condition holds."""
        d = self._tables.delivery.alias().c
        return sa.exists(sa.select(d.id).where(d.event_id == self._event.id, condition(d)))
