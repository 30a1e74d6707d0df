"""The lane of a destination in shadow mode: it claims, previews and records, and nothing is carried out."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from adapters.errors import Transient
from syncer.database.failures import retry_on_conflict
from syncer.delivery.lane import Lane
from syncer.delivery.lane_change import log_result
from syncer.delivery.leases import require_fence
from syncer.delivery.senders import Done, Work
from syncer.domain.codes import SHADOWED
from syncer.domain.model import Delivery, State
from syncer.domain.policy import NotCalled, Phase
from syncer.domain.preview import as_preview, judge_preview
from syncer.events.mapping import Finished
from syncer.events.opening import opened


class ShadowLane(Lane):
    """The ordered previews of one destination.

    Nothing is begun: a preview changes nothing, so a kill leaves nothing that anybody would have to find out about.
    What was carried out before the shadow is not read back in it; like at a paused lane, that waits.
    """

    shadow = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: delivery -> its previews that failed in a row; a new process begins with the shortest wait again
        self._tries: dict[int, int] = {}

    def _step(self, came_back: list[Done], claimed: deque[Delivery]) -> int:
        now = self._clock()
        decided = [finished for done in came_back if (finished := self._decide(done, now)) is not None]
        self._in_flight.came_back(done.work.delivery for done in came_back)
        picked = self._in_flight.pick(claimed) if self._gate.is_set() else []
        carried_out = [each for each in picked if each.state is State.APPLIED]
        fit, held = opened(self._seals, [each for each in picked if each.state is not State.APPLIED], now)
        decided += held
        _, lost = self._written(decided, [])
        if carried_out:
            self._park(carried_out)
        for finished in decided:
            if finished.delivery.id not in lost:
                log_result(self._log, finished)
        # what is not previewed now is due still
        works = [Work(each, Phase.PREVIEW, address, now) for each, address in fit] if self._gate.is_set() else []
        self._in_flight.begin(work.delivery for work in works)
        for work in works:
            self._senders.submit(work)
        return len(came_back) + len(held) + len(carried_out)

    def _decide(self, done: Done, now: datetime) -> Finished | None:
        delivery, rest = done.work.delivery, self._rest
        if isinstance(done.result, NotCalled):
            return None  # nothing was begun: it is due still
        rest.met(done.result)
        result = as_preview(delivery, done.result, now)
        tries = self._tries.get(delivery.id, 0) + 1
        decision = judge_preview(delivery, result, tries, now, self._dice, rest.strikes, rest.unreachable)
        if isinstance(result, Transient) and not (decision.pause or decision.cool_until):
            self._tries[delivery.id] = tries
        else:
            self._tries.pop(delivery.id, None)
        return Finished(delivery, Phase.PREVIEW, result, decision)

    @retry_on_conflict
    def _park(self, deliveries: Sequence[Delivery]) -> None:
        """Let what is to be read back wait until the destination is live again: a read-back could set it off anew."""
        d = self._transactions.tables.delivery
        with self._transactions.write() as tx:
            if require_fence(tx, self._transactions.tables, self._held.lease, shadow=True).rests:
                return
            tx.connection.execute(
                d.update()
                .where(d.c.id.in_([each.id for each in deliveries]), d.c.state == State.APPLIED)
                .values(code=SHADOWED, next_attempt_at=None, claim_rank=None)
            )
