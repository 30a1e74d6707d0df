"""The guards of one installation: made for its lanes, and how each stands for whoever asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from adapters.contract import Adapter
from syncer.audit.log_end import untyped
from syncer.audit.transaction import Transactions
from syncer.clock import elapsed
from syncer.database.connections import reading
from syncer.delivery.guard.counting import DeletionCounts
from syncer.delivery.guard.guard import Guard
from syncer.delivery.guard.queued import QueuedErasures
from syncer.delivery.guard.rule import limit, window_start
from syncer.delivery.guard.size import Size
from syncer.delivery.guard.steady import SteadyWindow, recorded_steps
from syncer.delivery.leases import contacts_of
from syncer.events.guard.stops import stopped
from syncer.settings.operation import GuardSettings

#: deletions that are counted where nobody asks for fewer
MOST = 1_000_000


@dataclass(frozen=True, slots=True)
class GuardStanding:
    """How the guard of one lane stands: its limit, how many deletions began in 24 hours, how many wait or are stopped.

    `limit` is None where the guard is off. `since` (UTC) is since when deletions wait for a person; `contacts` is how
    many the destination holds, None where nobody knows.
    """

    limit: int | None
    counted: int
    waiting: int
    stopped: int
    since: datetime | None
    contacts: int | None

    @property
    def left(self) -> int | None:
        """How many deletions more may begin before it stops them; None where the guard is off."""
        if self.limit is None:
            return None
        return 0 if self.since is not None else max(self.limit - self.counted - self.waiting, 0)


class Guards:
    """Makes guards, and reads how they stand.

    `queued` counts erasures among so many rows of the queue; `monotonic` counts seconds.
    """

    def __init__(
        self,
        rule: GuardSettings,
        transactions: Transactions,
        queued: Callable[[int], int],
        monotonic: Callable[[], float] = elapsed,
    ) -> None:
        self._rule = rule
        self._transactions = transactions
        self._queued = QueuedErasures(queued, monotonic)
        self._monotonic = monotonic
        self._counts = DeletionCounts(transactions.tables)

    def of(self, name: str, adapter: Adapter) -> Guard:
        """Return the guard of a lane."""
        transactions, monotonic = self._transactions, self._monotonic
        window = SteadyWindow(monotonic, lambda: recorded_steps(transactions.engine, transactions.tables))
        window.start(transactions.clock())  # or a step of the clock before the first deletion would go unseen
        size = Size(name, adapter, transactions, monotonic)
        return Guard(name, self._rule, transactions, size, window, self._queued, monotonic)

    def exceeded(self, deletions: Mapping[str, int]) -> bool:
        """Say whether so many more deletions, by destination, would be stopped at one of them."""
        with reading(self._transactions.engine) as connection:
            left = ((number, self.standing(connection, name).left) for name, number in deletions.items())
            return any(room is not None and number > room for number, room in left)

    def standing(self, connection: sa.Connection, name: str, most: int | None = None) -> GuardStanding:
        """Return how the guard of a destination stands; deletions are counted up to `most` where that is given."""
        tables = self._transactions.tables
        lane, d = tables.lane.c, tables.delivery.c
        told = sa.select(lane.guard_since, untyped(lane.contacts).label("contacts")).where(lane.destination == name)
        row = connection.execute(told).first()
        contacts = contacts_of(row.contacts) if row else None
        now = self._transactions.clock()
        since = window_start(now, recorded_steps(self._transactions.engine, tables))
        counted = self._counts.read(connection, name, since, most or MOST)
        number = sa.select(sa.func.count()).select_from(
            sa.select(d.id).where(stopped(tables, name)).limit(most or MOST).subquery()
        )
        return GuardStanding(
            limit=limit(self._rule, contacts) if self._rule.enabled else None,
            counted=counted.begun,
            waiting=counted.waiting,
            stopped=int(connection.execute(number).scalar_one()),
            since=row.guard_since if row else None,
            contacts=contacts,
        )
