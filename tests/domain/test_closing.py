"""What a recipient's answer closes that nobody can read back, and what it keeps of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.contract import Inapplicable, Outcome, Receipt, Step
from adapters.errors import Permanent, Transient
from syncer.domain.model import CLOSED, Delivery, EventState, State
from syncer.domain.policy import Decision, NotCalled, Phase, judge, settle
from tests.support.deliveries import DELIVERY, NOW

DAY = date(2027, 1, 20)
EARLIER = NOW - timedelta(days=3)
TAKEN = Receipt(Outcome.ACCEPTED, (), settles_on=DAY)
NO_TRACE = Receipt(Outcome.NOT_APPLICABLE, (), reason=Inapplicable.NO_IDENTIFIER, lapses_on=DAY)
APPLIED = replace(DELIVERY, state=State.APPLIED, applied_at=EARLIER, outcome=Outcome.DONE)
RECHECKED = replace(APPLIED, confirmed_at=EARLIER)


def decide(delivery: Delivery, phase: Phase, receipt: Receipt) -> Decision:
    return judge(delivery, phase, receipt, NOW, lambda low, high: high)


@pytest.mark.parametrize("state", [State.PENDING, State.RETRYING])
def test_an_order_that_was_taken_is_closed_with_the_day_by_which_it_is_through(state: State) -> None:
    decision = decide(replace(DELIVERY, state=state), Phase.APPLY, TAKEN)

    assert (decision.state, decision.what) == (State.ACCEPTED, "delivery:accepted")
    assert (decision.settles_on, decision.lapses_on, decision.applied_at) == (DAY, None, NOW)
    assert decision.next_attempt_at is decision.code is decision.confirmed_at is decision.outcome is None


def test_an_order_that_was_processed_keeps_the_moment_at_which_it_was_given() -> None:
    decision = decide(APPLIED, Phase.CONFIRM, TAKEN)

    assert (decision.state, decision.applied_at, decision.settles_on) == (State.ACCEPTED, EARLIER, DAY)
    assert decision.confirmed_at is decision.outcome is None


def test_an_order_that_is_sent_again_keeps_the_moment_of_the_first() -> None:
    again = replace(DELIVERY, state=State.RETRYING, applied_at=EARLIER)

    assert decide(again, Phase.APPLY, TAKEN).applied_at == EARLIER


def test_a_recipient_need_not_say_when_it_is_through() -> None:
    assert decide(DELIVERY, Phase.APPLY, Receipt(Outcome.ACCEPTED, ())).settles_on is None


@pytest.mark.parametrize("state", [State.PENDING, State.RETRYING])
@pytest.mark.parametrize("reason", Inapplicable)
def test_who_cannot_be_asked_for_is_closed_with_the_reason(state: State, reason: Inapplicable) -> None:
    decision = decide(replace(DELIVERY, state=state), Phase.APPLY, replace(NO_TRACE, reason=reason))

    assert (decision.state, decision.what) == (State.NOT_APPLICABLE, "delivery:not_applicable")
    assert (decision.code, decision.lapses_on, decision.settles_on) == (reason, DAY, None)
    assert decision.next_attempt_at is decision.applied_at is decision.confirmed_at is decision.outcome is None


def test_what_was_changed_before_it_could_not_be_asked_any_more_stays_on_record() -> None:
    again = replace(DELIVERY, state=State.RETRYING, applied_at=EARLIER)

    assert decide(again, Phase.APPLY, NO_TRACE).applied_at == EARLIER


def test_a_reason_is_asked_for_where_nobody_could_be_asked() -> None:
    decision = decide(DELIVERY, Phase.APPLY, Receipt(Outcome.NOT_APPLICABLE, ()))

    assert (decision.state, decision.code) == (State.HELD, "unproven")


def test_who_was_asked_by_a_call_is_not_called_impossible_to_ask() -> None:
    wrote = Receipt(
        Outcome.NOT_APPLICABLE, (Step("p", "POST /orders", 200, None, 1),), reason=Inapplicable.NO_IDENTIFIER
    )

    decision = judge(DELIVERY, Phase.APPLY, wrote, NOW, lambda low, _high: low)

    assert (decision.state, decision.code) == (State.HELD, "unproven")


@pytest.mark.parametrize("delivery", [APPLIED, RECHECKED])
def test_what_was_asked_is_not_called_impossible_to_ask(delivery: Delivery) -> None:
    decision = decide(delivery, Phase.CONFIRM, NO_TRACE)

    assert (decision.state, decision.code) == (State.HELD, "unproven")
    assert decision.applied_at == EARLIER


def test_a_recheck_that_reads_nothing_any_more_is_not_called_read_back() -> None:
    decision = decide(RECHECKED, Phase.CONFIRM, TAKEN)

    assert (decision.state, decision.confirmed_at, decision.applied_at) == (State.ACCEPTED, None, EARLIER)


@pytest.mark.parametrize("failure", [Transient("not_yet"), Transient("timed_out"), Permanent("rejected"), NotCalled()])
@pytest.mark.parametrize("delivery", [DELIVERY, APPLIED])
def test_a_failure_closes_nothing(delivery: Delivery, failure: Transient | Permanent | NotCalled) -> None:
    phase = Phase.APPLY if delivery is DELIVERY else Phase.CONFIRM

    decision = judge(delivery, phase, failure, NOW, lambda low, high: high)

    assert decision.state not in CLOSED
    assert decision.settles_on is decision.lapses_on is None


receipts = st.builds(
    Receipt,
    st.sampled_from(Outcome),
    st.just(()),
    settles_on=st.none() | st.just(DAY),
    lapses_on=st.none() | st.just(DAY),
    reason=st.none() | st.sampled_from(Inapplicable),
)
deliveries = st.sampled_from(
    [DELIVERY, replace(DELIVERY, state=State.RETRYING, applied_at=EARLIER), APPLIED, RECHECKED]
)


@given(deliveries, receipts)
def test_whatever_a_recipient_answers_each_kind_of_being_sure_keeps_its_own_name(
    delivery: Delivery, receipt: Receipt
) -> None:
    phase = Phase.CONFIRM if delivery.state is State.APPLIED else Phase.APPLY

    decision = decide(delivery, phase, receipt)

    assert (decision.state is State.ACCEPTED) is (receipt.outcome is Outcome.ACCEPTED)
    assert (decision.confirmed_at is not None) is (decision.state is State.CONFIRMED)
    assert decision.settles_on is None or decision.state is State.ACCEPTED
    assert decision.lapses_on is None or decision.state is State.NOT_APPLICABLE
    if decision.state is State.NOT_APPLICABLE:
        assert decision.code in set(Inapplicable)
    if decision.state in CLOSED:
        assert decision.next_attempt_at is None


@pytest.mark.parametrize("state", sorted(CLOSED))
def test_each_closed_state_fulfils_an_event_beside_any_other(state: State) -> None:
    for other in CLOSED:
        assert settle(EventState.OPEN, [(state, False), (other, False)]) is EventState.FULFILLED
    assert settle(EventState.OPEN, [(state, False), (State.APPLIED, True)]) is EventState.OPEN
    assert settle(EventState.FULFILLED, [(state, False), (State.APPLIED, True)]) is EventState.FULFILLED
    assert settle(EventState.FULFILLED, [(state, False), (State.PENDING, False)]) is EventState.OPEN
    assert settle(EventState.FULFILLED, [(state, False), (State.HELD, False)]) is EventState.HELD
