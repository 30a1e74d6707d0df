"""Jumps of the wall clock: seen by a clock that nobody sets, then audited; they must not draw the lanes' waits out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from syncer.audit.transaction import Transaction, Transactions
from syncer.clock import elapsed, stamp
from syncer.database.connections import reading
from syncer.database.failures import retry_on_conflict
from syncer.database.tables import Tables
from syncer.domain.policy import LONGEST_WAIT

#: what two looks may differ by: slewing, a leap second, a slow machine
TOLERANCE = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Jump:
    """The wall clock says `actual` where `expected` was due (both UTC)."""

    expected: datetime
    actual: datetime

    @property
    def seconds(self) -> int:
        """How many seconds it jumped; negative for a step back."""
        return round((self.actual - self.expected).total_seconds())


class ClockMonitor:
    """Compares the wall clock with the elapsed time, from one look to the next."""

    def __init__(self, clock: Callable[[], datetime], elapsed: Callable[[], float] = elapsed) -> None:
        self._clock = clock
        self._elapsed = elapsed
        self._last = (clock(), elapsed())

    def look(self) -> Jump | None:
        """Return the jump since the last look, if there was one."""
        wall, ticks = self._last
        self._last = now, now_ticks = self._clock(), self._elapsed()
        return jump(wall + timedelta(seconds=now_ticks - ticks), now)


def jump(expected: datetime, actual: datetime) -> Jump | None:
    """Return the jump from the expected to the actual time (UTC), None within the tolerance."""
    return Jump(expected, actual) if abs(actual - expected) > TOLERANCE else None


def since_last_entry(transactions: Transactions) -> Jump | None:
    """Return the step back since the audit's last entry: a clock that was set while no daemon ran shows there."""
    audit = transactions.tables.audit.c
    with reading(transactions.engine) as connection:
        last = connection.execute(sa.select(audit.at).order_by(audit.seq.desc()).limit(1)).scalar()
    now = transactions.clock()
    before = datetime.fromisoformat(last) if last else now
    return jump(before, now) if before > now else None


@retry_on_conflict
def record(transactions: Transactions, jump: Jump) -> None:
    """Audit a jump. After a step back, end the waits that have become longer than was meant."""
    with transactions.write() as tx:
        facts = {"seconds": jump.seconds, "expected": stamp(jump.expected), "found": stamp(jump.actual)}
        tx.audit.add("clock:anomaly", facts=facts)
        if jump.seconds < 0:
            _end_waits(tx, transactions.tables, jump.expected)


def _end_waits(tx: Transaction, tables: Tables, expected: datetime) -> None:
    # what was due before the step is due after it; what was to wait goes on waiting, but never beyond the longest wait
    delivery, lane = tables.delivery, tables.lane

    def drawn_out(moment: sa.Column[datetime]) -> sa.ColumnElement[bool]:
        too_long = moment > tx.now + timedelta(seconds=LONGEST_WAIT)
        return sa.and_(moment > tx.now, sa.or_(moment <= expected, too_long))

    due = delivery.c.next_attempt_at
    tx.connection.execute(
        delivery.update().where(delivery.c.claim_rank.is_not(None), drawn_out(due)).values(next_attempt_at=tx.now)
    )
    for column in (lane.c.cool_until, lane.c.probe_at):
        tx.connection.execute(lane.update().where(drawn_out(column)).values({column: tx.now}))
