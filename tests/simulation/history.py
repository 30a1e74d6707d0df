"""The audit of a run read as history: what each event and delivery went through, by the log alone."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.simulation.scenario import Plan, Row
from tests.simulation.world import Call


@dataclass(slots=True)
class Standing:
    """One delivery as the audit tells it.

    `since` is how many calls the world had seen at its last entry, `before` at the one before that.
    """

    action: str | None
    state: str = "pending"
    attempts: int = 0
    confirmed_at: datetime | None = None
    since: int = 0
    before: int = 0
    last: str = ""


@dataclass(slots=True)
class Case:
    """One event as the audit tells it."""

    id: str
    key: str
    right: str | None
    person: int
    received_at: datetime
    deliveries: dict[str, Standing]
    fulfilled: bool = False
    shredded: bool = False
    times_received: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One audit entry with what it meant: the delivery's state before it and the calls since the one before."""

    seq: int
    at: datetime
    what: str
    facts: dict[str, Any]
    case: Case | None
    destination: str | None
    before: str | None
    since: int


@dataclass(slots=True)
class History:
    """Every case of a run, and who was called for whom."""

    plan: Plan
    cases: dict[str, Case] = field(default_factory=dict)
    of_person: dict[int, list[Case]] = field(default_factory=lambda: defaultdict(list))
    calls: dict[tuple[str, int], list[Call]] = field(default_factory=lambda: defaultdict(list))
    problems: list[str] = field(default_factory=list)

    def person_of_key(self, key: str) -> int:
        """Return who an event is about; -1 for nobody."""
        return next((row.person for row in self.rows(key) if row.person is not None), -1)

    def rows(self, key: str) -> list[Row]:
        """Return the queue rows of a key."""
        return [row for row in self.plan.rows if row.key == key]

    def shredded(self) -> list[Case]:
        """Return the events of known people whose address is gone."""
        return [case for case in self.cases.values() if case.shredded and case.person >= 0]

    def called(self, call: Call) -> None:
        """Remember a call."""
        self.calls[call.account, call.person].append(call)

    def read(self, seq: int, what: str, destination: str | None, body: dict[str, Any], calls: int) -> Entry:
        """Read one audit entry; `calls` is how many the world had seen when it was found."""
        at, facts = datetime.fromisoformat(body["at"]), body["facts"]
        case = self._case(body, facts) if body["event"] else None
        standing = case.deliveries.get(destination or "") if case else None
        before = standing.state if standing else None
        since = 0
        if standing is not None:
            # what was applied is read back at once, before or after that is on record
            since = standing.before if standing.last == "delivery:applied" else standing.since
        if case is not None:
            self._follow(case, standing, what, facts, at)
        if standing is not None:
            standing.before, standing.since, standing.last = standing.since, calls, what
        return Entry(seq, at, what, facts, case, destination, before, since)

    def _case(self, body: dict[str, Any], facts: dict[str, Any]) -> Case:
        event_id = body["event"]
        if event_id not in self.cases:
            person = self.person_of_key(facts["event_key"])
            planned = dict(item.rsplit(":", 1) for item in facts["destinations"])
            given = datetime.fromisoformat(facts.get("received_as_given", facts["received_at"]))
            self.cases[event_id] = Case(
                event_id, facts["event_key"], facts["right"], person, given,
                {name: Standing(None if action == "-" else action) for name, action in planned.items()},
            )  # fmt: skip
            self.of_person[person].append(self.cases[event_id])
        return self.cases[event_id]

    def _follow(self, case: Case, standing: Standing | None, what: str, facts: dict[str, Any], at: datetime) -> None:
        if what == "event:received":
            case.times_received += 1
        elif what == "event:held" and facts.get("code") == "malformed" and not case.fulfilled:
            for delivery in case.deliveries.values():
                delivery.state = "held" if delivery.state == "pending" else delivery.state
        elif what == "event:fulfilled":
            case.fulfilled = True
        elif what == "identity:shredded":
            case.shredded = True
        elif standing is not None:
            _move(standing, what, facts, at)
            case.fulfilled = case.fulfilled and standing.state in ("confirmed", "exempt", "applied")
            case.shredded = False if what == "delivery:reopened" else case.shredded


def _move(standing: Standing, what: str, facts: dict[str, Any], at: datetime) -> None:
    word = what.partition(":")[2]
    if word == "attempted":
        standing.attempts += 1
    elif word == "reopened":
        standing.state = facts["to"]
    elif word == "retrying":
        standing.state = facts["state"]
    elif word == "reappeared":
        standing.state = "retrying"
    else:
        standing.state = word
    if word == "confirmed":
        standing.confirmed_at = at
