"""The first sentence of a dossier: where the requests stand, and which of them were entered by mistake. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from adapters.contract import Inapplicable, Outcome
from syncer.domain.endings import Ending
from syncer.language.texts import N_, _, counted, listed
from syncer.reports.dossier import DossierEvent
from syncer.reports.html import dossier_texts as texts
from syncer.reports.html.dossier_unseen import kind_for_person

#: ending -> what is said of one request; None for one that is open
_ONE: Mapping[Ending | None, str] = {
    Ending.EVERYWHERE: N_("Your request has been carried out."),
    Ending.ANSWERED: N_("Your request has been closed, but we could not check everywhere what became of it."),
    Ending.WITH_EXCEPTION: N_("Your request has been closed with an exception."),
    Ending.NOBODY: N_("Your request has been closed without being carried out: there was no recipient to tell."),
    None: N_("Your request has not been fully carried out yet."),
}
#: in which order several are counted; None for those that are open
_IN_ORDER = (Ending.EVERYWHERE, Ending.ANSWERED, Ending.WITH_EXCEPTION, Ending.NOBODY, None)


def asked_for(events: Sequence[DossierEvent]) -> list[DossierEvent]:
    """Return the requests that are the person's own, as far as is known: all that were not withdrawn as a mistake."""
    return [event for event in events if event.ending is not Ending.WITHDRAWN]


def standing(events: Sequence[DossierEvent], late: str) -> str:
    """Return where the requests stand; `late` says that the answer to a single one was late, or is empty."""
    own = asked_for(events)
    mistakes = len(events) - len(own)
    if not own:
        return _of_mistakes(mistakes, more=False)
    said = " ".join([_of_one(own[0], late) if len(own) == 1 else _of_several(own), *_not_done(own)])
    return f"{said} {_of_mistakes(mistakes, more=True)}" if mistakes else said


def _not_done(events: Sequence[DossierEvent]) -> list[str]:
    """Return that recipients refused or cannot find the person, in sentences: neither may wait for the small print."""
    at = {(kind_for_person(each), each.destination) for event in events for each in event.deliveries}
    counts = Counter(kind for kind, _destination in at)
    refused, lost = counts["refused"], counts[Inapplicable.NO_IDENTIFIER]
    said = []
    if refused:
        said.append(
            counted("One recipient refused.", "{number} recipients refused.", refused, number=_capital(refused))
        )
    if lost:
        said.append(
            counted(
                "One recipient cannot find you: see below what you can do.",
                "{number} recipients cannot find you: see below what you can do.",
                lost,
                number=_capital(lost),
            )
        )
    return said


def _capital(count: int) -> str:
    return texts.capital(texts.number(count))


def _of_mistakes(count: int, *, more: bool) -> str:
    number = _capital(count)
    if more:
        return counted(
            "A further request about you was entered here by mistake. It was withdrawn; nobody was asked any further"
            " from then on.",
            "{number} further requests about you were entered here by mistake. They were withdrawn; nobody was asked"
            " any further from then on.",
            count,
            number=number,
        )
    return counted(
        "A request about you was entered here by mistake. It was withdrawn; nobody was asked any further from then on.",
        "{number} requests about you were entered here by mistake. They were withdrawn; nobody was asked any further"
        " from then on.",
        count,
        number=number,
    )


def _of_one(event: DossierEvent, late: str) -> str:
    said = [_(_ONE[event.ending])]
    if late:
        said.append(late)
    if event.ending is Ending.EVERYWHERE and all(e.outcome is Outcome.ABSENT for e in event.deliveries):
        said.append(_("No recipient held anything about you."))
    return " ".join(said)


def _of_several(events: Sequence[DossierEvent]) -> str:
    endings = [event.ending for event in events]
    if set(endings) == {Ending.EVERYWHERE}:
        if len(endings) == 2:
            return _("Both your requests have been carried out.")
        return _("All {number} of your requests have been carried out.").format(number=texts.number(len(endings)))
    parts = [_how_many(ending, count) for ending in _IN_ORDER if (count := endings.count(ending))]
    return _("Of your {number} requests, {parts}.").format(number=texts.number(len(endings)), parts=listed(parts))


def _how_many(ending: Ending | None, count: int) -> str:
    """Return how many of several ended in a way, as a part of a sentence."""
    number = texts.number(count)
    if ending is Ending.EVERYWHERE:
        return counted("one has been carried out", "{number} have been carried out", count, number=number)
    if ending is Ending.ANSWERED:
        return counted(
            "one has been closed though we could not check everywhere what became of it",
            "{number} have been closed though we could not check everywhere what became of them",
            count,
            number=number,
        )
    if ending is Ending.WITH_EXCEPTION:
        return counted(
            "one has been closed with an exception",
            "{number} have been closed with an exception",
            count,
            number=number,
        )
    if ending is Ending.NOBODY:
        return counted(
            "one has been closed with no recipient to tell",
            "{number} have been closed with no recipient to tell",
            count,
            number=number,
        )
    return counted("one is still open", "{number} are still open", count, number=number)
