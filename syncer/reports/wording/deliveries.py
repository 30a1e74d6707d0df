"""Where a delivery stands, in words that claim no more than was read back; and what was done before an exception."""

from __future__ import annotations

from datetime import date

from syncer.domain.codes import GUARDED, meaning
from syncer.domain.endings import UNSEEN
from syncer.domain.model import State
from syncer.domain.rights import Ground
from syncer.language.texts import _, counted
from syncer.reports.evidence import Attestation, DeliveryEvidence, ReportedDelivery
from syncer.reports.views import DeliveryView
from syncer.reports.wording import previews
from syncer.reports.wording.moments import Moments, in_register
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
    return _(OUTCOMES[delivery.outcome]) if delivery.is_read_back and delivery.outcome else ""


def why_unseen(delivery: DeliveryView) -> str:
    """Return what a recipient answered by a person's word, or why it could not be asked; empty for any other."""
    return meaning(delivery.code) if delivery.state in UNSEEN else ""


def answered_on(said: Attestation | None) -> date | None:
    """Return on which day a recipient answered, by a person's word; None where nobody says, or what is no day."""
    try:
        return date.fromisoformat(said.answered_on) if said and said.answered_on else None
    except ValueError:  # what somebody else wrote there
        return None


def by_whose_word(delivery: ReportedDelivery, moments: Moments, *, whole: bool = True) -> str:
    """Return who says what a recipient answered, and when it did; empty where nobody does.

    The `whole` of it has the reason, and the digest of the answer: whoever kept that file can show that it is the one.
    """
    said = delivery.evidence.attestation
    if said is None or delivery.state is not State.ATTESTED:
        return ""
    day = answered_on(said)
    parts = [_("answered {day}").format(day=in_register(day))] if day else []
    parts.append(_("{who} said so {when}").format(who=said.attested_by or "?", when=moments.exact(said.attested_at)))
    if whole and said.attested_reason:
        parts.append(_("reason: {reason}").format(reason=said.attested_reason))
    if whole and said.evidence_sha256:
        parts.append(_("SHA-256 of the answer {digest}").format(digest=said.evidence_sha256))
    return "; ".join(parts)


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
    told = delivery.evidence
    if delivery.state is not State.EXEMPT:
        # what was passed on once stays so, whatever closed it later
        later = told.acceptance is not None and delivery.state in (State.ATTESTED, State.NOT_APPLICABLE)
        return _passed_on(told, moments) if later else ""
    if told.confirmation is not None:
        return _("before, it had been confirmed: {when}").format(
            when=moments.exact(told.confirmation.first_confirmed_at)
        )
    if told.attestation is not None:
        return _("before, a person had settled it: {when}").format(when=moments.exact(told.attestation.attested_at))
    if told.acceptance is not None:
        return _passed_on(told, moments)
    if told.not_asked is not None:
        return _("before, it could not be asked there: {when}").format(
            when=moments.exact(told.not_asked.not_applicable_at)
        )
    return _asked_before(delivery, moments)


def _passed_on(told: DeliveryEvidence, moments: Moments) -> str:
    assert told.acceptance is not None
    return _("before, it had been passed on, and could not be checked: {when}").format(
        when=moments.exact(told.acceptance.accepted_at)
    )


def _asked_before(delivery: ReportedDelivery, moments: Moments) -> str:
    tried = delivery.evidence.attempts
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
