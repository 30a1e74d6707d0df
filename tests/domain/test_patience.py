"""How long a delivery may get nowhere, and what it remembers meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.contract import Outcome, Receipt, Step
from adapters.errors import Misconfigured, Permanent, Transient
from syncer.domain.codes import CODES
from syncer.domain.model import Delivery, State
from syncer.domain.patience import DAY, HOURS
from syncer.domain.policy import Decision, NotCalled, Phase, Result, judge
from tests.support.deliveries import DELIVERY, NOW

RETRIED = replace(DELIVERY, state=State.RETRYING)
UNSEEN = Transient("not_yet", "the archive shows nobody", hold_as="archive_not_seen", unseen=1)


def decide(delivery: Delivery, result: Result, after: timedelta = timedelta(), phase: Phase = Phase.APPLY) -> Decision:
    return judge(delivery, phase, result, NOW + after, lambda low, high: (low + high) / 2)


def later(delivery: Delivery, decision: Decision) -> Delivery:
    return replace(
        delivery, state=decision.state, unseen=decision.unseen, failing_since=decision.failing_since, code=decision.code
    )


@pytest.mark.parametrize(
    "code", ["unreadable", "incomplete", "too_big", "conflict", "unknown_state", "rejected", "crashed"]
)
def test_what_is_not_understood_for_a_day_is_held_with_its_evidence(code: str) -> None:
    error = Transient(code, "an object with the keys rows, total")
    first = decide(RETRIED, error)
    waiting = later(RETRIED, first)

    assert (first.state, first.failing_since) == (State.RETRYING, NOW)
    assert decide(waiting, error, DAY - timedelta(seconds=1)).state is State.RETRYING
    held = decide(waiting, error, DAY)
    assert (held.state, held.code, held.detail) == (State.HELD, code, "an object with the keys rows, total")
    assert held.failing_since is None, "a resync gives it a day again"
    assert code in CODES


def test_an_archive_that_does_not_show_the_deleted_contact_for_hours_holds_it() -> None:
    waiting = later(RETRIED, decide(RETRIED, UNSEEN))

    assert decide(waiting, UNSEEN, HOURS - timedelta(seconds=1)).state is State.RETRYING
    held = decide(waiting, UNSEEN, HOURS)
    assert (held.state, held.code, held.unseen) == (State.HELD, "archive_not_seen", 1)
    assert "archive_not_seen" in CODES


@pytest.mark.parametrize("code", ["unavailable", "rate_limited", "timed_out", "unreachable", "delete_blocked"])
def test_an_outage_is_waited_out_however_long_it_lasts(code: str) -> None:
    waiting = later(RETRIED, decide(RETRIED, Transient(code)))

    assert waiting.failing_since is None
    assert decide(waiting, Transient(code), DAY * 20).state is State.RETRYING


def test_an_outage_in_between_does_not_start_the_day_anew() -> None:
    waiting = later(RETRIED, decide(RETRIED, Transient("unreadable")))
    for result in (Transient("unavailable"), Misconfigured("unauthorized"), NotCalled()):
        waiting = later(waiting, decide(waiting, result, HOURS))

    assert decide(waiting, Transient("unreadable"), DAY).state is State.HELD


def test_an_answer_that_is_understood_ends_the_wait() -> None:
    waiting = later(RETRIED, decide(RETRIED, Transient("unreadable")))

    assert decide(waiting, Receipt(Outcome.DONE, ()), HOURS).failing_since is None


@pytest.mark.parametrize("phase", [Phase.APPLY, Phase.CONFIRM])
def test_nothing_is_confirmed_while_something_deleted_is_unseen(phase: Phase) -> None:
    outcome = Outcome.ABSENT if phase is Phase.APPLY else Outcome.DONE
    delivery = replace(RETRIED, state=State.RETRYING if phase is Phase.APPLY else State.APPLIED)

    decision = decide(delivery, Receipt(outcome, (), unseen=1), phase=phase)

    assert (decision.state, decision.code, decision.unseen) == (State.RETRYING, "not_yet", 1)


def test_a_failure_that_knows_nothing_of_it_leaves_the_unseen_as_it_was() -> None:
    delivery = replace(RETRIED, unseen=2)

    assert decide(delivery, Transient("unreachable")).unseen == 2
    assert decide(delivery, Permanent("rejected", unseen=1)).unseen == 1
    assert decide(delivery, Receipt(Outcome.DONE, (), unseen=0)).unseen == 0


@pytest.mark.parametrize(
    ("call", "status", "outcome"),
    [
        ("POST /lists/{list}/members/{id}/actions/delete-permanent", 204, Outcome.DONE),
        ("DELETE /contacts/{id}", None, Outcome.DONE),
        ("DELETE /contacts/{id}", 500, Outcome.ABSENT),
        ("GET /contacts", 200, Outcome.ABSENT),
    ],
)
def test_nobody_left_after_an_attempt_that_failed_halfway_was_its_doing(
    call: str, status: int | None, outcome: Outcome
) -> None:
    halfway = Transient("unavailable", steps=(Step("audience a", call, status, None, 5),))
    decision = decide(RETRIED, halfway)
    waiting = replace(later(RETRIED, decision), applied_at=decision.applied_at)

    assert decide(waiting, Receipt(Outcome.ABSENT, ())).outcome is outcome
