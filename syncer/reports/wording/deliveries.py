"""Where a delivery stands, in words that claim no more than was read back; and what was done before an exception."""

from __future__ import annotations

from syncer.domain.model import State
from syncer.domain.rights import Ground
from syncer.reports.evidence import ReportedDelivery
from syncer.reports.views import DeliveryView
from syncer.reports.wording.moments import Moments
from syncer.reports.wording.words import OUTCOMES, STATES


def standing(delivery: DeliveryView) -> str:
    """Return where a delivery stands; why, is what its code means."""
    if delivery.rechecking:
        return "confirmed, being read back again"
    if withdrawn(delivery):
        return "withdrawn, not asked any further"
    if delivery.state is State.PENDING and (delivery.code or delivery.attempts):
        return "waiting to be tried again"
    return STATES[delivery.state]


def withdrawn(delivery: DeliveryView) -> bool:
    """Say whether it was closed because its request was withdrawn, which is no exception to a request that stands."""
    return delivery.state is State.EXEMPT and delivery.code == Ground.WITHDRAWN


def outcome(delivery: DeliveryView) -> str:
    """Return what a recipient was found to have done; empty for what was not read back, or is not so any more."""
    read_back = delivery.state is State.CONFIRMED or delivery.rechecking
    return OUTCOMES[delivery.outcome] if read_back and delivery.outcome else ""


def tries(delivery: DeliveryView) -> str:
    """Return how often it was tried. An attempt that was given back, such as when its lane paused, does not count."""
    number = "1 attempt" if delivery.attempts == 1 else f"{delivery.attempts} attempts"
    if delivery.state is State.PENDING and delivery.code:
        return f"{number}, not counting what was given back" if delivery.attempts else "no attempt counts yet"
    return number


def before(delivery: ReportedDelivery, moments: Moments) -> str:
    """Return what had been done at a recipient before somebody closed it by decision; empty for any other delivery.

    Only what was read back is called confirmed, and only what the recipient answered to is called carried out.
    """
    if delivery.state is not State.EXEMPT:
        return ""
    said, tried = delivery.evidence.confirmation, delivery.evidence.attempts
    if said is not None:
        return f"before, it had been confirmed: {moments.exact(said.first_confirmed_at)}"
    if delivery.evidence.carried_out:
        return f"before, the recipient had answered that it is done: {_when(delivery, moments)}"
    if delivery.applied_at is not None:
        return f"before, at least a part of it had been done there: {moments.exact(delivery.applied_at)}"
    if tried is not None:
        return f"before, it had been asked, last {moments.exact(tried.last_attempt_at)}"
    if delivery.attempts:
        return "before, it had been asked"
    return "it was never asked"


def _when(delivery: ReportedDelivery, moments: Moments) -> str:
    return moments.exact(delivery.applied_at) if delivery.applied_at else "see the log"
