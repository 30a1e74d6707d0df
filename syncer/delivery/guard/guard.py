"""The guard of one lane: unusually many deletions stop before the first of them, until a person has looked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from adapters.contract import Action
from syncer.audit.transaction import Transaction, Transactions
from syncer.clock import elapsed
from syncer.database.bulk import in_list
from syncer.database.connections import reading
from syncer.database.failures import retry_on_conflict
from syncer.delivery.guard.counting import Counted, DeletionCounts
from syncer.delivery.guard.rule import asks_for_contacts, limit
from syncer.delivery.guard.size import Size
from syncer.delivery.guard.steady import SteadyWindow
from syncer.delivery.leases import LockedLane
from syncer.domain.model import Delivery
from syncer.events.guard.stops import OPEN, RANK, end_if_over, stop, stopped, waiting
from syncer.log import get_logger
from syncer.settings.operation import GuardSettings

#: deletions that one transaction stops; more of them join at the next step
MOST = 10_000
#: up to such a limit counting costs nothing; above it, one count serves for so many seconds
CHEAP, SERVES = 1000, 1.0
#: sources, and days, that the log names; the rest is one number
NAMED = 20


@dataclass(frozen=True, slots=True)
class Trip:
    """Why the guard stopped a lane: its limit, what had begun within the window, and what was to begin."""

    limit: int
    counted: int
    waiting: int


@dataclass(frozen=True, slots=True)
class _Count:
    """What was counted at a moment (monotonic), and how many began since."""

    at: float
    counted: Counted
    begun: int = 0


class Guard:
    """Lets the deletions of one lane pass, or none of them.

    `queued` returns how many erasures still wait in the queue: a flood is to be seen whole.
    """

    def __init__(
        self,
        name: str,
        rule: GuardSettings,
        transactions: Transactions,
        size: Size,
        window: SteadyWindow,
        queued: Callable[[], int] = lambda: 0,
        monotonic: Callable[[], float] = elapsed,
    ) -> None:
        self._name = name
        self._rule = rule
        self._transactions = transactions
        self._tables = transactions.tables
        self._size = size
        self._window = window
        self._queued = queued
        self._monotonic = monotonic
        self._counts = DeletionCounts(transactions.tables)
        self._in_queue = 0
        self._trip: Trip | None = None
        self._count: _Count | None = None
        self._counting: _Count | None = None
        self._log = get_logger("syncer.guard").bind(lane=name)
        d, kind = self._tables.delivery.c, transactions.engine.dialect.name
        self._untried = sa.select(d.id, d.claim_rank).where(in_list(d.id, "ids", kind), d.untried == 1)
        self._behind = sa.select(d.id).where(stopped(self._tables, name)).limit(1)

    def look(self, *, guarded: bool) -> None:
        """End a stop behind which nothing waits any more; `guarded` says whether there is one."""
        self._count = None  # another may have owned the lane
        if guarded:
            with reading(self._transactions.engine) as connection:
                over = connection.execute(self._behind).first() is None
            if over:
                self._end()

    def before(self, deliveries: Iterable[Delivery]) -> None:
        """Ask how many contacts there are where that is due, and look into the queue, which may lie elsewhere.

        To be called before the transaction in which these begin.
        """
        if self._rule.enabled and any(each.untried for each in deliveries):
            if asks_for_contacts(self._rule):
                self._size.ask()
            self._in_queue = self._queued()

    def passed(self, tx: Transaction, lane: LockedLane, fresh: Sequence[Delivery]) -> list[Delivery]:
        """Return those of a lane's deliveries that may begin now; the caller holds the lane's row.

        What was released, or began before, passes. Where the rest would be unusually many, all of that stops. What a
        person decided about since it was claimed, or started over, is left to the next claim.
        """
        self._trip, self._counting = None, self._count
        deletions = sorted(each.id for each in fresh if each.action is Action.DELETE)
        if not deletions or not self._rule.enabled:
            return list(fresh)
        untried = {row.id: row.claim_rank for row in tx.connection.execute(self._untried, {"ids": deletions})}
        asking = {each.id for each in fresh if each.untried and untried.get(each.id) == RANK}
        if asking and lane.guarded:
            stop(tx, self._tables, [row.id for row in self._rows(tx)])
            asking = set()
        elif not self._fits(tx, lane.contacts, len(asking)):
            asking = set()
        return [each for each in fresh if each.id in asking or not (each.untried or each.id in untried)]

    def written(self) -> None:
        """Note that the transaction of `passed` was committed."""
        self._count = self._counting
        if self._trip is not None:
            trip = self._trip
            reason = f"{trip.counted} of {trip.limit} in 24 hours, and these to begin; see `syncer guard plan`"
            self._log.error("guard.tripped", count=trip.waiting, reason=reason)

    # -- counting -------------------------------------------------------------------------------------------

    def _fits(self, tx: Transaction, contacts: int | None, asking: int) -> bool:
        """Say whether these may begin; where not, stop all that waits."""
        if not asking:
            return True
        allowed = limit(self._rule, contacts)
        known, ticks = self._count, self._monotonic()
        if known is None or allowed <= CHEAP or not 0 <= ticks - known.at < SERVES:
            since = self._window.start(tx.now)
            known = _Count(ticks, self._counts.read(tx.connection, self._name, since, allowed + 1))
        fits = known.counted.all + self._in_queue <= allowed and known.counted.begun + known.begun + asking <= allowed
        if fits:
            self._counting = _Count(known.at, known.counted, known.begun + asking)
            return True
        self._stop(tx, allowed, contacts, known.counted.begun + known.begun)
        return False

    # -- the stop -------------------------------------------------------------------------------------------

    def _stop(self, tx: Transaction, allowed: int, contacts: int | None, counted: int) -> None:
        rows = self._rows(tx)
        stop(tx, self._tables, [row.id for row in rows])
        lane = self._tables.lane
        tripped = {"guard_since": tx.now, "guard_limit": allowed, "guard_counted": counted}
        tx.connection.execute(lane.update().where(lane.c.destination == self._name).values(tripped))
        self._trip, self._counting = Trip(allowed, counted, len(rows)), None
        facts: dict[str, Any] = {
            "limit": allowed,
            "counted": counted,
            "waiting": len(rows),
            "more_waiting": len(rows) == MOST,
            "queued": self._in_queue,
            "contacts": contacts,
            "by_source": _named(str(row.source or "-") for row in rows),
            "by_day": _named(str(row.received)[:10] for row in rows),
        }
        tx.audit.add("guard:tripped", destination=self._name, facts=facts)

    def _rows(self, tx: Transaction) -> Sequence[Any]:
        """Return the deletions that would begin next, with source and receipt of their requests; MOST at most."""
        d, e = self._tables.delivery, self._tables.event
        received = sa.cast(e.c.received_at, sa.String(32)).label("received")
        query = sa.select(d.c.id, sa.type_coerce(e.c.source, sa.Text).label("source"), received)
        # an applied one that a person started over during its call is read back, and nothing of it begins before that
        begins = (waiting(self._tables, self._name), d.c.state.in_(OPEN))
        query = query.select_from(d.join(e, d.c.event_id == e.c.id)).where(*begins)
        return tx.connection.execute(query.limit(MOST)).all()

    @retry_on_conflict
    def _end(self) -> None:
        with self._transactions.write() as tx:
            lane = self._tables.lane.c
            tx.connection.execute(sa.select(lane.fence).where(lane.destination == self._name).with_for_update()).all()
            end_if_over(tx, self._tables, [self._name], "nothing waits any more")


def _named(words: Iterable[str]) -> dict[str, int]:
    """Return how often each word comes, the most frequent NAMED of them; the rest as one number."""
    found = Counter(words)
    most = dict(found.most_common(NAMED))
    rest = found.total() - sum(most.values())
    return most | ({"others": rest} if rest else {})
