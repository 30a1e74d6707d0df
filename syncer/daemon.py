"""`syncer run`: intake, one job per lane and the rechecks, on one scheduler, until SIGTERM or SIGINT."""

from __future__ import annotations

import os
import signal
import socket
import threading
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MISSED
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from syncer import __version__
from syncer.log import get_logger

if TYPE_CHECKING:
    from syncer.app import App
    from syncer.lane import Lane

#: seconds between two looks for due rechecks and removed destinations
RECHECK_SECONDS = 60
#: seconds between two thoughts of whether the daily look for people who are back is due
WATCH_SECONDS = 60


class Daemon:
    """One process that owns lanes and works on them."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._log = get_logger("syncer.daemon")
        self._wake = threading.Event()

    def run(self) -> int:
        """Work until told to stop; finish the calls in hand, release the lanes, return 0."""
        app = self._app
        lanes = app.lanes()
        # every lane can hold two threads, its turn and its look for people who are back; none may keep intake waiting
        threads = ThreadPoolExecutor(2 * len(lanes) + 4)
        scheduler = BackgroundScheduler(timezone="UTC", executors={"default": threads})
        scheduler.add_listener(self._job_failed, EVENT_JOB_ERROR | EVENT_JOB_MISSED)
        schedule = app.settings.schedule
        self._every(scheduler, schedule.intake_seconds, app.intake.take_all, "intake")
        self._every(scheduler, RECHECK_SECONDS, self._recheck, "recheck")
        for lane in lanes:
            self._every(scheduler, schedule.lane_seconds, lane.turn, f"lane {lane.name}")
            if schedule.watch_hours:
                self._every(scheduler, WATCH_SECONDS, partial(self._watch, lane), f"watch {lane.name}")
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._signalled)
        self._audit("daemon:started")
        self._log.info("daemon.started", version=__version__, count=len(lanes))
        scheduler.start()
        notify("READY=1")
        # the signal handler only sets the event: the scheduler must not be shut down inside it
        while not self._wake.wait(timeout=10):
            notify("WATCHDOG=1")
        notify("STOPPING=1")
        app.stop.set()
        scheduler.shutdown(wait=True)
        for lane in lanes:
            lane.release()
        self._audit("daemon:stopped")
        self._log.info("daemon.stopped")
        return 0

    def _every(self, scheduler: BackgroundScheduler, seconds: float, job: Any, name: str) -> None:
        # the defaults would drop a job that is over a second late, and first run it after one interval
        scheduler.add_job(
            job,
            "interval",
            seconds=seconds,
            id=name,
            name=name,
            next_run_time=datetime.now(UTC),
            misfire_grace_time=None,
            coalesce=True,
            max_instances=1,
        )

    def _recheck(self) -> None:
        app = self._app
        app.store.hold_removed(app.settings.destinations, app.recheck_days)
        app.store.start_rechecks(app.recheck_days)

    def _watch(self, lane: Lane) -> None:
        """Look for people who are back, once a day, where this process owns the lane."""
        app = self._app
        every = timedelta(hours=app.settings.schedule.watch_hours)
        if not lane.owned or not app.watch.due(lane.name, every):
            return
        look = app.watch.look(lane.name, lane.adapter, lambda: lane.owned and not app.stop.is_set())
        level = "warning" if look.incidents or not look.complete else "info"
        getattr(self._log, level)("watch.looked", lane=lane.name, count=len(look.incidents), code=look.code)

    def _job_failed(self, event: Any) -> None:
        error = getattr(event, "exception", None)
        self._log.error("job.failed", job=event.job_id, error=type(error).__name__ if error else "missed")

    def _signalled(self, number: int, _frame: Any) -> None:
        self._wake.set()

    def _audit(self, what: str) -> None:
        with self._app.store.write() as tx:
            tx.audit.add(what)


def notify(state: str) -> None:
    """Tell systemd, if it started us with a notification socket (sd_notify(3))."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(address)
            sock.sendall(state.encode("ascii"))
        except OSError:
            return
