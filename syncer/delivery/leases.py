"""The SQL of lanes: who owns one, for how long, and whether it is paused or cooling."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from syncer.audit.log_end import untyped
from syncer.audit.transaction import Transaction, Transactions
from syncer.database.connections import reading
from syncer.database.engines import utc_in, utc_now
from syncer.database.failures import retry_on_conflict
from syncer.database.tables import Tables
from syncer.delivery.owners import is_dead
from syncer.domain.model import Lease
from syncer.errors import StaleFence
from syncer.log import get_logger

LEASE_SECONDS = 30
#: seconds that a lease may run at most, by the settings; a lane that is owned beyond is nobody's
LONGEST_LEASE = 3600
#: the fence is one more with each owner: no lane comes near it in the life of an installation
HIGHEST_FENCE = 2**40
#: waits in a row that no lane reaches
MOST_STRIKES = 1000


@dataclass(frozen=True, slots=True)
class LaneRow:
    """What the database says of a lane. Times UTC.

    `guard_since` is since when its deletions wait for a person, with the limit and what was counted then; `contacts` is
    how many the destination held at `contacts_at`.
    """

    destination: str
    owner: str | None
    fence: int
    taken_at: datetime | None
    lease_until: datetime | None
    paused: bool
    paused_by: str | None
    reason: str | None
    probe_at: datetime | None
    cool_until: datetime | None
    strikes: int
    shadow_since: datetime | None = None
    guard_since: datetime | None = None
    guard_limit: int | None = None
    guard_counted: int | None = None
    contacts: int | None = None
    contacts_at: datetime | None = None


class Leases:
    """The lane rows of one installation; a lease runs `seconds` by the database's clock."""

    def __init__(self, transactions: Transactions, owner: str, seconds: int = LEASE_SECONDS) -> None:
        self._transactions = transactions
        self._lane = transactions.tables.lane
        self.owner = owner
        self.seconds = seconds
        #: seconds after which an owner prolongs its lease; two of them may be missed
        self.renew_seconds = seconds / 3

    @retry_on_conflict
    def ensure(self, destinations: Sequence[str]) -> None:
        """Create the row of each destination that has none."""
        with self._transactions.write() as tx:
            there = set(tx.connection.execute(sa.select(self._lane.c.destination)).scalars())
            for name in destinations:
                if name not in there:
                    tx.connection.execute(
                        self._lane.insert().values(destination=name, fence=0, paused=False, strikes=0)
                    )

    def read(self) -> dict[str, LaneRow]:
        """Return all lanes by destination."""
        with reading(self._transactions.engine) as connection:
            return {row.destination: _lane_row(row) for row in connection.execute(sa.select(self._lane))}

    def get(self, destination: str) -> LaneRow | None:
        """Return one lane, None where it has no row."""
        with reading(self._transactions.engine) as connection:
            row = connection.execute(sa.select(self._lane).where(self._lane.c.destination == destination)).first()
            return _lane_row(row) if row else None

    @retry_on_conflict
    def acquire(self, destination: str, *, shadow: bool | None = None) -> Lease | None:
        """Take the lane and return its lease, None while another owns it. A dead owner's lane is taken at once.

        With `shadow` it is taken only while it is in shadow mode, or only while it is not.
        """
        lane = self._lane
        with self._transactions.write() as tx:
            row = tx.connection.execute(
                sa.select(lane, is_running(tx.connection, lane.c.lease_until).label("running"))
                .where(lane.c.destination == destination)
                .with_for_update()
            ).first()
            if row is None or (shadow is not None and is_in_shadow(row) is not shadow):
                return None
            sound = is_fence(row.fence)
            if row.owner == self.owner and row.running and sound:
                # prolonged: who takes it counts from now
                tx.connection.execute(
                    lane.update().where(lane.c.destination == destination).values(lease_until=self.end(tx.connection))
                )
                return Lease(destination, self.owner, row.fence)
            if row.owner and row.owner != self.owner and row.running and not is_dead(row.owner):
                return None
            fence = row.fence + 1 if sound else self._above(tx.connection, destination)
            tx.connection.execute(
                lane.update()
                .where(lane.c.destination == destination)
                .values(
                    owner=self.owner,
                    fence=fence,
                    taken_at=utc_now(tx.connection),
                    lease_until=self.end(tx.connection),
                )
            )
            facts = {"fence": fence, "after": "release" if not row.owner else "end of lease"}
            tx.audit.add("lane:taken", destination=destination, facts=facts)
            return Lease(destination, self.owner, fence)

    def _above(self, connection: sa.Connection, destination: str) -> int:
        """Return a fence above every one that a daemon may hold: the log has each, the highest last."""
        t = self._transactions.tables.audit.c
        query = sa.select(t.body).where(t.what == "lane:taken", t.destination == destination).order_by(t.seq.desc())
        text = connection.execute(query.limit(1)).scalar()
        try:
            last = json.loads(text or "")["facts"]["fence"]
        except (ValueError, TypeError, KeyError):
            last = 0
        get_logger("syncer.lane").error("lane.fence_reset", lane=destination)
        return last + 1 if is_fence(last) else 1

    @retry_on_conflict
    def renew(self, lease: Lease) -> bool:
        """Prolong the lease and say whether it is still ours."""
        lane = self._lane
        with self._transactions.write() as tx:
            done = tx.connection.execute(
                lane.update()
                .where(lane.c.destination == lease.destination, lane.c.fence == lease.fence)
                .values(lease_until=self.end(tx.connection))
            )
            return done.rowcount == 1

    @retry_on_conflict
    def release(self, lease: Lease) -> None:
        """Give the lane back, if it is still ours."""
        lane = self._lane
        with self._transactions.write() as tx:
            tx.connection.execute(
                lane.update()
                .where(lane.c.destination == lease.destination, lane.c.fence == lease.fence)
                .values(owner=None, taken_at=None, lease_until=None)
            )

    def end(self, connection: sa.Connection) -> sa.ColumnElement[Any]:
        """Return when a lease that begins now ends, by the database's clock, as an expression."""
        return utc_in(connection, self.seconds)

    def is_at_rest(self, destination: str, now: datetime) -> bool:
        """Say whether nobody may call the destination now: an operator paused its lane, or it cools. `now` is UTC."""
        row = self.get(destination)
        if row is None:
            return False
        return (row.paused and row.paused_by == "operator") or (row.cool_until is not None and row.cool_until > now)

    # -- pause and cool-down --------------------------------------------------------------------------------

    def pause(self, tx: Transaction, destination: str, by: str, reason: str, probe_at: datetime | None) -> None:
        """Stop the lane. `by` is `operator` or `syncer`; the latter probes itself again at `probe_at` (UTC)."""
        tx.connection.execute(
            self._lane.update()
            .where(self._lane.c.destination == destination)
            .values(paused=True, paused_by=by, reason=reason[:255], paused_at=tx.now, probe_at=probe_at)
        )
        tx.audit.add("lane:paused", destination=destination, facts={"by": by, "reason": reason})

    def resume(self, tx: Transaction, destination: str, by: str, reason: str) -> None:
        """Start the lane again and end any cool-down."""
        tx.connection.execute(
            self._lane.update()
            .where(self._lane.c.destination == destination)
            .values(
                paused=False,
                paused_by=None,
                reason=None,
                paused_at=None,
                probe_at=None,
                cool_until=None,
                strikes=0,
            )
        )
        tx.audit.add("lane:resumed", destination=destination, facts={"by": by, "reason": reason})

    @retry_on_conflict
    def probe_later(self, destination: str, at: datetime) -> None:
        """Set when a paused lane is probed again (UTC)."""
        with self._transactions.write() as tx:
            tx.connection.execute(
                self._lane.update().where(self._lane.c.destination == destination).values(probe_at=at)
            )

    def cool(self, tx: Transaction, destination: str, until: datetime | None, strikes: int) -> None:
        """Let the whole lane wait until `until` (UTC), or end the wait; `strikes` counts waits in a row.

        A longer wait that was asked for before stands: answers to calls made at the same time come in any order.
        """
        lane = self._lane.c
        later, counted = None, min(strikes, MOST_STRIKES)
        if until is not None:
            later = sa.case((lane.cool_until > until, lane.cool_until), else_=sa.literal(until, lane.cool_until.type))
        tx.connection.execute(
            self._lane.update().where(lane.destination == destination).values(cool_until=later, strikes=counted)
        )


