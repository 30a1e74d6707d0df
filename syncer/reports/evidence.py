"""What the audit says of each delivery: tries, steps, read-back, decisions; read once for a report or a person."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from syncer.audit.ledger import Ledger

#: an attempt says nothing that its place and time do not say; the others are read with their bodies
_ATTEMPTED = ("delivery:attempted",)
_TOLD = ("delivery:applied", "delivery:confirmed", "delivery:held", "delivery:exempt", "delivery:reappeared")


class Evidence:
    """The evidence that entries of the audit hold; each kind in its own order. What is no evidence is passed over."""

    def __init__(self, entries: Iterable[dict[str, Any]]) -> None:
        self._found: dict[tuple[str, str], dict[str, Any]] = {}
        self._reappeared: list[dict[str, Any]] = []
        for entry in entries:
            reader = _READERS.get(entry["what"])
            if reader is None:
                continue
            reader(self._noted(entry), entry, entry["facts"] or {})
            if entry["what"] == "delivery:reappeared":
                self._reappeared.append({key: entry[key] for key in ("seq", "at", "event", "destination")})

    @classmethod
    def of_span(cls, ledger: Ledger, since: datetime | None, until: datetime | None) -> Evidence:
        """Read the evidence for the events received in a span (UTC)."""
        attempted = ledger.of_events(_ATTEMPTED, since, until, bodies=False)
        return cls(chain(attempted, ledger.of_events(_TOLD, since, until, bodies=True)))

    def add_to(self, events: Iterable[dict[str, Any]]) -> None:
        """Put its evidence into each delivery of the events."""
        for event in events:
            for delivery in event["deliveries"]:
                found = self._found.get((event["id"], delivery["destination"]), {})
                delivery.update(found | {"audit_seq": sorted(found.get("audit_seq", []))})

    def reappeared(self) -> list[dict[str, Any]]:
        """Return who was found again, oldest first: seq, at, event, destination."""
        return self._reappeared

    def _noted(self, entry: dict[str, Any]) -> dict[str, Any]:
        item = self._found.setdefault((entry["event"], entry["destination"]), {"audit_seq": []})
        item["audit_seq"].append(entry["seq"])
        return item


def _attempted(item: dict[str, Any], entry: dict[str, Any], _facts: dict[str, Any]) -> None:
    item.setdefault("first_attempt_at", entry["at"])
    item["last_attempt_at"] = entry["at"]


def _applied(item: dict[str, Any], _entry: dict[str, Any], facts: dict[str, Any]) -> None:
    item["carried_out"] = facts.get("steps", [])


def _confirmed(item: dict[str, Any], entry: dict[str, Any], facts: dict[str, Any]) -> None:
    # a recheck confirms again: how long it took is what the first one says
    item.setdefault("first_confirmed_at", entry["at"])
    item |= {"read_back": facts.get("steps", []), "notes": facts.get("notes", []), "confirmed_seq": entry["seq"]}


def _held(item: dict[str, Any], entry: dict[str, Any], facts: dict[str, Any]) -> None:
    item |= {"held_at": entry["at"], "detail": facts.get("detail")}


def _exempt(item: dict[str, Any], entry: dict[str, Any], facts: dict[str, Any]) -> None:
    decided_by = (entry["actor"] or {}).get("user")
    item |= {"reason": facts.get("reason"), "decided_by": decided_by, "decided_at": entry["at"]}


def _reappeared(item: dict[str, Any], _entry: dict[str, Any], _facts: dict[str, Any]) -> None:
    item["reappeared"] = item.get("reappeared", 0) + 1


_READERS: dict[str, Callable[[dict[str, Any], dict[str, Any], dict[str, Any]], None]] = {
    "delivery:attempted": _attempted,
    "delivery:applied": _applied,
    "delivery:confirmed": _confirmed,
    "delivery:held": _held,
    "delivery:exempt": _exempt,
    "delivery:reappeared": _reappeared,
}
