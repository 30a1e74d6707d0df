"""What proven entries say of a delivery, under the keys that a dossier has for it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Body = Mapping[str, Any]

#: what the proven entries say of a delivery; each is there if they say it, and only then
EVIDENCE = frozenset(
    {"first_confirmed_at", "read_back", "notes", "confirmed_seq", "held_at", "detail", "reason", "decided_by",
     "decided_at", "reappeared", "accepted_at", "order", "accepted_seq", "attested_at", "attested_by", "answered_on",
     "attested_reason", "evidence_sha256", "not_applicable_at"}
)  # fmt: skip


def evidence(bodies: list[Body]) -> dict[str, Any]:
    """Return what proven entries say of a delivery, under the keys of a dossier."""
    told: dict[str, Any] = {}
    for body in bodies:
        facts = body["facts"]
        told |= _EVIDENCE_OF.get(body["what"], _nothing)(body, facts, told)
    return told


def _confirmed(body: Body, facts: Body, before: Body) -> dict[str, Any]:
    return {
        "first_confirmed_at": before.get("first_confirmed_at", body["at"]),
        "read_back": _steps(facts),
        "notes": facts.get("notes", []),
        "confirmed_seq": body["seq"],
    }


def _steps(facts: Body) -> list[dict[str, Any]]:
    return [{"status": None, **step} for step in facts.get("steps", [])]


def _held(body: Body, facts: Body, _: Body) -> dict[str, Any]:
    return {"held_at": body["at"], "detail": facts.get("detail")}


def _exempt(body: Body, facts: Body, _: Body) -> dict[str, Any]:
    return {"reason": facts.get("reason"), "decided_by": body["actor"].get("user"), "decided_at": body["at"]}


def _accepted(body: Body, facts: Body, _: Body) -> dict[str, Any]:
    return {"accepted_at": body["at"], "order": _steps(facts), "accepted_seq": body["seq"]}


def _attested(body: Body, facts: Body, _: Body) -> dict[str, Any]:
    return {
        "attested_at": body["at"],
        "attested_by": body["actor"].get("user"),
        "answered_on": facts.get("on"),
        "attested_reason": facts.get("reason"),
        "evidence_sha256": facts.get("evidence_sha256"),
    }


def _not_applicable(body: Body, _: Body, __: Body) -> dict[str, Any]:
    return {"not_applicable_at": body["at"]}


def _reappeared(_: Body, __: Body, before: Body) -> dict[str, Any]:
    return {"reappeared": before.get("reappeared", 0) + 1}


def _nothing(_: Body, __: Body, ___: Body) -> dict[str, Any]:
    return {}


_EVIDENCE_OF: Mapping[str, Callable[[Body, Body, Body], dict[str, Any]]] = {
    "delivery:confirmed": _confirmed,
    "delivery:held": _held,
    "delivery:exempt": _exempt,
    "delivery:accepted": _accepted,
    "delivery:attested": _attested,
    "delivery:not_applicable": _not_applicable,
    "delivery:reappeared": _reappeared,
}
