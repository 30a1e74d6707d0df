"""The invariants, each as a judge that sees calls and audit entries as they come, and what is left in the end."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

from syncer.domain.model import Delivery
from tests.simulation.history import Case, Entry
from tests.simulation.world import REACHED, Call, Record

if TYPE_CHECKING:
    from tests.simulation.process import Process
    from tests.simulation.run import Run

CLOSED = ("confirmed", "exempt")


@dataclass(frozen=True, slots=True)
class Violation:
    """One invariant that did not hold, when (virtual days) and how."""

    invariant: str
    day: float
    text: str


class Invariant:
    """One thing that must always be so; a subclass says where it looks."""

    name: ClassVar[str]

    def __init__(self, run: Run) -> None:
        self.run = run
        self.violations: list[Violation] = []

    def broken(self, text: str) -> None:
        """Note a violation."""
        self.violations.append(Violation(self.name, round(self.run.timeline.days, 3), text))

    def on_call(self, call: Call) -> None:
        """Look at one step at a provider."""

    def on_start(self, process: Process, delivery: Delivery, under_way: int, others: list[Process]) -> None:
        """Look at a call that starts, beside those of other processes at the same destination."""

    def on_entry(self, entry: Entry) -> None:
        """Look at one audit entry."""

    def daily(self) -> None:
        """Look at everything, once a day, also while progress is impossible."""

    def at_end(self) -> None:
        """Look at what is left when the run is over."""


class NoEventLostOrDoubled(Invariant):
    """I1: each key in the queue is one event with its destinations, and none is twice."""

    name = "I1"

    def daily(self) -> None:
        """Every row that was taken is an event, and every event is in the audit once."""
        taken = {row[0] for row in self.run.select("SELECT event_key FROM syncer_queue WHERE taken_at IS NOT NULL")}
        self._compare(taken)

    def at_end(self) -> None:
        """Every key ever written is an event."""
        self._compare({row.key for row in self.run.plan.rows if row.arrives <= self.run.timeline.now})
        for case in self.run.history.cases.values():
            if case.times_received != 1:
                self.broken(f"{case.key} was received {case.times_received} times")
            self._check_receipt(case)

    def _compare(self, expected: set[str]) -> None:
        events = [row[0] for row in self.run.select("SELECT event_key FROM syncer_event")]
        if len(events) != len(set(events)):
            self.broken("an event stands there twice")
        if set(events) != {case.key for case in self.run.history.cases.values()}:
            self.broken("events and audit name different events")
        for key in sorted(expected - set(events)):
            self.broken(f"{key} was lost")

    def _check_receipt(self, case: Case) -> None:
        rows = self.run.history.rows(case.key)
        times = {row.received_at or row.arrives for row in rows}
        if not rows[0].malformed and case.received_at not in times:
            self.broken(f"{case.key} was not received at {case.received_at}")
        if not set(case.deliveries) >= {"newsletter", "crm"}:
            self.broken(f"{case.key} lacks a destination")


class AttemptedBeforeActing(Invariant):
    """I2: no destination is acted on without `delivery:attempted`."""

    name = "I2"

    def on_call(self, call: Call) -> None:
        """A step of an apply has its attempt in the audit already."""
        cases = self.run.history.of_person.get(call.person, [])
        attempts = sum(case.deliveries[call.account].attempts for case in cases if call.account in case.deliveries)
        if (call.verb == "apply" or call.effect) and not attempts:
            self.broken(f"{call.account} was called for person {call.person} without an attempt in the audit")
        if self.run.open_transactions():
            self.broken(f"{call.account} was called inside a transaction")

    def on_start(self, process: Process, delivery: Delivery, under_way: int, others: list[Process]) -> None:
        """The last that the audit says of a delivery before its call is the attempt, or what a person did since."""
        last = self.run.history.cases[delivery.event_id].deliveries[delivery.destination].last
        known = ("delivery:attempted", "delivery:reopened", "delivery:exempt")
        if delivery.state in ("pending", "retrying") and last not in known and process.stalled_at is None:
            self.broken(f"{delivery.destination} was called after {last or 'nothing'}")


class FulfilledOnlyWhenClosed(Invariant):
    """I3: `fulfilled` only if every delivery is confirmed or exempt; the tables agree with the audit."""

    name = "I3"

    def on_entry(self, entry: Entry) -> None:
        """At its fulfilment every delivery of an event is closed."""
        if entry.what == "event:fulfilled" and entry.case is not None:
            states = {name: d.state for name, d in entry.case.deliveries.items() if d.state not in CLOSED}
            if states:
                self.broken(f"{entry.case.key} was fulfilled with {states}")

    def daily(self) -> None:
        """No fulfilled event has an open delivery, but for one that is being read again."""
        for key, state in self.run.select(
            "SELECT e.event_key, d.state FROM syncer_event e JOIN syncer_delivery d ON d.event_id = e.id"
            " WHERE e.state = 'fulfilled' AND d.state NOT IN ('confirmed', 'exempt')"
            " AND NOT (d.state = 'applied' AND d.confirmed_at IS NOT NULL)"
        ):
            self.broken(f"{key} is fulfilled with a delivery {state}")

    def at_end(self) -> None:
        """The state of each delivery is the one its audit ends with."""
        self.daily()
        for event_id, destination, state in self.run.select("SELECT event_id, destination, state FROM syncer_delivery"):
            case = self.run.history.cases.get(event_id)
            if case is None or case.deliveries[destination].state != state:
                self.broken(f"{event_id} at {destination} is {state}, its audit says otherwise")


class ConfirmedOnlyWhatIsSo(Invariant):
    """I4: `confirmed` only if the provider was read meanwhile, and it was so."""

    name = "I4"

    def on_entry(self, entry: Entry) -> None:
        """Since the entry before, and after the last change, the world showed the person gone, or out of reach."""
        if entry.what != "delivery:confirmed" or entry.case is None or entry.destination is None:
            return
        case, place = entry.case, entry.destination
        if not any(str(step["call"]).startswith(("GET ", "PUT ")) for step in entry.facts.get("steps", [])):
            self.broken(f"{case.key} at {place} was confirmed without a read-back in the audit")
        if entry.before == "pending" and not case.deliveries[place].attempts:
            self.broken(f"{case.key} at {place} was confirmed without an attempt")
        calls = self.run.history.calls.get((place, case.person), [])
        seen = [call for call in reversed(calls) if call.index > entry.since]
        # what changed something is no read-back, nor is what was read before it
        seen = list(itertools.takewhile(lambda call: not (call.effect and call.verb == "apply"), seen))
        if case.deliveries[place].action == "delete":
            so = any(call.erased for call in seen)
        else:
            so = any(call.unreachable for call in seen)
        if not so:
            self.broken(f"{case.key} at {place} was confirmed, and it was not so in {len(seen)} calls")


class OnlyTheEventsPerson(Invariant):
    """I5: never acts on another address than the event's; bystanders stay as they are."""

    name = "I5"

    def on_call(self, call: Call) -> None:
        """A change hits the person asked for, and only one who has asked for something."""
        if not call.effect:
            return
        if call.hit is not None and call.hit != call.person:
            self.broken(f"person {call.hit} was changed at {call.account} instead of person {call.person}")
        if not self.run.history.of_person.get(call.person):
            self.broken(f"person {call.person}, who asked for nothing, was {call.effect} at {call.account}")

    def at_end(self) -> None:
        """Whoever asked for nothing is byte for byte as before."""
        if self.run.bystanders() != self.run.bystanders_before:
            self.broken("somebody who asked for nothing was changed")


