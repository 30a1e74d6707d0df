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
from syncer.reports.findings import find
from syncer.reports.wording.deliveries import before, outcome, standing, tries
from syncer.reports.wording.moments import Moments
from syncer.service.drain import drain
from tests.support.documents.reports import report_csv, report_text, whole
from tests.support.documents.states import delivery
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
    ],
)
def test_what_had_been_done_before_an_exception_is_told(had: dict[str, bool], said: str) -> None:
    assert before(delivery("crm", State.EXEMPT, "legal_claims", **had), BERLIN) == said  # type: ignore[arg-type]


def test_what_had_been_changed_before_a_hold_is_told_too() -> None:
    held = delivery("crm", State.EXEMPT, "other")
    stopped = replace(held, applied_at=delivery("crm", State.APPLIED, None).applied_at)

    assert before(stopped, BERLIN) == "before, at least a part of it had been done there: 2026-11-26 17:32:05 +01:00"
    assert before(replace(stopped, state=State.HELD), BERLIN) == ""
