"""What a dossier says where a recipient let nobody look: what it took or answered, and how many of which kind. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from adapters.contract import Inapplicable
from syncer.domain.endings import UNSEEN
from syncer.domain.model import State
from syncer.domain.rights import Ground
from syncer.language.texts import N_, _, counted, listed
from syncer.reports.dossier import DossierDelivery
from syncer.reports.html import dossier_texts as texts
from syncer.reports.views import DeliveryView
from syncer.reports.wording.deliveries import answered_on
from syncer.reports.wording.moments import Moments
from syncer.reports.wording.sureness import Kind, kind_of


def did(delivery: DossierDelivery, moments: Moments) -> list[str]:
    """Return what became of a request at a recipient that nobody could look at, in sentences that call nothing done."""
    if delivery.state is State.ACCEPTED:
        return [_taken(delivery, moments)]
    if delivery.state is State.ATTESTED:
        day = answered_on(delivery.evidence.attestation)
        with_day, without = texts.ANSWERED.get(delivery.code, texts.ANSWERED[None])
        return [_(with_day).format(day=moments.day(day)) if day else _(without)]
    offered = kind_of(delivery) is not Inapplicable.RIGHT_NOT_OFFERED
    said = [*_passed_on_before(delivery, moments), _(texts.NOT_FOUND if offered else texts.NOT_OFFERED)]
    if delivery.lapses_on:
        said.append(_(texts.LAPSES).format(day=moments.day(delivery.lapses_on)))
    return said


def checked(delivery: DossierDelivery, moments: Moments) -> list[str]:
    """Return how that was checked, in sentences: by nobody, or by a person's word."""
    if delivery.state is State.NOT_APPLICABLE:
        if delivery.evidence.acceptance is not None:
            return [_(texts.NOT_SHOWN)]
        return [] if delivery.evidence.confirmation else [_(texts.NOTHING_TO_CHECK)]
    said = delivery.evidence.attestation
    if delivery.state is not State.ATTESTED or said is None:
        return [_(texts.NOT_SHOWN)]
    found = [_(texts.BY_WORD).format(day=moments.day(said.attested_at))]
    if said.attested_reason:
        found.append(_("The reason given: “{reason}”.").format(reason=said.attested_reason))
    return found


def _passed_on_before(delivery: DossierDelivery, moments: Moments) -> list[str]:
    said = delivery.evidence.acceptance
    if said is None:
        return []
    return [
        _("We had passed the request on to it on {when}, and it let nobody look.").format(
            when=moments.written(said.accepted_at)
        )
    ]


def _taken(delivery: DossierDelivery, moments: Moments) -> str:
    said = delivery.evidence.acceptance
    taken = said.accepted_at if said else delivery.applied_at
    if taken is None:
        return _("We passed the request on to it. It shows nobody what it then does.")
    if delivery.settles_on is None:
        return _(texts.PASSED_ON).format(when=moments.written(taken))
    return _(texts.PASSED_ON_BY).format(when=moments.written(taken), day=moments.day(delivery.settles_on))


# -- a whole request ----------------------------------------------------------------------------------------


#: what a closed delivery is counted as for the person: an answer by its own word
_Counted = Kind | str
_IN_ORDER: tuple[_Counted, ...] = (
    State.CONFIRMED,
    State.ACCEPTED,
    "done",
    "no_data",
    "refused",
    State.ATTESTED,
    Inapplicable.NO_IDENTIFIER,
    Inapplicable.RIGHT_NOT_OFFERED,
    State.EXEMPT,
    Ground.WITHDRAWN,
)


def any_unseen(deliveries: Iterable[DeliveryView]) -> bool:
    """Say whether a recipient is closed that nobody could look at."""
    return any(delivery.state in UNSEEN for delivery in deliveries)


def apart(deliveries: Iterable[DeliveryView]) -> str:
    """Return how many recipients are closed in which way, as a part of a sentence; empty where all were looked at."""
    told = list(deliveries)
    if not any_unseen(told):
        return ""
    counts = Counter(each for delivery in told if (each := kind_for_person(delivery)))
    return listed([_how_many(each, number) for each in _IN_ORDER if (number := counts[each])])


def kind_for_person(delivery: DeliveryView) -> _Counted | None:
    """Return as what a delivery is counted for the person; None for one that is open."""
    if delivery.state is State.ATTESTED and delivery.code and delivery.code in texts.ANSWERED:
        return delivery.code
    return kind_of(delivery)


def counted_apart(deliveries: Sequence[DeliveryView]) -> str:
    """Return how many recipients are closed in which way, as a sentence; empty where all were looked at."""
    parts, number = apart(deliveries), len(deliveries)
    if not parts:
        return ""
    if number == 1:
        return _(_ALONE[kind_for_person(deliveries[0])])
    return _("Of {number} recipients, {parts}.").format(number=texts.number(number), parts=parts)


def mark(deliveries: Iterable[DeliveryView]) -> str:
    """Return in a word where a request stands that is closed though not every recipient let us look."""
    told = list(deliveries)
    missing = sum(kind_for_person(each) in ("refused", Inapplicable.NO_IDENTIFIER) for each in told)
    if missing == len(told):
        return _("Not done")
    if missing:
        return _("Not done everywhere")
    return _("Closed, not checked everywhere") if any(e.is_read_back for e in told) else _("Closed, not checked")


#: the same of a request with one recipient
_ALONE: Mapping[_Counted | None, str] = {
    State.ACCEPTED: N_("The recipient took the request, and shows nobody what it then does."),
    "done": N_("The recipient answered that it did what was asked."),
    "no_data": N_("The recipient answered that it holds nothing about you."),
    "refused": N_("The recipient refused."),
    State.ATTESTED: N_("The recipient answered."),
    Inapplicable.NO_IDENTIFIER: N_("The recipient cannot find you."),
    Inapplicable.RIGHT_NOT_OFFERED: N_("What was asked for does not exist at the recipient."),
}


def _how_many(kind: _Counted, count: int) -> str:
    number = texts.number(count)
    if kind == State.CONFIRMED:
        return counted("one showed us that it is so", "{number} showed us that it is so", count, number=number)
    if kind == State.ACCEPTED:
        return counted(
            "one took the request and shows nobody what it then does",
            "{number} took the request and show nobody what they then do",
            count,
            number=number,
        )
    if kind == Inapplicable.NO_IDENTIFIER:
        return counted("one cannot find you", "{number} cannot find you", count, number=number)
    if kind == Inapplicable.RIGHT_NOT_OFFERED:
        return counted(
            "at one what was asked for does not exist", "at {number} what was asked for does not exist", count,
            number=number,
        )  # fmt: skip
    if kind == Ground.WITHDRAWN:
        return counted("one was not asked any further", "{number} were not asked any further", count, number=number)
    if kind == State.EXEMPT:
        return counted("one was excepted", "{number} were excepted", count, number=number)
    return _how_many_answered(kind, count, number)


def _how_many_answered(answer: str, count: int, number: str) -> str:
    if answer == "done":
        return counted(
            "one answered that it did what was asked", "{number} answered that they did what was asked", count,
            number=number,
        )  # fmt: skip
    if answer == "no_data":
        return counted(
            "one answered that it holds nothing about you", "{number} answered that they hold nothing about you",
            count, number=number,
        )  # fmt: skip
    if answer == "refused":
        return counted("one refused", "{number} refused", count, number=number)
    return counted("one answered", "{number} answered", count, number=number)
