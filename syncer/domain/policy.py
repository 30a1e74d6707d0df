"""What to do after a result: judge, back off, settle. Pure: the clock and the dice are arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import Enum

from adapters.contract import Outcome, Preview, Receipt
from adapters.errors import AdapterError, Misconfigured, Permanent, Transient
from syncer.domain.model import CLOSED, Delivery, EventState, State, move
from syncer.domain.patience import (
    changed_something,
    claims_too_much,
    contradicts,
    failing_since,
    unseen_after,
    worn_out,
)

#: seconds; the first wait is below FIRST_WAIT, the bound doubles each time up to LONGEST_WAIT
FIRST_WAIT = 30.0
LONGEST_WAIT = 6 * 3600.0
#: no delivery waits longer before it is tried again: a provider that blocks deletions is asked once a day
LONGEST_ASKED_FOR = timedelta(days=1)
PROBE_EVERY = timedelta(minutes=15)
#: that many results in a row without a connection pause the lane: a wrong host name would go unnoticed otherwise
UNREACHABLE_MOST = 5

Dice = Callable[[float, float], float]


class Phase(Enum):
    """The verb of the adapter that a result belongs to."""

    APPLY = "apply"
    CONFIRM = "confirm"
    PREVIEW = "preview"


class NotCalled(Exception):
    """Raised when the lane cools, pauses or stops after an attempt was begun and before its call was made."""


Result = Receipt | Preview | AdapterError | NotCalled


@dataclass(frozen=True, slots=True)
class Decision:
    """What happens to a delivery and to its lane.

    `what` is the audit word. `next_attempt_at` (UTC) is None when no worker takes it up again. `give_back` says that
    the attempt does not count. `pause` is the code for which the lane pauses, `cool_until` (UTC) the time until which
    every delivery of the lane waits. `unseen`, `settles_on` and `lapses_on` are as in Receipt, `failing_since` (UTC) is
    since when it gets nowhere.
    """

    state: State
    what: str
    outcome: Outcome | None = None
    code: str | None = None
    detail: str = ""
    next_attempt_at: datetime | None = None
    applied_at: datetime | None = None
    confirmed_at: datetime | None = None
    give_back: bool = False
    pause: str | None = None
    cool_until: datetime | None = None
    unseen: int = 0
    failing_since: datetime | None = None
    settles_on: date | None = None
    lapses_on: date | None = None


def judge(
    delivery: Delivery,
    phase: Phase,
    result: Result,
    now: datetime,
    dice: Dice,
    strikes: int = 0,
    unreachable: int = 0,
) -> Decision:
    """Return what happens to a delivery after a result.

    `strikes` counts the lane's cool-downs in a row, `unreachable` its results without a connection, this one
    included. Raises IllegalMove.
    """
    if isinstance(result, Receipt) and claims_too_much(result, read_back=phase is Phase.CONFIRM):
        detail = "what was deleted was not seen yet where deleted objects are kept"
        result = Transient("not_yet", detail, steps=result.steps, unseen=result.unseen)
    elif isinstance(result, Receipt) and contradicts(result, asked=phase is Phase.CONFIRM):
        detail = "the adapter says that it could not be asked, and asked it, or does not say why"
        result = Permanent("unproven", detail, steps=result.steps)
    decision = _judge(delivery, phase, worn_out(delivery, result, now) or result, now, dice, strikes, unreachable)
    if phase is Phase.APPLY and isinstance(result, AdapterError) and changed_something(result):
        # a later attempt that finds nobody left is to say that it was this one's doing
        decision = replace(decision, applied_at=delivery.applied_at or now)
    return replace(
        decision,
        unseen=unseen_after(delivery, result),
        failing_since=failing_since(delivery, result, now) if decision.state is not State.HELD else None,
    )


def _judge(
    delivery: Delivery,
    phase: Phase,
    result: Result,
    now: datetime,
    dice: Dice,
    strikes: int,
    unreachable: int,
) -> Decision:
    if isinstance(result, NotCalled):
        return _given_back(delivery, phase, now, "not_called", "")
    if isinstance(result, Misconfigured) or (isinstance(result, Transient) and unreachable >= UNREACHABLE_MOST):
        decision = _given_back(delivery, phase, now, result.code, result.detail)
        return replace(decision, pause=result.code)
    if isinstance(result, Permanent):
        return _held(delivery, result)
    if isinstance(result, Transient) and result.cools_lane:
        wait = result.retry_after if result.retry_after is not None else backoff(strikes + 1, dice, first=2.0)
        until = now + timedelta(seconds=min(max(wait, 0.0), LONGEST_WAIT))
        decision = _given_back(delivery, phase, until, result.code, result.detail)
        return replace(decision, cool_until=until)
    if isinstance(result, AdapterError):
        return _retry(delivery, phase, result, now, dice)
    assert isinstance(result, Receipt)  # what a preview says is `judge_preview`'s
    return _answered(delivery, phase, result, now)


def unreachable_in_a_row(before: int, result: Result) -> int:
    """Return a lane's results in a row without a connection: a call not made leaves the count, any answer resets it."""
    if isinstance(result, NotCalled):
        return before
    return before + 1 if isinstance(result, Transient) and result.code == "unreachable" else 0


