"""What a log says, and whether it can be true: no confirmation without an attempt, no end too early. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: decisions of a person: the entry must say why
NEEDS_REASON = frozenset({"delivery:exempt", "operator:resynced", "audit:forked"})


@dataclass(slots=True)
class _Event:
    planned: frozenset[str]
    attempts: dict[str, int] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)


class History:
    """Follows every event through the log. Events that were purged, in part or whole, are passed over."""

    def __init__(self) -> None:
        self._events: dict[str, _Event] = {}
        self._purged: set[str] = set()

    def purged(self, event: str | None) -> None:
        """Note that an entry of this event has lost its body to a purge."""
        if event is not None:
            self._purged.add(event)
            self._events.pop(event, None)

    def tell(self, what: str, content: Mapping[str, Any]) -> str | None:
        """Take one entry into the history; return why it cannot be true, in half a sentence, or None."""
        facts = content.get("facts")
        actor = content.get("actor")
        if not isinstance(facts, dict) or not isinstance(actor, dict) or not actor.get("kind") or "user" not in actor:
            return "has no facts, or does not say who acted"
        if what in NEEDS_REASON and not str(facts.get("reason") or "").strip():
            return "is a person's decision without a reason"
        event = content.get("event")
        if event is None or event in self._purged:
            return None
        if what == "event:received":
            return self._received(event, facts)
        known = self._events.get(event)
        if known is None:
            return "concerns an event that was never received"
        if what == "event:fulfilled":
            open_ones = known.planned - known.closed
            if open_ones:
                return f"calls an event fulfilled while {min(open_ones)} is neither confirmed nor exempt"
            return None
        destination = content.get("destination")
        if not what.startswith("delivery:") or destination is None:
            return None
        if destination not in known.planned:
            return "concerns a destination that the event never named"
        return _delivery(known, what, destination, facts)

    def _received(self, event: str, facts: Mapping[str, Any]) -> str | None:
        if event in self._events:
            return "receives an event a second time"
        planned = facts.get("destinations")
        if not isinstance(planned, list):
            return "receives an event without naming its destinations"
        self._events[event] = _Event(frozenset(str(plan).partition(":")[0] for plan in planned))
        return None

    def contradicts(self, event: str, destination: str, state: str) -> str | None:
        """Return how a row of the delivery table contradicts the log, in one line, or None."""
        if event in self._purged:
            return None
        known = self._events.get(event)
        if known is None:
            return f"event {event} is in its table, but the log never received it"
        if state in ("confirmed", "exempt") and destination not in known.closed:
            return f"event {event} at {destination} is {state} in its table, but not in the log"
        return None


def _delivery(event: _Event, what: str, destination: str, facts: Mapping[str, Any]) -> str | None:
    attempt = facts.get("attempt")
    if what == "delivery:attempted":
        number = attempt if type(attempt) is int else 0
        event.attempts[destination] = max(event.attempts.get(destination, 0), number)
    elif what in ("delivery:confirmed", "delivery:applied"):
        if type(attempt) is not int or not 0 < attempt <= event.attempts.get(destination, 0):
            return f"says {what.partition(':')[2]}, but that attempt was never made"
        if what == "delivery:confirmed":
            event.closed.add(destination)
        else:
            event.closed.discard(destination)
    elif what == "delivery:exempt":
        event.closed.add(destination)
    elif what == "delivery:reopened":
        # its attempts stay: one may be under way, and its answer still counts
        if facts.get("to") == "pending":
            event.closed.discard(destination)
    elif what != "delivery:retrying" or facts.get("state") != "applied":
        # held, found again or tried again; a recheck that could not read is none of these
        event.closed.discard(destination)
    return None
