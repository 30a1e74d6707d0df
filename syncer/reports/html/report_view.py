"""What a report shows to somebody who is not a programmer: grouped by cause, paged by month, in plain words. Pure."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from adapters.contract import Action, Outcome
from syncer.audit.ledger import LogEntry, Stamp
from syncer.domain.codes import meaning
from syncer.domain.effects import effect
from syncer.domain.endings import Ending
from syncer.domain.model import EventState, State
from syncer.reports.evidence import Confirmation, Reappearance, ReportedDelivery, ReportedEvent
from syncer.reports.html.charts import DAY, OPEN_BY_AGE, TO_CONFIRMED, Chart, histogram
from syncer.reports.propagation import PropagationLog
from syncer.reports.views import LaneView
from syncer.reports.wording import deliveries
from syncer.reports.wording.account import account, people_did
from syncer.reports.wording.moments import Moments
from syncer.reports.wording.needs import Need, answered_late, missed_target_only, needs, pause_reason
from syncer.reports.wording.recipients import called
from syncer.reports.wording.words import standing, step_line

#: rows of one page of a month; more would be slow to open
PAGE = 500
#: days before the due day from which an event is shown as due soon
SOON = (7, 14)


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the events, received in one month; `name` is unique in the report and an anchor."""

    name: str
    title: str
    events: Sequence[ReportedEvent]


@dataclass(frozen=True, slots=True)
class Proof:
    """One way in which deliveries were read back; many share it. `number` is how rows refer to it."""

    number: int
    recipient: str
    action: str
    outcome: str
    steps: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Works:
    """Whether a recipient works: `kind` is how it is marked, `word` says it, `why` what is the matter or ""."""

    kind: str
    word: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """How a recipient stands over all time, with what this report shows of it: last confirmation and median wait."""

    name: str
    destination: str
    lane: LaneView
    works: Works
    last: datetime | None
    median: str


#: what proofs are told apart by: recipient, action, outcome, calls and notes
_ProofKey = tuple[str, Action | None, Outcome | None, tuple[str, ...], tuple[str, ...]]


