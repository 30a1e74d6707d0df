"""Which deliveries of a lane come next: the SQL of the claim, as quick with a million rows as with ten."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from syncer.database.bulk import in_list
from syncer.database.connections import reading
from syncer.database.tables import Tables
from syncer.domain.model import Delivery
from syncer.domain.rights import RANKS
from syncer.events.mapping import delivery_of

#: up to so many due deliveries are found by time and sorted; beyond that they are read day by day
FEW = 2000


class Claims:
    """Finds due deliveries: objections first, then the nearest due day, then who waits longest.

    No single index range holds that order: one that is sorted by urgency runs over every row whose time has not
    come (all of them, after a long outage), one that is sorted by time runs over the whole backlog. So a few due
    ones are found by time and sorted, and of many the due ones of each day are read, day by day.
    """

    def __init__(self, engine: sa.Engine, tables: Tables) -> None:
        self._engine = engine
        self.due = due(tables)
        self.next_day = next_day(tables)
        self.due_on_day = due_on_day(tables)
        self.chosen = chosen(tables, engine.dialect.name)
        d = tables.delivery.c
        self.count_due = sa.select(sa.func.count()).where(
            d.destination == sa.bindparam("destination"), d.next_attempt_at <= sa.bindparam("now")
        )

    def next(self, destination: str, now: datetime, limit: int, leave: Collection[int] = ()) -> list[Delivery]:
        """Return at most `limit` due deliveries but those in `leave`, the most urgent first. `now` is UTC."""
        with reading(self._engine) as connection:
            ids = self._ids(connection, {"destination": destination, "now": now}, limit + len(leave))
            ids = [row_id for row_id in ids if row_id not in leave][:limit]
            if not ids:
                return []
            found = {row.id: row for row in connection.execute(self.chosen, {"ids": ids})}
        return [delivery_of(found[row_id]) for row_id in ids if row_id in found]

    def count(self, destination: str, now: datetime) -> int:
        """Return how many deliveries of a lane could be taken up now."""
        with reading(self._engine) as connection:
            return int(connection.execute(self.count_due, {"destination": destination, "now": now}).scalar_one())

    def _ids(self, connection: sa.Connection, lane: dict[str, Any], limit: int) -> list[int]:
        few = max(FEW, limit)
        found = connection.execute(self.due, lane | {"few": few + 1, "most": limit}).all()
        if not found or found[0].total <= few:
            return [row.id for row in found]
        ids: list[int] = []
        for rank, day in self._days(connection, lane):
            left = lane | {"rank": rank, "day": day, "most": limit - len(ids)}
            ids += connection.execute(self.due_on_day, left).scalars()
            if len(ids) >= limit:
                break
        return ids

    def _days(self, connection: sa.Connection, lane: dict[str, Any]) -> Iterator[tuple[int, date]]:
        """Yield each rank and due day that has open deliveries, the most urgent first."""
        for rank in RANKS:
            day: date | None = date.min
            while day := connection.execute(self.next_day, lane | {"rank": rank, "after": day}).scalar():
                yield rank, day


def due(tables: Tables) -> sa.Select[Any]:
    """Return the query of a lane's due deliveries, the most urgent first, out of `few`; `total` says how many."""
    d = tables.delivery.c
    found = (
        sa.select(d.id, d.claim_rank, d.due_on, d.next_attempt_at)
        .where(d.destination == sa.bindparam("destination"), d.next_attempt_at <= sa.bindparam("now"))
        .order_by(d.next_attempt_at)
        .limit(sa.bindparam("few", type_=sa.Integer))
        .subquery()
    )
    return (
        sa.select(found.c.id, sa.func.count().over().label("total"))
        .order_by(found.c.claim_rank, found.c.due_on, found.c.next_attempt_at, found.c.id)
        .limit(sa.bindparam("most", type_=sa.Integer))
    )


def next_day(tables: Tables) -> sa.Select[Any]:
    """Return the query of the next due day that has open deliveries of a rank."""
    d = tables.delivery.c
    return (
        sa.select(d.due_on)
        .where(
            d.destination == sa.bindparam("destination"),
            d.claim_rank == sa.bindparam("rank"),
            d.due_on > sa.bindparam("after"),
        )
        .order_by(d.due_on)
        .limit(1)
    )


def due_on_day(tables: Tables) -> sa.Select[Any]:
    """Return the query of the due deliveries of one rank and due day, the longest waiting first."""
    d = tables.delivery.c
    return (
        sa.select(d.id)
        .where(
            d.destination == sa.bindparam("destination"),
            d.claim_rank == sa.bindparam("rank"),
            d.due_on == sa.bindparam("day"),
            d.next_attempt_at <= sa.bindparam("now"),
        )
        .order_by(d.next_attempt_at, d.id)
        .limit(sa.bindparam("most", type_=sa.Integer))
    )


def chosen(tables: Tables, kind: str) -> sa.Select[Any]:
    """Return the query of deliveries by their ids, with what a worker needs of their events."""
    d, e = tables.delivery, tables.event
    return (
        sa.select(
            d.c.id,
            d.c.event_id,
            d.c.destination,
            d.c.action,
            d.c.state,
            d.c.outcome,
            d.c.code,
            d.c.attempts,
            d.c.applied_at,
            d.c.confirmed_at,
            e.c.right,
            e.c.subject,
            e.c.received_at,
            e.c.email_sealed,
        )
        .select_from(d.join(e, d.c.event_id == e.c.id))
        .where(in_list(d.c.id, "ids", kind))
    )
