"""What the daemon logs once a day about events that stay open: how many, and for how long."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from syncer.domain.deadlines import local_day
from syncer.log import get_logger

if TYPE_CHECKING:
    from syncer.app import App

#: seconds between two tries; more often than daily, so that an outage delays a reminder and does not swallow it
EVERY = 3600.0


class Reminders:
    """Logs one line for what is late and one for each warning level, once in every day of the controller's zone."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._logged_on: date | None = None
        self._log = get_logger("syncer.deadlines")

    def remind(self) -> None:
        """Log the reminders, unless they were logged today."""
        today = local_day(self._app.clock(), self._app.rule.zone)
        if today == self._logged_on:
            return
        counts = self._app.status.events()
        if late := counts.overdue:
            self._log.error("deadline.overdue", count=late, reason="syncer goes on trying; see `syncer events`")
        for days, count in reversed(counts.warned.items()):
            if count:
                self._log.warning("deadline.near", count=count, reason=f"open for {days} days or more after receipt")
        self._logged_on = today