class NeverSubscribes(Invariant):
    """I6: never subscribes; each right gets its own action; newer consent is left alone."""

    name = "I6"
    ALLOWED: ClassVar[dict[str, tuple[str, ...]]] = {
        "deleted": ("erasure",), "purged": ("erasure",), "tombstone": ("objection",),
        "unsubscribed": ("objection", "erasure"),
    }  # fmt: skip

    def on_call(self, call: Call) -> None:
        """A change is one that one of the person's events asks for."""
        if not call.effect:
            return
        rights = self.ALLOWED.get(call.effect, ())
        cases = [case for case in self.run.history.of_person.get(call.person, []) if case.right in rights]
        if not cases:
            self.broken(f"person {call.person} was {call.effect} at {call.account}, which no event asks for")
        if call.consent is not None and all(case.received_at < call.consent for case in cases):
            self.broken(f"person {call.person} was {call.effect} at {call.account} in spite of newer consent")


class LimitsAreKept(Invariant):
    """I7: never more calls at one time than allowed, and only by the owner of the lane."""

    name = "I7"

    def on_start(self, process: Process, delivery: Delivery, under_way: int, others: list[Process]) -> None:
        """A process that was not stalled calls alone, within its number, and never while the lane must wait."""
        place, scenario = delivery.destination, self.run.scenario
        if under_way > scenario.senders:
            self.broken(f"{under_way} calls at {place} at once")
        if process.stalled_at is not None:
            return
        for other in others:
            if other.stalled_at is None:
                self.broken(f"{process.name} and {other.name} call {place} at once")
        now = process.clock().strftime("%Y-%m-%d %H:%M:%S.%f")
        if self.run.select(
            "SELECT 1 FROM syncer_lane WHERE destination = ? AND (cool_until > ? OR paused AND paused_by = 'syncer')",
            place, now,
        ):  # fmt: skip
            self.broken(f"{process.name} calls {place} while the lane must wait")


