"""The report as text: what a reader who is no programmer finds in which place."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from syncer.domain.model import State
from syncer.domain.rights import Right
from syncer.reports.evidence import ReportedEvent
from tests.support.documents.reports import report_text
from tests.support.documents.states import delivery, event, log

DONE = delivery("crm", State.CONFIRMED, None)
TARGET = datetime(2026, 11, 21, 23, tzinfo=UTC)


def objection(*, due: date) -> ReportedEvent:
    """An objection that was answered on November 27, after its target."""
    return replace(event(7, (DONE,), Right.OBJECTION), late=True, target_at=TARGET, due_on=due)


def test_a_late_objection_names_the_target_where_that_is_what_it_missed() -> None:
    text = report_text(log([objection(due=date(2026, 12, 20))]))

    assert "** ANSWERED LATE: target 2026-11-22 00:00:00 +01:00 **" in text
    assert "  case 7, target 2026-11-22 00:00:00 +01:00, closed 2026-11-27 17:32:05 +01:00\n" in text


def test_of_many_requests_with_one_cause_the_first_are_named_and_the_others_counted() -> None:
    held = [event(number, (delivery("crm", State.HELD, "forbidden"),)) for number in range(1, 24)]
    needs = report_text(log(held)).partition("REQUESTS AND RECIPIENTS")[0]

    assert needs.count("      case ") == 20
    assert "and 3 more, each of which stands below" in needs


def test_one_whose_due_day_was_over_names_that_day() -> None:
    text = report_text(log([objection(due=date(2026, 11, 26))]))

    assert "** ANSWERED LATE **" in text
    assert "  case 7, due 2026-11-26, closed 2026-11-27 17:32:05 +01:00\n" in text


def test_an_open_one_that_missed_its_target_names_it_too() -> None:
    waiting = event(7, (delivery("crm", State.RETRYING, None),), Right.OBJECTION)
    late = replace(waiting, overdue=True, late=True, target_at=TARGET, due_on=date(2026, 12, 20))

    assert "** LATE: target 2026-11-22 00:00:00 +01:00 **" in report_text(log([late]))


def test_what_was_answered_late_needs_no_person_and_has_a_heading_of_its_own() -> None:
    text = report_text(log([objection(due=date(2026, 12, 20))]))

    assert "WHAT NEEDS A PERSON" not in text
    assert "\nANSWERED LATE: 1\n  These are closed, and nothing is to be done about them here." in text
