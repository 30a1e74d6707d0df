"""How a request ended, and whether its answer came late."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from syncer.domain.deadlines import Rule, days_off
from syncer.domain.endings import UNSEEN, Ending, answered_late, ending
from syncer.domain.model import CLOSED, EventState, State

RULE = Rule(ZoneInfo("Europe/Berlin"), 30, 48, days_off(None), None)
RECEIVED, DUE = datetime(2026, 10, 1, 9, tzinfo=UTC), date(2026, 10, 31)
DONE, EXEMPT, GONE = (State.CONFIRMED, None), (State.EXEMPT, "legal_claims"), (State.EXEMPT, "withdrawn")
PASSED_ON, NO_TRACE = (State.ACCEPTED, None), (State.NOT_APPLICABLE, "no_identifier")
BY_HAND, REFUSED = (State.ATTESTED, "done"), (State.ATTESTED, "refused")


@pytest.mark.parametrize(
    ("deliveries", "expected"),
    [
        ([DONE, DONE], Ending.EVERYWHERE),
        ([(State.APPLIED, None), DONE], Ending.EVERYWHERE),  # being read back again
        ([DONE, EXEMPT], Ending.WITH_EXCEPTION),
        ([EXEMPT], Ending.WITH_EXCEPTION),
        ([DONE, GONE], Ending.WITHDRAWN),
        ([EXEMPT, GONE], Ending.WITHDRAWN),
        ([], Ending.NOBODY),
        ([PASSED_ON], Ending.ANSWERED),
        ([DONE, PASSED_ON], Ending.ANSWERED),
        ([DONE, NO_TRACE], Ending.ANSWERED),
        ([DONE, BY_HAND], Ending.ANSWERED),
        ([DONE, REFUSED], Ending.ANSWERED),
        ([(State.APPLIED, None), PASSED_ON], Ending.ANSWERED),
        # who decided weighs more than what could not be read
        ([PASSED_ON, EXEMPT], Ending.WITH_EXCEPTION),
        ([PASSED_ON, GONE], Ending.WITHDRAWN),
    ],
)
def test_a_fulfilled_request_ended_as_its_recipients_allow(
    deliveries: list[tuple[State, str | None]], expected: Ending
) -> None:
    assert ending(EventState.FULFILLED, deliveries) is expected


@pytest.mark.parametrize("state", sorted(CLOSED))
def test_only_what_was_read_back_is_carried_out_everywhere(state: State) -> None:
    how = ending(EventState.FULFILLED, [DONE, (state, None)])

    assert (how is Ending.EVERYWHERE) is (state is State.CONFIRMED)
    assert (how is Ending.ANSWERED) is (state in UNSEEN)


@pytest.mark.parametrize("state", [EventState.OPEN, EventState.HELD])
def test_a_request_that_is_open_or_held_has_not_ended(state: EventState) -> None:
    assert ending(state, [DONE, EXEMPT]) is None


@pytest.mark.parametrize(
    ("right", "answered_at", "late"),
    [
        ("erasure", datetime(2026, 10, 31, 22, 59, tzinfo=UTC), False),  # 23:59 in Berlin, where summer time is over
        ("erasure", datetime(2026, 10, 31, 23, 0, tzinfo=UTC), True),
        ("objection", datetime(2026, 10, 3, 8, 59, tzinfo=UTC), False),
        ("objection", datetime(2026, 10, 3, 9, 0, tzinfo=UTC), True),
        ("erasure", None, False),
    ],
)
def test_an_answer_is_late_once_its_day_or_its_target_is_over(
    right: str, answered_at: datetime | None, late: bool
) -> None:
    assert answered_late(RULE, right, RECEIVED, DUE, answered_at) is late
