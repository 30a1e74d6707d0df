"""What needs a person: what it means for the people concerned, what is to be decided, and what an administrator does.

The words say so in this order: whoever answers for the requests reads them first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from zoneinfo import ZoneInfo

from syncer.domain.codes import CODES, NO_DESTINATION, meaning, remedy
from syncer.domain.deadlines import is_overdue
from syncer.domain.effects import BY_A_PERSON, BY_SYNCER, CLOSING, GO_ON, PAUSED, Remedy, decision, effect, result
from syncer.domain.model import WORKABLE, EventState, State
from syncer.reports.evidence import ReportedEvent
from syncer.reports.propagation import PropagationLog
from syncer.reports.views import LaneView
from syncer.reports.wording.account import many
from syncer.reports.wording.commands import commands, show
from syncer.reports.wording.recipients import called

#: who paused a lane, where it was a person
BY_OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Need:
    """Something that needs a person: one cause at one recipient, and the requests it concerns.

    `result` is a sentence about the people concerned, `why` what happened, `decision` what to decide and whom to tell.
    `remedy` and `commands` are the administrator's; `instead` are commands that take the place of the others. `late`
    says that a time is over.
    """

    result: str
    why: str
    decision: str
    remedy: str
    commands: tuple[str, ...]
    instead: tuple[str, ...] = ()
    events: tuple[ReportedEvent, ...] = ()
    late: bool = False


def needs(log: PropagationLog) -> list[Need]:
    """Return what needs a person, the most urgent first; nothing only where nothing does."""
    names = called(log.recipients)
    return [
        *_of_the_log(log),
        *_late(log),
        *(_paused(name, lane, names[name]) for name, lane in log.destinations.items() if lane.paused),
        *_held(log.events, names),
        *_held_elsewhere(log, names),
    ]


def answered_late(log: PropagationLog) -> list[ReportedEvent]:
    """Return the requests that are closed and were answered late: nothing is to be done, and nothing is hidden."""
    return [event for event in log.events if event.late and not event.overdue]


def missed_target_only(log: PropagationLog, event: ReportedEvent) -> bool:
    """Say whether what a late request missed is the target for objections alone: its due day was not over."""
    answered = None if event.overdue else event.fulfilled_at
    return (
        event.late
        and event.target_at is not None
        and not is_overdue(event.due_on, ZoneInfo(log.timezone), answered or log.generated_at)
    )


def pause_reason(lane: LaneView) -> str:
    """Return why a lane is paused, in words: a person's own, or what the code means that syncer paused it for."""
    code = _pause_code(lane)
    return meaning(code) if code in CODES else lane.pause_reason or "no reason is on record"


def _pause_code(lane: LaneView) -> str | None:
    """Return the code for which syncer paused a lane: its reason is that code, with what was seen behind it."""
    return None if lane.paused_by == BY_OPERATOR else (lane.pause_reason or "").partition(":")[0]


def _of_the_log(log: PropagationLog) -> Iterator[Need]:
    proof = log.integrity
    if not proof.verified:
        yield Need(
            "The log that proves what is said here is not whole.",
            proof.reason or "no reason is on record",
            "Keep database and files as evidence. Find out who wrote there, and decide whether it is a breach to be"
            " notified (Art. 33).",
            "put back a database that is whole, then verify it",
            commands(Remedy.VERIFY, (), None),
        )
    elif proof.last_verification.problem:
        yield Need(
            "The daily check of the log that proves what is said here is missing, or found something.",
            proof.last_verification.problem,
            "Have it looked into: what nobody checks proves little.",
            "verify the log, and see that `syncer run` runs",
            commands(Remedy.VERIFY, (), None),
        )


#: what stops a late request, and what an administrator does about that
_TRIED = "syncer goes on trying"
_AT_PAUSED = "see the paused recipient below"
_AT_HELD = "see below what is held"


def _late(log: PropagationLog) -> Iterator[Need]:
    late = [(missed_target_only(log, event), _stopped(log, event), event) for event in log.events if event.overdue]
    for target_only, stopped in product((False, True), (_TRIED, _AT_PAUSED, _AT_HELD)):
        events = tuple(event for *kind, event in late if kind == [target_only, stopped])
        if events:
            yield (_late_target if target_only else _late_day)(log, stopped, events)


def _stopped(log: PropagationLog, event: ReportedEvent) -> str:
    """Return what an administrator does about a late request: it is only waited for where something is still tried."""
    at = [item.destination for item in event.deliveries if item.state in WORKABLE]
    if not at:
        return _AT_HELD
    return _AT_PAUSED if all(log.destinations[name].paused for name in at) else _TRIED


