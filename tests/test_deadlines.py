"""Due dates: worked examples and the rule against a slow oracle."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.deadlines import add_months, due_on, end_of_day, is_overdue, objection_target

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = [ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "America/Los_Angeles", "Pacific/Kiritimati")]


@pytest.mark.parametrize(
    ("received", "due"),
    [
        ("2026-03-05", "2026-04-04"),
        ("2026-01-31", "2026-02-28"),
        ("2026-01-30", "2026-02-28"),
        ("2027-01-29", "2027-02-28"),
        ("2028-01-31", "2028-02-29"),
        ("2026-04-01", "2026-05-01"),
        ("2026-08-31", "2026-09-30"),
        ("2026-11-24", "2026-12-24"),
        ("2026-12-01", "2026-12-31"),
    ],
)
def test_the_worked_examples_hold(received: str, due: str) -> None:
    noon = datetime.fromisoformat(f"{received}T12:00:00").replace(tzinfo=BERLIN)

    assert due_on(noon, BERLIN, 30).isoformat() == due


def test_the_day_of_receipt_is_the_controllers_not_the_utc_one() -> None:
    received = datetime(2026, 2, 27, 23, 30, tzinfo=UTC)

    assert due_on(received, ZoneInfo("UTC"), 30) == date(2026, 3, 27)
    assert due_on(received, BERLIN, 30) == date(2026, 3, 28)


def test_months_are_clamped_from_the_original_day() -> None:
    assert add_months(date(2026, 1, 31), 3) == date(2026, 4, 30)


@pytest.mark.parametrize(
    ("day", "end"), [("2026-03-29", "2026-03-29T22:00:00+00:00"), ("2026-10-25", "2026-10-25T23:00:00+00:00")]
)
def test_a_local_day_ends_when_it_ends_there(day: str, end: str) -> None:
    assert end_of_day(date.fromisoformat(day), BERLIN).isoformat() == end


moments = st.datetimes(datetime(2001, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(moments, st.sampled_from(ZONES), st.integers(1, 60))
def test_the_rule_agrees_with_a_slow_oracle(received: datetime, zone: ZoneInfo, days: int) -> None:
    day = received.astimezone(zone).date()
    month = day
    for _ in range(40):  # walk on day by day until the same date, or the last day of a shorter month
        month += timedelta(days=1)
        if (month.year, month.month) != (day.year, day.month) and (
            month.day == day.day or (month.day < day.day and (month + timedelta(days=1)).day == 1)
        ):
            break

    assert due_on(received, zone, days) == min(month, day + timedelta(days=days))


@given(moments, st.sampled_from(ZONES))
def test_nothing_is_late_on_its_due_day_and_everything_is_the_day_after(received: datetime, zone: ZoneInfo) -> None:
    due = due_on(received, zone, 30)
    end = end_of_day(due, zone)

    assert not is_overdue(due, zone, end - timedelta(microseconds=1))
    assert is_overdue(due, zone, end)


def test_an_objection_has_its_hours() -> None:
    received = datetime(2026, 11, 24, tzinfo=UTC)

    assert objection_target(received, 48) == datetime(2026, 11, 26, tzinfo=UTC)


@given(moments, st.integers(0, 40))
def test_a_month_later_is_never_in_the_wrong_month(moment: datetime, months: int) -> None:
    day = moment.date()
    found = add_months(day, months)

    assert (found.year - day.year) * 12 + found.month - day.month == months
    assert found.day <= day.day


@given(moments, st.sampled_from([*ZONES, ZoneInfo("America/Sao_Paulo"), ZoneInfo("Africa/Cairo")]))
def test_a_local_day_ends_where_the_next_one_begins_also_when_midnight_is_skipped(m: datetime, zone: ZoneInfo) -> None:
    end = end_of_day(m.date(), zone)

    assert end.astimezone(zone).date() > m.date()
    assert (end - timedelta(microseconds=1)).astimezone(zone).date() == m.date()


def test_a_receipt_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        due_on(datetime(2026, 1, 1), BERLIN, 30)  # noqa: DTZ001 — that is the point
