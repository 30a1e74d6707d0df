"""A lane's rest: why it makes no calls for a while, what is counted towards that, and how it ends."""

from __future__ import annotations

from adapters.contract import Adapter
from adapters.errors import AdapterError
from syncer.audit.transaction import Transaction, Transactions
from syncer.delivery.lane_change import LaneChange, log_change
from syncer.delivery.leases import LaneRow, Leases
from syncer.domain.policy import PROBE_EVERY, Result, unreachable_in_a_row
from syncer.log import get_logger


class LaneRest:
    """Whether one lane may call: not while it is paused, and not while it waits for a destination to recover."""

    def __init__(self, name: str, adapter: Adapter, transactions: Transactions, leases: Leases) -> None:
        #: its waits in a row, read anew at each turn
        self.strikes = 0
        #: whether its deletions wait for a person, read anew at each turn
        self.guarded = False
        #: its results in a row without a connection
        self.unreachable = 0
        self._name = name
        self._adapter = adapter
        self._transactions = transactions
        self._clock = transactions.clock
        self._leases = leases
        self._log = get_logger("syncer.lane").bind(lane=name)

    def row(self) -> LaneRow | None:
        """Read the lane's row."""
        return self._leases.get(self._name)

    def is_over(self, row: LaneRow | None) -> bool:
        """Say whether the lane may call, by its row; one that syncer paused is probed, once it is time to."""
        self.guarded = row is not None and row.guard_since is not None
        if row is None or not self._may_call(row):
            return False
        self.strikes = row.strikes
        return True

    def met(self, result: Result) -> None:
        """Count what a call brought back."""
        self.unreachable = unreachable_in_a_row(self.unreachable, result)

    def write(self, tx: Transaction, change: LaneChange) -> None:
        """Write that the lane pauses or waits from now on, or that its wait is over."""
        if change.pause is not None:
            self._leases.pause(tx, self._name, "syncer", change.pause_reason, tx.now + PROBE_EVERY)
        if change.cool_until is not None:
            # what else comes back from before is the same storm: strikes are read anew at the next turn only
            self._leases.cool(tx, self._name, change.cool_until, self.strikes + 1)
        elif change.ends_wait:
            self._leases.cool(tx, self._name, None, 0)

    def written(self, tx: Transaction, change: LaneChange) -> None:
        """Note that `tx`, which wrote the change, was committed."""
        log_change(self._log, change, tx.now)
        self.strikes = change.strikes

    def _may_call(self, row: LaneRow) -> bool:
        now = self._clock()
        if not row.paused:
            return row.cool_until is None or row.cool_until <= now
        if row.paused_by != "syncer" or (row.probe_at is not None and row.probe_at > now):
            return False
        return self._probe()

    def _probe(self) -> bool:
        """Say whether a lane that syncer paused works again, and resume it if so."""
        try:
            self._adapter.ping()
        except Exception as error:  # noqa: BLE001 — a bug in an adapter must not have it asked every second
            code = error.code if isinstance(error, AdapterError) else "crashed"
            self._log.warning("lane.still_paused", code=code, error=type(error).__name__)
            self._leases.probe_later(self._name, self._clock() + PROBE_EVERY)
            return False
        self.unreachable = 0
        with self._transactions.write() as tx:
            self._leases.resume(tx, self._name, "syncer", "the probe succeeded")
        self._log.info("lane.resumed")
        return True
