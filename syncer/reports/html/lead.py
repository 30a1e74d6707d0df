"""The first sentence of a dossier: where the requests stand, and which of them were entered by mistake. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.contract import Outcome
from syncer.domain.endings import Ending
from syncer.reports.dossier import DossierEvent
from syncer.reports.html import dossier_texts as texts

#: ending -> what is said of one request, after its verb, and of several
_ENDED = {
    Ending.EVERYWHERE: "carried out",
    Ending.WITH_EXCEPTION: "closed with an exception",
    Ending.NOBODY: "closed without being carried out: there was no recipient to tell",
}
_ENDED_BRIEFLY = {
    Ending.EVERYWHERE: "carried out",
    Ending.WITH_EXCEPTION: "closed with an exception",
    Ending.NOBODY: "closed with no recipient to tell",
}


def asked_for(events: Sequence[DossierEvent]) -> list[DossierEvent]:
    """Return the requests that are the person's own, as far as is known: all that were not withdrawn as a mistake."""
    return [event for event in events if event.ending is not Ending.WITHDRAWN]


def standing(events: Sequence[DossierEvent], late: str) -> str:
    """Return where the requests stand; `late` is in what way the answer to a single one was late, or empty."""
    own = asked_for(events)
    mistakes = len(events) - len(own)
    if not own:
        return _of_mistakes(mistakes, more=False)
    said = _of_one(own[0], late) if len(own) == 1 else _of_several(own)
    return f"{said} {_of_mistakes(mistakes, more=True)}" if mistakes else said


def _of_mistakes(count: int, *, more: bool) -> str:
    further = "further " if more else ""
    which = f"A {further}request" if count == 1 else f"{texts.capital(texts.number(count))} {further}requests"
    were, they = ("was", "It was") if count == 1 else ("were", "They were")
    rest = "nobody was asked any further from then on"
    return f"{which} about you {were} entered here by mistake. {they} withdrawn; {rest}."


def _of_one(event: DossierEvent, late: str) -> str:
    if event.ending is None:
        return "Your request has not been fully carried out yet."
    said = f"Your request has been {_ENDED[event.ending]}.{f' This was {late}.' if late else ''}"
    nowhere = event.deliveries and all(each.outcome is Outcome.ABSENT for each in event.deliveries)
    return f"{said} No recipient held anything about you." if nowhere else said


def _of_several(events: Sequence[DossierEvent]) -> str:
    endings = [event.ending for event in events]
    if set(endings) == {Ending.EVERYWHERE}:
        return f"{texts.capital(texts.all_of(len(endings), 'request'))} have been carried out."
    counts = [(words, endings.count(ending)) for ending, words in _ENDED_BRIEFLY.items()]
    parts = [f"{texts.number(count)} {texts.has(count)} been {words}" for words, count in counts if count]
    still = endings.count(None)
    parts += [f"{texts.number(still)} {'is' if still == 1 else 'are'} still open"] if still else []
    return f"Of your {texts.number(len(endings))} requests, {texts.listed(parts)}."
