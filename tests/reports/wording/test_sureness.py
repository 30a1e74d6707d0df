"""How sure anybody can be, in words; and how the recipients of a closed request are counted apart."""

from __future__ import annotations

from dataclasses import replace

import pytest

from syncer.audit.ledger import LogEntry
from syncer.domain.model import State
from syncer.reports.views import LaneView
from syncer.reports.wording.sureness import closed_at, told_apart, unseen
from syncer.reports.wording.words import sentence, standing
from tests.support.documents.states import LOGGED, delivery, event

ACCEPTED = delivery("crm", State.ACCEPTED, None)
LOST = delivery("crm", State.NOT_APPLICABLE, "no_identifier")
SENSELESS = delivery("crm", State.NOT_APPLICABLE, "right_not_offered")
CONFIRMED = delivery("crm", State.CONFIRMED, None)


@pytest.mark.parametrize(
    ("closed", "said"),
    [
        (ACCEPTED, "passed on, cannot be checked; through by 20 Jan 2027"),
        (replace(ACCEPTED, settles_on=None), "passed on, cannot be checked"),
        (delivery("crm", State.ATTESTED, "refused"), "settled by a person"),
        (LOST, "cannot be found there; its data ends by itself by 28 Dec 2027"),
        (replace(LOST, lapses_on=None), "cannot be found there"),
        (replace(SENSELESS, lapses_on=None), "does not apply"),
        (CONFIRMED, ""),
        (delivery("crm", State.EXEMPT, "other"), ""),
    ],
)
def test_what_nobody_read_back_is_said_in_its_own_words(closed: object, said: str) -> None:
    assert unseen(closed) == said  # type: ignore[arg-type]


def test_closed_recipients_are_counted_apart_and_a_withdrawn_one_is_no_exception() -> None:
    withdrawn, excepted = (delivery("crm", State.EXEMPT, ground) for ground in ("withdrawn", "other"))
    again = delivery("crm", State.APPLIED, None, confirmed=True)

    told = told_apart([withdrawn, SENSELESS, SENSELESS, ACCEPTED, CONFIRMED, again, excepted, LOST])
    assert told == "2 read back, 1 passed on, 1 cannot be found there, 2 do not apply, 1 exempt, 1 withdrawn"


def test_where_all_was_seen_or_excepted_an_ending_says_it_all() -> None:
    excepted = delivery("crm", State.EXEMPT, "other")

    assert told_apart([CONFIRMED, excepted]) == ""
    assert standing(event(1, (CONFIRMED, excepted))) == "closed with an exception"
    assert standing(event(1, (ACCEPTED, excepted))) == "closed with an exception: 1 passed on, 1 exempt"
    assert standing(event(1, (ACCEPTED, delivery("shop", State.PENDING, None)))) == "under way"


def test_what_is_closed_at_a_recipient_is_counted_by_how_sure_it_is() -> None:
    lane = LaneView(**dict.fromkeys(LaneView.__slots__, 0))

    assert closed_at(lane) == ""
    assert closed_at(replace(lane, confirmed=2, accepted=1, attested=3, not_applicable=1, exempt=4, held=9)) == (
        "2 read back, 1 passed on, 3 settled by a person, 1 could not be asked, 4 exempt or withdrawn"
    )


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"answer": "accepted", "settles_on": "2027-01-20"}, "it was passed on, and nobody can read back"),
        ({"answer": "not_applicable", "code": "no_identifier"}, "nothing is known by which"),
        ({"answer": "confirmed", "outcome": "absent"}, "searched everywhere, not held there"),
        ({"answer": "confirmed"}, "read back"),
        ({"answer": "applied"}, "it was carried out"),
    ],
)
def test_an_answer_that_came_after_somebody_closed_it_is_called_read_back_only_where_it_was(
    facts: dict[str, str], said: str
) -> None:
    told = sentence(LogEntry(9, LOGGED, "delivery:answered", "e", "crm", None, facts))

    assert f"ended: {said}" in told
    assert ("ended: read back" in told) is (said == "read back")
