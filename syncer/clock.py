"""The time: now, seconds of a clock that cannot be set, and how a moment is written."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def elapsed() -> float:
    """Return the seconds of a clock that cannot be set; it counts sleep of the machine and stops of the process."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """Return a UTC time as every output shows it: ISO 8601 with microseconds and Z."""
    # faster than strftime, and a report writes hundreds of thousands
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
