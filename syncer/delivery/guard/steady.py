"""A window of 24 hours that no step of the wall clock shortens: a clock that nobody sets is held beside it."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from syncer.database.connections import reading
from syncer.database.tables import Tables
from syncer.delivery.guard.rule import StepAhead, window_start

#: what the two clocks may differ by: slewing, a leap second, a slow machine
TOLERANCE = timedelta(seconds=5)
#: steps that are remembered; a clock that is set more often than that makes the window longer, not shorter
MOST = 100


class SteadyWindow:
    """The window of one process; `monotonic` counts seconds, `earlier` returns the steps that others recorded."""

    def __init__(self, monotonic: Callable[[], float], earlier: Callable[[], Iterable[StepAhead]] = tuple) -> None:
        self._monotonic = monotonic
        self._earlier = earlier
        self._steps: deque[StepAhead] | None = None
        self._base: tuple[datetime, float] | None = None

    def start(self, now: datetime) -> datetime:
        """Return since when what began counts; `now` is what the wall clock says (UTC)."""
        if self._steps is None:
            self._steps = deque(self._earlier(), MOST)
        ticks = self._monotonic()
        if self._base is None:
            self._base = now, ticks
        expected = self._base[0] + timedelta(seconds=ticks - self._base[1])
        if now - expected > TOLERANCE:
            self._steps.append(StepAhead(now, now - expected))
        if abs(now - expected) > TOLERANCE:
            self._base = now, ticks
        return window_start(now, tuple(self._steps))


def recorded_steps(engine: sa.Engine, tables: Tables) -> tuple[StepAhead, ...]:
    """Return the newest steps ahead that the log knows, in their order.

    Whether the key made them is not asked: one that somebody invented makes the window longer, and one that somebody
    took away breaks the chain.
    """
    t = tables.audit.c
    newest = sa.select(t.at, t.body).where(t.what == "clock:anomaly").order_by(t.seq.desc()).limit(MOST)
    with reading(engine) as connection:
        found = [_ahead(*row) for row in connection.execute(newest)]
    return tuple(step for step in reversed(found) if step is not None)


def _ahead(at: Any, body: Any) -> StepAhead | None:
    try:
        seconds = json.loads(body)["facts"]["seconds"]
        moment = datetime.fromisoformat(at).astimezone(UTC)
        return StepAhead(moment, timedelta(seconds=seconds)) if seconds > 0 else None
    except (ValueError, TypeError, KeyError, OverflowError):  # purged, or what somebody else wrote there
        return None
