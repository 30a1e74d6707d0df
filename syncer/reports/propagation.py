"""The propagation log as data: who asked what, what every recipient made of it, and what proves it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

from adapters.contract import Adapter
from syncer import __version__
from syncer.audit.ledger import Ledger, LogEntry
from syncer.audit.offline.finding import Finding
from syncer.audit.offline.on_record.restores import ForkFound
from syncer.audit.proof.checkpoints import Sealed
from syncer.audit.proof.notary import Notary
from syncer.audit.proof.verification.verified import Verified
from syncer.clock import stamp
from syncer.domain.controller import Controller
from syncer.domain.deadlines import Rule
from syncer.domain.endings import Ending
from syncer.domain.model import EventState
from syncer.reports.evidence import Reappearance, ReportedEvent
from syncer.reports.register.paged import PagedRegister, Registers
from syncer.reports.register.part import Part
from syncer.reports.register.register import Register
from syncer.reports.status import Status, last_verification
from syncer.reports.views import EventView, LaneView, Signed, VerificationView
from syncer.reports.wording.recipients import RecipientName, recipient

#: what belongs to no one event: what people did, and what casts doubt on the times
DECISIONS = (
    "operator:resynced", "operator:dismissed", "operator:refused", "delivery:exempt", "delivery:attested",
    "event:extended", "event:withdrawn", "operator:looked_up", "report:exported", "lane:paused", "lane:resumed",
    "lane:shadowed", "lane:live", "clock:anomaly", "alert:acknowledged", "guard:tripped", "guard:released",
    "guard:refused", "guard:cleared",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Span:
    """A span of receipt (UTC), open where a side is None; `until` is not in it."""

    since: datetime | None
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Summary:
    """How many requests there are, and where they stand.

    Of the `fulfilled`, `everywhere` are those that every recipient carried out, as was read back; the others were
    `answered` without that, ended `with_exception`, were `withdrawn`, or found `nobody` to be told. `overdue` are late
    and open, `answered_late` are late and fulfilled.
    """

    requests: int
    fulfilled: int
    everywhere: int
    answered: int
    with_exception: int
    withdrawn: int
    nobody: int
    held: int
    open: int
    overdue: int
    answered_late: int


@dataclass(frozen=True, slots=True)
class NoteKept:
    """Where a signed note lies, up to which entry, and since when."""

    size: int
    where: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Integrity:
    """What proves the log and what does not: its size, its root, where signed notes lie, and since when.

    `verified` says that nothing was found altered. Then `reason` is None, or says what a restore on record declares
    lost; `forks` are those restores. Of the notes kept here, `agreeing` agree with the log, and `excused` lie in what
    is declared lost.
    `verified` and the rest are of this moment, `last_verification` is what the daemon last found of the whole log.
    """

    entries: int
    head: str
    verified: bool
    reason: str | None
    warnings: tuple[str, ...]
    origin: str
    signed: Signed | None
    root: str | None
    anchors: tuple[NoteKept, ...]
    not_proven: tuple[str, ...]
    last_verification: VerificationView
    agreeing: int
    excused: int
    forks: tuple[ForkFound, ...]


@dataclass(frozen=True, slots=True)
class PropagationLog:
    """The propagation log for a span of receipt. The lanes count over all time, whatever the span is.

    `controller` is whose log it is. `recipients` are what the destinations are called, of every one that has a lane or
    a delivery. `part` is None where all is in one file; in a part `events` and `reappeared` are those of the part, the
    rest is of the whole. Of the open requests `stopped` wait until a person has looked at what the guard stopped.
    """

    generated_at: datetime
    software: str
    controller: Controller
    timezone: str
    rule: str
    objection_target_hours: int
    filter: Span
    summary: Summary
    events: Register[ReportedEvent]
    destinations: Mapping[str, LaneView]
    recipients: Mapping[str, RecipientName]
    reappeared: tuple[Reappearance, ...]
    decisions: tuple[LogEntry, ...]
    integrity: Integrity
    stopped: int = 0
    part: Part | None = field(default=None, metadata={"unset": None})


@dataclass(frozen=True, slots=True)
class Report:
    """A propagation log, how many deliveries it has, and its requests, which can be read as long as it is open."""

    log: PropagationLog
    deliveries: int
    register: PagedRegister

    def parts(self, most: int) -> Iterator[PropagationLog]:
        """Yield it in parts of at most so many requests, those received first in the first."""
        of = -(-len(self.register) // most)
        for number, register in enumerate(self.register.parts(most), 1):
            ids = set(register.ids)
            again = tuple(item for item in self.log.reappeared if item.event in ids)
            part = Part(number, of, len(register), *register.received())
            yield replace(self.log, events=register, reappeared=again, part=part)


class Propagation:
    """Makes the propagation log of one installation.

    `verify` verifies what came since the last verified state, the requests of these ids, and what the log received in
    the span (UTC); `about` returns the class of an adapter, for its title, `controller` whose log it is.
    """

    def __init__(
        self,
        registers: Registers,
        status: Status,
        ledger: Ledger,
        notary: Notary,
        rule: Rule,
        clock: Callable[[], datetime],
        verify: Callable[[Iterable[str], tuple[datetime | None, datetime | None]], Finding],
        verified: Verified,
        about: Callable[[str], type[Adapter] | None],
        controller: Controller,
    ) -> None:
        self._registers = registers
        self._status = status
        self._ledger = ledger
        self._notary = notary
        self._rule = rule
        self._clock = clock
        self._verify = verify
        self._verified = verified
        self._about = about
        self._controller = controller

    @contextmanager
    def report(self, since: datetime | None, until: datetime | None) -> Iterator[Report]:
        """Yield the propagation log for a span of receipt (UTC), with what proves it and what does not."""
        with self._registers.opened(since, until) as register:
            seen = _survey(register)
            log = self._log(register, seen, Span(since, until))
            yield Report(log, seen.deliveries, register)

    def _log(self, register: PagedRegister, seen: _Survey, span: Span) -> PropagationLog:
        since, until = (stamp(moment) if moment else None for moment in (span.since, span.until))
        lanes = self._status.lanes()
        return PropagationLog(
            generated_at=self._clock(),
            software=__version__,
            controller=self._controller,
            timezone=self._rule.zone.key,
            rule=self._rule.due(self._clock()).rule,
            objection_target_hours=self._rule.objection_target_hours,
            filter=span,
            summary=seen.summary,
            events=register,
            destinations=lanes,
            recipients={name: self._recipient(name, lane) for name, lane in lanes.items()},
            reappeared=seen.reappeared,
            decisions=tuple(
                entry
                for entry in self._ledger.entries(DECISIONS, since, until)
                if not (entry.what == "guard:released" and entry.event)  # one line for a plan, not one for each request
            ),
            integrity=self._integrity(register.ids, (span.since, span.until), lanes.values()),
            stopped=seen.stopped,
        )

    def _recipient(self, name: str, lane: LaneView) -> RecipientName:
        return recipient(name, lane.adapter, self._about(lane.adapter) if lane.adapter else None)

    def _integrity(
        self, events: Iterable[str], span: tuple[datetime | None, datetime | None], lanes: Iterable[LaneView]
    ) -> Integrity:
        verified, standing = self._verify(events, span), self._notary.standing()
        entries, head = self._ledger.head()
        last = standing.newest
        return Integrity(
            entries=entries,
            head=head,
            # a restore that a person recorded is shown as what it is: neither hidden nor a broken log
            verified=verified.stands,
            reason=verified.reason,
            warnings=verified.warnings,
            origin=standing.origin,
            signed=Signed(last.size, last.at) if last else None,
            root=root_of(last),
            anchors=tuple(
                NoteKept(item.size, item.place or item.kind, item.at)
                for item in standing.anchors
                if item.at is not None
            ),
            not_proven=tuple(_not_proven(last, lanes)),
            last_verification=last_verification(self._verified),
            agreeing=verified.agreeing,
            excused=verified.excused,
            forks=verified.forks,
        )


def _not_proven(last: Sealed | None, lanes: Iterable[LaneView]) -> Iterator[str]:
    """Yield what a log does not prove that is signed so far; `kept` tells it again in other languages."""
    yield "that nobody who holds both the database and the key file rewrote the log"
    if last:
        yield f"anything after entry {last.size}, the last that is signed"
    else:
        yield "the end of the log: no entry is signed yet"
    yield "more than a note proves that left this machine: compare with one that somebody else keeps"
    yield "what a provider keeps in backups and internal copies; the read-back is the provider's own word"
    yield "orders, carts, conversations, deals, notes and old exports at a provider"
    if any(lane.accepted or lane.attested for lane in lanes):
        yield "what a recipient that lets nobody look made of an order, and that it answered what a person says"


def needs_attention(log: PropagationLog) -> bool:
    """Say whether a request is held, late or stopped by the guard, or the log is not intact."""
    counts = log.summary
    return bool(counts.held or counts.overdue or log.stopped or not log.integrity.verified)


def summary(events: Iterable[EventView]) -> Summary:
    """Count requests by where they stand."""
    states, endings = dict.fromkeys(EventState, 0), dict.fromkeys(Ending, 0)
    overdue = answered_late = 0
    for event in events:
        states[event.state] += 1
        if event.ending is not None:
            endings[event.ending] += 1
        overdue += event.overdue
        answered_late += event.late and not event.overdue
    return Summary(
        requests=sum(states.values()),
        fulfilled=states[EventState.FULFILLED],
        **{kind.value: number for kind, number in endings.items()},
        held=states[EventState.HELD],
        open=states[EventState.OPEN],
        overdue=overdue,
        answered_late=answered_late,
    )


@dataclass(frozen=True, slots=True)
class _Survey:
    """What the first way through the requests finds; `reappeared` is who was found again, oldest first."""

    summary: Summary
    deliveries: int
    stopped: int
    reappeared: tuple[Reappearance, ...]


def _survey(register: PagedRegister) -> _Survey:
    deliveries = stopped = 0

    def seen() -> Iterator[EventView]:
        nonlocal deliveries, stopped
        for event in register.views():
            deliveries += len(event.deliveries)
            stopped += event.state is EventState.OPEN and event.is_stopped
            yield event

    counts = summary(seen())
    again = sorted(register.found_again(), key=lambda entry: entry.seq)
    reappeared = tuple(Reappearance(entry.seq, entry.at, entry.event, entry.destination) for entry in again)
    return _Survey(counts, deliveries, stopped, reappeared)


def root_of(sealed: Sealed | None) -> str | None:
    """Return the root of a checkpoint in base64, as its note has it; None for no checkpoint."""
    return b64encode(sealed.checkpoint.root).decode("ascii") if sealed else None
