"""What the daemon says once a day of events that stay open: how many, how long, and which is the oldest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from syncer.deadlines import WARN_DAYS
from syncer.log import get_logger
from syncer.report import Reader

if TYPE_CHECKING:
    from syncer.app import App

#: seconds between two rounds of reminders
EVERY = 24 * 3600.0


def remind(app: App) -> None:
    """Log one line for what is late and one for each warning level that events have reached."""
    log = get_logger("syncer.deadlines")
    events = Reader(app).status()["events"]
    if events["overdue"]:
        log.error("deadline.overdue", count=events["overdue"], reason="they go on being tried; see `syncer events`")
    for days in reversed(WARN_DAYS):
        if count := events[f"warn_{days}"]:
            log.warning("deadline.near", count=count, reason=f"open for {days} days or more after receipt")
