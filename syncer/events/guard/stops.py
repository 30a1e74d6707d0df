"""What waits at the guard: how deliveries are stopped, how they go on, and when the stop of a lane ends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from syncer.audit.ledger import Facts
from syncer.audit.transaction import Transaction
from syncer.database.bulk import one_of
from syncer.database.tables import Tables
from syncer.domain.codes import GUARDED, PARKED
from syncer.domain.model import State
from syncer.domain.rights import Right, rank
from syncer.events.reading.ranges import parts

#: deletions have the rank of an erasure
RANK = rank(Right.ERASURE)
#: what did not begin is in one of these states
OPEN = (State.PENDING, State.RETRYING)


def waiting(tables: Tables, destination: str) -> sa.ColumnElement[bool]:
    """Return the condition of the deletions of a lane that would begin next: never begun, and released by nobody."""
    d = tables.delivery.c
    return sa.and_(d.destination == destination, d.untried == 1, d.claim_rank == RANK)


def stopped(tables: Tables, destination: str) -> sa.ColumnElement[bool]:
    """Return the condition of the deliveries of a lane that wait for a person."""
    d = tables.delivery.c
    stops = (d.code == GUARDED, d.state.in_(OPEN), d.next_attempt_at.is_(None))
    return sa.and_(d.destination == destination, *stops)


def unbegun(tables: Tables) -> sa.ColumnElement[bool]:
    """Return the condition of the deletions that a release lets begin: stopped, due, or on trial and due once live."""
    d = tables.delivery.c
    return sa.and_(d.untried == 1, d.state.in_(OPEN), sa.or_(d.claim_rank == RANK, d.code.in_(sorted(PARKED))))


def lock_lanes(tx: Transaction, tables: Tables) -> list[str]:
    """Lock every lane, in one order, and return their names: no daemon begins or stops anything until this is over."""
    lane = tables.lane.c
    query = sa.select(lane.destination).order_by(lane.destination).with_for_update()
    return list(tx.connection.execute(query).scalars())


def stop(tx: Transaction, tables: Tables, ids: Sequence[int]) -> None:
    """Let these deliveries wait for a person: nobody takes them up."""
    d, kind = tables.delivery, tx.connection.dialect.name
    values = {"code": GUARDED, "claim_rank": None, "next_attempt_at": None}
    for part in parts(ids):
        tx.connection.execute(d.update().where(one_of(d.c.id, part, kind)).values(values))


def release(tx: Transaction, tables: Tables, events: Iterable[str], facts: Facts) -> None:
    """Let all deletions of these events pass: none of them asks or counts any more, and what was stopped goes on.

    `facts` say who decided and why; each event gets an entry with them.
    """
    e, d, kind = tables.event, tables.delivery, tx.connection.dialect.name
    goes_on = {"code": None, "claim_rank": RANK, "next_attempt_at": tx.now}
    ids = sorted(events)
    for part in parts(ids):
        mine = one_of(d.c.event_id, part, kind)
        tx.connection.execute(e.update().where(one_of(e.c.id, part, kind)).values(released_at=tx.now))
        tx.connection.execute(d.update().where(mine, d.c.code == GUARDED, d.c.state.in_(OPEN)).values(goes_on))
        counts = sa.or_(d.c.untried.is_not(None), d.c.begun_at.is_not(None))
        tx.connection.execute(d.update().where(mine, counts).values(untried=None, begun_at=None))
    for event in ids:
        tx.audit.add("guard:released", event=event, facts=facts)


def end_if_over(tx: Transaction, tables: Tables, destinations: Iterable[str], why: str) -> None:
    """End the stop of each of these lanes where nothing waits at the guard any more. The caller locked the lanes."""
    lane, d = tables.lane, tables.delivery.c
    for name in destinations:
        since = tx.connection.execute(sa.select(lane.c.guard_since).where(lane.c.destination == name)).scalar()
        if since is None or tx.connection.execute(sa.select(d.id).where(stopped(tables, name)).limit(1)).first():
            continue
        over = {"guard_since": None, "guard_limit": None, "guard_counted": None}
        tx.connection.execute(lane.update().where(lane.c.destination == name).values(over))
        tx.audit.add("guard:cleared", destination=name, facts={"why": why})
