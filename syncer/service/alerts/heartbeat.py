"""A dead man's switch elsewhere: called as long as all is well, so that its silence is the alarm."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from syncer.audit.anchors.web import NoAnswer, exchange
from syncer.errors import SyncerError
from syncer.log import get_logger
from syncer.reports.views import LaneView
from syncer.settings.alerting.alerts import HeartbeatSettings
from syncer.settings.alerting.places import web_address

#: how long a delivery may be due at a lane that works before the lane counts as stuck
STUCK_AFTER = timedelta(minutes=15)


class Heartbeat:
    """The switch of one installation."""

    def __init__(self, settings: HeartbeatSettings, clock: Callable[[], datetime]) -> None:
        self._settings = settings
        self._clock = clock
        self._last: datetime | None = None
        self._thread: threading.Thread | None = None
        self._log = get_logger("syncer.alerts")

    def is_due(self) -> bool:
        """Say whether it is time, and the last call has ended."""
        every = timedelta(minutes=self._settings.every_minutes)
        waited = self._last is None or not timedelta() <= self._clock() - self._last < every
        return waited and (self._thread is None or not self._thread.is_alive())

    def beat(self) -> None:
        """Call, in a thread of its own that nobody waits for."""
        self._last = self._clock()
        self._thread = threading.Thread(target=self._call, name="heartbeat", daemon=True)
        self._thread.start()

    def _call(self) -> None:
        table = "settings.toml: [heartbeat]"
        try:
            url = web_address(table, self._settings.url_env, self._settings.url_file)
            status, _ = exchange("GET", url, b"", {"user-agent": "syncer"})
        except (NoAnswer, SyncerError) as error:
            self._log.warning("heartbeat.failed", reason=str(error))
            return
        if status >= 300:
            self._log.warning("heartbeat.failed", reason=f"it answered {status}")


def is_stuck(lane: LaneView, now: datetime) -> bool:
    """Say whether work has been due at a destination for long, though nothing keeps its lane from it."""
    rests = lane.paused or (lane.cool_until is not None and lane.cool_until > now)
    due = lane.next_attempt_at
    return lane.configured and not rests and due is not None and now - due >= STUCK_AFTER
