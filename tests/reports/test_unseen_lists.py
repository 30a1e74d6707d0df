"""CSV and text where nobody could read back: each kind in its own columns and lines, and nothing that sounds seen."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from adapters.contract import Outcome
from syncer.domain.model import State
from syncer.reports.as_csv import COLUMNS
from syncer.reports.evidence import ReportedDelivery
from tests.support.documents.reports import report_csv, report_text
from tests.support.documents.states import delivery, event, log

ACCEPTED = delivery("crm", State.ACCEPTED, None)
ATTESTED = delivery("shop", State.ATTESTED, "refused")
LOST = delivery("newsletter", State.NOT_APPLICABLE, "no_identifier")
AT = "2026-11-20T09:00:00.000000Z"


def row(*deliveries: ReportedDelivery) -> dict[str, str]:
    """The row of the first of them."""
    return next(csv.DictReader(io.StringIO(report_csv(log([event(1, deliveries)])))))


def filled(found: dict[str, str]) -> dict[str, str]:
    """What stands in the columns that were added for these states."""
    first = COLUMNS.index("recipient_evidence")
    return {name: found[name] for name in COLUMNS[first:] if found[name]}


def test_columns_were_added_at_the_end_alone() -> None:
    assert COLUMNS[:2] == ("event", "event_key")
    assert COLUMNS[38:41] == ("basis_of_denial", "what_would_have_happened", "recipient_evidence")
    assert len(set(COLUMNS)) == len(COLUMNS)


def test_each_kind_has_its_own_columns() -> None:
    assert filled(row(ACCEPTED)) == {
        "recipient_evidence": "accepted", "closed_deliveries": "1 passed on", "accepted_at": AT,
        "settles_on": "2027-01-20", "passed_on": "audience: POST /users -> 200, request req-4711, 3 ms",
        "passed_on_request_ids": "req-4711",
    }  # fmt: skip
    assert filled(row(ATTESTED)) == {
        "recipient_evidence": "by_hand", "closed_deliveries": "1 settled by a person", "attested_at": AT,
        "attested_by": "dpo", "answered_on": "2026-11-19", "attested_reason": "its letter",
    }  # fmt: skip
    assert filled(row(LOST)) == {
        "recipient_evidence": "read_back", "closed_deliveries": "1 cannot be found there", "not_applicable_at": AT,
        "lapses_on": "2027-12-28",
    }  # fmt: skip
    assert filled(row(delivery("crm", State.CONFIRMED, None))) == {"recipient_evidence": "accepted"}
    assert filled(row(ACCEPTED, delivery("shop", State.PENDING, None))).get("closed_deliveries") is None


@pytest.mark.parametrize(
    ("closed", "said", "denied"),
    [
        (ACCEPTED, "passed on, cannot be checked; through by 20 Jan 2027", ""),
        (ATTESTED, "settled by a person: it refused", "it refused: its letter"),
        (
            delivery("shop", State.ATTESTED, "done"),
            "settled by a person: it answered that it did what was asked",
            "",
        ),
        (
            replace(LOST, lapses_on=None),
            "cannot be found there: nothing is known by which this recipient could find the person, Art. 11(2)",
            "nothing is known by which this recipient could find the person, Art. 11(2)",
        ),
    ],
)
def test_the_response_in_the_words_of_the_ccpa_is_what_is_known(
    closed: ReportedDelivery, said: str, denied: str
) -> None:
    found = row(closed)

    assert (found["nature_of_response"], found["basis_of_denial"]) == (said, denied)
    assert found["date_of_response"] == AT
    assert found["outcome"] == found["read_back"] == found["confirmed_at"] == ""


def test_an_outcome_that_a_row_still_holds_is_not_told_of_what_nobody_read_back() -> None:
    assert row(replace(ACCEPTED, outcome=Outcome.DONE))["outcome"] == ""
    assert row(delivery("crm", State.CONFIRMED, None))["outcome"] == "done"


def test_the_text_says_how_each_was_closed_and_never_that_it_was_read_back() -> None:
    text = report_text(log([event(1, (ACCEPTED, ATTESTED, LOST))]))

    assert (
        "closed, not everywhere read back: 1 passed on, 1 settled by a person, 1 cannot be found there\n"
        "  - ActiveCampaign (delete): passed on, cannot be checked; through by 20 Jan 2027\n"
        "      passed on 2026-11-20 10:00:00 +01:00\n"
        "      passed on: audience: POST /users → 200, request req-4711, 3 ms\n"
        "  - Mailchimp (shop) (delete): settled by a person\n"
        "      it refused\n"
        "      answered 2026-11-19; dpo said so 2026-11-20 10:00:00 +01:00; reason: its letter\n"
        "  - Mailchimp (newsletter) (delete): cannot be found there; its data ends by itself by 28 Dec 2027\n"
        "      nothing is known by which this recipient could find the person, Art. 11(2)\n"
    ) in text
    assert "read back: " not in text.replace("not everywhere read back: ", "")


def test_a_look_of_an_earlier_time_is_told_as_that() -> None:
    """A recipient whose adapter changed, so that nobody reads it back any more."""
    once = delivery("crm", State.ACCEPTED, None, confirmed=True)
    text = report_text(log([event(1, (once,))]))

    assert "through by 20 Jan 2027\n" in text  # and no moment behind it: nothing was confirmed then
    assert "read back before: contact: GET /contacts" in text
    assert row(once)["date_of_response"] == AT


def test_an_order_of_an_earlier_time_is_told_as_that() -> None:
    text = report_text(log([event(1, (delivery("crm", State.HELD, "forbidden", passed_on=True),))]))

    assert "passed on before: audience: POST /users" in text
    assert "passed on: " not in text
