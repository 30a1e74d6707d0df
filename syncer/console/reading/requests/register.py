"""Pages of the register, the newest request first: no page reads more than it must, whatever the filter."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from syncer.app import App
from syncer.console.reading.requests.conditions import RegisterConditions
from syncer.console.reading.requests.names import ids_named
from syncer.console.reading.requests.rows import ListedRequest, listed
from syncer.console.reading.requests.wanted import ANSWERED_LATE, Place, RegisterFilter, order
from syncer.database.bulk import one_of
from syncer.database.column_types import raw
from syncer.database.connections import reading
from syncer.events.reading.answers import Answers
from syncer.events.reading.ranges import parts
from syncer.events.reading.walk import Walk

#: requests on a page
PAGE = 50
#: so many requests that an index finds are sorted for a page; where there are more, the register is walked through
FEW = 5000
#: requests that are looked at together on such a walk, and in all for one page
STRIDE, LONGEST_WALK = 500, 20_000


@dataclass(frozen=True, slots=True)
class RegisterPage:
    """A page of the register: `older` and `newer` are where the next pages begin, None for none.

    `unfinished` says that the walk ended before it found enough: further back there may be more.
    """

    requests: tuple[ListedRequest, ...]
    older: Place | None
    newer: Place | None
    unfinished: bool = False


@dataclass(frozen=True, slots=True)
class _Found:
    """Places in the order of the walk, whether there are more behind, and where the walk ended."""

    places: list[Place]
    more: bool
    stopped_at: Place | None = None


class RegisterQuery:
    """Reads the register of one installation."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._tables = app.tables
        self._kind = app.engine.dialect.name

    def page(
        self, wanted: RegisterFilter, *, older: Place | None = None, newer: Place | None = None, size: int = PAGE
    ) -> RegisterPage:
        """Return the requests that come `older` than a place, or `newer`, in order; the newest for neither."""
        with reading(self._app.engine) as connection:
            if newer is not None:
                found = self._find(connection, wanted, newer, size, back=False)
                if len(found.places) == size or found.stopped_at is not None:
                    return self._forward(connection, found, newer)
                older = None  # less than a page: that is the first one
            found = self._find(connection, wanted, older, size, back=True)
            behind = found.stopped_at or (found.places[-1] if found.more else None)
            before = None if older is None else (found.places or [older])[0]
            return self._made(connection, found.places, behind, before, unfinished=found.stopped_at is not None)

    def _forward(self, connection: sa.Connection, found: _Found, newer: Place) -> RegisterPage:
        """Return a page that was come to from an older one."""
        places = found.places[::-1]
        behind = (places or [newer])[-1]
        before = found.stopped_at or (places[0] if found.more else None)
        return self._made(connection, places, behind, before, unfinished=found.stopped_at is not None)

    def _made(
        self,
        connection: sa.Connection,
        places: Sequence[Place],
        older: Place | None,
        newer: Place | None,
        *,
        unfinished: bool,
    ) -> RegisterPage:
        rows = listed(self._app.reader, connection, [place[-1] for place in places])
        return RegisterPage(tuple(rows), older, newer, unfinished)

    def _find(
        self, connection: sa.Connection, wanted: RegisterFilter, at: Place | None, size: int, *, back: bool
    ) -> _Found:
        conditions = RegisterConditions(self._tables, self._app.rule, self._app.clock(), self._kind)
        few = self._few(connection, wanted, conditions)
        if few is None:
            return self._walked(connection, wanted, conditions, at, size, back=back)
        keys = [order(place) for place in few]
        if back:
            end = len(few) if at is None else bisect_left(keys, order(at))
            return _Found(few[max(end - size, 0) : end][::-1], end > size)
        start = 0 if at is None else bisect_right(keys, order(at))
        return _Found(few[start : start + size], len(few) > start + size)

    def _few(
        self, connection: sa.Connection, wanted: RegisterFilter, conditions: RegisterConditions
    ) -> list[Place] | None:
        """Return all places that a filter is about in order, the oldest first; None where they may be many."""
        e = self._tables.event.c
        asked = [*conditions.span(wanted), *conditions.of_each(wanted)]
        query = sa.select(raw(e.received_at), raw(e.id)).where(*asked)
        if wanted.due == ANSWERED_LATE:
            return self._answered_late(connection, query)
        query = query.limit(FEW + 1)
        if wanted.named is not None:
            ids = ids_named(connection, self._tables, wanted.named)
            queries = [query.where(one_of(e.id, ids, self._kind))] if ids else []
        else:
            queries = list(conditions.few(wanted, query))
            if not queries:
                return None
        found: dict[Any, Place] = {}
        for each in queries:
            found |= {row[-1]: tuple(row) for row in connection.execute(each)}
            if len(found) > FEW:
                return None
        return sorted(found.values(), key=order)

    def _answered_late(self, connection: sa.Connection, query: sa.Select[Any]) -> list[Place]:
        """Return all, however many: the log says when the answer came, and a walk by receipt does not ask it."""
        late = Answers(self._tables, self._kind).late(connection, self._app.rule)
        chosen = (query.where(one_of(self._tables.event.c.id, ids, self._kind)) for ids in parts(list(late)))
        return sorted((tuple(row) for each in chosen for row in connection.execute(each)), key=order)

    def _walked(
        self,
        connection: sa.Connection,
        wanted: RegisterFilter,
        conditions: RegisterConditions,
        at: Place | None,
        size: int,
        *,
        back: bool,
    ) -> _Found:
        e, asked = self._tables.event.c, conditions.of_each(wanted)
        index = f"ix_{self._tables.prefix}event_received"
        walk = Walk(self._tables.event, (e.received_at, e.id), tuple(conditions.span(wanted)), index)
        stride = STRIDE if asked else size + 1
        found: list[Place] = []
        for _ in range(LONGEST_WALK // STRIDE):
            places = walk.page(connection, stride, at, back=back)
            found += self._kept(connection, places, asked)
            if len(found) > size:
                return _Found(found[:size], more=True)
            if len(places) < stride:
                return _Found(found, more=False)
            at = places[-1]
        return _Found(found, more=True, stopped_at=at)

    def _kept(self, connection: sa.Connection, places: list[Place], asked: Sequence[Any]) -> list[Place]:
        if not asked or not places:
            return places
        e = self._tables.event.c
        named = sa.select(e.id).where(one_of(e.id, [place[-1] for place in places], self._kind), *asked)
        kept = set(connection.execute(named).scalars())
        return [place for place in places if place[-1] in kept]
