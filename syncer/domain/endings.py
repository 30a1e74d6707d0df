"""How a request ended, told from its deliveries; and whether its answer came late. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from enum import StrEnum

from syncer.domain.deadlines import Rule
from syncer.domain.model import CLOSED, EventState, State
from syncer.domain.rights import Ground


class Ending(StrEnum):
    """How a fulfilled request ended: no more is said of it than its recipients allow."""

    EVERYWHERE = "everywhere"  # every recipient carried it out, or was proven to hold nothing
    ANSWERED = "answered"  # nothing is open, and not every recipient could be read back
    WITH_EXCEPTION = "with_exception"  # a person decided that a recipient is not asked, or not any further
    WITHDRAWN = "withdrawn"  # it had been submitted by mistake; nobody was asked any further from then on
    NOBODY = "nobody"  # no recipient was configured when it came: nobody was told


#: a delivery in one of these states is closed, and nobody read back what became of it
UNSEEN = CLOSED - {State.CONFIRMED, State.EXEMPT}


def ending(state: EventState, deliveries: Iterable[tuple[State, str | None]]) -> Ending | None:
    """Return how a request ended, None while it is open or held. Each delivery is its state and its code."""
    if state is not EventState.FULFILLED:
        return None
    told = list(deliveries)
    if not told:
        return Ending.NOBODY
    exempt = [code for where, code in told if where is State.EXEMPT]
    if Ground.WITHDRAWN in exempt:
        return Ending.WITHDRAWN
    if exempt:
        return Ending.WITH_EXCEPTION
    return Ending.ANSWERED if any(where in UNSEEN for where, _ in told) else Ending.EVERYWHERE


def answered_late(
    rule: Rule, right: str | None, received_at: datetime, due: date, answered_at: datetime | None
) -> bool:
    """Say whether a request was answered after its due day or, for an objection, after its target.

    `answered_at` (UTC) is when it was first fulfilled, None for never: somebody who came back later, and was erased
    once more, had the answer by then.
    """
    return answered_at is not None and rule.late(right, received_at, due, answered_at)
