"""What needs a person: what it means for the people concerned, what is to be decided, and what an administrator does.

The words say so in this order: whoever answers for the requests reads them first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import product
from zoneinfo import ZoneInfo

from syncer.domain.codes import CODES, GUARDED, NO_DESTINATION, PARKED, meaning, remedy
from syncer.domain.deadlines import is_overdue
from syncer.domain.effects import BY_A_PERSON, BY_SYNCER, CLOSING, GO_ON, PAUSED, Remedy, decision, effect, result
from syncer.domain.model import WORKABLE, EventState, State
from syncer.domain.rights import Right
from syncer.language.texts import N_, _, counted, listed
from syncer.reports.propagation import PropagationLog
from syncer.reports.views import EventView, LaneView
from syncer.reports.wording import kept
from syncer.reports.wording.commands import commands, show
from syncer.reports.wording.moments import in_short
from syncer.reports.wording.previews import is_shadowed
from syncer.reports.wording.recipients import called

#: who paused a lane, where it was a person
BY_OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Mention:
    """As much of a request as is said where it is one of many; `target_only` as `missed_target_only` says."""

    id: str
    case: int | None
    right: Right | None
    due_on: date
    target_at: datetime | None
    target_only: bool
    source: str | None
    overdue: bool
    fulfilled_at: datetime | None


@dataclass(frozen=True, slots=True)
class Need:
    """Something that needs a person: one cause at one recipient, and the requests it concerns.

    `result` is a sentence about the people concerned, `why` what happened, `decision` what to decide and whom to tell.
    `remedy` and `commands` are the administrator's; `instead` are commands that take the place of the others. `late`
    says that a time is over. `code` is the cause, None where it is none of a delivery; `at` are the destinations.
    """

    result: str
    why: str
    decision: str
    remedy: str
    commands: tuple[str, ...]
    instead: tuple[str, ...] = ()
    events: tuple[Mention, ...] = ()
    late: bool = False
    code: str | None = None
    at: tuple[str, ...] = ()


class Needs:
    """Gathers what needs a person from the requests of a log, one after the other."""

    def __init__(self, log: PropagationLog) -> None:
        self._log = log
        self._names = called(log.recipients)
        self._late: dict[tuple[bool, str], list[Mention]] = {}
        self._causes: dict[tuple[str, str | None, str | None], _Cause] = {}
        self._shown: Counter[str] = Counter()

    def add(self, event: EventView) -> None:
        """Look at a request."""
        held = [delivery for delivery in event.deliveries if delivery.state is State.HELD]
        stopped = [delivery for delivery in event.deliveries if delivery.code == GUARDED]
        nowhere = event.ending is None and not event.deliveries
        if not (event.overdue or held or stopped or nowhere or event.state is EventState.HELD):
            return
        named = mention(self._log, event)
        if event.overdue:
            self._late.setdefault((named.target_only, _stopped(self._log, event)), []).append(named)
        self._shown.update(delivery.destination for delivery in held)
        for delivery in (*held, *stopped):
            code, action = delivery.code, delivery.action
            key = ("", code, None) if effect(code).request else (delivery.destination, code, action)
            self._causes.setdefault(key, _Cause(code, action)).add(named, delivery.destination)
        if nowhere or (event.state is EventState.HELD and not held):
            code = event.code or (None if event.deliveries else NO_DESTINATION)
            self._causes.setdefault(("", code, ""), _Cause(code, None)).events.append(named)

    def found(self) -> list[Need]:
        """Return what needs a person, the most urgent first; nothing only where nothing does."""
        log, names = self._log, self._names
        return [
            *_of_the_log(log),
            *self._of_late(),
            *(_on_trial(name, lane, names[name]) for name, lane in log.destinations.items() if lane.shadow_since),
            *(_paused(name, lane, names[name]) for name, lane in log.destinations.items() if lane.paused),
            *(_need(cause, names) for cause in self._causes.values()),
            *_held_elsewhere(log, self._shown, names),
        ]

    def _of_late(self) -> Iterator[Need]:
        for target_only, stopped in product((False, True), (_TRIED, _AT_PAUSED, _AT_TRIAL, _AT_HELD, _AT_GUARD)):
            if events := self._late.get((target_only, stopped)):
                yield (_late_target if target_only else _late_day)(self._log, stopped, tuple(events))


def mention(log: PropagationLog, event: EventView) -> Mention:
    """Return as much of a request as a list of many says."""
    return Mention(
        event.id,
        event.case,
        event.right,
        event.due_on,
        event.target_at,
        missed_target_only(log, event),
        event.source,
        event.overdue,
        event.fulfilled_at,
    )


def missed_target_only(log: PropagationLog, event: EventView) -> bool:
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
    return meaning(code) if code in CODES else lane.pause_reason or _("no reason is on record")


def _pause_code(lane: LaneView) -> str | None:
    """Return the code for which syncer paused a lane: its reason is that code, with what was seen behind it."""
    return None if lane.paused_by == BY_OPERATOR else (lane.pause_reason or "").partition(":")[0]


def _of_the_log(log: PropagationLog) -> Iterator[Need]:
    proof = log.integrity
    if not proof.verified:
        yield Need(
            _("The log that proves what is said here is not whole."),
            kept.finding(proof.reason) or _("no reason is on record"),
            _(
                "Keep database and files as evidence. Find out who wrote there, and decide whether it is a breach to be"
                " notified (Art. 33)."
            ),
            _("put back a database that is whole, then verify it"),
            commands(Remedy.VERIFY, (), None),
        )
    elif proof.last_verification.problem:
        yield Need(
            _("The daily check of the log that proves what is said here is missing, or found something."),
            kept.finding(proof.last_verification.problem),
            _("Have it looked into: what nobody checks proves little."),
            _("verify the log, and see that `syncer run` runs"),
            commands(Remedy.VERIFY, (), None),
        )


#: what stops a late request, and what an administrator does about that
_TRIED = N_("syncer goes on trying")
_AT_PAUSED = N_("see the paused recipient below")
_AT_TRIAL = N_("see the recipients on trial below: nothing is carried out there")
_AT_HELD = N_("see below what is held")
_AT_GUARD = N_("see below what the guard stopped")


def _stopped(log: PropagationLog, event: EventView) -> str:
    """Return what an administrator does about a late request: it is only waited for where something is still tried."""
    at = [item.destination for item in event.deliveries if item.state in WORKABLE and item.code not in PARKED]
    if not at:
        if any(item.code == GUARDED for item in event.deliveries):
            return _AT_GUARD
        return _AT_TRIAL if any(map(is_shadowed, event.deliveries)) else _AT_HELD
    return _AT_PAUSED if all(log.destinations[name].paused for name in at) else _TRIED


def _late_day(_log: PropagationLog, stopped: str, events: tuple[Mention, ...]) -> Need:
    return Need(
        _("The time to answer is over, and it is still open."),
        _("it is not carried out everywhere yet; what stops each recipient stands below or in the register"),
        _(
            "Tell these people that it takes longer, and why; they may complain to the supervisory authority"
            " (Art. 12(4))."
        ),
        _(stopped),
        show(events, "overdue"),
        events=events,
        late=True,
    )


def _late_target(log: PropagationLog, stopped: str, events: tuple[Mention, ...]) -> Need:
    return Need(
        _("An objection missed the target of this house, and is still open; its due day is not over."),
        _(
            "it is not carried out everywhere within {hours} hours; what stops each recipient stands below or in the"
            " register"
        ).format(hours=log.objection_target_hours),
        _(
            "Decide whether somebody stops the marketing to these people by hand until then. The answer to them is in"
            " time as long as it comes by the due day."
        ),
        _(stopped),
        show(events, "overdue"),
        events=events,
        late=True,
    )


def _paused(name: str, lane: LaneView, title: str) -> Need:
    by_a_person, code = lane.paused_by == BY_OPERATOR, _pause_code(lane)
    steps = BY_A_PERSON if by_a_person else BY_SYNCER
    then = _("resume it when the reason is over") if by_a_person else remedy(code)
    return Need(
        _(PAUSED).format(recipient=title),
        counted(
            "{recipient} is paused: {why}; {num} request waits there",
            "{recipient} is paused: {why}; {num} requests wait there",
            lane.pending + lane.retrying + lane.applied,
            recipient=title,
            why=pause_reason(lane),
        ),
        _(GO_ON) if by_a_person else decision(code, title),
        then,
        tuple(line for step in steps for line in commands(step, (), name)),
        at=(name,),
    )


def _on_trial(name: str, lane: LaneView, title: str) -> Need:
    waits = counted(
        "{num} request was looked at there, and nothing was changed; the time to answer runs on",
        "{num} requests were looked at there, and nothing was changed; the time to answer runs on",
        lane.previewed,
    )
    if lane.previewed_due_on:
        waits = _("{waits}; the first is due {day}").format(waits=waits, day=in_short(lane.previewed_due_on))
    return Need(
        _("Nothing is carried out at {recipient}: it is on trial, in shadow mode.").format(recipient=title),
        waits,
        _("Decide when it goes live; what would have happened stands in the register."),
        _('set mode = "live" in [destinations.{name}], and reload or restart syncer').format(name=name),
        (f"syncer events --destination {name}",),
        late=lane.forgotten,
        at=(name,),
    )


@dataclass(slots=True)
class _Cause:
    """Deliveries that are held for one code, and at one recipient unless the code is about the request itself."""

    code: str | None
    action: str | None
    events: list[Mention] = field(default_factory=list)
    destinations: list[str] = field(default_factory=list)

    def add(self, event: Mention, destination: str) -> None:
        if not self.events or self.events[-1] is not event:
            self.events.append(event)
        if destination not in self.destinations:
            self.destinations.append(destination)


def _need(cause: _Cause, names: Mapping[str, str]) -> Need:
    code, events = cause.code, tuple(cause.events)
    titles = listed([names[name] for name in cause.destinations]) or _("any recipient")
    known = cause.destinations or effect(code).result
    so = result(code, cause.action, titles) if known else _("Nothing more is done as long as it is held.")
    return Need(
        so,
        meaning(code) or _("no reason is on record"),
        decision(code, titles),
        remedy(code),
        tuple(_lines(cause, [step for step in effect(code).steps if step not in CLOSING])),
        tuple(_lines(cause, [step for step in effect(code).steps if step in CLOSING])),
        events,
        code=code,
        at=tuple(cause.destinations),
    )


def _lines(cause: _Cause, steps: Sequence[Remedy]) -> Iterator[str]:
    for step in steps:
        # what starts over does so everywhere where the request itself was the trouble; a decision is one at a recipient
        one = cause.destinations[0] if len(cause.destinations) == 1 else None
        at = cause.destinations if step is Remedy.EXEMPT else [one]
        for destination in at:
            yield from commands(step, cause.events, destination)


def _held_elsewhere(log: PropagationLog, shown: Mapping[str, int], names: Mapping[str, str]) -> Iterator[Need]:
    if log.part is not None:  # the other parts show it, or their index says this of all
        return
    for name, lane in log.destinations.items():
        more = lane.held - shown.get(name, 0)
        if more > 0:
            yield Need(
                _("More is held at {recipient} than this report shows.").format(recipient=names[name]),
                counted(
                    "{num} request that was received outside its time",
                    "{num} requests that were received outside its time",
                    more,
                ),
                _("Make a report of the whole time."),
                _("the report without `--since` and `--until` shows them"),
                (f"syncer events --state held --destination {name}",),
            )
