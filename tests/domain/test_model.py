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
    # where nobody can read back, or nobody can be asked
    ("pending", "accepted"),
    ("retrying", "accepted"),
    ("applied", "accepted"),
    ("pending", "not_applicable"),
    ("retrying", "not_applicable"),
    # by a person's word, who may take it back
    ("held", "attested"),
    ("attested", "held"),
    # sent again by `resync`
    ("accepted", "pending"),
    ("not_applicable", "pending"),
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


def test_what_nobody_read_back_is_never_called_confirmed() -> None:
    unseen = {State.ACCEPTED, State.ATTESTED, State.NOT_APPLICABLE, State.EXEMPT}

    assert CLOSED - unseen == {State.CONFIRMED}
    assert not any(MOVES[state] & {State.CONFIRMED, State.APPLIED} for state in unseen)


def test_what_closes_without_a_look_at_the_recipient_can_be_opened_again_but_what_is_exempt() -> None:
    assert MOVES[State.ACCEPTED] == MOVES[State.NOT_APPLICABLE] == {State.PENDING}
    assert MOVES[State.ATTESTED] == {State.HELD}
    assert not MOVES[State.EXEMPT]


def test_nothing_but_a_delivery_that_a_person_holds_is_settled_by_a_persons_word() -> None:
    assert {state for state in State if State.ATTESTED in MOVES[state]} == {State.HELD}


def test_what_was_carried_out_does_not_become_what_could_not_be_asked() -> None:
    assert {state for state in State if State.NOT_APPLICABLE in MOVES[state]} == {State.PENDING, State.RETRYING}


def test_a_state_is_worked_on_or_closed_or_held_and_never_two_of_them() -> None:
    assert WORKABLE | CLOSED | {State.HELD} == set(State)
    assert not WORKABLE & CLOSED


def test_what_a_withdrawal_closes_can_become_exempt_and_what_was_carried_out_cannot() -> None:
    assert {state for state in State if State.EXEMPT in MOVES[state]} == WITHDRAWABLE
    assert not WITHDRAWABLE & {State.APPLIED, *CLOSED}
