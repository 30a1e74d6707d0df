"""The sentences that say where requests stand."""

from __future__ import annotations

import itertools

import pytest

from syncer.reports.propagation import Summary
from syncer.reports.wording.account import account


def counted(**numbers: int) -> Summary:
    ended = {kind: numbers.get(kind, 0) for kind in ("everywhere", "answered", "with_exception", "withdrawn", "nobody")}
    fulfilled = sum(ended.values())
    held, under_way = numbers.get("held", 0), numbers.get("open", 0)
    late = {kind: numbers.get(kind, 0) for kind in ("overdue", "answered_late")}
    return Summary(fulfilled + held + under_way, fulfilled, **ended, held=held, open=under_way, **late)


def test_no_request_is_said_in_one_sentence() -> None:
    assert account(counted()) == "No request that was received in this period has been taken from the queue."


def test_every_kind_of_ending_has_its_own_number() -> None:
    said = account(counted(everywhere=4, with_exception=2, withdrawn=1, nobody=1, held=1, open=3))

    assert said == (
        "12 requests were received: 4 carried out everywhere, 2 closed with an exception, 1 withdrawn, 1 closed with no"
        " recipient to tell, 1 waiting for a person's decision, 3 under way. None is late, and none was answered late."
    )


def test_what_was_not_everywhere_read_back_is_no_part_of_what_was_carried_out() -> None:
    said = account(counted(everywhere=1, answered=2))

    assert said.startswith(
        "3 requests were received: 1 carried out everywhere, 2 closed, not everywhere read back, 0 w"
    )
    assert "not everywhere" not in account(counted(everywhere=1))


def test_what_the_guard_stopped_is_not_said_to_be_under_way() -> None:
    said = account(counted(everywhere=1, open=5), 3)

    assert "1 carried out everywhere, 0 waiting for a person's decision" in said
    assert "3 stopped by the guard until a person has looked, 2 under way." in said


def test_an_answer_that_came_late_is_counted_beside_what_is_late_and_open() -> None:
    assert account(counted(everywhere=1, answered_late=1)).endswith(". 1 was answered late.")
    assert account(counted(open=2, overdue=2)).endswith(". 2 are late and still open.")
    said = account(counted(everywhere=2, open=1, overdue=1, answered_late=2))
    assert said.endswith(". 1 is late and still open and 2 were answered late.")


@pytest.mark.parametrize(("overdue", "answered_late"), list(itertools.product((0, 1, 2), repeat=2)))
def test_none_is_late_is_said_only_where_none_is_or_was(overdue: int, answered_late: int) -> None:
    said = account(counted(everywhere=3, open=3, overdue=overdue, answered_late=answered_late))

    assert ("None is late" in said) == (overdue == answered_late == 0)
