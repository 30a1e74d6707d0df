"""The one clock that nobody sets."""

from __future__ import annotations

import time


def elapsed() -> float:
    """Return seconds that no clock setting moves, those of a suspended machine and of a stopped process included."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)