class ChainVerifies(Invariant):
    """I8: the chain verifies, and the tables say what the log says."""

    name = "I8"

    def daily(self) -> None:
        """Once a week, whatever is under way: it reads everything."""
        if int(self.run.timeline.days) % 7 == 0:
            self.at_end()

    def at_end(self) -> None:
        """The real verifier has nothing to say."""
        app = self.run.judge.app
        for finding in (app.verify_since(), app.verify()):  # from the state of last week on, and all of it
            if not finding.ok:
                self.broken(f"{finding.scope}: {finding.reason}")


class NoPlainAddress(Invariant):
    """I9: no plain address in any log, and none in the database once everything was taken."""

    name = "I9"

    def at_end(self) -> None:
        """Look for every address as bytes."""
        self._search("the log", self.run.said().encode().lower())

    def in_file(self, content: bytes) -> None:
        """Look into the database file, which has no connection any more."""
        self._search("the database", content.lower())

    def _search(self, place: str, content: bytes) -> None:
        asked = sorted({row.person for row in self.run.plan.rows if row.person is not None})
        for person in asked:
            for spelling in self.run.plan.people[person]:
                if b"@" in content and spelling.lower().encode() in content:
                    self.broken(f"an address of person {person} stands in {place}")


#: an open event younger than the first is not late, one older than the second is
ERASURE = timedelta(days=27), timedelta(days=32)
OBJECTION = timedelta(days=1.9), timedelta(days=2.1)


class OverdueIsVisible(Invariant):
    """I10: what is late shows as late, and nothing else does."""

    name = "I10"

    def daily(self) -> None:
        """Compare the report with the calendar; the day around a due date is left to the unit tests."""
        now = self.run.timeline.now
        overdue = {item.event_key: item.overdue for item in self.run.judge.app.reader.events()}
        for case in self.run.history.cases.values():
            age = now - case.received_at
            surely_not, surely = OBJECTION if case.right == "objection" else ERASURE
            if not case.fulfilled and age > surely and not overdue.get(case.key):
                self.broken(f"{case.key} is late and does not show as such")
            if overdue.get(case.key) and (case.fulfilled or age < surely_not):
                self.broken(f"{case.key} shows as late and is not")
        if self.run.judge.app.status.read().events.overdue != sum(map(bool, overdue.values())):
            self.broken("status counts another number of late events than there are")


class PoisonBlocksNobody(Invariant):
    """I11: one poisoned row never blocks another."""

    name = "I11"
    PATIENCE = timedelta(hours=14)

    def daily(self) -> None:
        """No row waits for long, whatever stood before it."""
        before = (self.run.timeline.now - self.PATIENCE).strftime("%Y-%m-%d %H:%M:%S")
        for (key,) in self.run.select(
            "SELECT event_key FROM syncer_queue WHERE taken_at IS NULL AND created_at < ?", before
        ):
            self.broken(f"{key} still waits in the queue")


class EverythingEnds(Invariant):
    """I12: with the faults gone, all events reach an end, and every erased person is gone."""

    name = "I12"

    def at_end(self) -> None:
        """Nothing is open, nothing is kept, and the world is as the events asked."""
        for key, state in self.run.select("SELECT event_key, state FROM syncer_event WHERE state <> 'fulfilled'"):
            self.broken(f"{key} is still {state}")
        for (key,) in self.run.select("SELECT event_key FROM syncer_event WHERE email_sealed IS NOT NULL"):
            self.broken(f"{key} still has its address")
        for case in self.run.history.cases.values():
            for place, delivery in case.deliveries.items():
                if delivery.state == "confirmed" and delivery.confirmed_at is not None:
                    self._check(case, place, delivery.action, delivery.confirmed_at)

    def _check(self, case: Case, place: str, action: str | None, confirmed_at: datetime) -> None:
        account = self.run.world.accounts[place]
        rows: list[Record] = list(account.people.get(case.person, []))
        if action == "delete":
            rows += account.archive.get(case.person, [])
        else:
            rows = [record for record in rows if record.status in REACHED]
        # a clock that is an hour wrong may have written the time of the confirmation
        if any(record.added_at < confirmed_at - timedelta(hours=1.1) for record in rows):
            self.broken(f"{case.key} is done at {place}, but the person is still there")


ALL: tuple[type[Invariant], ...] = (
    NoEventLostOrDoubled, AttemptedBeforeActing, FulfilledOnlyWhenClosed, ConfirmedOnlyWhatIsSo, OnlyTheEventsPerson,
    NeverSubscribes, LimitsAreKept, ChainVerifies, NoPlainAddress, OverdueIsVisible, PoisonBlocksNobody, EverythingEnds,
)  # fmt: skip
