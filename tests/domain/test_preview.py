"""After a preview: nothing moves and nothing is counted, whatever came of it; what live would hold is said."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.contract import Preview
from adapters.errors import Misconfigured, Permanent, Transient
from syncer.domain.codes import SHADOWED
from syncer.domain.model import Delivery, State
from syncer.domain.patience import DAY, HOURS
from syncer.domain.policy import Decision, NotCalled, Result
from syncer.domain.preview import as_preview, judge_preview
from tests.support.deliveries import DELIVERY, NOW

PENDING = replace(DELIVERY, attempts=0)
RETRYING = replace(PENDING, state=State.RETRYING, attempts=7, applied_at=NOW - timedelta(days=1), unseen=2)


def decide(delivery: Delivery, result: Result, tries: int = 1) -> Decision:
    return judge_preview(delivery, as_preview(delivery, result, NOW), tries, NOW, lambda _, most: most)


@pytest.mark.parametrize("delivery", [PENDING, RETRYING])
@pytest.mark.parametrize(
    "result",
    [
        Preview((), ()),
        Preview(("contact: found",), (), "newer_consent"),
        Permanent("filter_ignored", unseen=9),
        Transient("timed_out", unseen=9),
        Transient("rate_limited", cools_lane=True, retry_after=17.0),
        Misconfigured("unauthorized"),
    ],
    ids=lambda result: getattr(result, "code", None) or "through",
)
def test_no_result_moves_a_delivery_or_counts_an_attempt(delivery: Delivery, result: Result) -> None:
    decision = decide(delivery, result)

    assert (decision.state, decision.outcome, decision.confirmed_at) == (delivery.state, None, None)
    assert (decision.applied_at, decision.unseen) == (delivery.applied_at, delivery.unseen)
    assert not decision.give_back


@pytest.mark.parametrize("result", [Preview((), ()), Preview((), (), "newer_consent"), Permanent("unsealable")])
def test_what_was_seen_waits_without_a_time(result: Result) -> None:
    decision = decide(PENDING, result)

    assert (decision.what, decision.code, decision.next_attempt_at) == ("delivery:previewed", SHADOWED, None)
    assert decision.pause is decision.cool_until is None


def test_a_preview_without_an_answer_is_made_again_later_and_later() -> None:
    waits = [decide(PENDING, Transient("timed_out"), tries).next_attempt_at for tries in (1, 2, 3)]

    assert waits == [NOW + timedelta(seconds=seconds) for seconds in (30, 60, 120)]
    assert decide(PENDING, Transient("timed_out")).what == "delivery:retrying"


@pytest.mark.parametrize(
    ("error", "since", "code"),
    [
        (Transient("not_yet", hold_as="archive_not_seen"), HOURS, "archive_not_seen"),
        (Transient("unreadable"), DAY, "unreadable"),
    ],
)
def test_what_live_would_be_held_for_in_the_end_is_the_code_of_the_preview(
    error: Transient, since: timedelta, code: str
) -> None:
    early = replace(PENDING, failing_since=NOW - since + timedelta(minutes=1))
    worn = replace(PENDING, failing_since=NOW - since)

    assert as_preview(early, error, NOW) is error
    assert as_preview(worn, error, NOW) == Preview((), (), code, error.steps)


def test_a_failure_that_concerns_all_rests_the_lane_as_ever() -> None:
    assert decide(PENDING, Misconfigured("unauthorized")).pause == "unauthorized"
    assert decide(PENDING, Transient("rate_limited", cools_lane=True, retry_after=17.0)).cool_until == NOW + timedelta(
        seconds=17
    )
    assert as_preview(PENDING, NotCalled(), NOW).__class__ is NotCalled
