"""What a batch of results means for the whole lane: a pause, a wait, or the end of one; and how both are logged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from adapters.contract import Preview, Receipt
from syncer.domain.policy import Decision
from syncer.events.mapping import Finished
from syncer.privacy.masking import kept

#: what a person must see: somebody has to decide, or somebody is back who was erased
ALARMS = frozenset({"delivery:held", "delivery:reappeared"})


@dataclass(frozen=True, slots=True)
class LaneChange:
    """What becomes of a lane; `cool_until` is UTC, `strikes` counts its waits in a row."""

    pause: Decision | None
    cool_until: datetime | None
    ends_wait: bool
    strikes: int

    @property
    def rests(self) -> bool:
        """Whether the lane makes no calls from now on."""
        return self.pause is not None or self.cool_until is not None

    @property
    def pause_reason(self) -> str:
        """Why the lane pauses, in words: the code and its detail."""
        assert self.pause is not None
        return f"{self.pause.pause}: {kept(self.pause.detail)}" if self.pause.detail else str(self.pause.pause)


def lane_change(finished: Sequence[Finished], strikes: int, *, may_call: bool) -> LaneChange:
    """Return what results ask of a lane with so many strikes.

    A lane that may not call now neither pauses nor ends its wait.
    """
    decisions = [each.decision for each in finished]
    pause = next((decision for decision in decisions if decision.pause), None) if may_call else None
    cool_until = max((decision.cool_until for decision in decisions if decision.cool_until), default=None)
    went_through = any(isinstance(each.result, Receipt | Preview) for each in finished)
    ends_wait = cool_until is None and bool(strikes) and went_through and may_call and pause is None
    return LaneChange(pause, cool_until, ends_wait, 0 if ends_wait else strikes)


def log_change(log: Any, change: LaneChange, now: datetime) -> None:
    """Log that a lane pauses or waits. `now` is UTC."""
    if change.pause is not None:
        log.error("lane.paused", code=change.pause.pause)
    if change.cool_until is not None:
        log.warning("lane.cooling", seconds=round((change.cool_until - now).total_seconds(), 1))


def log_result(log: Any, finished: Finished) -> None:
    """Log one result, as a warning where a person must see it."""
    delivery, decision = finished.delivery, finished.decision
    say = log.warning if decision.what in ALARMS else log.info
    say(
        decision.what.replace(":", "."),
        event_id=delivery.event_id,
        state=str(decision.state),
        code=decision.code,
        attempt=delivery.attempts,
    )
