"""What failed attempts leave behind: how long they may go on, what they changed, what is still to be seen. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from adapters.contract import Outcome, Receipt
from adapters.errors import AdapterError, Permanent, Transient
from syncer.domain.model import Delivery

#: what an adapter says will show by itself: an archive lags behind by minutes, not by hours
HOURS = timedelta(hours=6)
#: what nobody understands: a provider may mend it, and a new syncer may
DAY = timedelta(days=1)
#: codes of answers that mean nothing to syncer; waiting alone does not cure them, unlike an outage
NOT_UNDERSTOOD = frozenset({"unreadable", "incomplete", "too_big", "conflict", "unknown_state", "rejected", "crashed"})


def unseen_after(delivery: Delivery, result: object) -> int:
    """Return how many deleted objects nobody has seen where deleted ones are kept, after this result."""
    if isinstance(result, Receipt):
        return result.unseen
    known = result.unseen if isinstance(result, AdapterError) else None
    return delivery.unseen if known is None else known


def failing_since(delivery: Delivery, result: object, now: datetime) -> datetime | None:
    """Return since when (UTC) the delivery has got nowhere, None where it gets on.

    An outage in between changes nothing: what was not understood before it is not understood by waiting it out.
    """
    if isinstance(result, Receipt):
        return (delivery.failing_since or now) if result.unseen else None
    if isinstance(result, Transient) and (result.hold_as or result.code in NOT_UNDERSTOOD):
        return delivery.failing_since or now
    return None if isinstance(result, Permanent) else delivery.failing_since


def worn_out(delivery: Delivery, result: object, now: datetime) -> Permanent | None:
    """Return the reason to hold a delivery that has got nowhere for too long, None while it may go on."""
    if not isinstance(result, Transient) or delivery.failing_since is None:
        return None
    if result.hold_as and now - delivery.failing_since >= HOURS:
        return Permanent(result.hold_as, result.detail, steps=result.steps, unseen=result.unseen)
    if result.code in NOT_UNDERSTOOD and now - delivery.failing_since >= DAY:
        return Permanent(result.code, result.detail, steps=result.steps, unseen=result.unseen)
    return None


def changed_something(error: AdapterError) -> bool:
    """Say whether a walk that failed had changed something before, or may have: a call whose answer was lost counts."""
    return any(not step.call.startswith("GET ") and (step.status is None or step.status < 300) for step in error.steps)


def contradicts(receipt: Receipt, *, asked: bool) -> bool:
    """Say whether a receipt says that nobody could be asked of what was `asked`, or not why: an adapter's mistake.

    A call that changes something asks.
    """
    wrote = any(not step.call.startswith("GET ") for step in receipt.steps)
    return receipt.outcome is Outcome.NOT_APPLICABLE and (asked or wrote or receipt.reason is None)


def claims_too_much(receipt: Receipt, *, read_back: bool) -> bool:
    """Say whether a receipt ends a delivery though something deleted was not seen yet: an adapter's mistake."""
    return receipt.unseen > 0 and (read_back or receipt.outcome is Outcome.ABSENT)
