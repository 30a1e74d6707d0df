"""Which events a list is about, found by an index and page by page: the first page costs no more among a million."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa

from syncer.database.bulk import by_index, one_of
from syncer.database.connections import reading
from syncer.database.tables import Tables
from syncer.domain.deadlines import Rule
from syncer.domain.model import EventState
from syncer.domain.rights import Right
from syncer.events.reading.answers import Answers
from syncer.events.reading.counts import late_condition
from syncer.events.reading.ranges import all_but, parts
from syncer.events.reading.walk import Key, Walk

T = TypeVar("T")
#: events of one page: each page is read at once, and nothing is open while it is shown
PAGE = 500
#: what makes something of the events of a page, by their ids
Load = Callable[[sa.Connection, Sequence[str]], Iterable[T]]
Conditions = Sequence[sa.ColumnElement[bool]]
#: an open event past its day; that, or one answered late
OVERDUE, LATE = "overdue", "late"
#: among a million events few are in these states: their ids are read at once
FEW = frozenset({EventState.OPEN, EventState.HELD, OVERDUE, LATE})


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events are wanted: those that meet every condition given. Times are UTC.

    `state` may also be `overdue`, open past its day, or `late`, that or answered late. `subject` are the pseudonyms
    that a person has had.
    """

    state: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    subject: tuple[str, ...] | None = None
    event_id: str | None = None
    destination: str | None = None
    right: Right | None = None

    @property
    def spans(self) -> bool:
        """Say whether it asks for a time of receipt."""
        return self.since is not None or self.until is not None

    @property
    def few(self) -> bool:
        """Say whether it can only be about few among a million."""
        return self.state in FEW or self.subject is not None or self.event_id is not None


