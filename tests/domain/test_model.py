"""States and legal moves: every pair, none left to chance."""

from __future__ import annotations

import itertools

import pytest

from syncer.domain.model import (
    CLOSED,
    EVENT_MOVES,
    MOVES,
    WITHDRAWABLE,
    WORKABLE,
    EventState,
    IllegalMove,
    State,
    move,
    move_event,
)

LEGAL = {
    ("pending", "applied"),
    ("pending", "confirmed"),
    ("pending", "retrying"),
    ("pending", "held"),
    ("retrying", "applied"),
    ("retrying", "confirmed"),
    ("retrying", "held"),
    ("retrying", "pending"),
    # by `withdraw` alone
    ("pending", "exempt"),
    ("retrying", "exempt"),
    ("applied", "confirmed"),
    ("applied", "retrying"),
    ("applied", "held"),
    ("confirmed", "applied"),
    ("held", "pending"),
    ("held", "exempt"),
}


@pytest.mark.parametrize(("a", "b"), list(itertools.product(State, State)))
def test_a_delivery_moves_only_where_the_design_says(a: State, b: State) -> None:
    if a is b or (a, b) in LEGAL:
        assert move(a, b) is b
    else:
        with pytest.raises(IllegalMove):
            move(a, b)


@pytest.mark.parametrize(("a", "b"), list(itertools.product(EventState, EventState)))
def test_an_event_can_always_leave_where_it_is(a: EventState, b: EventState) -> None:
    assert move_event(a, b) is b


def test_every_state_has_its_row_in_the_table_of_moves() -> None:
    assert set(MOVES) == set(State)
    assert set(EVENT_MOVES) == set(EventState)


def test_held_is_never_a_dead_end_and_confirmed_can_be_read_again() -> None:
    assert MOVES[State.HELD]
    assert MOVES[State.CONFIRMED] == {State.APPLIED}


def test_a_state_is_worked_on_or_closed_or_held_and_never_two_of_them() -> None:
    assert WORKABLE | CLOSED | {State.HELD} == set(State)
    assert not WORKABLE & CLOSED


def test_what_a_withdrawal_closes_can_become_exempt_and_what_was_carried_out_cannot() -> None:
    assert {state for state in State if State.EXEMPT in MOVES[state]} == WITHDRAWABLE
    assert not WITHDRAWABLE & {State.APPLIED, State.CONFIRMED, State.EXEMPT}
