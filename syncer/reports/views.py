"""What the read side shows of events and lanes, as values. Moments are UTC and aware, days the controller's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from adapters.contract import Action, Outcome
from syncer.audit.ledger import Facts, Stamp
from syncer.domain.codes import GUARDED
from syncer.domain.deadlines import WARN_DAYS
from syncer.domain.endings import Ending
from syncer.domain.model import CLOSED, EventState, State
from syncer.domain.rights import Right
from syncer.intake.wordpress.state import WordPressState

# -- events -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """An event at one destination, as it stands now.

    `settles_on` is the day by which the recipient says to be through with what it accepted, `lapses_on` the one by
    which data that cannot be found there is gone by itself. Both are None where nobody says.
    """

    destination: str
    adapter: str
    action: Action | None
    state: State
    outcome: Outcome | None
    code: str | None
    attempts: int
    next_attempt_at: datetime | None
    applied_at: datetime | None
    confirmed_at: datetime | None
    settles_on: date | None
    lapses_on: date | None

    @property
    def rechecking(self) -> bool:
        """Say whether it was confirmed before and is only being read back again."""
        return self.state is State.APPLIED and self.confirmed_at is not None

    @property
    def through(self) -> bool:
        """Say whether it needs nothing more, a later look apart."""
        return self.state in CLOSED or self.rechecking

    @property
    def is_read_back(self) -> bool:
        """Say whether the last look showed that it is so: of nothing else may anybody say that it is done."""
        return self.state is State.CONFIRMED or self.rechecking


@dataclass(frozen=True, slots=True)
class EventView:
    """An event with its deliveries. `subject` is the pseudonym; `warning` the highest of WARN_DAYS that it reached.

    `case` is the number of the log entry that recorded its receipt, None where there is none. `ending` says how it
    ended, None while it has not. `overdue` is an open one past its day or target; `late` is that, or answered late.
    """

    id: str
    case: int | None
    event_key: str
    right: Right | None
    subject: str | None
    state: EventState
    ending: Ending | None
    code: str | None
    received_at: datetime
    due_on: date
    overdue: bool
    late: bool
    warning: int | None
    target_at: datetime | None
    legal_due_on: date | None
    extended_at: datetime | None
    informed_on: date | None
    source: str | None
    source_ref: str | None
    fulfilled_at: datetime | None
    shredded_at: datetime | None
    deliveries: tuple[DeliveryView, ...]

    @property
    def waits_for_a_person(self) -> bool:
        """Say whether it is held, late or stopped by the guard."""
        return self.state is EventState.HELD or self.overdue or self.is_stopped

    @property
    def is_stopped(self) -> bool:
        """Say whether the guard stopped something of it, so that a person has to look."""
        return any(delivery.code == GUARDED for delivery in self.deliveries)


def delivery_values(delivery: DeliveryView) -> dict[str, Any]:
    """Return the fields of a delivery, to make one that holds more."""
    return {name: getattr(delivery, name) for name in DeliveryView.__slots__}


def event_values(event: EventView) -> dict[str, Any]:
    """Return the fields of an event without its deliveries, to make one whose deliveries hold more."""
    return {name: getattr(event, name) for name in EventView.__slots__ if name != "deliveries"}


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """An entry of the log as the timeline of its event shows it; `at` as the log has it. See `LogEntry`."""

    seq: int
    at: Stamp
    what: str
    destination: str | None
    actor: Facts | None
    facts: Facts | None


@dataclass(frozen=True, slots=True)
class EventHistory(EventView):
    """An event with its deliveries and its whole timeline."""

    audit: tuple[TimelineEntry, ...]


# -- status -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EventCounts:
    """How many events are in each state, how many are late, and how many have reached each of WARN_DAYS.

    Each open event is counted at its highest warning only. Of those that are overdue, `late_on_arrival` were so when
    they came: their own `received_at` says that somebody else kept them so long. `answered_late`
    are fulfilled ones whose answer came after its day or target.
    """

    open: int
    held: int
    fulfilled: int
    overdue: int
    late_on_arrival: int
    answered_late: int
    warn_7: int
    warn_14: int
    warn_21: int
    oldest_open: datetime | None

    @property
    def by_state(self) -> dict[EventState, int]:
        """The numbers by state."""
        return {state: getattr(self, state) for state in EventState}

    @property
    def warned(self) -> dict[int, int]:
        """The numbers by the days of the warning."""
        return dict(zip(WARN_DAYS, (self.warn_7, self.warn_14, self.warn_21), strict=True))


@dataclass(frozen=True, slots=True)
class TrialView:
    """A trial of a destination with an invented contact: when, whether all went as documented, what was found."""

    at: str
    ok: bool
    steps: int
    findings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GuardView:
    """How the guard of a destination stands: how many deletions may begin in 24 hours, and how many did.

    `limit` is None where the guard is off. `waiting` are deletions that did not begin yet; those of a lane that was
    stopped `since` then (UTC) wait for a person. `contacts` is how many the destination holds, None where that is not
    known.
    """

    limit: int | None
    counted: int
    waiting: int
    since: datetime | None
    contacts: int | None


@dataclass(frozen=True, slots=True)
class LaneView:
    """How a destination stands: its lane and its owner, its deliveries by state, and what is due when.

    `configured` is False for one that only old deliveries name; `adapter` is None where not even they do. `tried` is
    the last trial with an invented contact, None where there was none. `mode` is `shadow` since `shadow_since`, else
    `live`; `previewed` are the deliveries that would have gone there, and `previewed_due_on` is the day on which the
    first of their requests is due. `forgotten` says that this day is near: somebody has to go live, or to answer.
    `guard` is None where it is not configured and nothing of it was stopped.
    """

    adapter: str | None
    paused: bool
    pause_reason: str | None
    paused_by: str | None
    cool_until: datetime | None
    owner: str | None
    owner_host: str | None
    owner_pid: int | None
    owned_since: datetime | None
    lease_until: datetime | None
    pending: int
    retrying: int
    applied: int
    confirmed: int
    held: int
    exempt: int
    accepted: int
    attested: int
    not_applicable: int
    oldest_open: datetime | None
    next_attempt_at: datetime | None
    configured: bool
    tried: TrialView | None
    mode: str
    shadow_since: datetime | None
    previewed: int
    previewed_due_on: date | None
    forgotten: bool
    guard: GuardView | None

    @property
    def by_state(self) -> dict[State, int]:
        """The numbers of deliveries by state."""
        return {state: getattr(self, state) for state in State}


@dataclass(frozen=True, slots=True)
class DaemonView:
    """A daemon that is running; `seen_until` is when its word runs out unless it renews it."""

    host: str
    pid: int | None
    since: datetime
    seen_until: datetime


@dataclass(frozen=True, slots=True)
class Signed:
    """Up to which size the log is signed, and when it was."""

    size: int
    at: datetime


@dataclass(frozen=True, slots=True)
class AnchorView:
    """How an anchor stands. `level` is ok, late or page; `size` is 0 and `at` None for one that never got a note."""

    kind: str
    size: int
    at: datetime | None
    place: str | None
    failing_since: datetime | None
    error: str | None
    level: str


@dataclass(frozen=True, slots=True)
class VerificationView:
    """The last full verification: when it ended (UTC), over how many entries, whether all was whole, else why not.

    All four are None where none is on record. `level` is ok, late (there is none, or it is older than 48 hours) or page
    (it failed, or what is on record is not syncer's); `problem` says in one line what is wrong and what to do.
    """

    at: datetime | None
    entries: int | None
    ok: bool | None
    reason: str | None
    level: str
    problem: str | None


@dataclass(frozen=True, slots=True)
class AuditStanding:
    """How the log and its proof stand. `head` is the last MAC in hex; `page` says that a person must look now."""

    entries: int
    head: str
    origin: str
    checkpoint: Signed | None
    unsigned: int
    late: bool
    page: bool
    anchors: Mapping[str, AnchorView]
    last_verification: VerificationView


@dataclass(frozen=True, slots=True)
class QueueView:
    """How many queue rows nobody has taken, and how many of them nobody can: the database refuses them."""

    waiting: int
    refused: int


@dataclass(frozen=True, slots=True)
class StatusView:
    """How an installation stands: events, destinations by name, daemons, log, queue and WordPress."""

    events: EventCounts
    destinations: Mapping[str, LaneView]
    daemons: tuple[DaemonView, ...]
    audit: AuditStanding
    queue: QueueView
    wordpress: WordPressState
