"""What a log says, and whether it can be true: no confirmation without an attempt, no end too early. Pure."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

#: decisions of a person: the entry must say why
NEEDS_REASON = frozenset(
    {
        "delivery:exempt", "delivery:attested", "event:withdrawn", "operator:resynced", "audit:forked", "key:rotated",
        "guard:released", "guard:refused", "operator:proposed", "operator:approved", "operator:rejected",
    }
)  # fmt: skip
#: what ends a delivery, as an entry says it after `delivery:`; each in its own way, and `confirmed` alone by a look
CLOSED = frozenset({"confirmed", "exempt", "accepted", "attested", "not_applicable"})
#: what a recipient answered to an attempt
_ANSWERS = frozenset({"delivery:applied", "delivery:confirmed", "delivery:accepted"})
#: what names the action that it is about
_ACTS = _ANSWERS | {"delivery:attempted"}


@dataclass(slots=True)
class DeliveryRecord:
    """What the log says of one delivery: where it stands, how often it was tried, and how it came out.

    `attempts` is the count since it last started over, `most` the highest attempt ever begun. `done` says that it is
    closed, also while it is only read back again; `why` is the ground, the answer or the reason that an exempt, an
    attested or an inapplicable one has in its code. `settles_on` and `lapses_on` are days. The words are the log's own,
    whatever stood there. `begun` says that an attempt was made since it last started over; `begun_at` is when the
    first of these was, where the guard counts it. `passed` says that a person let it pass the guard, and that it did
    not come back since. `previewed` says that somebody looked at what would happen.
    """

    state: Any = "pending"
    attempts: int = 0
    most: int = 0
    outcome: Any = None
    why: Any = None
    settles_on: Any = None
    lapses_on: Any = None
    done: bool = False
    begun: bool = False
    begun_at: str | None = None
    passed: bool = False
    previewed: bool = False


@dataclass(slots=True)
class EventRecord:
    """What the log says of one event; `plan` is destination -> action, None where the right is not known.

    `received_at`, `due_on` and `fulfilled_at` are the log's own words; the last is None while it is not fulfilled.
    So are `event_key`, `source` and `source_ref`, by which those who asked know it. `released_at` is when a person let
    its deletions pass the guard, None where nobody did, or where somebody came back since.
    `taken_on` is the day (UTC) on which it was taken. `subject` is the pseudonym that it was received with; where
    nobody was known then, the one since a resync brought the address. `deliveries` lacks those of which nothing was
    said yet.
    """

    plan: Mapping[str, str | None]
    right: Any
    received_at: Any
    due_on: Any
    taken_on: str
    event_key: Any = None
    source: Any = None
    source_ref: Any = None
    subject: Any = None
    held: bool = False
    fulfilled_at: str | None = None
    released_at: str | None = None
    deliveries: dict[str, DeliveryRecord] = field(default_factory=dict)

    def delivery(self, destination: str) -> DeliveryRecord:
        """Return what the log says of the delivery at a planned destination."""
        return self.deliveries.get(destination) or self.deliveries.setdefault(destination, DeliveryRecord())

    @property
    def state(self) -> str:
        """Where it stands: fulfilled, held or open."""
        if self.fulfilled_at is not None:
            return "fulfilled"
        waits = any(record.state == "held" for record in self.deliveries.values())
        return "held" if waits or (self.held and not self.plan) else "open"

    def hold(self) -> None:
        """Note that the event is held; where none of its deliveries is, it was held when it came, with all of them."""
        self.held = True
        if not any(record.state == "held" for record in self.deliveries.values()):
            for destination in self.plan:
                if self.delivery(destination).state == "pending":
                    self.delivery(destination).state = "held"


class History:
    """Follows every event through the log. Events that were purged, in part or whole, are passed over."""

    def __init__(self) -> None:
        self._events: dict[str, EventRecord] = {}
        self._purged: set[str] = set()
        #: received without a person; they go over to `_brought` when a resync brings an address
        self._nobodys: set[str] = set()
        self._brought: set[str] = set()
        #: each plan once: a million events have a few of them
        self._plans: dict[tuple[str, ...], Mapping[str, str | None]] = {}

    def purged(self, what: str, event: str | None) -> None:
        """Note that an entry has lost its body to a purge: then its event is passed over.

        A resync goes before the events that it was about, as long as these are not over: it may have been about any.
        """
        if what == "operator:resynced":
            self.any_may_be_brought()
        if event is not None:
            self._purged.add(event)
            self._events.pop(event, None)

    def any_may_be_brought(self) -> None:
        """Note that a resync may have brought the address of any event that is nobody's so far."""
        self._brought |= self._nobodys
        self._nobodys.clear()

    def bring(self, event: str) -> None:
        """Note that a resync may have brought the address of one event, if it is nobody's so far."""
        if event in self._nobodys:
            self._nobodys.discard(event)
            self._brought.add(event)

    def is_nobodys(self, event: str) -> bool:
        """Say whether an event was received without a person, and no resync brought its address so far."""
        return event in self._nobodys

    def is_purged(self, event: str) -> bool:
        """Say whether an entry of the event was purged: then the log does not tell enough of it."""
        return event in self._purged

    def event(self, event: str) -> EventRecord | None:
        """Return what the log says of an event; None where it never received it, or where it was purged."""
        return self._events.get(event)

    def events(self) -> Iterator[str]:
        """Yield the ids of all events that were received and not purged, in the order of the log."""
        return iter(self._events)

    def was_brought(self, event: str) -> bool:
        """Say whether the event was nobody's until a resync brought its address: its subject may be known since."""
        return event in self._brought

    def tell(self, what: str, content: Mapping[str, Any]) -> str | None:
        """Take one entry into the history; return why it cannot be true, in half a sentence, or None."""
        facts, actor = content.get("facts"), content.get("actor")
        if not isinstance(facts, dict) or not isinstance(actor, dict):
            return "has no facts, or does not say who acted"
        kind = actor.get("kind")
        if not isinstance(kind, str) or not kind or "user" not in actor:
            return "has no facts, or does not say who acted"
        if what in NEEDS_REASON:
            reason = facts.get("reason")
            if not isinstance(reason, str) or not reason.strip():
                return "is a person's decision without a reason"
            self._note_brought(what, facts)
        event = content["event"]
        if event is None or event in self._purged:
            return None
        if what == "event:received":
            return self._received(event, content["at"][:10], content.get("subject"), facts)
        record = self._events.get(event)
        if record is None:
            return "concerns an event that was never received"
        if not self._is_of_its_person(event, record, content.get("subject")):
            return "is about another person than its event"
        if what.startswith("delivery:") and content["destination"] is not None:
            return _delivery(record, what, content["destination"], content["at"], facts)
        return _event(record, what, content["at"], facts)

    def _received(self, event: str, day: str, subject: Any, facts: Mapping[str, Any]) -> str | None:
        if event in self._events:
            return "receives an event a second time"
        destinations = facts.get("destinations")
        if not isinstance(destinations, list) or not all(isinstance(item, str) for item in destinations):
            return "receives an event without naming its destinations"
        plan = self._plans.get(tuple(destinations))
        if plan is None:
            plan = self._plans[tuple(destinations)] = planned(destinations)
        if len(plan) != len(destinations):
            return "receives an event that names a destination twice"
        right, received_at, due_on = facts.get("right"), facts.get("received_at"), facts.get("due_on")
        names = facts.get("event_key"), _once(facts.get("source")), facts.get("source_ref")
        self._events[event] = EventRecord(plan, _once(right), received_at, _once(due_on), _once(day), *names, subject)
        if subject is None:
            self._nobodys.add(event)
        return None

    def _is_of_its_person(self, event: str, record: EventRecord, subject: Any) -> bool:
        """Say whether an entry names the person of its event, or nobody.

        The first name after a resync brought the address of an event that was nobody's is that event's from then on.
        """
        if subject is not None and record.subject is None and event in self._brought:
            record.subject = subject
        return subject is None or bool(subject == record.subject)

    def _note_brought(self, what: str, facts: Mapping[str, Any]) -> None:
        named = facts.get("deliveries")
        if what == "operator:resynced" and facts.get("addresses_brought") and isinstance(named, list):
            events = {item.partition(":")[0] for item in named if isinstance(item, str)} & self._nobodys
            self._brought |= events
            self._nobodys -= events