def is_running(connection: sa.Connection, until: sa.Column[datetime]) -> sa.ColumnElement[bool]:
    """Return whether what is prolonged lease by lease still runs, by the database's clock, as an expression.

    Whoever may write the database could otherwise give a lane away for a thousand years.
    """
    return sa.and_(until > utc_now(connection), until <= utc_in(connection, LONGEST_LEASE))


def _lane_row(row: Any) -> LaneRow:
    return LaneRow(
        row.destination,
        row.owner,
        row.fence,
        row.taken_at,
        row.lease_until,
        bool(row.paused),
        row.paused_by,
        row.reason,
        row.probe_at,
        row.cool_until,
        row.strikes if type(row.strikes) is int and 0 <= row.strikes <= MOST_STRIKES else MOST_STRIKES,
        row.shadow_since,
        row.guard_since,
        row.guard_limit,
        row.guard_counted,
        contacts_of(row.contacts),
        row.contacts_at,
    )


def is_in_shadow(row: Any) -> bool:
    """Say whether the row of a lane is one in shadow mode."""
    return row.shadow_since is not None


def is_fence(value: Any) -> bool:
    """Say whether syncer wrote this fence: SQLite stores anything, and one that cannot grow would stop the lane."""
    return type(value) is int and 0 <= value <= HIGHEST_FENCE


@dataclass(frozen=True, slots=True)
class LockedLane:
    """What a lane's row says while a transaction holds it; `contacts` is None where nobody knows how many there are.

    `rests`: no call may be made. `guarded`: its deletions wait for a person.
    """

    rests: bool
    guarded: bool = False
    contacts: int | None = None


def require_fence(tx: Transaction, tables: Tables, lease: Lease, *, shadow: bool = False) -> LockedLane:
    """Lock the lane's row for this transaction and return what it says.


    It rests while it is paused, and in another mode than its owner works in (`shadow`). Raises StaleFence when the lane
    has another owner by now.
    """
    lane = tables.lane.c
    told = (
        lane.fence,
        lane.paused,
        lane.shadow_since,
        lane.guard_since.is_not(None).label("guarded"),
        untyped(lane.contacts).label("contacts"),
    )
    row = tx.connection.execute(sa.select(*told).where(lane.destination == lease.destination).with_for_update()).first()
    if row is None or row.fence != lease.fence:
        raise StaleFence(f"the lane {lease.destination} was taken over by another daemon")
    rests = bool(row.paused) or is_in_shadow(row) is not shadow
    return LockedLane(rests, bool(row.guarded), contacts_of(row.contacts))


def contacts_of(value: Any) -> int | None:
    """Return how many contacts a lane's row counts; None where it holds no such number."""
    return value if type(value) is int and value >= 0 else None
