"""The time: now, the seconds since a moment by a clock that nobody sets, and how a moment is written."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def elapsed() -> float:
    """Return seconds that no clock setting moves, those of a suspended machine and of a stopped process included."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """Return a UTC time as in every output: ISO 8601 with microseconds and Z."""
    # faster than strftime, and a report writes hundreds of thousands
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
