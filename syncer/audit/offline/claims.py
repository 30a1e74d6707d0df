"""A file with proofs, checked whole: what a dossier claims is held against its proven entries. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from syncer.audit.offline.evidence import EVIDENCE, Body, evidence
from syncer.audit.offline.history import CLOSED, WHY, planned
from syncer.audit.offline.inclusion import ProofError, ProvenEntry, parsed, verifier_keys, verify_proof_object

#: the entries that carry a person's story; each is proven
KEY_ENTRIES = frozenset(
    {
        "event:received",
        "event:held",
        "event:extended",
        "event:withdrawn",
        "event:fulfilled",
        "delivery:confirmed",
        "delivery:held",
        "delivery:exempt",
        "delivery:accepted",
        "delivery:attested",
        "delivery:not_applicable",
        "delivery:reappeared",
        "identity:shredded",
    }
)
#: what an entry of the timeline says, as its body does
_ENTRY = ("seq", "at", "what", "event", "destination", "actor", "facts")
#: what is the same in a request and in its `event:received`
_RECEIVED = ("right", "event_key", "source", "source_ref", "received_at")
_EVENT = frozenset(
    {*_RECEIVED, "id", "case", "subject", "state", "ending", "due_on", "legal_due_on", "fulfilled_at", "shredded_at",
     "extended_at", "informed_on", "deliveries", "audit"}
)  # fmt: skip
_DELIVERY = EVIDENCE | {"destination", "action", "state", "outcome", "code", "settles_on", "lapses_on"}
_STATES = ("fulfilled", "held", "open")
#: how a fulfilled request can have ended, as `syncer.domain.endings` has it
_ENDINGS = ("everywhere", "answered", "with_exception", "withdrawn", "nobody")
#: what closes a delivery that nobody read back
_UNSEEN = frozenset({"delivery:accepted", "delivery:attested", "delivery:not_applicable"})
#: what a dossier made before these words existed does not count
_SINCE_0016 = ("answered",)


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """What a file with proofs proves: entries, and what of the rest is unproven, in words; none of a single proof."""

    entries: tuple[ProvenEntry, ...]
    unproven: tuple[str, ...]


def check_file(text: str, keys: Sequence[str]) -> CheckedFile:
    """Check a proof, or a dossier whole: its proofs, and all that it claims as far as its proven entries allow.

    Raises ProofError with the first difference, UnreadableProof for what is not JSON.
    """
    known, content = verifier_keys(keys), parsed(text)
    if not isinstance(content, dict) or "proofs" not in content:
        return CheckedFile((verify_proof_object(content, known),), ())
    proofs, events = content["proofs"], content.get("events")
    if not isinstance(proofs, list) or not proofs:
        raise ProofError("the file holds no proof")
    entries = tuple(verify_proof_object(proof, known) for proof in proofs)
    if len({(entry.origin, entry.size) for entry in entries}) > 1:
        raise ProofError("its proofs are under different notes")
    try:
        dossier = _Dossier({entry.seq: _body(entry) for entry in entries})
        if len({entry.seq for entry in entries}) < len(entries) or not isinstance(events, list):
            raise ProofError("the file is not a dossier made by syncer")
        dossier.check(content, events)
    except (TypeError, KeyError, AttributeError, ValueError, RecursionError) as error:
        if isinstance(error, ProofError):
            raise
        raise ProofError("the file is not a dossier made by syncer") from None
    return CheckedFile(entries, tuple(sorted(dossier.unproven)))


def _body(entry: ProvenEntry) -> Body:
    if entry.body is None:
        raise ProofError(f"entry {entry.seq} has no body (purged, or left out): what the file says of it is unproven")
    body = json.loads(entry.body)
    whole = all(key in body for key in _ENTRY) and isinstance(body["facts"], dict)
    if not whole or not isinstance(body["what"], str):
        raise ProofError(f"syncer did not write the body of entry {entry.seq}")
    return body  # type: ignore[no-any-return]


class _Dossier:
    """The claims of one dossier, and the proven bodies by their seq; what is neither right nor wrong is `unproven`."""

    def __init__(self, bodies: Mapping[int, Body]) -> None:
        self.unproven: set[str] = set()
        self._bodies = bodies
        self._left = set(bodies)

    def check(self, content: Mapping[str, Any], events: list[Any]) -> None:
        """Raise ProofError for the first claim that the proven entries contradict."""
        if len({event["id"] for event in events}) < len(events):
            raise ProofError("it tells of an event twice")
        for event in events:
            _require_same(f"event {event['id']}: subject", event["subject"], content["subject"])
            self._event(event)
        if self._left:
            raise ProofError(f"entry {min(self._left)} is proven, but belongs to no event of the dossier")
        self._summary(content["summary"], events)
        self._rest("", content, {"events", "proofs", "subject", "summary"})

    def _summary(self, summary: Mapping[str, Any], events: list[Any]) -> None:
        states = [event["state"] for event in events]
        counts = {"requests": len(events), **{state: states.count(state) for state in _STATES}}
        endings = [event["ending"] for event in events]
        counts |= {ending: endings.count(ending) for ending in _ENDINGS}
        counts["overdue"] = sum(event["overdue"] is True for event in events)
        counts["answered_late"] = sum(event["late"] is True and event["state"] == "fulfilled" for event in events)
        for word in _SINCE_0016:
            if word not in summary and not counts[word]:
                del counts[word]
        _require_same("summary", summary, counts)

    def _rest(self, place: str, value: Mapping[str, Any], checked: frozenset[str] | set[str]) -> None:
        self.unproven |= {place + key for key in value if key not in checked}

    # -- one event ------------------------------------------------------------------------------------------

    def _event(self, event: Mapping[str, Any]) -> None:
        bodies = self._timeline(event)
        place, received = f"event {event['id']}", [body for body in bodies if body["what"] == "event:received"]
        if len(received) != 1:
            raise ProofError(f"{place}: there is no proof of its event:received")
        facts = received[0]["facts"]
        _require_same(f"{place}: case", event["case"], received[0]["seq"])
        for key in _RECEIVED:
            _require_same(f"{place}: {key}", event[key], facts[key])
        self._person(place, event, received[0], bodies)
        extended = _last(bodies, "event:extended")
        days = extended["facts"] if extended else facts
        told = {
            "due_on": days["due_on"],
            "legal_due_on": days.get("legal_due_on"),
            "extended_at": extended["at"] if extended else None,
            "informed_on": days.get("informed_on"),
        }
        for key, value in told.items():
            _require_same(f"{place}: {key}", event[key], value)
        self._end(place, event, bodies)
        self._deliveries(place, event, planned(facts["destinations"]), bodies)
        self._rest("events.", event, _EVENT)

    def _person(self, place: str, event: Mapping[str, Any], received: Body, bodies: list[Body]) -> None:
        """Hold a request and all its entries against the person whose it was when it came."""
        named = [body for body in (received, *bodies) if body.get("subject") is not None]
        for body in named:
            _require_same(f"entry {body['seq']} is about another person", body["subject"], named[0]["subject"])
            _require_same(f"{place}: subject", event["subject"], body["subject"])
        if received.get("subject") is None and event["subject"] is not None:
            self.unproven.add("events.subject")  # known since its address came again, which the whole log shows

    def _timeline(self, event: Mapping[str, Any]) -> list[Body]:
        """Return the proven bodies of an event's timeline, in their order."""
        bodies, before = [], 0
        for entry in event["audit"]:
            seq = entry["seq"]
            if type(seq) is not int or seq <= before or entry["event"] != event["id"]:
                raise ProofError(f"event {event['id']}: its timeline is out of order, or another event's")
            before = seq
            if seq not in self._bodies:
                if entry["what"] in KEY_ENTRIES:
                    raise ProofError(f"entry {seq} ({entry['what']}) has no proof")
                self.unproven.add(f"entry {seq}")
                continue
            body = self._bodies[seq]
            _require_same(f"entry {seq}", entry, {key: body[key] for key in _ENTRY})
            self._left.discard(seq)
            bodies.append(body)
        return bodies

    def _end(self, place: str, event: Mapping[str, Any], bodies: list[Body]) -> None:
        """Hold against the proven entries whether, and since when, an event is fulfilled or held."""
        fulfilled, held, shredded = (
            _last(bodies, what) for what in ("event:fulfilled", "event:held", "identity:shredded")
        )
        state, fulfilled_at, shredded_at = event["state"], event["fulfilled_at"], event["shredded_at"]
        if state not in _STATES:
            raise ProofError(f"{place}: its state is none")
        if state == "fulfilled":
            undone = _last(bodies, "event:held", "delivery:held", "delivery:reappeared")
            if fulfilled is None or event["overdue"] or (undone and undone["seq"] > fulfilled["seq"]):
                raise ProofError(f"{place}: its proven entries do not say that it is fulfilled")
        elif state == "held" and (held is None or (fulfilled and fulfilled["seq"] > held["seq"])):
            raise ProofError(f"{place}: its proven entries do not say that it is held")
        at = fulfilled["at"] if fulfilled and state == "fulfilled" else None
        _require_same(f"{place}: fulfilled_at", fulfilled_at, at)
        if shredded_at is not None:  # its address may have come again since
            _require_same(f"{place}: shredded_at", shredded_at, shredded["at"] if shredded else None)
        if event["overdue"] is True and event["late"] is not True:
            raise ProofError(f"{place}: it is overdue, and not called late")

    # -- its deliveries -------------------------------------------------------------------------------------

    def _deliveries(
        self, place: str, event: Mapping[str, Any], plan: Mapping[str, str | None], bodies: list[Body]
    ) -> None:
        deliveries, fulfilled = event["deliveries"], event["state"] == "fulfilled"
        _require_same(f"{place}: ending", event["ending"], _ending(plan, bodies) if fulfilled else None)
        if sorted(delivery["destination"] for delivery in deliveries) != sorted(plan):
            raise ProofError(f"{place}: its deliveries are not those that were planned")
        # held as it came: all its deliveries are, without an entry of their own
        whole = len(bodies) > 1 and bodies[1]["what"] == "event:held"
        for delivery in deliveries:
            name = delivery["destination"]
            own = [body for body in bodies if body["destination"] == name]
            last = own[-1]["what"] if own else "delivery:held" if whole else ""
            where, state = f"{place} at {name}", delivery["state"]
            _require_same(f"{where}: action", delivery["action"], plan[name])
            if fulfilled and last.partition(":")[2] not in CLOSED:
                raise ProofError(f"{where}: its proven entries do not say that it is through")
            if state in CLOSED or state == "held":
                _require_same(f"{where}: state", f"delivery:{state}", last)
            else:
                self.unproven.add("events.deliveries.state")
            if state == "confirmed":
                _require_same(f"{where}: outcome", delivery["outcome"], own[-1]["facts"].get("outcome"))
            else:
                self.unproven.add("events.deliveries.outcome")
            self._closing(where, delivery, own[-1]["facts"] if own and state in CLOSED else None)
            told = evidence(own)
            for key in sorted(EVIDENCE):
                _require_same(f"{where}: {key}", delivery.get(key), told.get(key))
            self._rest("events.deliveries.", delivery, _DELIVERY)

    def _closing(self, where: str, delivery: Mapping[str, Any], facts: Body | None) -> None:
        """Hold why a delivery is closed, and its days, against the facts of what closed it; None: it is not."""
        if facts is None:
            self.unproven.add("events.deliveries.code")
        else:
            _require_same(f"{where}: code", delivery["code"], facts.get(WHY.get(delivery["state"], "")))
        for key in ("settles_on", "lapses_on"):
            _require_same(f"{where}: {key}", delivery.get(key), (facts or {}).get(key))


def _ending(plan: Mapping[str, str | None], bodies: list[Body]) -> str:
    """Return how a fulfilled request ended, by the last proven entry of each delivery."""
    if not plan:
        return "nobody"
    last = {body["destination"]: body for body in bodies if body["destination"] in plan}
    grounds = [body["facts"].get("ground") for body in last.values() if body["what"] == "delivery:exempt"]
    if "withdrawn" in grounds:
        return "withdrawn"
    if grounds:
        return "with_exception"
    return "answered" if any(body["what"] in _UNSEEN for body in last.values()) else "everywhere"


def _last(bodies: Sequence[Body], *whats: str) -> Body | None:
    return next((body for body in reversed(bodies) if body["what"] in whats), None)


def _require_same(place: str, claimed: Any, proven: Any) -> None:
    # as JSON: to Python, true and 1 are equal
    if json.dumps(claimed, sort_keys=True) != json.dumps(proven, sort_keys=True):
        raise ProofError(f"{place}: the file does not say what its proven entry says")
