"""Due days, legal dates and warnings of a request, and the calendar behind them: months, days off, ends of days.

Pure: the moments are arguments. Days are the controller's local ones, moments are aware. The due day never moves past
a day off; the legal date beside it does.
"""

from __future__ import annotations

import calendar
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from syncer.domain.rights import Right

#: whether a day is a weekend or a holiday
DayOff = Callable[[date], bool]
#: days after receipt from which an event that is still open is shown with rising urgency
WARN_DAYS = (7, 14, 21)
#: months from receipt: the ordinary period and the extended one (GDPR Art. 12(3))
ONE_MONTH, EXTENDED = 1, 3


@dataclass(frozen=True, slots=True)
class Due:
    """The last days to answer, local ones: syncer works to `on`, which never moves past a day off.

    `legal_on` is the end of the period as Regulation 1182/71 counts it, moved past days off; it is only recorded.
    `rule` says in words how both were counted.
    """

    on: date
    legal_on: date
    rule: str


@dataclass(frozen=True, slots=True)
class Rule:
    """The controller's promise: days and hours after receipt, counted in `zone`; `day_off` knows the holidays."""

    zone: ZoneInfo
    answer_within_days: int
    objection_target_hours: int
    day_off: DayOff
    country: str | None = None

    def due(self, received_at: datetime) -> Due:
        """Return the due days of a request. Raises ValueError for a `received_at` without a zone."""
        day = local_day(received_at, self.zone)
        words = f"the earlier of {self.answer_within_days} days and the same date next month"
        return self._due(due_on(received_at, self.zone, self.answer_within_days), add_months(day, ONE_MONTH), words)

    def extended(self, received_at: datetime) -> Due:
        """Return the due days after an extension: the same date three months after receipt."""
        month = add_months(local_day(received_at, self.zone), EXTENDED)
        return self._due(month, month, "extended: the same date three months after receipt")

    def may_be_extended_until(self, received_at: datetime) -> date:
        """Return the last local day to tell the person of an extension: the end of the first month."""
        return add_months(local_day(received_at, self.zone), ONE_MONTH)

    def target_at(self, right: str | None, received_at: datetime) -> datetime | None:
        """Return when an objection should be carried out (UTC), or None for any other right."""
        return objection_target(received_at, self.objection_target_hours) if right == Right.OBJECTION else None

    def late(self, right: str | None, received_at: datetime, due: date, now: datetime) -> bool:
        """Say whether an open event is late: its due day has ended, or an objection has missed its target."""
        target = self.target_at(right, received_at)
        return is_overdue(due, self.zone, now) or (target is not None and now >= target)

    def warning(self, received_at: datetime, now: datetime) -> int | None:
        """Return the highest of WARN_DAYS that an open event has reached, in local days since receipt."""
        age = (local_day(now, self.zone) - local_day(received_at, self.zone)).days
        return max((days for days in WARN_DAYS if age >= days), default=None)

    def late_before(self, now: datetime) -> tuple[date, datetime]:
        """Return the two bounds of `late`, for counting in a database.

        A due day before the first is over; an objection received at or before the second has missed its target.
        """
        return local_day(now, self.zone), now - timedelta(hours=self.objection_target_hours)

    def warned_before(self, days: int, now: datetime) -> datetime:
        """Return the bound of `warning` (UTC): what was received before it is at least `days` local days old."""
        return end_of_day(local_day(now, self.zone) - timedelta(days=days), self.zone)

    def _due(self, on: date, legal: date, counted: str) -> Due:
        off = f"weekends and holidays of {self.country}" if self.country else "weekends"
        words = f"{counted}, {self.zone.key}; the legal date is moved past {off}"
        return Due(on, _past_days_off(legal, self.day_off), words)


def due_on(received_at: datetime, zone: ZoneInfo, answer_within_days: int) -> date:
    """Return the last day to answer: the earlier of one month and the promised days after receipt.

    The day of receipt is the controller's local one and is not counted (Regulation 1182/71, Art. 3). Raises
    ValueError for a `received_at` without a zone.
    """
    day = local_day(received_at, zone)
    return min(add_months(day, ONE_MONTH), day + timedelta(days=answer_within_days))


def objection_target(received_at: datetime, hours: int) -> datetime:
    """Return when an objection should be carried out: UTC, `hours` after an aware `received_at`."""
    return received_at.astimezone(UTC) + timedelta(hours=hours)


def is_overdue(due: date, zone: ZoneInfo, now: datetime) -> bool:
    """Say whether the due day has ended in the controller's time zone."""
    return now >= end_of_day(due, zone)


def end_of_day(day: date, zone: ZoneInfo) -> datetime:
    """Return the first moment (UTC) after a local day: from then on what was due that day is late."""
    return datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)


def local_day(moment: datetime, zone: ZoneInfo) -> date:
    """Return the controller's local day at a moment. Raises ValueError for a moment without a zone."""
    if moment.tzinfo is None:
        raise ValueError("a moment needs its zone")
    return moment.astimezone(zone).date()


def months_before(moment: datetime, months: int) -> datetime:
    """Return the same date and time so many months earlier, or the last day of a shorter month."""
    day = add_months(moment.date(), -months)
    return moment.replace(year=day.year, month=day.month, day=day.day)


def add_months(day: date, months: int) -> date:
    """Return the same date so many months later (earlier when negative), or the last day of a shorter month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def days_off(country: str | None) -> DayOff:
    """Return the test for a day off in `country`: `DE`, or with a subdivision `DE-BY`; None knows weekends only.

    Raises ValueError with the remedy for a country or subdivision that the `holidays` package does not know, and where
    that package, an extra, is not installed.
    """
    if country is None:
        return _weekend
    try:
        from holidays import country_holidays
    except ImportError:
        raise ValueError(
            "needs syncer's extra [holidays], which is not installed; install requirements.lock, or take country out"
        ) from None

    name, _, part = country.partition("-")
    try:
        public = country_holidays(name, subdiv=part or None)
    except NotImplementedError:
        raise ValueError('is not a country with known holidays; write it like "DE" or "DE-BY"') from None
    return lambda day: _weekend(day) or day in public


def _weekend(day: date) -> bool:
    return day.weekday() >= 5


def _past_days_off(day: date, day_off: DayOff) -> date:
    """Return the first day from `day` on that is not a day off (Regulation 1182/71, Art. 3(4))."""
    while day_off(day):
        day += timedelta(days=1)
    return day
