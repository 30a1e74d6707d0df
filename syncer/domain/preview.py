"""What to do after a preview: it is kept as what would have happened, or made again. Pure, like `policy`."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from adapters.contract import Preview
from adapters.errors import Permanent
from syncer.domain.codes import SHADOWED
from syncer.domain.model import Delivery
from syncer.domain.patience import worn_out
from syncer.domain.policy import Decision, Dice, Phase, Result, judge


def as_preview(delivery: Delivery, result: Result, now: datetime) -> Result:
    """Return a result as the preview that it is where a live delivery would be held for it; any other as it is.

    `now` is UTC.
    """
    held = worn_out(delivery, result, now) or result
    if not isinstance(held, Permanent):
        return result
    return Preview((), (), held.code, held.steps)


def judge_preview(
    delivery: Delivery,
    result: Result,
    tries: int,
    now: datetime,
    dice: Dice,
    strikes: int = 0,
    unreachable: int = 0,
) -> Decision:
    """Return what happens to a delivery after a result that `as_preview` has seen: its state never changes.

    A preview is no attempt: `tries` counts those that failed in a row, this one included, and `attempts` stays as it
    was. `strikes` and `unreachable` are as for `judge`.
    """
    if isinstance(result, Preview):
        decision = Decision(delivery.state, "delivery:previewed", code=SHADOWED)
    else:
        decision = judge(replace(delivery, attempts=tries), Phase.PREVIEW, result, now, dice, strikes, unreachable)
    return replace(
        decision,
        state=delivery.state,
        outcome=delivery.outcome,
        applied_at=delivery.applied_at,
        confirmed_at=None,
        give_back=False,
        unseen=delivery.unseen,
    )