def _late_day(_: PropagationLog, stopped: str, events: tuple[ReportedEvent, ...]) -> Need:
    return Need(
        "The time to answer is over, and it is still open.",
        "it is not carried out everywhere yet; what stops each recipient stands below or in the register",
        "Tell these people that it takes longer, and why; they may complain to the supervisory authority (Art. 12(4)).",
        stopped,
        show(events, "overdue"),
        events=events,
        late=True,
    )


def _late_target(log: PropagationLog, stopped: str, events: tuple[ReportedEvent, ...]) -> Need:
    return Need(
        "An objection missed the target of this house, and is still open; its due day is not over.",
        f"it is not carried out everywhere within {log.objection_target_hours} hours; what stops each recipient stands"
        " below or in the register",
        "Decide whether somebody stops the marketing to these people by hand until then. The answer to them is in time"
        " as long as it comes by the due day.",
        stopped,
        show(events, "overdue"),
        events=events,
        late=True,
    )


def _paused(name: str, lane: LaneView, title: str) -> Need:
    by_a_person, code = lane.paused_by == BY_OPERATOR, _pause_code(lane)
    waits = many(lane.pending + lane.retrying + lane.applied, "request waits", "requests wait")
    steps = BY_A_PERSON if by_a_person else BY_SYNCER
    then = "resume it when the reason is over" if by_a_person else remedy(code)
    return Need(
        PAUSED.format(recipient=title),
        f"{title} is paused: {pause_reason(lane)}; {waits} there",
        GO_ON if by_a_person else decision(code, title),
        then,
        tuple(line for step in steps for line in commands(step, (), name)),
    )


@dataclass(slots=True)
class _Cause:
    """Deliveries that are held for one code, and at one recipient unless the code is about the request itself."""

    code: str | None
    action: str | None
    events: list[ReportedEvent] = field(default_factory=list)
    destinations: list[str] = field(default_factory=list)

    def add(self, event: ReportedEvent, destination: str) -> None:
        if not self.events or self.events[-1] is not event:
            self.events.append(event)
        if destination not in self.destinations:
            self.destinations.append(destination)


def _held(events: Sequence[ReportedEvent], names: Mapping[str, str]) -> Iterator[Need]:
    causes: dict[tuple[str, str | None, str | None], _Cause] = {}
    for event in events:
        held = [delivery for delivery in event.deliveries if delivery.state is State.HELD]
        for delivery in held:
            code, action = delivery.code, delivery.action
            key = ("", code, None) if effect(code).request else (delivery.destination, code, action)
            causes.setdefault(key, _Cause(code, action)).add(event, delivery.destination)
        if (event.ending is None and not event.deliveries) or (event.state is EventState.HELD and not held):
            code = event.code or (None if event.deliveries else NO_DESTINATION)
            nowhere = causes.setdefault(("", code, ""), _Cause(code, None))
            nowhere.events.append(event)
    yield from (_need(cause, names) for cause in causes.values())


def _need(cause: _Cause, names: Mapping[str, str]) -> Need:
    code, events = cause.code, tuple(cause.events)
    titles = _listed([names[name] for name in cause.destinations]) or "any recipient"
    known = cause.destinations or effect(code).result
    so = result(code, cause.action, titles) if known else "Nothing more is done as long as it is held."
    return Need(
        so,
        meaning(code) or "no reason is on record",
        decision(code, titles),
        remedy(code),
        tuple(_lines(cause, [step for step in effect(code).steps if step not in CLOSING])),
        tuple(_lines(cause, [step for step in effect(code).steps if step in CLOSING])),
        events,
    )


def _lines(cause: _Cause, steps: Sequence[Remedy]) -> Iterator[str]:
    for step in steps:
        # what starts over does so everywhere where the request itself was the trouble; a decision is one at a recipient
        one = cause.destinations[0] if len(cause.destinations) == 1 else None
        at = cause.destinations if step is Remedy.EXEMPT else [one]
        for destination in at:
            yield from commands(step, cause.events, destination)


def _listed(items: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(items[:-1]), *items[-1:]]))


def _held_elsewhere(log: PropagationLog, names: Mapping[str, str]) -> Iterator[Need]:
    shown = [d.destination for event in log.events for d in event.deliveries if d.state is State.HELD]
    for name, lane in log.destinations.items():
        more = lane.held - shown.count(name)
        if more > 0:
            yield Need(
                f"More is held at {names[name]} than this report shows.",
                f"{many(more, 'request that was', 'requests that were')} received outside its time",
                "Make a report of the whole time.",
                "the report without `--since` and `--until` shows them",
                (f"syncer events --state held --destination {name}",),
            )
