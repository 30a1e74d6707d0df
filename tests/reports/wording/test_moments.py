"""Moments of a document: one zone, and each with its offset."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from syncer.reports.wording.moments import Moments

BERLIN = Moments(ZoneInfo("Europe/Berlin"))
WINTER, SUMMER = datetime(2026, 11, 28, 16, 32, 5, tzinfo=UTC), datetime(2026, 7, 1, 22, 30, tzinfo=UTC)


def test_an_exact_moment_has_its_own_offset_on_both_sides_of_summer_time() -> None:
    assert BERLIN.exact(WINTER) == "2026-11-28 17:32:05 +01:00"
    assert BERLIN.exact(SUMMER) == "2026-07-02 00:30:00 +02:00"


def test_a_moment_that_the_log_wrote_is_shown_on_the_same_clock() -> None:
    assert BERLIN.exact("2026-11-28T16:32:05.123456Z") == BERLIN.exact(WINTER)
    assert BERLIN.written("2026-11-28T16:32:05.123456Z") == "28 November 2026, 17:32"


def test_a_missing_moment_is_a_dash() -> None:
    assert BERLIN.exact(None) == "-"


def test_a_day_is_the_one_on_the_zones_clock() -> None:
    assert BERLIN.day(SUMMER) == "2 July 2026"
    assert BERLIN.day(date(2026, 7, 1)) == "1 July 2026"


def test_the_clock_names_zone_and_offset_west_of_greenwich_too() -> None:
    assert BERLIN.clock(WINTER) == "Europe/Berlin (UTC+01:00)"
    assert Moments(ZoneInfo("America/St_Johns")).clock(WINTER) == "America/St_Johns (UTC-03:30)"


def test_a_moment_to_the_minute_has_its_offset_too() -> None:
    assert BERLIN.minute(WINTER) == "2026-11-28 17:32 +01:00"
    assert BERLIN.minute(None) == "-"
