"""Which deliveries of a lane come next: the SQL of the claim, as quick with a million rows as with ten."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from adapters.contract import Action, Outcome
from syncer.database.bulk import in_list
from syncer.database.connections import reading
from syncer.database.tables import Tables
from syncer.domain.model import Delivery, State, word
from syncer.domain.rights import RANKS
from syncer.events.logged import Logged, Story
from syncer.events.mapping import delivery_of
from syncer.events.turns import Turns, alternating

#: up to so many due deliveries are selected by time and sorted; more are read day by day
FEW = 2000
#: who came so much earlier than others that go first has been passed over
PASSED_OVER = timedelta(hours=1)
#: what a value that is no time raises when it is read
_UNREADABLE = (ValueError, TypeError, OverflowError, sa.exc.DataError)


@dataclass(frozen=True, slots=True)
class Claim:
    """What a claim found: deliveries in their order, and the ids of rows that nobody can read as one."""

    deliveries: list[Delivery]
    damaged: tuple[int, ...]


class Claims:
    """Finds due deliveries: objections first, then the nearest due day, then who waits longest.

    No single index range has that order: one sorted by urgency runs over every row whose time has not come (all of
    them, after a long outage), one sorted by time runs over the whole backlog. So a few due ones are selected by time
    and sorted; of many, the due ones are read day by day.

    What is urgent a producer may say of his own rows, three thousand times over. So when more is due than one claim
    takes, every other place goes by turns: to each source the one of its own that waits longest, and to whoever waits
    longest of all, once others went first that came an hour later. Turns alone would not do, since a name costs
    nothing: that many sources share a turn bounds what inventing names is good for, and those who were passed over
    are not asked for theirs. Nobody who is urgent waits more than twice as long for it.
    """

    def __init__(self, engine: sa.Engine, tables: Tables, logged: Logged) -> None:
        self._engine = engine
        self._logged = logged
        self._due = _due(tables)
        self._next_day = _next_day(tables)
        self._due_on_day = _due_on_day(tables)
        self._by_ids = _by_ids(tables, engine.dialect.name)
        self._turns = Turns(tables, engine.dialect.name)
        d = tables.delivery.c
        self._count_due = sa.select(sa.func.count()).where(
            d.destination == sa.bindparam("destination"), d.next_attempt_at <= sa.bindparam("now")
        )

    def next(self, destination: str, now: datetime, limit: int, leave: Collection[int] = ()) -> Claim:
        """Return at most `limit` due deliveries in the order of their turns, without those in `leave`. `now` is UTC."""
        lane = {"destination": destination, "now": now}
        with reading(self._engine) as connection:
            ids, more = self._urgent(connection, lane, limit + len(leave))
            ids = [row_id for row_id in ids if row_id not in leave]
            if more:
                latest = self._turns.latest(connection, ids[:limit])
                shares = self._turns.of(connection, lane, limit // 2, leave, latest and latest - PASSED_OVER)
                ids = alternating(ids, shares)
            claim = self._read(connection, ids[:limit])
            return self._compared(connection, claim, now)

    def count(self, destination: str, now: datetime) -> int:
        """Return how many deliveries of a lane could be taken up now. `now` is UTC."""
        with reading(self._engine) as connection:
            return int(connection.execute(self._count_due, {"destination": destination, "now": now}).scalar_one())

    def _read(self, connection: sa.Connection, ids: Sequence[int]) -> Claim:
        try:
            rows = {row.id: row for row in connection.execute(self._by_ids, {"ids": ids})} if ids else {}
        except _UNREADABLE:  # SQLite stores anything, also where a time belongs: find out in which row
            return self._read_each(connection, ids)
        found: list[Delivery] = []
        damaged: list[int] = []
        for row_id in ids:
            if row_id in rows:
                delivery = delivery_of(rows[row_id])
                found += [delivery] if delivery else []
                damaged += [] if delivery else [row_id]
        return Claim(found, tuple(damaged))

    def _read_each(self, connection: sa.Connection, ids: Sequence[int]) -> Claim:
        if len(ids) == 1:
            return Claim([], tuple(ids))
        claims = [self._read(connection, [row_id]) for row_id in ids]
        return Claim([item for claim in claims for item in claim.deliveries], sum((c.damaged for c in claims), ()))

    def _compared(self, connection: sa.Connection, claim: Claim, now: datetime) -> Claim:
        """Hold what rows say was done already against the log; most rows of a claim say nothing of the kind."""
        ids = {each.event_id for each in claim.deliveries if _claims_work(each)}
        if not ids:
            return claim
        stories = self._logged.stories(connection, ids, None, now)
        found: list[Delivery] = []
        damaged = list(claim.damaged)
        for each in claim.deliveries:
            believed = _believed(each, stories[each.event_id]) if _claims_work(each) else each
            found += [believed] if believed else []
            damaged += [] if believed else [each.id]
        return Claim(found, tuple(damaged))

    def _urgent(self, connection: sa.Connection, lane: dict[str, Any], limit: int) -> tuple[list[int], bool]:
        """Return the ids of the most urgent due deliveries, and whether more are due than these."""
        few = max(FEW, limit)
        rows = connection.execute(self._due, lane | {"few": few + 1, "most": limit}).all()
        if not rows or rows[0].total <= few:
            return [row.id for row in rows], bool(rows) and rows[0].total > limit
        ids: list[int] = []
        for rank, day in self._days(connection, lane):
            bound = lane | {"rank": rank, "day": day, "most": limit - len(ids)}
            ids += connection.execute(self._due_on_day, bound).scalars()
            if len(ids) >= limit:
                break
        return ids, True

    def _days(self, connection: sa.Connection, lane: dict[str, Any]) -> Iterator[tuple[int, date]]:
        """Yield each rank and due day that has open deliveries, the most urgent first.

        There are a few dozen: a delivery is never sorted before the day on which it came.
        """
        for rank in RANKS:
            day: date | None = date.min
            while day := self._day_after(connection, lane | {"rank": rank, "after": day}):
                yield rank, day

    def _day_after(self, connection: sa.Connection, bound: dict[str, Any]) -> date | None:
        try:
            day: date | None = connection.execute(self._next_day, bound).scalar()
        except _UNREADABLE:  # no day at all: such a row is found once fewer are due
            return None
        return day


def _claims_work(delivery: Delivery) -> bool:
    return delivery.state is State.APPLIED or delivery.applied_at is not None or _claims_a_begin(delivery)


def _claims_a_begin(delivery: Delivery) -> bool:
    """Say whether the guard would let it pass, since it began before or a person released it."""
    return delivery.action is Action.DELETE and not delivery.untried and delivery.state is not State.APPLIED


def _believed(delivery: Delivery, story: Story) -> Delivery | None:
    """Return a delivery with no more of what its row says was done than the log knows; None if it is no such one.

    Otherwise an entry would say that an attempt did what none did, or confirm one that was never made.
    """
    if story.purged:
        return delivery
    said = story.delivery(delivery.destination)
    if _claims_a_begin(delivery) and not (said is not None and (said.begun or said.passed)):
        return None
    if delivery.destination not in story.changed:
        delivery = replace(delivery, applied_at=None)
    if delivery.state is not State.APPLIED:
        return delivery
    if said is None or delivery.attempts > said.most:
        return None
    outcome = word(Outcome, said.outcome) if isinstance(said.outcome, str) else None
    return replace(delivery, outcome=outcome, confirmed_at=delivery.confirmed_at if said.done else None)


def _due(tables: Tables) -> sa.Select[Any]:
    """Return the query of a lane's due deliveries, the most urgent of `few` first; `total` says how many are due."""
    d = tables.delivery.c
    soonest = (
        sa.select(d.id, d.claim_rank, d.due_on, d.next_attempt_at)
        .where(d.destination == sa.bindparam("destination"), d.next_attempt_at <= sa.bindparam("now"))
        .order_by(d.next_attempt_at)
        .limit(sa.bindparam("few", type_=sa.Integer))
        .subquery()
    )
    return (
        sa.select(soonest.c.id, sa.func.count().over().label("total"))
        .order_by(soonest.c.claim_rank, soonest.c.due_on, soonest.c.next_attempt_at, soonest.c.id)
        .limit(sa.bindparam("most", type_=sa.Integer))
    )


def _next_day(tables: Tables) -> sa.Select[Any]:
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


def _due_on_day(tables: Tables) -> sa.Select[Any]:
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


def _by_ids(tables: Tables, kind: str) -> sa.Select[Any]:
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
            d.c.unseen,
            d.c.failing_since,
            d.c.untried,
            d.c.claim_rank,
            e.c.right,
            e.c.subject,
            e.c.received_at,
            e.c.created_at,
            e.c.email_sealed,
        )
        .select_from(d.join(e, d.c.event_id == e.c.id))
        .where(in_list(d.c.id, "ids", kind))
    )
