"""Where a delivery stands in words, and what had been done before an exception."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from adapters.contract import Outcome
from adapters.sandbox import ActiveCampaignSandbox, Fault
from syncer.app import App
from syncer.cli.output import printing
from syncer.domain.model import State
from syncer.reports.evidence import Attestation, DeliveryEvidence
from syncer.reports.findings import find
from syncer.reports.wording.deliveries import before, by_whose_word, outcome, standing, tries
from syncer.reports.wording.moments import Moments
from syncer.service.drain import drain
from tests.support.documents.reports import report_csv, report_text, whole
from tests.support.documents.states import LOGGED, codes, delivery, evidence
from tests.support.walk import put

BERLIN = Moments(ZoneInfo("Europe/Berlin"))


def test_an_attempt_that_was_given_back_is_neither_the_first_to_come_nor_counted(
    app: App, activecampaign: ActiveCampaignSandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    activecampaign.fault(Fault(status=401, body="{}", times=None))
    put(app, "erasure", "ada@lovelace.test", "k1")
    drain(app)
    (event,) = app.reader.events()
    (held_up,) = [item for item in event.deliveries if item.destination == "crm"]

    assert (held_up.state, held_up.attempts, held_up.code) == (State.PENDING, 0, "unauthorized")
    printing.show(app.reader.show(event.id))
    shown = capsys.readouterr().out
    assert "waiting to be tried again; no attempt counts yet" in shown
    assert "asked to delete, attempt 1" in shown
    log = whole(app)
    for text in (shown, report_text(log), report_csv(log)):
        assert "waiting for its first try" not in text
    (need,) = find(log).needs
    assert need.why == "ActiveCampaign is paused: the provider does not accept the key; 1 request waits there"
    assert need.decision.startswith("Have the account, the key or the network mended")
    assert need.remedy == "put a valid key in place, then `resume` or wait"


def test_what_was_only_carried_out_is_not_called_read_back() -> None:
    applied = delivery("crm", State.APPLIED, None, outcome=Outcome.DONE)
    again = delivery("crm", State.APPLIED, None, outcome=Outcome.DONE, confirmed=True)

    assert (standing(applied), outcome(applied)) == ("carried out, being read back", "")
    assert (standing(again), outcome(again)) == ("confirmed, being read back again", "found, acted on, read back")
    assert outcome(replace(again, state=State.HELD)) == ""


def test_a_waiting_one_says_whether_it_is_its_first_try() -> None:
    assert standing(delivery("crm", State.PENDING, None, tried=False)) == "waiting for its first try"
    assert standing(delivery("crm", State.PENDING, "rate_limited")) == "waiting to be tried again"
    assert tries(replace(delivery("crm", State.PENDING, "rate_limited"), attempts=2)) == (
        "2 attempts, not counting what was given back"
    )
    assert tries(delivery("crm", State.RETRYING, "unavailable")) == "1 attempt"


def test_a_withdrawn_one_is_no_exception_of_a_person() -> None:
    assert standing(delivery("crm", State.EXEMPT, "withdrawn")) == "withdrawn, not asked any further"
    assert standing(delivery("crm", State.EXEMPT, "other")) == "exempt by a person's decision"


@pytest.mark.parametrize(
    ("had", "said"),
    [
        ({"tried": False}, "it was never asked"),
        ({}, "before, it had been asked, last 2026-11-20 10:00:00 +01:00"),
        ({"carried_out": True}, "before, the recipient had answered that it is done: 2026-11-26 17:32:05 +01:00"),
        ({"carried_out": True, "confirmed": True}, "before, it had been confirmed: 2026-11-20 10:00:00 +01:00"),
        (
            {"carried_out": True, "passed_on": True},
            "before, it had been passed on, and could not be checked: 2026-11-20 10:00:00 +01:00",
        ),
    ],
)
def test_what_had_been_done_before_an_exception_is_told(had: dict[str, bool], said: str) -> None:
    assert before(delivery("crm", State.EXEMPT, "legal_claims", **had), BERLIN) == said  # type: ignore[arg-type]


def test_what_had_been_changed_before_a_hold_is_told_too() -> None:
    held = delivery("crm", State.EXEMPT, "other")
    stopped = replace(held, applied_at=delivery("crm", State.APPLIED, None).applied_at)

    assert before(stopped, BERLIN) == "before, at least a part of it had been done there: 2026-11-26 17:32:05 +01:00"
    assert before(replace(stopped, state=State.HELD), BERLIN) == ""


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (State.ATTESTED, "before, a person had settled it: 2026-11-20 10:00:00 +01:00"),
        (State.NOT_APPLICABLE, "before, it could not be asked there: 2026-11-20 10:00:00 +01:00"),
    ],
)
def test_how_it_was_closed_before_an_exception_is_told(state: State, said: str) -> None:
    excepted = delivery("crm", State.EXEMPT, "other")
    was = evidence(state, tried=True, carried_out=False, confirmed=False)

    assert before(replace(excepted, evidence=was), BERLIN) == said


def test_who_says_what_a_recipient_answered_is_told_as_far_as_it_is_on_record() -> None:
    digest = "ab" * 32
    attested = delivery("crm", State.ATTESTED, "done")

    def told(**more: str | None) -> str:
        values = {"attested_by": "dpo", "answered_on": "2026-11-19", "attested_reason": None, "evidence_sha256": None}
        said = Attestation(LOGGED, **values | more)  # type: ignore[arg-type]
        return by_whose_word(replace(attested, evidence=DeliveryEvidence((), (said,))), BERLIN)

    when = "dpo said so 2026-11-20 10:00:00 +01:00"
    assert told() == f"answered 2026-11-19; {when}"
    assert told(attested_reason="its letter", evidence_sha256=digest) == (
        f"answered 2026-11-19; {when}; reason: its letter; SHA-256 of the answer {digest}"
    )
    assert told(answered_on=None) == told(answered_on="somebody's own words") == when
    assert by_whose_word(replace(attested, state=State.HELD), BERLIN) == ""


@pytest.mark.parametrize("state", State)
def test_only_what_was_read_back_has_an_outcome(state: State) -> None:
    for code in codes(state):
        item = replace(delivery("crm", state, code), outcome=Outcome.DONE)
        assert bool(outcome(item)) is (state is State.CONFIRMED)