class EventSelection:
    """Finds the events of one installation."""

    def __init__(self, engine: sa.Engine, tables: Tables, rule: Rule, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._tables = tables
        self._kind = engine.dialect.name
        self._rule = rule
        self._clock = clock
        self._answers = Answers(tables, self._kind)

    def pages(self, wanted: EventFilter, limit: int | None, load: Load[T]) -> Iterator[T]:
        """Yield what `load` makes of each page of events, the oldest first; with `limit` of the newest so many.

        In the order in which they were taken; where a time of receipt is asked for, in that of the receipts.
        """
        for ids in self._listed(wanted, limit) if wanted.few else self._walked(wanted, limit):
            with reading(self._engine) as connection:
                made = list(load(connection, ids))
            yield from made

    # -- few ------------------------------------------------------------------------------------------------

    def _listed(self, wanted: EventFilter, limit: int | None) -> Iterator[Sequence[str]]:
        e = self._tables.event.c
        columns = [e.received_at, e.id] if wanted.spans else [e.id]
        raw: list[Any] = [sa.type_coerce(column, sa.types.NULLTYPE) for column in columns]
        query = sa.select(*raw).where(*self._conditions(wanted))
        keys: list[Key] = []
        with reading(self._engine) as connection:
            for each in self._few(wanted, query):
                keys += map(tuple, connection.execute(each))
            late = self._answers.late(connection, self._rule, *self._conditions(wanted)) if wanted.state == LATE else ()
            for ids in parts(list(late)):
                keys += map(tuple, connection.execute(query.where(one_of(e.id, ids, self._kind))))
        # SQLite stores anything there; what cannot be told apart by its order stays as it is
        found = list(dict.fromkeys(key[-1] for key in sorted(keys, key=lambda key: tuple(map(str, key)))))
        yield from parts(found[-limit:] if limit else found)

    def _few(self, wanted: EventFilter, query: sa.Select[Any]) -> Iterator[sa.Select[Any]]:
        """Yield the queries that together find the events that few are."""
        event, e, d = self._tables.event, self._tables.event.c, self._tables.delivery
        by_state, prefix = f"ix_{self._tables.prefix}event_state", self._tables.prefix
        if wanted.event_id is not None:
            yield query.where(e.id == wanted.event_id)
        elif wanted.subject is not None:
            yield query.where(e.subject.in_(wanted.subject))
        elif wanted.state in tuple(EventState):
            yield by_index(query.where(e.state == wanted.state), event, by_state)
            if wanted.state == EventState.HELD:
                yield by_index(query.where(e.odd == 1), event, f"ix_{prefix}event_odd")
                odd = by_index(sa.select(d.c.event_id).where(d.c.strange == 1), d, f"ix_{prefix}delivery_strange")
                yield query.where(e.id.in_(odd))
        else:
            late = late_condition(self._tables, self._rule, self._clock())
            for condition in all_but(e.state, EventState.FULFILLED):
                yield by_index(query.where(condition, late), event, by_state)

    # -- many -----------------------------------------------------------------------------------------------

    def _walked(self, wanted: EventFilter, limit: int | None) -> Iterator[Sequence[str]]:
        walk, residual = self._walk(wanted)
        size = PAGE if limit is None or residual else min(PAGE, limit)
        at, on, left = self._border(walk, residual, size, limit) if limit else None, True, limit
        while left is None or left > 0:
            with reading(self._engine) as connection:
                keys = walk.page(connection, size, at, on=on)
                ids = self._kept(connection, keys, residual)[:left]
            if ids:
                yield ids
            if len(keys) < size:
                return
            at, on, left = keys[-1], False, None if left is None else left - len(ids)

    def _border(self, walk: Walk, residual: Conditions, size: int, limit: int) -> Key | None:
        """Return the key of the `limit`-th newest event; None where there are not so many."""
        at, left = None, limit
        with reading(self._engine) as connection:
            while True:
                keys = walk.page(connection, size, at, back=True)
                kept = set(self._kept(connection, keys, residual))
                for key in keys:
                    left -= key[-1] in kept
                    if not left:
                        return key
                if len(keys) < size:
                    return None
                at = keys[-1]

    def _kept(self, connection: sa.Connection, keys: Sequence[Key], residual: Conditions) -> list[str]:
        """Return the ids of those events of a page that meet the conditions which the walk did not look at."""
        ids = [key[-1] for key in keys]
        if not residual or not ids:
            return ids
        e = self._tables.event.c
        named = sa.select(e.id).where(one_of(e.id, ids, self._kind), *residual)
        kept = set(connection.execute(named).scalars())
        return [event_id for event_id in ids if event_id in kept]

    def _walk(self, wanted: EventFilter) -> tuple[Walk, Conditions]:
        """Return the walk that meets these events, and what is asked of each event afterwards."""
        event, e, d, prefix = self._tables.event, self._tables.event.c, self._tables.delivery, self._tables.prefix
        conditions = tuple(self._conditions(wanted))
        if wanted.spans:
            return Walk(event, (e.received_at, e.id), conditions, f"ix_{prefix}event_received"), ()
        if wanted.destination is not None:
            there = (d.c.destination == wanted.destination,)
            return Walk(d, (d.c.event_id,), there, f"ix_{prefix}delivery_event"), self._of_event(wanted)
        if wanted.right is not None:
            return Walk(event, (e.id,), conditions, f"ix_{prefix}event_right"), ()
        return Walk(event, (e.id,), conditions, None), ()

    # -- conditions -----------------------------------------------------------------------------------------

    def _conditions(self, wanted: EventFilter) -> list[sa.ColumnElement[bool]]:
        d, conditions = self._tables.delivery.alias("sent").c, self._of_event(wanted)
        if wanted.destination is not None:
            sent = sa.select(d.id).where(d.event_id == self._tables.event.c.id, d.destination == wanted.destination)
            conditions.append(sent.exists())
        return conditions

    def _of_event(self, wanted: EventFilter) -> list[sa.ColumnElement[bool]]:
        e, conditions = self._tables.event.c, []
        if wanted.since is not None:
            conditions.append(e.received_at >= wanted.since)
        if wanted.until is not None:
            conditions.append(e.received_at < wanted.until)
        if wanted.right is not None:
            conditions.append(e.right == wanted.right)
        if wanted.state in (EventState.OPEN, EventState.FULFILLED):
            conditions += self._sound()
        if wanted.state == EventState.FULFILLED:
            # not the column by itself: SQLite would take the index of the states, and sort a million
            state = e.state if self._kind == "postgresql" else e.state.concat("")
            conditions.append(state == EventState.FULFILLED)
        return conditions

    def _sound(self) -> list[sa.ColumnElement[bool]]:
        """Return the conditions that an event and its deliveries hold no word that syncer never writes."""
        e, d = self._tables.event.c, self._tables.delivery.alias("damaged").c
        return [e.odd.is_(None), ~sa.exists(sa.select(d.id).where(d.event_id == e.id, d.strange.is_not(None)))]
