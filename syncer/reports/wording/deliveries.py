"""Where a delivery stands, in words that claim no more than was read back; and what was done before an exception."""

from __future__ import annotations

from syncer.domain.codes import GUARDED
from syncer.domain.model import State
from syncer.domain.rights import Ground
from syncer.language.texts import _, counted
from syncer.reports.evidence import ReportedDelivery
from syncer.reports.views import DeliveryView
from syncer.reports.wording import previews
from syncer.reports.wording.moments import Moments
from syncer.reports.wording.sureness import unseen
from syncer.reports.wording.words import OUTCOMES, STATES


def standing(delivery: DeliveryView) -> str:
    """Return where a delivery stands; why, is what its code means."""
    if previews.is_shadowed(delivery):
        return previews.standing(delivery)
    if delivery.rechecking:
        return _("confirmed, being read back again")
    if withdrawn(delivery):
        return _("withdrawn, not asked any further")
    if delivery.code == GUARDED:
        return _("stopped until a person has looked")
    if delivery.state is State.PENDING and (delivery.code or delivery.attempts):
        return _("waiting to be tried again")
    return unseen(delivery) or _(STATES[delivery.state])


def withdrawn(delivery: DeliveryView) -> bool:
    """Say whether it was closed because its request was withdrawn, which is no exception to a request that stands."""
    return delivery.state is State.EXEMPT and delivery.code == Ground.WITHDRAWN


def outcome(delivery: DeliveryView) -> str:
    """Return what a recipient was found to have done; empty for what was not read back, or is not so any more."""
    read_back = delivery.state is State.CONFIRMED or delivery.rechecking
    return _(OUTCOMES[delivery.outcome]) if read_back and delivery.outcome else ""


def tries(delivery: DeliveryView) -> str:
    """Return how often it was tried. An attempt that was given back, such as when its lane paused, does not count."""
    if delivery.state is not State.PENDING or not delivery.code:
        return counted("{num} attempt", "{num} attempts", delivery.attempts)
    if not delivery.attempts:
        return _("no attempt counts yet")
    return counted(
        "{num} attempt, not counting what was given back",
        "{num} attempts, not counting what was given back",
        delivery.attempts,
    )


def before(delivery: ReportedDelivery, moments: Moments) -> str:
    """Return what had been done at a recipient before somebody closed it by decision; empty for any other delivery.

    Only what was read back is called confirmed, and only what the recipient answered to is called carried out.
    """
    if delivery.state is not State.EXEMPT:
        return ""
    said, tried = delivery.evidence.confirmation, delivery.evidence.attempts
    if said is not None:
        return _("before, it had been confirmed: {when}").format(when=moments.exact(said.first_confirmed_at))
    if delivery.evidence.carried_out:
        if not delivery.applied_at:
            return _("before, the recipient had answered that it is done: see the log")
        return _("before, the recipient had answered that it is done: {when}").format(
            when=moments.exact(delivery.applied_at)
        )
    if delivery.applied_at is not None:
        return _("before, at least a part of it had been done there: {when}").format(
            when=moments.exact(delivery.applied_at)
        )
    if tried is not None:
        return _("before, it had been asked, last {when}").format(when=moments.exact(tried.last_attempt_at))
    if delivery.attempts:
        return _("before, it had been asked")
    return _("it was never asked")


def would_have(delivery: ReportedDelivery) -> str:
    """Return what would have happened at a destination in shadow mode; empty for any other, and where nobody asked."""
    seen = delivery.evidence.foreseen
    if seen is None or not previews.is_shadowed(delivery) or delivery.state is State.APPLIED:
        return ""
    return previews.would_have(seen.found, seen.would, seen.would_be_held_for)