def backoff(attempts: int, dice: Dice, first: float = FIRST_WAIT, longest: float = LONGEST_WAIT) -> float:
    """Return the seconds to wait after that many attempts: full jitter, doubling, at least one second."""
    ceiling = min(longest, first * 2.0 ** min(max(attempts, 1) - 1, 32))
    return max(1.0, dice(0.0, ceiling))


def settle(current: EventState, deliveries: Iterable[tuple[State, bool]]) -> EventState:
    """Return the state of an event. Each delivery is (state, whether it was confirmed before and is read again).

    A fulfilled event stays so during a recheck; any other needs every delivery closed.
    """
    states = list(deliveries)
    if any(state is State.HELD for state, _ in states):
        return EventState.HELD
    again = current is EventState.FULFILLED
    if all(state in CLOSED or (again and state is State.APPLIED and before) for state, before in states):
        return EventState.FULFILLED
    return EventState.OPEN


def reopened(state: State, has_address: bool) -> State | None:
    """Return the state to which `resync` takes a delivery: confirmed are read back, what nobody can read is sent again.

    Held and retrying start over. None when it is under way already, exempt, attested, or without an address to look the
    person up with.
    """
    if not has_address:
        return None
    if state in (State.HELD, State.RETRYING, State.ACCEPTED, State.NOT_APPLICABLE):
        return State.PENDING
    return State.APPLIED if state is State.CONFIRMED else None


def next_recheck(fulfilled_at: datetime, done: int, recheck_days: tuple[int, ...]) -> datetime | None:
    """Return when to read back again (UTC) after `done` rechecks, or None when they are over."""
    if done >= len(recheck_days):
        return None
    return fulfilled_at + timedelta(days=recheck_days[done])


def _answered(delivery: Delivery, phase: Phase, receipt: Receipt, now: datetime) -> Decision:
    if receipt.outcome is Outcome.ACCEPTED:
        return Decision(
            move(delivery.state, State.ACCEPTED),
            "delivery:accepted",
            applied_at=delivery.applied_at or now,
            settles_on=receipt.settles_on,
        )
    if receipt.outcome is Outcome.NOT_APPLICABLE:
        return Decision(
            move(delivery.state, State.NOT_APPLICABLE),
            "delivery:not_applicable",
            code=receipt.reason,
            applied_at=delivery.applied_at,
            lapses_on=receipt.lapses_on,
        )
    return _read_back(delivery, phase, receipt, now)


def _read_back(delivery: Delivery, phase: Phase, receipt: Receipt, now: datetime) -> Decision:
    if phase is Phase.CONFIRM:
        # what was once changed stays `done`, what a recheck found absent again stays `absent`
        outcome = delivery.outcome or receipt.outcome
    elif receipt.outcome is Outcome.ABSENT:
        # absent now, and an earlier attempt is recorded as applied: that attempt did it
        outcome = Outcome.DONE if delivery.applied_at else Outcome.ABSENT
    else:
        return Decision(
            move(delivery.state, State.APPLIED),
            "delivery:applied",
            outcome=Outcome.DONE,
            next_attempt_at=now,
            applied_at=now,
        )
    return Decision(
        move(delivery.state, State.CONFIRMED),
        "delivery:confirmed",
        outcome=outcome,
        applied_at=delivery.applied_at,
        confirmed_at=now,
    )


def _given_back(delivery: Delivery, phase: Phase, at: datetime, code: str, detail: str) -> Decision:
    return Decision(
        delivery.state,
        "delivery:retrying",
        outcome=delivery.outcome,
        code=code,
        detail=detail,
        next_attempt_at=at,
        applied_at=delivery.applied_at,
        confirmed_at=delivery.confirmed_at,
        give_back=phase is Phase.APPLY,
    )


def _held(delivery: Delivery, error: Permanent) -> Decision:
    return Decision(
        move(delivery.state, State.HELD),
        "delivery:held",
        code=error.code,
        detail=error.detail,
        applied_at=delivery.applied_at,
    )


def _retry(delivery: Delivery, phase: Phase, error: AdapterError, now: datetime, dice: Dice) -> Decision:
    reappeared = phase is Phase.CONFIRM and delivery.rechecking and error.code == "not_yet"
    if reappeared:
        return Decision(
            move(delivery.state, State.RETRYING),
            "delivery:reappeared",
            code="reappeared",
            detail=error.detail,
            next_attempt_at=now,
        )
    retry_after = error.retry_after if isinstance(error, Transient) else None
    wait = min(max(retry_after or 0.0, backoff(delivery.attempts, dice)), LONGEST_ASKED_FOR.total_seconds())
    # a recheck that cannot read says nothing about the person: the delivery stays applied and is read again
    unread = delivery.rechecking and error.code != "suppression_missing"
    state = delivery.state if unread else move(delivery.state, State.RETRYING)
    return Decision(
        state,
        "delivery:retrying",
        outcome=delivery.outcome if unread else None,
        code=error.code,
        detail=error.detail,
        next_attempt_at=now + timedelta(seconds=wait),
        applied_at=delivery.applied_at,
        confirmed_at=delivery.confirmed_at if unread else None,
    )
