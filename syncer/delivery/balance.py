"""Lanes over daemons: which daemons are running, and how many lanes each of them takes.

The rule: the lanes of two running daemons differ by at most one. Every daemon shows its presence in the database,
renewed like a lease and by the same clock. A free lane is left to a daemon that owns fewer; a daemon that owns two
more than the poorest hands half the difference over, each lane between two turns. Nothing moves once the numbers
differ by one, so lanes do not wander. A daemon that leaves an offered lane alone for a whole lease (its settings do
not know the destination, its lane cannot be built) is not offered one again: a lane nobody takes is worse than an
unequal share.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from syncer.audit.transaction import Transactions
from syncer.database.connections import reading
from syncer.database.engines import utc_now
from syncer.delivery.leases import Leases, is_running
from syncer.delivery.owners import is_dead


@dataclass(frozen=True, slots=True)
class Running:
    """A daemon that is running. Times UTC by the database; `until` is when its presence ends unless it renews it."""

    owner: str
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class View:
    """Who owns what at one moment: lane -> owner (None for a free one), and the owners that are running daemons."""

    owners: dict[str, str | None]
    running: frozenset[str]


def surplus(own: int, others: Collection[int], free: int) -> int:
    """Return how many lanes to hand over to the daemon that owns fewest; free lanes count as on their way to it."""
    return max(0, (own - min(others, default=own)) // 2 - free)


class Presence:
    """The presence of the daemons of one installation."""

    def __init__(self, transactions: Transactions, leases: Leases) -> None:
        self._transactions = transactions
        self._lane = transactions.tables.lane
        self._daemon = transactions.tables.daemon
        self._leases = leases

    def arrive(self) -> None:
        """Show this process as a running daemon, and forget those whose presence ended."""
        with self._transactions.write() as tx:
            tx.connection.execute(self._daemon.delete().where(self._daemon.c.seen_until < utc_now(tx.connection)))
        self.beat()

    def beat(self) -> None:
        """Prolong this daemon's presence by the length of a lease."""
        d, owner = self._daemon, self._leases.owner
        with self._transactions.write() as tx:
            until = self._leases.end(tx.connection)
            if not tx.connection.execute(d.update().where(d.c.owner == owner).values(seen_until=until)).rowcount:
                started = utc_now(tx.connection)
                tx.connection.execute(d.insert().values(owner=owner, started_at=started, seen_until=until))

    def leave(self) -> None:
        """End this daemon's presence."""
        with self._transactions.write() as tx:
            tx.connection.execute(self._daemon.delete().where(self._daemon.c.owner == self._leases.owner))

    def running(self) -> list[Running]:
        """Return the running daemons, the oldest first."""
        with reading(self._transactions.engine) as connection:
            return self._running(connection)

    def _running(self, connection: sa.Connection) -> list[Running]:
        d = self._daemon.c
        query = (
            sa.select(d.owner, d.started_at, d.seen_until)
            .where(is_running(connection, d.seen_until))
            .order_by(d.started_at, d.owner)
        )
        daemons = [Running(row.owner, row.started_at, row.seen_until) for row in connection.execute(query)]
        return [daemon for daemon in daemons if not is_dead(daemon.owner)]

    def view(self) -> View:
        """Return who owns what now. A lane that a dead process of this host owned is free."""
        lane = self._lane.c
        with reading(self._transactions.engine) as connection:
            query = sa.select(lane.destination, lane.owner, is_running(connection, lane.lease_until).label("held"))
            rows = connection.execute(query).all()
            running = frozenset(daemon.owner for daemon in self._running(connection))
        owners = {row.destination: row.owner if row.held and not is_dead(row.owner) else None for row in rows}
        return View(owners, running)


class Share:
    """One daemon's part of the lanes `names`, decided afresh from what the database shows."""

    def __init__(
        self, presence: Presence, leases: Leases, names: Sequence[str], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._presence = presence
        self._me = leases.owner
        self._patience = leases.seconds
        self._names = frozenset(names)
        self._monotonic = monotonic
        self._offered: dict[str, float] = {}  # lane -> since when (by `monotonic`) it has been left to others
        self._declined: set[str] = set()

    def may_take(self, name: str) -> bool:
        """Say whether the lane is free and no daemon that owns fewer lanes is there to take it."""
        view = self._presence.view()
        if view.owners.get(name) not in (None, self._me):
            self._offered.pop(name, None)
            return False
        own, others = self._counts(view)
        poorer = {owner for owner, count in others.items() if count < own}
        if poorer:
            since = self._offered.setdefault(name, self._monotonic())
            if self._monotonic() - since < self._patience:
                return False
            self._declined |= poorer
        self._offered.pop(name, None)
        return True

    def to_hand_over(self) -> int:
        """Return how many of this daemon's lanes should go to others."""
        view = self._presence.view()
        own, others = self._counts(view)
        free = sum(owner is None for name, owner in view.owners.items() if name in self._names)
        return surplus(own, others.values(), free)

    def _counts(self, view: View) -> tuple[int, dict[str, int]]:
        owned = Counter(owner for owner in view.owners.values() if owner)
        others = view.running - {self._me} - self._declined
        return owned[self._me], {owner: owned[owner] for owner in others}
