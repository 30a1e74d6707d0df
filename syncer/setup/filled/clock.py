"""A clock that a story moves ahead, and that goes on by itself once the story is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from syncer.clock import now


class StoryClock:
    """Shows what it was set to (UTC); after `go_on` it shows what `real` does."""

    def __init__(self, start: datetime, real: Callable[[], datetime] = now) -> None:
        self._shown = start
        self._real = real
        self._goes_on = False

    def __call__(self) -> datetime:
        """Return the time."""
        return self._real() if self._goes_on else self._shown

    def set(self, moment: datetime) -> None:
        """Show another time, which stands still."""
        self._shown = moment

    def advance(self, by: timedelta) -> None:
        """Move ahead."""
        self._shown += by

    def go_on(self) -> None:
        """Go by the real time from now on."""
        self._goes_on = True
