"""How sure anybody can be of what recipients were asked: each kind in its own words, and counted apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from adapters.contract import Evidence, Inapplicable
from syncer.domain.endings import UNSEEN
from syncer.domain.model import State
from syncer.domain.rights import Ground
from syncer.language.texts import N_, _, counted
from syncer.reports.views import DeliveryView, LaneView
from syncer.reports.wording.moments import in_short

#: what a closed delivery is counted as: a state that has several words is told apart by its code
Kind = State | Inapplicable | Ground

#: what an adapter can show at most -> what that says of its recipient
_SHOWS: Mapping[Evidence | None, str] = {
    Evidence.READ_BACK: N_("Its own interface shows afterwards whether it is so."),
    Evidence.PROCESSED: N_("It says when it has worked through an order. Nobody can look at what it holds."),
    Evidence.ACCEPTED: N_("It takes an order, and shows nobody what it then does."),
    Evidence.BY_HAND: N_("A person asks it, and says here what it answered."),
    None: N_("Not known: its adapter is not installed."),
}


def shows(evidence: Evidence | None) -> str:
    """Return how sure anybody can be of a recipient, by the most that its adapter can show, as a sentence."""
    return _(_SHOWS[evidence])


def unseen(delivery: DeliveryView) -> str:
    """Return how sure anybody can be of a closed delivery that nobody read back; empty for any other."""
    if delivery.state is State.ACCEPTED:
        if delivery.settles_on is None:
            return _("passed on, cannot be checked")
        return _("passed on, cannot be checked; through by {day}").format(day=in_short(delivery.settles_on))
    if delivery.state is State.ATTESTED:
        return _("settled by a person")
    if delivery.state is not State.NOT_APPLICABLE:
        return ""
    said = _("does not apply") if delivery.code == Inapplicable.RIGHT_NOT_OFFERED else _("cannot be found there")
    if delivery.lapses_on is None:
        return said
    return _("{what}; its data ends by itself by {day}").format(what=said, day=in_short(delivery.lapses_on))


def told_apart(deliveries: Iterable[DeliveryView]) -> str:
    """Return how many closed deliveries are known how surely, `2 read back, 1 passed on`.

    Empty where all of them were read back or excepted: then an ending says it all.
    """
    kinds = kinds_of(deliveries)
    if not any(kind in UNSEEN or kind in Inapplicable for kind in kinds):
        return ""
    return ", ".join(_number(kind, number) for kind in _IN_ORDER if (number := kinds[kind]))


def closed_at(lane: LaneView) -> str:
    """Return how many deliveries of a recipient are closed, over all time, each kind apart; empty for none."""
    parts = (
        (lane.confirmed, _number(State.CONFIRMED, lane.confirmed)),
        (lane.accepted, _number(State.ACCEPTED, lane.accepted)),
        (lane.attested, _number(State.ATTESTED, lane.attested)),
        (lane.not_applicable, counted("{num} could not be asked", "{num} could not be asked", lane.not_applicable)),
        (lane.exempt, counted("{num} exempt or withdrawn", "{num} exempt or withdrawn", lane.exempt)),
    )
    return ", ".join(words for number, words in parts if number)


def kinds_of(deliveries: Iterable[DeliveryView]) -> Counter[Kind]:
    """Return how many closed deliveries there are of each kind."""
    return Counter(kind for delivery in deliveries if (kind := kind_of(delivery)))


def kind_of(delivery: DeliveryView) -> Kind | None:
    """Return as what a delivery is counted; None for one that is open."""
    if delivery.is_read_back:
        return State.CONFIRMED
    if delivery.state is State.NOT_APPLICABLE:
        offered = delivery.code != Inapplicable.RIGHT_NOT_OFFERED
        return Inapplicable.NO_IDENTIFIER if offered else Inapplicable.RIGHT_NOT_OFFERED
    if delivery.state is State.EXEMPT and delivery.code == Ground.WITHDRAWN:
        return Ground.WITHDRAWN
    return delivery.state if delivery.through else None


_IN_ORDER: tuple[Kind, ...] = (
    State.CONFIRMED,
    State.ACCEPTED,
    State.ATTESTED,
    Inapplicable.NO_IDENTIFIER,
    Inapplicable.RIGHT_NOT_OFFERED,
    State.EXEMPT,
    Ground.WITHDRAWN,
)


def _number(kind: Kind, number: int) -> str:
    if kind is State.CONFIRMED:
        return counted("{num} read back", "{num} read back", number)
    if kind is State.ACCEPTED:
        return counted("{num} passed on", "{num} passed on", number)
    if kind is State.ATTESTED:
        return counted("{num} settled by a person", "{num} settled by a person", number)
    if kind is Inapplicable.NO_IDENTIFIER:
        return counted("{num} cannot be found there", "{num} cannot be found there", number)
    if kind is Inapplicable.RIGHT_NOT_OFFERED:
        return counted("{num} does not apply", "{num} do not apply", number)
    if kind is Ground.WITHDRAWN:
        return counted("{num} withdrawn", "{num} withdrawn", number)
    return counted("{num} exempt", "{num} exempt", number)
