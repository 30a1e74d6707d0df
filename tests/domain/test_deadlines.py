"""Due dates: worked examples and the rule against a slow oracle."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.domain.deadlines import Rule, add_months, days_off, due_on, end_of_day, is_overdue, objection_target

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = [ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "America/Los_Angeles", "Pacific/Kiritimati")]


GERMAN = Rule(BERLIN, 30, 48, days_off("DE"), "DE")


@pytest.mark.parametrize(
    ("received", "same_date", "rolled", "thirty_days", "due"),
    [
        ("2026-03-05", "2026-04-05", "2026-04-07", "2026-04-04", "2026-04-04"),
        ("2026-01-31", "2026-02-28", "2026-03-02", "2026-03-02", "2026-02-28"),
        ("2026-01-30", "2026-02-28", "2026-03-02", "2026-03-01", "2026-02-28"),
        ("2027-01-29", "2027-02-28", "2027-03-01", "2027-02-28", "2027-02-28"),
        ("2028-01-31", "2028-02-29", "2028-02-29", "2028-03-01", "2028-02-29"),
        ("2026-04-01", "2026-05-01", "2026-05-04", "2026-05-01", "2026-05-01"),
        ("2026-08-31", "2026-09-30", "2026-09-30", "2026-09-30", "2026-09-30"),
        ("2026-11-24", "2026-12-24", "2026-12-24", "2026-12-24", "2026-12-24"),
        ("2026-12-01", "2027-01-01", "2027-01-04", "2026-12-31", "2026-12-31"),
    ],
)
def test_the_worked_examples_hold(received: str, same_date: str, rolled: str, thirty_days: str, due: str) -> None:
    noon = datetime.fromisoformat(f"{received}T12:00:00").replace(tzinfo=BERLIN)
    last = GERMAN.due(noon)

    assert add_months(noon.date(), 1).isoformat() == same_date
    assert (noon.date() + timedelta(days=30)).isoformat() == thirty_days
    assert (last.on.isoformat(), last.legal_on.isoformat()) == (due, rolled)
    assert due_on(noon, BERLIN, 30) == last.on


def test_the_rule_says_in_words_how_it_counted() -> None:
    assert GERMAN.due(datetime(2026, 3, 5, tzinfo=UTC)).rule == (
        "the earlier of 30 days and the same date next month, Europe/Berlin;"
        " the legal date is moved past weekends and holidays of DE"
    )


@pytest.mark.parametrize(("country", "rolled"), [(None, "2026-06-04"), ("DE", "2026-06-04"), ("DE-BY", "2026-06-05")])
def test_only_the_holidays_of_the_controllers_country_move_the_legal_date(country: str | None, rolled: str) -> None:
    # Corpus Christi: a holiday in Bavaria and not in all of Germany
    rule = Rule(BERLIN, 30, 48, days_off(country), country)

    assert rule.due(datetime(2026, 5, 4, 12, tzinfo=UTC)).legal_on.isoformat() == rolled
    assert rule.due(datetime(2026, 5, 4, 12, tzinfo=UTC)).on.isoformat() == "2026-06-03"


def test_the_day_of_receipt_is_the_controllers_not_the_utc_one() -> None:
    received = datetime(2026, 2, 27, 23, 30, tzinfo=UTC)

    assert due_on(received, ZoneInfo("UTC"), 30) == date(2026, 3, 27)
    assert due_on(received, BERLIN, 30) == date(2026, 3, 28)


def test_an_extension_is_clamped_from_the_original_day() -> None:
    received = datetime(2026, 1, 31, 12, tzinfo=BERLIN)

    assert add_months(date(2026, 1, 31), 3) == date(2026, 4, 30)
    assert (GERMAN.extended(received).on, GERMAN.extended(received).legal_on) == (date(2026, 4, 30), date(2026, 4, 30))
    assert GERMAN.may_be_extended_until(received) == date(2026, 2, 28)


@pytest.mark.parametrize(
    ("day", "end"), [("2026-03-29", "2026-03-29T22:00:00+00:00"), ("2026-10-25", "2026-10-25T23:00:00+00:00")]
)
def test_a_local_day_ends_when_it_ends_there(day: str, end: str) -> None:
    assert end_of_day(date.fromisoformat(day), BERLIN).isoformat() == end


moments = st.datetimes(datetime(2001, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def months_on(day: date, months: int) -> date:
    """Walk day by day: over that many firsts of a month, then on to the same date or to where that month ends."""
    firsts, walked = 0, day
    while firsts < months:
        walked += timedelta(days=1)
        firsts += walked.day == 1
    while walked.day < day.day and (walked + timedelta(days=1)).day != 1:
        walked += timedelta(days=1)
    return walked


@given(moments, st.sampled_from(ZONES), st.integers(1, 90))
def test_the_rule_agrees_with_a_slow_oracle(received: datetime, zone: ZoneInfo, days: int) -> None:
    day = received.astimezone(zone).date()
    within = day
    for _ in range(days):
        within += timedelta(days=1)
    month = months_on(day, 1)
    legal = month
    while legal.strftime("%a") in ("Sat", "Sun"):
        legal += timedelta(days=1)
    rule = Rule(zone, days, 48, days_off(None))

    assert rule.due(received).on == min(month, within)
    assert rule.due(received).legal_on == legal
    assert rule.extended(received).on == months_on(day, 3)


@given(moments, st.sampled_from(ZONES), st.integers(0, 60 * 24 * 60), st.sampled_from(["erasure", "objection", None]))
def test_what_a_database_counts_by_the_borders_is_what_the_rule_says(
    received: datetime, zone: ZoneInfo, minutes: int, right: str | None
) -> None:
    rule, now = Rule(zone, 30, 48, days_off(None)), received + timedelta(minutes=minutes)
    due = rule.due(received).on
    today, target = rule.late_before(now)

    assert rule.late(right, received, due, now) == (due < today or (right == "objection" and received <= target))
    level = rule.warning(received, now)
    assert level == max((days for days in (7, 14, 21) if received < rule.warned_before(days, now)), default=None)


@given(moments, st.sampled_from(ZONES))
def test_nothing_is_late_on_its_due_day_and_everything_is_the_day_after(received: datetime, zone: ZoneInfo) -> None:
    due = due_on(received, zone, 30)
    end = end_of_day(due, zone)

    assert not is_overdue(due, zone, end - timedelta(microseconds=1))
    assert is_overdue(due, zone, end)


def test_an_objection_has_its_hours() -> None:
    received = datetime(2026, 11, 24, tzinfo=UTC)

    assert objection_target(received, 48) == datetime(2026, 11, 26, tzinfo=UTC)
    assert not GERMAN.late("objection", received, date(2026, 12, 24), datetime(2026, 11, 25, 23, 59, tzinfo=UTC))
    assert GERMAN.late("objection", received, date(2026, 12, 24), datetime(2026, 11, 26, tzinfo=UTC))
    assert not GERMAN.late("erasure", received, date(2026, 12, 24), datetime(2026, 11, 26, tzinfo=UTC))


@pytest.mark.parametrize(("days", "level"), [(6, None), (7, 7), (13, 7), (14, 14), (20, 14), (21, 21), (300, 21)])
def test_the_warnings_rise_with_the_local_days_since_receipt(days: int, level: int | None) -> None:
    late_evening = datetime(2026, 3, 1, 23, 50, tzinfo=BERLIN)
    early_morning = datetime(2026, 3, 1, 0, 10, tzinfo=BERLIN) + timedelta(days=days)

    assert GERMAN.warning(late_evening, early_morning) == level


@given(moments, st.integers(0, 40))
def test_a_month_later_is_never_in_the_wrong_month(moment: datetime, months: int) -> None:
    day = moment.date()
    later = add_months(day, months)

    assert (later.year - day.year) * 12 + later.month - day.month == months
    assert later.day <= day.day


@given(moments, st.sampled_from([*ZONES, ZoneInfo("America/Sao_Paulo"), ZoneInfo("Africa/Cairo")]))
def test_a_local_day_ends_where_the_next_one_begins_also_when_midnight_is_skipped(m: datetime, zone: ZoneInfo) -> None:
    end = end_of_day(m.date(), zone)

    assert end.astimezone(zone).date() > m.date()
    assert (end - timedelta(microseconds=1)).astimezone(zone).date() == m.date()


def test_a_receipt_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        due_on(datetime(2026, 1, 1), BERLIN, 30)  # noqa: DTZ001 — that is the point