def _once(value: Any) -> Any:
    """Return a word so that it is kept once: a million events say a few of them."""
    return sys.intern(value) if type(value) is str else value


def planned(destinations: list[str]) -> dict[str, str | None]:
    """Return destination -> action of `name:action` each; the action is None where it is `-` or left out."""
    parts = [item.partition(":") for item in destinations]
    return {name: None if action in ("", "-") else action for name, _, action in parts}


def _event(record: EventRecord, what: str, at: str, facts: Mapping[str, Any]) -> str | None:
    if what == "event:fulfilled":
        not_done = [name for name in record.plan if not record.delivery(name).done]
        if not_done:
            return f"calls an event fulfilled while {min(not_done)} is not closed"
        record.fulfilled_at = at
    elif what == "event:held":
        record.hold()
    elif what == "event:extended":
        record.due_on = _once(facts.get("due_on"))
    elif what == "guard:released":
        record.released_at = at
        for delivery in map(record.delivery, record.plan):
            delivery.begun_at, delivery.passed = None, True
    return None


def _delivery(event: EventRecord, what: str, destination: str, at: str, facts: Mapping[str, Any]) -> str | None:
    if destination not in event.plan:
        return "concerns a destination that the event never named"
    record, attempt = event.delivery(destination), facts.get("attempt")
    if what == "delivery:previewed":  # a look at what would happen: it moves nothing, and is no attempt
        event.delivery(destination).previewed = True
        other = facts.get("action") != event.plan[destination]
        return f"is of another action than the event planned at {destination}" if other else None
    if what == "delivery:answered":  # after it was closed: it moves nothing
        return None if _is_made(record, attempt) else "is an answer, but that attempt was never made"
    if what == "delivery:attempted":
        if type(attempt) is not int or attempt < 1:
            return "begins an attempt without its number"
        record.attempts, record.most = attempt, max(record.most, attempt)
    elif what in _ANSWERS and not _is_made(record, attempt):
        return f"says {what.partition(':')[2]}, but that attempt was never made"
    elif what == "delivery:not_applicable" and not (isinstance(facts.get("code"), str) and facts["code"].strip()):
        return "says that nobody could be asked, and not why"
    if what in _ACTS and facts.get("action") != event.plan[destination]:
        return f"is of another action than the event planned at {destination}"
    _count(record, what, facts)
    _follow_begin(event, record, what, at, facts)
    _move(record, what, facts)
    if not record.done:
        event.fulfilled_at = None
    return None


