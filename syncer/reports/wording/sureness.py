"""How sure anybody can be of what recipients were asked: each kind in its own words, and counted apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from adapters.contract import Inapplicable
from syncer.domain.endings import UNSEEN
from syncer.domain.model import State
from syncer.language.texts import _, counted
from syncer.reports.views import DeliveryView
from syncer.reports.wording.moments import in_short


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
    kinds = Counter(kind for delivery in deliveries if (kind := _kind(delivery)))
    if not any(kind in UNSEEN or kind in Inapplicable for kind in kinds):
        return ""
    return ", ".join(_number(kind, number) for kind in _IN_ORDER if (number := kinds[kind]))


_IN_ORDER = (
    State.CONFIRMED,
    State.ACCEPTED,
    State.ATTESTED,
    Inapplicable.NO_IDENTIFIER,
    Inapplicable.RIGHT_NOT_OFFERED,
    State.EXEMPT,
)


def _kind(delivery: DeliveryView) -> State | Inapplicable | None:
    if delivery.rechecking:
        return State.CONFIRMED
    if delivery.state is State.NOT_APPLICABLE:
        offered = delivery.code != Inapplicable.RIGHT_NOT_OFFERED
        return Inapplicable.NO_IDENTIFIER if offered else Inapplicable.RIGHT_NOT_OFFERED
    return delivery.state if delivery.through else None


def _number(kind: State | Inapplicable, number: int) -> str:
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
    return counted("{num} exempt", "{num} exempt", number)
