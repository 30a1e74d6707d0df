"""Due dates. Pure: one rule, in the controller's time zone, without any rolling over weekends."""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def due_on(received_at: datetime, zone: ZoneInfo, answer_within_days: int) -> date:
    """Return the last day to answer: the earlier of one month and the promised days after receipt.

    The day of receipt is the controller's local one and is not counted (Regulation 1182/71, Art. 3). Raises
    ValueError for a `received_at` without a zone.
    """
    if received_at.tzinfo is None:
        raise ValueError("a time of receipt needs its zone")
    day = received_at.astimezone(zone).date()
    return min(add_months(day, 1), day + timedelta(days=answer_within_days))


def add_months(day: date, months: int) -> date:
    """Return the same date `months` later, clamped to that month's last day from the original date."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def end_of_day(day: date, zone: ZoneInfo) -> datetime:
    """Return the first moment (UTC) after a local day: from then on what was due that day is late."""
    return datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)


def is_overdue(due: date, zone: ZoneInfo, now: datetime) -> bool:
    """Say whether the due day has ended in the controller's time zone."""
    return now >= end_of_day(due, zone)


def objection_target(received_at: datetime, hours: int) -> datetime:
    """Return when an objection should be through: UTC, `hours` after an aware `received_at`."""
    return received_at.astimezone(UTC) + timedelta(hours=hours)
