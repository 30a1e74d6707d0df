"""What a report shows to somebody who is not a programmer: grouped by cause, paged by month, in plain words. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import groupby
from zoneinfo import ZoneInfo

from adapters.contract import Action, Evidence
from syncer.audit.ledger import Stamp
from syncer.domain.codes import meaning
from syncer.domain.endings import Ending
from syncer.domain.model import EventState, State
from syncer.language.texts import _, counted
from syncer.reports.evidence import Reappearance, ReportedDelivery, ReportedEvent
from syncer.reports.findings import find
from syncer.reports.html.figures import DueSoon, Figures, Soon, seconds, span
from syncer.reports.html.report_parts import Cell, Excepted, Extended, Health, Page, Proof, Registered, Works
from syncer.reports.html.unseen import ClosedUnseen
from syncer.reports.propagation import PropagationLog
from syncer.reports.views import DeliveryView, EventView, LaneView
from syncer.reports.wording import deliveries
from syncer.reports.wording.account import account
from syncer.reports.wording.kept import told_by_adapter
from syncer.reports.wording.moments import Moments
from syncer.reports.wording.needs import missed_target_only, pause_reason
from syncer.reports.wording.recipients import called
from syncer.reports.wording.words import action_word, standing, step_line

#: rows of one page of a month; more would be slow to open
PAGE = 500


#: ending -> how the style sheet marks a request; any other was closed by a decision
_MARKS = {Ending.EVERYWHERE: "fulfilled", Ending.ANSWERED: "answered"}
#: what proofs are told apart by: recipient, action, outcome, calls and notes
_ProofKey = tuple[str, Action | None, str, tuple[str, ...], tuple[str, ...]]


class ReportView:
    """A propagation log, ready to be shown. What it keeps of each request is small: pages are read when they are."""

    def __init__(self, log: PropagationLog) -> None:
        self.log = log
        self.moments = Moments(ZoneInfo(log.timezone))
        #: destination -> what it is called
        self.called = called(log.recipients)
        self.found = find(log)
        #: event id -> its row
        self.rows: dict[str, Registered] = {}
        self.figures = Figures(log)
        self.exceptions: list[Excepted] = []
        self.extensions: list[Extended] = []
        self._due = DueSoon(self.moments.local(log.generated_at).date())
        self._again = {(item.event, item.destination) for item in log.reappeared}
        self.unseen = ClosedUnseen(self.called)
        self._now: dict[tuple[str | None, str | None], ReportedDelivery] = {}
        self._proofs: dict[_ProofKey, Proof] = {}
        self._seen: Counter[int] = Counter()
        for event in log.events:
            self._look_at(event)
        self.recipients = [name for name in log.destinations if name in self.figures.seen]

    def _look_at(self, event: ReportedEvent) -> None:
        self.figures.add(event)
        self._due.add(event)
        if event.extended_at:
            self.extensions.append(Extended(event.id, event.extended_at, event.informed_on, event.due_on))
        cells = tuple(self._cell(event, delivery) for delivery in event.deliveries)
        row = Registered(len(self.rows), event.id, event.case, event.received_at, *_tried(event), cells)
        self.rows[event.id] = row

    def _cell(self, event: ReportedEvent, delivery: ReportedDelivery) -> Cell:
        place, evidence = (event.id, delivery.destination), delivery.evidence
        said, tried, before = evidence.confirmation, evidence.attempts, deliveries.before(delivery, self.moments)
        if place in self._again:
            self._now[place] = delivery
        self.unseen.add(event, delivery)
        if delivery.state is State.EXEMPT and not deliveries.withdrawn(delivery):
            self.exceptions.append(Excepted(*place, delivery.code, evidence.exemption, before))
        return Cell(
            self._proven_by(delivery),
            said.confirmed_seq if said else None,
            tried.last_attempt_at if tried else None,
            before,
            deliveries.would_have(delivery),
            self.unseen.passed(delivery),
            deliveries.by_whose_word(delivery, self.moments, whole=False),
        )

    # -- the sentence ---------------------------------------------------------------------------------------

    def sentence(self) -> str:
        """Return where things stand, in one or two plain sentences."""
        return account(self.log.summary, self.log.stopped)

    # -- what needs a person --------------------------------------------------------------------------------

    def missed_target_only(self, event: EventView) -> bool:
        """Say whether what a late request missed is the target for objections alone."""
        return missed_target_only(self.log, event)

    def counts(self) -> list[tuple[str, int, bool]]:
        """Return the numbers at the top: what is counted, how many, and whether that is a late one."""
        counts, stopped = self.log.summary, self.log.stopped
        rare = ((_("withdrawn"), counts.withdrawn), (_("closed with no recipient to tell"), counts.nobody))
        return [
            (_("requests"), counts.requests, False),
            (_("carried out everywhere"), counts.everywhere, False),
            *(((_("closed, not everywhere read back"), counts.answered, False),) if counts.answered else ()),
            (_("closed with an exception"), counts.with_exception, False),
            *((word, number, False) for word, number in rare if number),
            (_("need a decision"), counts.held, False),
            (_("under way"), counts.open - stopped, False),
            *(((_("stopped by the guard"), stopped, False),) if stopped else ()),
            (_("late and still open"), counts.overdue, bool(counts.overdue)),
            (_("answered late"), counts.answered_late, bool(counts.answered_late)),
        ]

    def due_soon(self) -> list[tuple[int, list[Soon]]]:
        """Return what is not late yet and due within SOON days, each in the nearest class only."""
        return list(self._due.classes.items())

    # -- register and propagation ---------------------------------------------------------------------------

    def pages(self) -> Iterator[Page]:
        """Yield the events by the month of receipt (controller's time zone), the newest month first."""
        ordered = sorted(self.rows.values(), key=lambda row: row.received_at, reverse=True)
        for month, group in groupby(ordered, key=self._month):
            members = [row.place for row in group]
            for first in range(0, len(members), PAGE):
                part = members[first : first + PAGE]
                words = (
                    _("{month}, {first} to {last} of {number}")
                    if len(members) > PAGE
                    else _("{month}, {number} in all")
                )
                title = words.format(
                    month=self.moments.month(month), first=first + 1, last=first + len(part), number=len(members)
                )
                yield Page(f"{month:%Y-%m}-{first // PAGE + 1}", title, part)

    def events(self, page: Page) -> Iterator[EventView]:
        """Yield the events of a page."""
        return self.log.events.views(page.places)

    def _month(self, row: Registered) -> date:
        return self.moments.local(row.received_at).date().replace(day=1)

    def after(self, event: EventView) -> str:
        """Return the time from receipt to fulfilment, or to now, in words."""
        return span(seconds(event.received_at, event.fulfilled_at or self.log.generated_at))

    def standing(self, event: EventView) -> tuple[str, str]:
        """Return how a request is marked, and where it stands."""
        if event.ending is None:
            return event.state, standing(event)
        return _MARKS.get(event.ending, "exempt"), standing(event)

    def closed(self, event: EventView) -> int:
        """Return how many of its recipients need nothing more."""
        return sum(delivery.through for delivery in event.deliveries)

    def excepted(self, event: EventView) -> int:
        """Return how many of its recipients a person excepted."""
        return sum(item.state is State.EXEMPT for item in event.deliveries) - self.withdrawn(event)

    def withdrawn(self, event: EventView) -> int:
        """Return how many of its recipients were not asked any further, as it was withdrawn."""
        return sum(map(deliveries.withdrawn, event.deliveries))

    def at(self, event: EventView) -> list[tuple[DeliveryView, Cell] | tuple[None, None]]:
        """Return the event's delivery for each recipient, with its cell; None where it was not told."""
        told = zip(event.deliveries, self.rows[event.id].cells, strict=True)
        by_name = {delivery.destination: (delivery, cell) for delivery, cell in told}
        return [by_name.get(name, (None, None)) for name in self.recipients]

    def proofs(self) -> list[tuple[Proof, int]]:
        """Return every way of reading back with how many deliveries it stands for."""
        return [(proof, self._seen[proof.number]) for proof in self._proofs.values()]

    def _proven_by(self, delivery: ReportedDelivery) -> int | None:
        """Return the number of the proof of a confirmed delivery, None where no steps are kept."""
        said = delivery.evidence.confirmation
        if said is None or not said.read_back or not delivery.is_read_back:
            return None
        # the provider's request number and the milliseconds differ each time: they stand in the JSON and the CSV
        steps = tuple(dict.fromkeys(step_line(step, brief=True, arrow="→") for step in said.read_back))
        notes = tuple(told_by_adapter(note) for note in said.notes)
        key = (delivery.destination, delivery.action, deliveries.outcome(delivery), steps, notes)
        if key not in self._proofs:
            number, name = len(self._proofs) + 1, self.called[delivery.destination]
            self._proofs[key] = Proof(number, name, action_word(delivery.action) or "-", *key[2:])
        number = self._proofs[key].number
        self._seen[number] += 1
        return number

    # -- recipients and people who came back ----------------------------------------------------------------

    def health(self) -> list[Health]:
        """Return how each recipient stands."""
        return [
            Health(self.called[name], name, lane, self._works(name, lane), *self.figures.last_and_median(name))
            for name, lane in self.log.destinations.items()
        ]

    def _works(self, name: str, lane: LaneView) -> Works:
        """Return whether a recipient works: never yes where our account there, or its service, is in the way."""
        if lane.paused:
            return Works("held", _("paused"), pause_reason(lane))
        if not lane.configured:
            return Works("held", _("removed"), _("no longer in the settings"))
        if lane.shadow_since:
            return Works("pending", _("on trial"), _("in shadow mode: it is read, and nothing is carried out"))
        here = self.figures.at(name)
        if here.account:
            held = (
                counted("{num} held: {why}", "{num} held: {why}", number, why=meaning(code))
                for code, number in here.account.most_common()
            )
            return Works("held", _("not for all"), "; ".join(held))
        if here.trouble:
            wait = (
                counted("{num} wait: {why}", "{num} wait: {why}", number, why=meaning(code))
                for code, number in here.trouble.most_common()
            )
            return Works("retrying", _("with trouble"), "; ".join(wait))
        if lane.held + lane.retrying > here.waiting:
            return Works("pending", _("not known"), _("some wait that this report leaves out"))
        return _by_what_it_answered(lane, self.log.recipients[name].evidence)

    def reappeared(self) -> Iterable[tuple[Reappearance, ReportedDelivery | None]]:
        """Yield who was found again, with how the delivery stands now."""
        for item in self.log.reappeared:
            yield item, self._now.get((item.event, item.destination))


def _by_what_it_answered(lane: LaneView, evidence: Evidence | None) -> Works:
    """Return whether a recipient works where nothing is in its way: by the surest that it ever showed."""
    if lane.confirmed:
        return Works("confirmed", _("yes"))
    if lane.accepted:
        return Works("accepted", _("takes orders"), _("nobody can read back what becomes of them"))
    if lane.attested:
        return Works("attested", _("by hand"), _("a person says what it answered"))
    if lane.not_applicable:
        return Works("not_applicable", _("not known"), _("it could not be asked about anybody yet"))
    if evidence is Evidence.BY_HAND:
        return Works("pending", _("by hand"), _("nothing settled by a person yet"))
    if evidence in (Evidence.ACCEPTED, Evidence.PROCESSED):
        return Works("pending", _("not known"), _("it took no order yet"))
    return Works("pending", _("not known"), _("nothing confirmed yet"))


def _tried(event: ReportedEvent) -> tuple[Stamp | None, str]:
    """Return when an event was first tried anywhere, as the log has it, or what is said where it has no attempt."""
    tried = (delivery.evidence.attempts for delivery in event.deliveries)
    first = min((item.first_attempt_at for item in tried if item), default=None)
    return first, "" if first else _untried(event)


def _untried(event: ReportedEvent) -> str:
    """Return what is said of a request of which the log has no attempt: one that is closed never will be tried."""
    if event.state is not EventState.FULFILLED:
        return _("not tried yet")
    done = any(item.attempts or item.state is not State.EXEMPT for item in event.deliveries)
    return _("when it was first tried is not on record") if done else _("never tried")