class ReportView:
    """A propagation log, ready to be shown."""

    def __init__(self, log: PropagationLog) -> None:
        self.log = log
        self.events = log.events
        #: event id -> its number in this report, which anchors are made of
        self.number = {event.id: number for number, event in enumerate(self.events, 1)}
        self.by_id = {event.id: event for event in self.events}
        self.moments = Moments(ZoneInfo(log.timezone))
        #: destination -> what it is called
        self.called = called(log.recipients)
        self._proofs: dict[_ProofKey, Proof] = {}
        self._seen: Counter[int] = Counter()
        seen = {delivery.destination for event in self.events for delivery in event.deliveries}
        self.recipients = [name for name in log.destinations if name in seen]
        self._proof_of = {
            (event.id, delivery.destination): self._proof(delivery, said)
            for event in self.events
            for delivery in event.deliveries
            if (delivery.state is State.CONFIRMED or delivery.rechecking)
            and (said := delivery.evidence.confirmation) is not None
            and said.read_back
        }

    # -- the sentence ---------------------------------------------------------------------------------------

    def sentence(self) -> str:
        """Return where things stand, in one or two plain sentences."""
        return account(self.log.summary)

    # -- what needs a person --------------------------------------------------------------------------------

    def needs(self) -> list[Need]:
        """Return what needs a person, the most urgent first."""
        return needs(self.log)

    def answered_late(self) -> list[ReportedEvent]:
        """Return the requests that were answered late."""
        return answered_late(self.log)

    def missed_target_only(self, event: ReportedEvent) -> bool:
        """Say whether what a late request missed is the target for objections alone."""
        return missed_target_only(self.log, event)

    def counts(self) -> list[tuple[str, int, bool]]:
        """Return the numbers at the top: what is counted, how many, and whether that is a late one."""
        counts = self.log.summary
        rare = (("withdrawn", counts.withdrawn), ("closed with no recipient to tell", counts.nobody))
        return [
            ("requests", counts.requests, False),
            ("carried out everywhere", counts.everywhere, False),
            ("closed with an exception", counts.with_exception, False),
            *((word, number, False) for word, number in rare if number),
            ("need a decision", counts.held, False),
            ("under way", counts.open, False),
            ("late and still open", counts.overdue, bool(counts.overdue)),
            ("answered late", counts.answered_late, bool(counts.answered_late)),
        ]

    def due_soon(self) -> list[tuple[int, list[ReportedEvent]]]:
        """Return the events that are not late yet and due within SOON days, each in the nearest class only."""
        today = self.moments.local(self.log.generated_at).date()
        classes: list[tuple[int, list[ReportedEvent]]] = []
        taken: set[str] = set()
        for days in SOON:
            near = [
                event
                for event in self.events
                if event.state is not EventState.FULFILLED
                and not event.overdue
                and event.id not in taken
                and event.due_on <= today + timedelta(days=days)
            ]
            taken |= {event.id for event in near}
            classes.append((days, near))
        return classes

    # -- register and propagation ---------------------------------------------------------------------------

    def pages(self) -> Iterator[Page]:
        """Yield the events by the month of receipt (controller's time zone), the newest month first."""
        ordered = sorted(self.events, key=lambda event: event.received_at, reverse=True)
        for month, group in groupby(ordered, key=self._month):
            members = list(group)
            for first in range(0, len(members), PAGE):
                part = members[first : first + PAGE]
                span = f", {first + 1} to {first + len(part)}" if len(members) > PAGE else ""
                title = f"{month:%B %Y}{span} of {len(members)}" if span else f"{month:%B %Y}, {len(members)} in all"
                yield Page(f"{month:%Y-%m}-{first // PAGE + 1}", title, part)

    def _month(self, event: ReportedEvent) -> date:
        return self.moments.local(event.received_at).date().replace(day=1)

    def first_attempt(self, event: ReportedEvent) -> Stamp | None:
        """Return when the event was first tried anywhere, as the log has it."""
        tried = (delivery.evidence.attempts for delivery in event.deliveries)
        return min((item.first_attempt_at for item in tried if item), default=None)

    def untried(self, event: ReportedEvent) -> str:
        """Return what is said of a request of which the log has no attempt: one that is closed never will be tried."""
        if event.state is not EventState.FULFILLED:
            return "not tried yet"
        done = any(item.attempts or item.state is not State.EXEMPT for item in event.deliveries)
        return "when it was first tried is not on record" if done else "never tried"

    def after(self, event: ReportedEvent) -> str:
        """Return the time from receipt to fulfilment, or to now, in words."""
        return _span(_seconds(event.received_at, event.fulfilled_at or self.log.generated_at))

    def standing(self, event: ReportedEvent) -> tuple[str, str]:
        """Return how a request is marked, and where it stands."""
        if event.ending is None:
            return event.state, standing(event)
        return "fulfilled" if event.ending is Ending.EVERYWHERE else "exempt", standing(event)

    def before(self, delivery: ReportedDelivery) -> str:
        """Return what had been done before a delivery was closed by decision."""
        return deliveries.before(delivery, self.moments)

    def closed(self, event: ReportedEvent) -> int:
        """Return how many of its recipients need nothing more."""
        return sum(delivery.through for delivery in event.deliveries)

    def excepted(self, event: ReportedEvent) -> int:
        """Return how many of its recipients a person excepted."""
        return sum(item.state is State.EXEMPT for item in event.deliveries) - self.withdrawn(event)

    def withdrawn(self, event: ReportedEvent) -> int:
        """Return how many of its recipients were not asked any further, as it was withdrawn."""
        return sum(map(deliveries.withdrawn, event.deliveries))

    def at(self, event: ReportedEvent) -> list[ReportedDelivery | None]:
        """Return the event's delivery for each recipient, None where it was not told."""
        by_name = {delivery.destination: delivery for delivery in event.deliveries}
        return [by_name.get(name) for name in self.recipients]

    def proof(self, event: ReportedEvent, delivery: ReportedDelivery) -> int | None:
        """Return the number of the proof of a confirmed delivery, None where no steps are kept."""
        return self._proof_of.get((event.id, delivery.destination))

    def proofs(self) -> list[tuple[Proof, int]]:
        """Return every way of reading back with how many deliveries it stands for."""
        return [(proof, self._seen[proof.number]) for proof in self._proofs.values()]

    def _proof(self, delivery: ReportedDelivery, said: Confirmation) -> int:
        # the provider's request number and the milliseconds differ each time: they stand in the JSON and the CSV
        steps = tuple(dict.fromkeys(step_line(step, brief=True, arrow="→") for step in said.read_back))
        key = (delivery.destination, delivery.action, delivery.outcome, steps, said.notes)
        if key not in self._proofs:
            outcome = deliveries.outcome(delivery)
            number = len(self._proofs) + 1
            name = self.called[delivery.destination]
            self._proofs[key] = Proof(number, name, delivery.action or "-", outcome, steps, said.notes)
        number = self._proofs[key].number
        self._seen[number] += 1
        return number

    # -- figures --------------------------------------------------------------------------------------------

    def charts(self) -> tuple[Chart, Chart]:
        """Return how long confirmations took, and how long open events have been open."""
        ages = (
            (self.log.generated_at - event.received_at).total_seconds()
            for event in self.events
            if event.state is not EventState.FULFILLED
        )
        return (
            histogram("confirmed", "From receipt to the first confirmation", self._waits(None), TO_CONFIRMED),
            histogram("open", "Open requests by age", ages, OPEN_BY_AGE),
        )

    def to_everywhere(self) -> dict[str, float] | None:
        """Return median, mean and 95th percentile of the days until requests were carried out everywhere.

        Those that were closed otherwise do not count; None for fewer than two.
        """
        days = [
            _seconds(event.received_at, event.fulfilled_at) / DAY
            for event in self.events
            if event.fulfilled_at and event.ending is Ending.EVERYWHERE
        ]
        if len(days) < 2:
            return None
        high = statistics.quantiles(days, n=20, method="inclusive")[-1]
        return {"median": statistics.median(days), "mean": statistics.fmean(days), "95th percentile": high}

    def health(self) -> list[Health]:
        """Return how each recipient stands."""
        return [self._health(name, lane) for name, lane in self.log.destinations.items()]

    def _health(self, name: str, lane: LaneView) -> Health:
        waits = list(self._waits(name))
        last = max((d.confirmed_at for _, d in self._deliveries(name) if d.confirmed_at), default=None)
        median = _span(statistics.median(waits) if waits else None)
        return Health(self.called[name], name, lane, self._works(name, lane), last, median)

    def _works(self, name: str, lane: LaneView) -> Works:
        """Return whether a recipient works: never yes where our account there, or its service, is in the way."""
        if lane.paused:
            return Works("held", "paused", pause_reason(lane))
        if not lane.configured:
            return Works("held", "removed", "no longer in the settings")
        told = [delivery for _, delivery in self._deliveries(name)]
        held = [d for d in told if d.state is State.HELD]
        trouble = [d for d in told if d.state in (State.PENDING, State.RETRYING) and d.code]
        if account := [d for d in held if effect(d.code).account]:
            return Works("held", "not for all", f"{len(account)} held: {meaning(account[0].code)}")
        if trouble:
            return Works("retrying", "with trouble", f"{len(trouble)} wait: {meaning(trouble[0].code)}")
        if lane.held + lane.retrying > len(held) + sum(d.state is State.RETRYING for d in told):
            return Works("pending", "not known", "some wait that this report leaves out")
        return Works("confirmed", "yes") if lane.confirmed else Works("pending", "not known", "nothing confirmed yet")

    def _waits(self, name: str | None) -> Iterator[float]:
        for event, delivery in self._deliveries(name):
            said = delivery.evidence.confirmation
            if said is not None:
                yield _seconds(event.received_at, datetime.fromisoformat(said.first_confirmed_at))

    def _deliveries(self, name: str | None) -> Iterator[tuple[ReportedEvent, ReportedDelivery]]:
        for event in self.events:
            for delivery in event.deliveries:
                if name is None or delivery.destination == name:
                    yield event, delivery

    # -- exceptions and people who came back ----------------------------------------------------------------

    def exceptions(self) -> list[tuple[ReportedEvent, ReportedDelivery]]:
        """Return the deliveries that a person excepted, with their events; a withdrawn request is no exception."""
        return [
            (event, delivery)
            for event, delivery in self._deliveries(None)
            if delivery.state is State.EXEMPT and not deliveries.withdrawn(delivery)
        ]

    def people_did(self) -> list[LogEntry]:
        """Return what people did, each decision once."""
        return people_did(self.log)

    def extensions(self) -> list[ReportedEvent]:
        """Return the events whose period was extended."""
        return [event for event in self.events if event.extended_at]

    def reappeared(self) -> Iterable[tuple[Reappearance, ReportedDelivery | None]]:
        """Yield who was found again, with how the delivery stands now."""
        now = {(event.id, delivery.destination): delivery for event, delivery in self._deliveries(None)}
        for item in self.log.reappeared:
            yield item, now.get((item.event or "", item.destination or ""))


def _seconds(start: datetime, end: datetime) -> float:
    return max((end - start).total_seconds(), 0.0)


def _span(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    for size, word in ((DAY, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= size:
            return f"{seconds / size:.1f} {word}"
    return f"{seconds:.0f} seconds"
