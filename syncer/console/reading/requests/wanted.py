"""Which requests a page of the register is about, and where in it a page begins."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from syncer.domain.model import EventState
from syncer.language.texts import N_

#: characters of a place in the register, as an address holds it
LONGEST_PLACE = 2000
#: of a request whose right cannot be read
UNKNOWN_RIGHT = "unknown"
#: an open request past its day or target, one that was closed after it, and days until one is due
LATE, ANSWERED_LATE = "late", "answered-late"
DUE: dict[str, str] = {
    LATE: N_("late"),
    "7": N_("within 7 days"),
    "14": N_("within 14 days"),
    "30": N_("within 30 days"),
    ANSWERED_LATE: N_("answered late"),
}
STATES: dict[str, str] = {
    EventState.OPEN: N_("under way"),
    EventState.HELD: N_("needs a person's decision"),
    EventState.FULFILLED: N_("closed"),
}

#: where a request stands in the order of the register: its receipt and its id, as the database holds them
Place = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class RegisterFilter:
    """What is asked of each request; None asks nothing. Days are the controller's, both are within the span.

    `named` is a case number, the beginning of an id, or a request's number in WordPress.
    """

    state: str | None = None
    right: str | None = None
    recipient: str | None = None
    cause: str | None = None
    due: str | None = None
    source: str | None = None
    received_from: date | None = None
    received_until: date | None = None
    named: str | None = None


class NoPlace(ValueError):
    """Raised for what is no place in the register."""


def as_text(place: Place) -> str:
    """Return a place as an address holds it; SQLite stores anything there, and all of it comes back."""
    return urlsafe_b64encode(json.dumps([_kind(value) for value in place]).encode()).decode().rstrip("=")


def from_text(text: str) -> Place:
    """Return the place that an address holds. Raises NoPlace."""
    if len(text) > LONGEST_PLACE or not text.isascii():
        raise NoPlace
    try:
        parts = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        moment, event_id = (_value(kind, held) for kind, held in parts)
    except (ValueError, TypeError, KeyError, RecursionError):
        raise NoPlace from None
    return moment, event_id


def order(place: Place) -> tuple[tuple[int, Any], ...]:
    """Return a key that sorts places as the database does: numbers, texts, octets."""
    return tuple(_rank(value) for value in place)


def _kind(value: Any) -> list[Any]:
    if isinstance(value, datetime):
        return ["moment", value.isoformat()]
    if isinstance(value, bytes):
        return ["octets", value.hex()]
    if isinstance(value, str):
        return ["text", value.encode("utf-8", "surrogateescape").hex()]
    return ["number", value]


def _value(kind: str, held: Any) -> Any:
    if kind == "number":
        if isinstance(held, bool) or not isinstance(held, int | float) or not abs(held) < 2**63:
            raise NoPlace
        return held
    if kind == "moment":
        return datetime.fromisoformat(held)
    octets = bytes.fromhex(held)
    return {"octets": octets, "text": octets.decode("utf-8", "surrogateescape")}[kind]


def _rank(value: Any) -> tuple[int, Any]:
    if isinstance(value, datetime):
        return 1, value.isoformat(" ", "microseconds").encode()
    if isinstance(value, str):
        return 1, value.encode("utf-8", "surrogateescape")
    return (2, value) if isinstance(value, bytes) else (0, value if value is not None else 0)
