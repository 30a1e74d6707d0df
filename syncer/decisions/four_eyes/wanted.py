"""What is to be decided, as values that a proposal keeps until a second person has looked: nothing of a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

from syncer.clock import stamp
from syncer.domain.rights import Ground

#: characters of an event's id, and of a destination's name, at the most
_ID, _NAME = 36, 64


class ProposalKind(StrEnum):
    """What may ask for a second person, as `[console] four_eyes` names it."""

    EXEMPT = "exempt"
    EXTEND = "extend"
    RELEASE = "release"
    RESYNC = "resync"


@dataclass(frozen=True, slots=True)
class WantedExemption:
    """A held delivery that is to be closed, by its event's id and its destination."""

    event_id: str
    destination: str
    ground: Ground


@dataclass(frozen=True, slots=True)
class Prolongation:
    """An event that is to have two further months, and the local day on which the person was told."""

    event_id: str
    informed_on: date


@dataclass(frozen=True, slots=True)
class WantedWithdrawal:
    """An event of which all that is open is to be closed. It exempts its recipients, so it needs whom that needs."""

    event_id: str


@dataclass(frozen=True, slots=True)
class WantedWithdrawals:
    """The same of several events: requests that the guard stopped and a person refused."""

    events: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Release:
    """Requests of which the guard stopped something, by the ids of their events; `deletions` is how many begin."""

    events: tuple[str, ...]
    deletions: int


@dataclass(frozen=True, slots=True)
class StartOver:
    """Deliveries that are to start over: those of these events that meet every condition given.

    `confirmed_since` is UTC. `brought` says that addresses came in a file, which is not kept: whoever approves brings
    it again. `as_written` is what was vouched for of it.
    """

    events: tuple[str, ...]
    destination: str | None
    held: bool
    confirmed_since: datetime | None
    deletions: int
    brought: bool = False
    as_written: bool = False


Wanted = WantedExemption | WantedWithdrawal | WantedWithdrawals | Prolongation | Release | StartOver
_KINDS: Mapping[type[Any], ProposalKind] = {
    WantedExemption: ProposalKind.EXEMPT,
    WantedWithdrawal: ProposalKind.EXEMPT,
    WantedWithdrawals: ProposalKind.EXEMPT,
    Prolongation: ProposalKind.EXTEND,
    Release: ProposalKind.RELEASE,
    StartOver: ProposalKind.RESYNC,
}


def kind_of(wanted: Wanted) -> ProposalKind:
    """Return what kind of decision this is."""
    return _KINDS[type(wanted)]


def facts_of(wanted: Wanted) -> dict[str, Any]:
    """Return what is wanted as a row keeps it: JSON's own types."""
    match wanted:
        case WantedExemption():
            return {"event": wanted.event_id, "destination": wanted.destination, "ground": str(wanted.ground)}
        case WantedWithdrawal():
            return {"event": wanted.event_id, "withdraw": True}
        case WantedWithdrawals():
            return {"events": list(wanted.events), "withdraw": True}
        case Prolongation():
            return {"event": wanted.event_id, "informed_on": wanted.informed_on.isoformat()}
        case Release():
            return {"events": list(wanted.events), "deletions": wanted.deletions}
        case StartOver():
            since = wanted.confirmed_since
            return {
                "events": list(wanted.events),
                "destination": wanted.destination,
                "held": wanted.held,
                "confirmed_since": None if since is None else stamp(since),
                "deletions": wanted.deletions,
                "brought": wanted.brought,
                "as_written": wanted.as_written,
            }


def wanted_of(kind: str, facts: Mapping[str, Any]) -> Wanted:
    """Return what a row kept.

    Raises ValueError, KeyError, TypeError or OverflowError for what `facts_of` never wrote.
    """
    match ProposalKind(kind):
        case ProposalKind.EXEMPT if facts.get("withdraw") is True and "events" in facts:
            return WantedWithdrawals(_texts(facts["events"]))
        case ProposalKind.EXEMPT if facts.get("withdraw") is True:
            return WantedWithdrawal(_text(facts["event"]))
        case ProposalKind.EXEMPT:
            return WantedExemption(_text(facts["event"]), _text(facts["destination"], _NAME), Ground(facts["ground"]))
        case ProposalKind.EXTEND:
            return Prolongation(_text(facts["event"]), date.fromisoformat(facts["informed_on"]))
        case ProposalKind.RELEASE:
            return Release(_texts(facts["events"]), _number(facts["deletions"]))
        case ProposalKind.RESYNC:
            since, destination = facts["confirmed_since"], facts["destination"]
            return StartOver(
                _texts(facts["events"]),
                None if destination is None else _text(destination, _NAME),
                facts["held"] is True,
                None if since is None else datetime.fromisoformat(since).astimezone(UTC),
                _number(facts["deletions"]),
                facts["brought"] is True,
                facts["as_written"] is True,
            )


def _text(value: Any, longest: int = _ID) -> str:
    """Return an id or a name. Raises TypeError for what is none, and what no row or entry could hold as one."""
    if not (isinstance(value, str) and value.isprintable() and len(value) <= longest):
        raise TypeError("no id and no name")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError("not a list")
    return tuple(map(_text, value))


def _number(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**53:  # no entry could hold it
        raise TypeError("not a number")
    return value
