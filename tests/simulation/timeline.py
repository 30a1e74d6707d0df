"""Virtual time: one clock that only moves when it is told to, and what happens by itself on its way."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

START = datetime(2031, 3, 3, 6, 0, tzinfo=UTC)  # four weeks hold a change to summer time in Berlin


class Timeline:
    """The clock of a run (UTC) and the calendar of what will happen."""

    def __init__(self) -> None:
        self.now = START
        self._calendar: list[tuple[datetime, int, Callable[[], None]]] = []
        self._count = 0

    def at(self, when: datetime, what: Callable[[], None]) -> None:
        """Let something happen at a moment; two at one moment happen in the order they were written down."""
        self._count += 1
        heapq.heappush(self._calendar, (when, self._count, what))

    def pass_until(self, moment: datetime) -> None:
        """Move the clock; whatever the calendar holds until then happens at its own time."""
        while self._calendar and self._calendar[0][0] <= moment:
            when, _, what = heapq.heappop(self._calendar)
            self.now = max(self.now, when)
            what()
        # what happened on the way may itself have taken longer
        self.now = max(self.now, moment)

    @property
    def next(self) -> datetime | None:
        """When the calendar holds something next."""
        return self._calendar[0][0] if self._calendar else None

    @property
    def days(self) -> float:
        """How many days have passed."""
        return (self.now - START) / timedelta(days=1)

    def monotonic(self) -> float:
        """Return the seconds of a clock that nobody sets."""
        return 1_000.0 + (self.now - START).total_seconds()
