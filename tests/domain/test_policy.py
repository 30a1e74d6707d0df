"""What to do after a result, as pure functions under every result there is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.contract import Inapplicable, Outcome, Receipt
from adapters.errors import AdapterError, Misconfigured, Permanent, Transient
from syncer.domain.model import CLOSED, Delivery, EventState, State
from syncer.domain.policy import (
    LONGEST_WAIT,
    UNREACHABLE_MOST,
    Decision,
    NotCalled,
    Phase,
    Result,
    backoff,
    judge,
    next_recheck,
    reopened,
    settle,
    unreachable_in_a_row,
)
from tests.support.deliveries import DELIVERY, NOW

APPLIED = replace(DELIVERY, state=State.APPLIED, applied_at=NOW, outcome=Outcome.DONE)
RECHECKED = replace(APPLIED, confirmed_at=NOW - timedelta(days=1))


def middle(low: float, high: float) -> float:
    return (low + high) / 2


def decide(delivery: Delivery, phase: Phase, result: Result, strikes: int = 0) -> Decision:
    return judge(delivery, phase, result, NOW, middle, strikes)


def test_what_was_done_is_applied_and_read_back_at_once() -> None:
    decision = decide(DELIVERY, Phase.APPLY, Receipt(Outcome.DONE, ()))

    assert (decision.state, decision.what, decision.next_attempt_at) == (State.APPLIED, "delivery:applied", NOW)
    assert decision.confirmed_at is None


def test_what_is_proven_absent_is_confirmed_without_another_look() -> None:
    decision = decide(DELIVERY, Phase.APPLY, Receipt(Outcome.ABSENT, ()))

    assert (decision.state, decision.outcome, decision.confirmed_at) == (State.CONFIRMED, Outcome.ABSENT, NOW)
    assert decision.next_attempt_at is None


def test_absent_after_an_earlier_apply_was_our_doing() -> None:
    again = replace(DELIVERY, state=State.RETRYING, applied_at=NOW)

    assert decide(again, Phase.APPLY, Receipt(Outcome.ABSENT, ())).outcome is Outcome.DONE


def test_only_a_confirm_that_came_through_confirms() -> None:
    assert decide(APPLIED, Phase.CONFIRM, Receipt(Outcome.DONE, ())).state is State.CONFIRMED
    for failure in (Transient("not_yet"), Permanent("unknown_state"), Misconfigured("unauthorized"), NotCalled()):
        assert decide(APPLIED, Phase.CONFIRM, failure).state is not State.CONFIRMED


def test_a_transient_failure_waits_and_keeps_its_attempt() -> None:
    decision = decide(DELIVERY, Phase.APPLY, Transient("timed_out"))

    assert (decision.state, decision.code, decision.give_back) == (State.RETRYING, "timed_out", False)
    assert decision.next_attempt_at is not None
    assert decision.next_attempt_at > NOW


def test_a_wish_to_wait_longer_is_respected() -> None:
    decision = decide(DELIVERY, Phase.APPLY, Transient("delete_blocked", retry_after=86400))

    assert decision.next_attempt_at == NOW + timedelta(days=1)


def test_throttling_cools_the_lane_exactly_as_long_as_asked_and_gives_the_attempt_back() -> None:
    decision = decide(DELIVERY, Phase.APPLY, Transient("rate_limited", retry_after=30, cools_lane=True))

    assert decision.cool_until == decision.next_attempt_at == NOW + timedelta(seconds=30)
    assert (decision.state, decision.give_back) == (State.PENDING, True)


def test_throttling_without_a_hint_waits_longer_with_every_strike() -> None:
    waits = [
        decide(DELIVERY, Phase.APPLY, Transient("rate_limited", cools_lane=True), strikes).cool_until
        for strikes in range(6)
    ]

    assert all(earlier < later for earlier, later in zip(waits, waits[1:], strict=False) if earlier and later)


def test_a_wrong_key_pauses_the_lane_and_costs_no_attempt() -> None:
    decision = decide(DELIVERY, Phase.APPLY, Misconfigured("unauthorized"))

    assert (decision.pause, decision.give_back, decision.state) == ("unauthorized", True, State.PENDING)


def test_several_results_without_a_connection_in_a_row_pause_the_lane() -> None:
    nowhere = Transient("unreachable", "no connection to the host")
    one_less = judge(DELIVERY, Phase.APPLY, nowhere, NOW, middle, unreachable=UNREACHABLE_MOST - 1)
    enough = judge(DELIVERY, Phase.APPLY, nowhere, NOW, middle, unreachable=UNREACHABLE_MOST)

    assert (one_less.state, one_less.pause, one_less.give_back) == (State.RETRYING, None, False)
    assert (enough.state, enough.pause, enough.give_back) == (State.PENDING, "unreachable", True)


def test_only_a_call_that_was_answered_ends_the_row_without_a_connection() -> None:
    assert unreachable_in_a_row(2, Transient("unreachable")) == 3
    assert unreachable_in_a_row(2, NotCalled()) == 2
    assert unreachable_in_a_row(2, Transient("timed_out")) == unreachable_in_a_row(2, Receipt(Outcome.DONE, ())) == 0


def test_what_needs_a_person_is_held_with_its_code() -> None:
    decision = decide(DELIVERY, Phase.APPLY, Permanent("newer_consent", "timestamp_opt of 2026-12-01"))

    assert (decision.state, decision.code, decision.next_attempt_at) == (State.HELD, "newer_consent", None)


def test_a_person_found_again_at_a_recheck_has_reappeared() -> None:
    decision = decide(RECHECKED, Phase.CONFIRM, Transient("not_yet"))

    assert (decision.what, decision.state, decision.next_attempt_at) == (
        "delivery:reappeared",
        State.RETRYING,
        NOW,
    )
    assert decision.confirmed_at is None


def test_a_recheck_that_could_not_read_says_nothing_about_the_person() -> None:
    decision = decide(RECHECKED, Phase.CONFIRM, Transient("unreachable"))

    assert (decision.state, decision.confirmed_at) == (State.APPLIED, RECHECKED.confirmed_at)


def test_a_read_back_that_says_no_is_applied_again() -> None:
    assert decide(APPLIED, Phase.CONFIRM, Transient("not_yet")).state is State.RETRYING


results = st.one_of(
    st.builds(
        Receipt,
        st.sampled_from(Outcome),
        st.just(()),
        unseen=st.integers(0, 2),
        reason=st.none() | st.sampled_from(Inapplicable),
    ),
    st.builds(
        Transient,
        st.sampled_from(["not_yet", "timed_out", "rate_limited", "unreadable"]),
        retry_after=st.none() | st.floats(0, 1e9),
        cools_lane=st.booleans(),
        hold_as=st.none() | st.just("archive_not_seen"),
        unseen=st.none() | st.integers(0, 2),
    ),
    st.builds(Permanent, st.just("newer_consent")),
    st.builds(Misconfigured, st.just("unauthorized")),
    st.builds(NotCalled),
)
starts = st.sampled_from([State.PENDING, State.RETRYING])


@given(
    st.lists(results, max_size=30),
    st.floats(0, 1),
    starts,
)
def test_whatever_happens_a_delivery_is_closed_with_evidence_or_visibly_open(
    story: list[Result], luck: float, start: State
) -> None:
    delivery = replace(DELIVERY, state=start)
    for result in story:
        if delivery.state in CLOSED or delivery.state is State.HELD:
            break
        phase = Phase.CONFIRM if delivery.state is State.APPLIED else Phase.APPLY
        decision = judge(delivery, phase, result, NOW, lambda a, b: a + (b - a) * luck)

        if decision.state is State.CONFIRMED:
            assert isinstance(result, Receipt)
            assert phase is Phase.CONFIRM or result.outcome is Outcome.ABSENT
            assert decision.confirmed_at == NOW
            assert decision.unseen == 0
        elif decision.state in CLOSED:
            assert isinstance(result, Receipt)
            assert decision.state == result.outcome  # it is called what it was said to be, never confirmed
            assert decision.confirmed_at is decision.next_attempt_at is None
        elif decision.state is State.HELD:
            assert decision.code
            assert decision.next_attempt_at is None
        else:
            assert decision.next_attempt_at is not None
            assert decision.next_attempt_at <= NOW + timedelta(seconds=max(LONGEST_WAIT, _asked(result)))
        delivery = replace(
            delivery,
            state=decision.state,
            outcome=decision.outcome,
            applied_at=decision.applied_at,
            confirmed_at=decision.confirmed_at,
            unseen=decision.unseen,
            failing_since=decision.failing_since,
        )


def _asked(result: Result) -> float:
    return result.retry_after or 0.0 if isinstance(result, Transient) else 0.0


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_backoff_is_at_least_a_second_and_at_most_six_hours(attempts: int, luck: float) -> None:
    assert 1.0 <= backoff(attempts, lambda a, b: a + (b - a) * luck) <= LONGEST_WAIT


@given(st.sampled_from(EventState), st.lists(st.tuples(st.sampled_from(State), st.booleans()), min_size=1))
def test_an_event_is_fulfilled_only_when_every_delivery_is_closed(
    current: EventState, deliveries: list[tuple[State, bool]]
) -> None:
    after = settle(current, deliveries)

    if after is EventState.FULFILLED and current is not EventState.FULFILLED:
        assert {state for state, _ in deliveries} <= CLOSED
    if any(state is State.HELD for state, _ in deliveries):
        assert after is EventState.HELD


def test_a_fulfilled_event_stays_so_while_it_is_only_read_back_again() -> None:
    assert settle(EventState.FULFILLED, [(State.APPLIED, True)]) is EventState.FULFILLED
    assert settle(EventState.FULFILLED, [(State.RETRYING, False)]) is EventState.OPEN
    assert settle(EventState.OPEN, [(State.APPLIED, True)]) is EventState.OPEN


@pytest.mark.parametrize(
    ("state", "to"),
    [
        (State.HELD, State.PENDING),
        (State.RETRYING, State.PENDING),
        (State.CONFIRMED, State.APPLIED),
        (State.PENDING, None),
        (State.APPLIED, None),
        (State.EXEMPT, None),
        (State.ACCEPTED, State.PENDING),
        (State.NOT_APPLICABLE, State.PENDING),
        (State.ATTESTED, None),
    ],
)
def test_resync_reads_confirmed_back_and_starts_over_what_is_held_or_cannot_be_read(
    state: State, to: State | None
) -> None:
    assert reopened(state, has_address=True) is to
    assert reopened(state, has_address=False) is None


def test_rechecks_come_on_their_days_and_end() -> None:
    assert next_recheck(NOW, 0, (1, 7)) == NOW + timedelta(days=1)
    assert next_recheck(NOW, 1, (1, 7)) == NOW + timedelta(days=7)
    assert next_recheck(NOW, 2, (1, 7)) is None
    assert next_recheck(NOW, 0, ()) is None


def test_an_adapter_error_of_no_known_kind_is_retried_not_lost() -> None:
    assert decide(DELIVERY, Phase.APPLY, AdapterError("odd")).state is State.RETRYING
