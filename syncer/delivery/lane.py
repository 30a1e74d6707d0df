"""The walk of one destination: claim, begin, call, judge, record, confirm; its senders work side by side.

The thread that calls `turn` does all the database work of the lane, so commits are shared by whatever came back
meanwhile; the senders do nothing but call the adapter.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from adapters.contract import Adapter
from syncer.audit.transaction import Transactions
from syncer.bell import Bell
from syncer.clock import elapsed
from syncer.database.failures import UNWRITABLE, is_of_one_row, retry_on_conflict
from syncer.delivery.guard.guard import Guard
from syncer.delivery.held_lease import HeldLease
from syncer.delivery.in_flight import InFlight
from syncer.delivery.lane_change import lane_change, log_result
from syncer.delivery.lane_rest import LaneRest
from syncer.delivery.leases import Leases, is_in_shadow, require_fence
from syncer.delivery.senders import BURST_WAIT, Done, Senders, Work
from syncer.domain.model import Delivery, Lease, State
from syncer.domain.policy import NotCalled, Phase, judge
from syncer.errors import StaleFence
from syncer.events.damaged import apart
from syncer.events.mapping import Finished
from syncer.events.opening import opened
from syncer.events.seals import Seals
from syncer.events.store import Store
from syncer.log import get_logger

#: deliveries of one claim
BATCH = 100
#: seconds after which a turn looks anew for what goes first, once its bell rang
CLAIM_AGAIN = 0.25
#: seconds a turn waits for its senders once it was told to stop; systemd and SIGTERM allow 30 in all
GRACE = 25.0


class Lane:
    """The ordered work of one destination."""

    #: whether it reads only
    shadow = False

    def __init__(
        self,
        name: str,
        adapter: Adapter,
        transactions: Transactions,
        store: Store,
        leases: Leases,
        seals: Seals,
        stop: threading.Event,
        dice: Callable[[float, float], float] = random.uniform,
        burst_wait: float = BURST_WAIT,
        senders: Callable[..., Senders] = Senders,
        monotonic: Callable[[], float] = elapsed,
        guard: Guard | None = None,
    ) -> None:
        self.name = name
        #: when its turn last went a step on (monotonic clock)
        self.moved_at = time.monotonic()
        #: rung when something may have become due
        self.bell = Bell()
        self._adapter = adapter
        self._transactions = transactions
        self._clock = transactions.clock
        self._store = store
        self._stop = stop
        self._dice = dice
        self._log = get_logger("syncer.lane").bind(lane=name)
        self._seals = seals
        self._senders = senders(name, adapter, seals.keyring, stop, burst_wait, monotonic)
        self._monotonic = monotonic
        self._gate = self._senders.gate
        self._held = HeldLease(name, leases, monotonic, self._senders.call_until, shadow=self.shadow)
        self._rest = LaneRest(name, adapter, transactions, leases)
        self._guard = guard
        self._leaving = threading.Event()
        self._finishing = threading.Event()
        self._calls_left = False
        self._in_flight = InFlight(self._senders.count)
        self._applied: dict[int, Delivery] = {}  # as they stand while their senders read them back

    # -- one turn -------------------------------------------------------------------------------------------

    def turn(self) -> int:
        """Work until nothing of the lane is due; return how many results were recorded, 0 when the lane is not ours."""
        if self._senders.busy or self._finishing.is_set():
            # calls of a turn that failed are still under way: nobody else may start beside them
            self._held.renew()
            return 0
        if self._leaving.is_set():
            self._give_back()
            return 0
        row = self._rest.row() if self._held.held else None
        if row is not None and is_in_shadow(row) is not self.shadow:
            self._log.warning("lane.mode_differs", kind="shadow" if self.shadow else "live")
            self._give_back()  # somebody whose settings say otherwise started later: see delivery/shadow/modes.py
            row = None
        # a lane that was just taken is read now: whoever had it may have let it wait
        if not self._held.own() or not self._rest.is_over(row or self._rest.row()):
            return 0
        self._gate.set()
        try:
            with self._transactions.kept():
                if self._guard is not None:
                    self._guard.look(guarded=self._rest.guarded)
                return self._pump()
        except StaleFence:
            # somebody else owns the lane by now, and finds out what became of the calls made here
            self._held.lost()
            return 0
        finally:
            self._drop_leftovers()

    def leave(self) -> None:
        """Give the lane to another daemon at the next turn; a turn under way finishes the calls in hand first."""
        self._leaving.set()
        self.bell.ring()

    def finish(self) -> None:
        """Begin nothing any more, for good; a turn under way finishes the calls in hand, and the lease stays ours."""
        self._finishing.set()
        self.bell.ring()

    @property
    def finished(self) -> bool:
        """Say, between two turns, whether it was told to finish and no call is under way any more."""
        return self._finishing.is_set() and not self._senders.busy

    def retire(self) -> None:
        """End its senders; lease and adapter are those of the lane that comes after it in this process."""
        self._senders.close()

    def release(self) -> None:
        """Give the lane back and end its senders."""
        try:
            if not self._calls_left:  # or another daemon would start over what is still being called here
                self._give_back()
        finally:
            self.abandon()

    def halt(self) -> None:
        """Make no further call, from any thread; what was begun comes back as not called."""
        self._gate.clear()

    def abandon(self) -> None:
        """End its senders without a word to the database; its lease ends by itself."""
        self._senders.close()
        self._adapter.close()

    def _give_back(self) -> None:
        try:
            self._held.give_back()
        finally:
            # only now: while the database still shows the lane as ours, it counts as on its way
            self._leaving.clear()

    @property
    def leaving(self) -> bool:
        """Say whether it is about to be given to another daemon."""
        return self._leaving.is_set()

    @property
    def busy(self) -> bool:
        """Say whether calls are under way."""
        return self._senders.busy

    @property
    def adapter(self) -> Adapter:
        """The destination's adapter, which paces every call to it, ours and others'."""
        return self._adapter

    @property
    def owned(self) -> bool:
        """Say whether this process owned the lane at its last turn."""
        return self._held.held

    # -- the pump -------------------------------------------------------------------------------------------

    def _pump(self) -> int:
        claimed: deque[Delivery] = deque()
        recorded = 0
        exhausted = False
        stopped_at = claimed_at = 0.0
        while True:
            self.moved_at = time.monotonic()
            if self._stop.is_set() and not stopped_at:
                self._gate.clear()
                stopped_at = self._monotonic()
            if self._leaving.is_set() or self._finishing.is_set():
                self._gate.clear()
            if self._monotonic() - claimed_at >= CLAIM_AGAIN and self.bell.heard():
                claimed.clear()  # nothing was written for them yet, and what is new may go first
                exhausted = False
            if not exhausted and len(claimed) < self._in_flight.most and self._gate.is_set():
                claimed = deque(self._store.claim(self.name, self._clock(), BATCH, self._in_flight.ids))
                claimed_at = self._monotonic()
                exhausted = len(claimed) < BATCH
            # wait only when nothing can begin without an answer
            idle = self._in_flight and not self._can_begin(claimed)
            came_back = self._senders.collect(self._in_flight.enough, wait=0.5 if idle else 0.0)
            if came_back or self._can_begin(claimed):
                recorded += self._step(came_back, claimed)
                exhausted = exhausted and not came_back
            self._held.renew()
            if not self._in_flight and (exhausted or not self._gate.is_set()):
                return recorded
            if stopped_at and self._monotonic() - stopped_at > GRACE:
                self._calls_left = True
                self._log.warning("lane.calls_left", count=len(self._in_flight))
                return recorded

    def _can_begin(self, claimed: deque[Delivery]) -> bool:
        return self._gate.is_set() and self._in_flight.can_begin(claimed)

    def _step(self, came_back: list[Done], claimed: deque[Delivery]) -> int:
        """Record what came back, begin what comes next in the same transaction; return how many results there were."""
        now = self._clock()
        decided = [finished for done in came_back if (finished := self._decide(done, now)) is not None]
        self._in_flight.came_back(done.work.delivery for done in came_back if done.last)
        fit, held = opened(self._seals, self._in_flight.pick(claimed) if self._gate.is_set() else [], now)
        decided += held
        fresh = [each for each in fit if each[0].state is not State.APPLIED]
        if self._guard is not None:
            self._guard.before(delivery for delivery, _ in fresh)
        begun, lost = self._written(decided, [delivery for delivery, _ in fresh])
        for finished in decided:
            if finished.delivery.id not in lost:
                log_result(self._log, finished)
        addresses = {delivery.id: address for delivery, address in fresh}
        works = [Work(each, Phase.APPLY, addresses[each.id], now) for each in begun]
        works += [Work(each, Phase.CONFIRM, address, now) for each, address in fit if each.state is State.APPLIED]
        self._in_flight.begin(work.delivery for work in works)
        for work in works:
            self._senders.submit(work)
        return len(came_back) + len(held)

    def _written(self, decided: list[Finished], fresh: list[Delivery]) -> tuple[list[Delivery], set[int]]:
        """Write all, or where one row does not let it, each by itself; return what began, and what was not recorded.

        That is what was held instead, and what a person closed meanwhile.
        """
        try:
            return self._write(self._held.lease, decided, fresh, self._gate.is_set())
        except UNWRITABLE as error:
            if not is_of_one_row(error):
                raise
            self._log.error("lane.taken_apart", error=type(error).__name__)
        begun: list[Delivery] = []
        lost: set[int] = set()
        for row_id, results, first in apart(decided, fresh):
            try:
                began, closed = self._write(self._held.lease, results, first, self._gate.is_set())
                begun += began
                lost |= closed
            except UNWRITABLE as error:
                if not is_of_one_row(error):
                    raise
                self._store.hold_damaged([row_id])
                lost.add(row_id)
        return begun, lost

    @retry_on_conflict
    def _write(
        self, lease: Lease, decided: list[Finished], fresh: list[Delivery], may_call: bool
    ) -> tuple[list[Delivery], set[int]]:
        # may run twice: what it leaves in memory is set after the commit, or is the same the second time
        with self._transactions.write() as tx:
            row = require_fence(tx, self._transactions.tables, lease, shadow=self.shadow)
            if row.rests:
                self._gate.clear()  # an operator paused the lane meanwhile, or somebody changed its mode
                may_call = False
            closed = self._store.closed(tx, {item.delivery.id for item in decided} | {each.id for each in fresh})
            self._store.record(tx, decided, closed)
            change = lane_change(decided, self._rest.strikes, may_call=may_call)
            if change.rests:
                self._gate.clear()
            self._rest.write(tx, change)
            may_begin = fresh if may_call else ()
            if self._guard is not None:
                may_begin = self._guard.passed(tx, row, may_begin)
            begun = self._store.begin(tx, lease, may_begin, closed)
        self._rest.written(tx, change)
        if self._guard is not None:
            self._guard.written()
        return begun, closed

    def _decide(self, done: Done, now: datetime) -> Finished | None:
        applied = self._applied.pop(done.work.delivery.id, None)
        if applied is not None and isinstance(done.result, NotCalled):
            return None  # applied, and claimed again when calls may be made
        delivery = applied or done.work.delivery
        rest = self._rest
        rest.met(done.result)
        decision = judge(delivery, done.phase, done.result, now, self._dice, rest.strikes, rest.unreachable)
        if not done.last:
            self._applied[delivery.id] = replace(
                delivery,
                state=decision.state,
                outcome=decision.outcome,
                applied_at=decision.applied_at,
                confirmed_at=None,
                unseen=decision.unseen,
                failing_since=decision.failing_since,
            )
        return Finished(delivery, done.phase, done.result, decision)

    def _drop_leftovers(self) -> None:
        # only after a lost lane or an overlong stop: results that arrive now have no owner here
        self._senders.forget()
        self._in_flight.clear()
        self._applied.clear()
