"""Events, deliveries and leases as values, their states, and every legal move between states."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import TypeVar

from adapters.contract import Action, Outcome
from syncer.domain.rights import Right


class State(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    RETRYING = "retrying"
    APPLIED = "applied"
    CONFIRMED = "confirmed"
    HELD = "held"
    EXEMPT = "exempt"
    ACCEPTED = "accepted"  # the recipient took the order; nobody can read back what became of it
    ATTESTED = "attested"  # a person says so
    NOT_APPLICABLE = "not_applicable"  # it cannot be asked: the code says why


class EventState(StrEnum):
    """Where an event stands, given its deliveries."""

    OPEN = "open"
    HELD = "held"
    FULFILLED = "fulfilled"


#: one of the enumerations of words that a row may hold
Word = TypeVar("Word", bound=StrEnum)


def word(kind: type[Word], text: str) -> Word | None:
    """Return the word that a row of a table holds; None for one that this enumeration does not have."""
    try:
        return kind(text)
    except ValueError:
        return None


#: How a delivery was read back, or is to be: the only outcomes that a row or an entry holds.
READ_BACK = frozenset({Outcome.DONE, Outcome.ABSENT})
#: How the call of a recipient ends a delivery.
ANSWERED = frozenset({State.CONFIRMED, State.ACCEPTED, State.NOT_APPLICABLE})
#: Every legal move of a delivery. Staying in a state (a pause, a cool-down) is not a move and always legal.
MOVES: dict[State, frozenset[State]] = {
    State.PENDING: frozenset({State.APPLIED, State.RETRYING, State.HELD, State.EXEMPT, *ANSWERED}),
    State.RETRYING: frozenset({State.APPLIED, State.HELD, State.PENDING, State.EXEMPT, *ANSWERED}),
    State.APPLIED: frozenset({State.CONFIRMED, State.ACCEPTED, State.RETRYING, State.HELD}),
    State.CONFIRMED: frozenset({State.APPLIED}),
    State.HELD: frozenset({State.PENDING, State.EXEMPT, State.ATTESTED}),
    State.EXEMPT: frozenset(),
    State.ACCEPTED: frozenset({State.PENDING}),
    State.ATTESTED: frozenset({State.HELD}),
    State.NOT_APPLICABLE: frozenset({State.PENDING}),
}

#: Every legal move of an event; a fulfilled one reopens when a recheck finds the person again.
EVENT_MOVES: dict[EventState, frozenset[EventState]] = {
    EventState.OPEN: frozenset({EventState.HELD, EventState.FULFILLED}),
    EventState.HELD: frozenset({EventState.OPEN, EventState.FULFILLED}),
    EventState.FULFILLED: frozenset({EventState.OPEN, EventState.HELD}),
}

#: A worker takes up a delivery in one of these states when its time has come.
WORKABLE = frozenset({State.PENDING, State.RETRYING, State.APPLIED})
#: A delivery in one of these states needs nothing more; of one that is CONFIRMED alone it was read back that it is so.
CLOSED = frozenset({State.CONFIRMED, State.EXEMPT, State.ACCEPTED, State.ATTESTED, State.NOT_APPLICABLE})
#: A delivery in one of these states is closed when its request is withdrawn; what was carried out stays what it is.
WITHDRAWABLE = frozenset({State.PENDING, State.RETRYING, State.HELD})


class IllegalMove(RuntimeError):
    """Raised when code tries a move that is not in the tables above: always a bug."""


def move(current: State, to: State) -> State:
    """Return `to`; a delivery changes its state only through here. Raises IllegalMove when it cannot go there."""
    if to is not current and to not in MOVES[current]:
        raise IllegalMove(f"a delivery cannot go from {current} to {to}")
    return to


def move_event(current: EventState, to: EventState) -> EventState:
    """Return `to`. Raises IllegalMove when an event cannot go there."""
    if to is not current and to not in EVENT_MOVES[current]:
        raise IllegalMove(f"an event cannot go from {current} to {to}")
    return to


@dataclass(frozen=True, slots=True)
class Plan:
    """What an event asks of one destination."""

    destination: str
    adapter: str
    action: Action | None


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event as intake hands it to the store. Times are UTC; `code` is set when it is held from the start."""

    id: str
    event_key: str
    right: Right | None
    subject: str | None
    email_sealed: str | None = field(repr=False)
    received_at: datetime
    due_on: date
    source: str | None
    source_ref: str | None
    queue_id: int | None
    plans: tuple[Plan, ...]
    code: str | None = None
    detail: str = ""
    legal_due_on: date | None = None
    due_rule: str | None = None
    #: the time of receipt as the producer wrote it, where it lay ahead of ours
    received_as_given: datetime | None = None
    #: the day by which a lane sorts it: the due day, but never one before it came
    urgent_on: date | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event at one destination, as a worker needs it. Times are UTC.

    `received_at` is the producer's word, `taken_at` when the request was taken from the queue. `unseen` counts what
    was deleted there and not yet seen where deleted objects are kept; `failing_since` is since when it gets nowhere
    though the destination answers. `untried`: it is a deletion that never began, and that nobody released.
    """

    id: int
    event_id: str
    destination: str
    right: Right | None
    action: Action | None
    state: State
    outcome: Outcome | None
    code: str | None
    attempts: int
    applied_at: datetime | None
    confirmed_at: datetime | None
    subject: str | None
    received_at: datetime
    email_sealed: str | None = field(repr=False)
    unseen: int = 0
    failing_since: datetime | None = None
    taken_at: datetime | None = None
    untried: bool = False

    @property
    def asked_at(self) -> datetime:
        """When the person asked, at the latest: a newer consent is newer than this.

        A producer's clock may be a day ahead; what was taken from the queue had been asked by then.
        """
        return asked_at(self.received_at, self.taken_at)

    @property
    def rechecking(self) -> bool:
        """Say whether it was confirmed before and is only read back again."""
        return self.state is State.APPLIED and self.confirmed_at is not None


def asked_at(received_at: datetime, taken_at: datetime | None) -> datetime:
    """Return the earlier of when a person asked by the producer's word and when that was taken from the queue."""
    return received_at if taken_at is None else min(received_at, taken_at)


@dataclass(frozen=True, slots=True)
class Lease:
    """Ownership of a lane: `fence` grows with each new owner, and every write of the lane compares it."""

    destination: str
    owner: str
    fence: int