def _is_made(record: DeliveryRecord, attempt: Any) -> bool:
    return type(attempt) is int and 0 < attempt <= record.most


def _follow_begin(event: EventRecord, record: DeliveryRecord, what: str, at: str, facts: Mapping[str, Any]) -> None:
    """Follow since when it has begun; what starts over begins anew, and what comes back was released by nobody."""
    if what == "delivery:attempted":
        record.begun = True
        record.begun_at = at if facts.get("first") is True else record.begun_at
        return
    if what == "delivery:reopened" and facts.get("to") == "pending":
        record.begun = False  # what began before is counted until it begins again
        record.passed = record.passed and event.released_at is not None
    if what == "delivery:reappeared" or facts.get("found_by") == "watch":
        record.begun, record.begun_at, record.passed = False, None, False
        event.released_at = None  # what passed elsewhere and has not begun yet passes still


def _count(record: DeliveryRecord, what: str, facts: Mapping[str, Any]) -> None:
    """Follow the count of attempts and the outcome."""
    attempt = facts.get("attempt")
    if "phase" in facts and type(attempt) is int:
        record.attempts = attempt - 1 if facts.get("attempt_given_back") else attempt
        record.outcome = _once(facts.get("outcome"))
    elif facts.get("found_by") == "watch" or (what == "delivery:reopened" and facts.get("to") == "pending"):
        record.attempts, record.outcome = 0, None


#: how a delivery was closed -> the fact that says why
WHY = {"exempt": "ground", "attested": "answer", "not_applicable": "code"}


def _move(record: DeliveryRecord, what: str, facts: Mapping[str, Any]) -> None:
    """Follow the state."""
    word = sys.intern(what.partition(":")[2])
    if word == "attempted":
        return
    if word == "reopened":
        record.state = facts.get("to")
        # its attempts stay: one may be under way, and its answer still counts
        record.done = record.done and record.state != "pending"
    elif word == "retrying":
        record.state = _once(facts.get("state"))
        # a recheck that could not read says nothing about the person
        record.done = record.done and record.state == "applied"
    else:
        record.state = facts.get("state", "retrying") if word == "reappeared" else word
        record.done = word in CLOSED
        record.why = _once(facts.get(WHY.get(word, "")))
        record.settles_on, record.lapses_on = facts.get("settles_on"), facts.get("lapses_on")
