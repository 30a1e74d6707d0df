"""`syncer run`: intake, one job per lane and the rechecks, on one scheduler, until SIGTERM or SIGINT."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MISSED
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from syncer import __version__
from syncer.log import get_logger
from syncer.sharing import Share

if TYPE_CHECKING:
    from syncer.app import App
    from syncer.lane import Lane

#: seconds between two looks for due rechecks and removed destinations
RECHECK_SECONDS = 60
#: seconds between wall clock and monotonic clock that no slewing explains
JUMP_SECONDS = 5.0


class Daemon:
    """One process that owns lanes and works on them."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._log = get_logger("syncer.daemon")
        self._wake = threading.Event()
        self._lanes: list[Lane] = []
        self._share = Share(app.daemons, app.leases, list(app.settings.destinations))

    def run(self) -> int:
        """Work until told to stop; finish the calls in hand, release the lanes, return 0."""
        app = self._app
        self._lanes = app.lanes()
        scheduler = self._scheduler()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._signalled)
        app.daemons.arrive()
        self._audit("daemon:started")
        self._log.info("daemon.started", version=__version__, count=len(self._lanes))
        scheduler.start()
        notify("READY=1")
        self._watch(scheduler)
        notify("STOPPING=1")
        app.stop.set()
        scheduler.shutdown(wait=True)
        for lane in self._lanes:
            lane.release()
        app.daemons.leave()
        self._audit("daemon:stopped")
        self._log.info("daemon.stopped")
        return 0

    def _scheduler(self) -> BackgroundScheduler:
        app, renew = self._app, self._app.leases.renew_seconds
        # a lane with a backlog keeps its thread for as long as the backlog lasts
        threads = ThreadPoolExecutor(len(self._lanes) + 3)
        scheduler = BackgroundScheduler(timezone="UTC", executors={"default": threads})
        scheduler.add_listener(self._job_failed, EVENT_JOB_ERROR | EVENT_JOB_MISSED)
        schedule = app.settings.schedule
        self._every(scheduler, renew, self._balance, "balance")
        self._every(scheduler, schedule.intake_seconds, app.intake.take_all, "intake")
        self._every(scheduler, RECHECK_SECONDS, self._recheck, "recheck")
        for lane in self._lanes:
            # an idle lane prolongs its lease in its turn
            self._every(scheduler, min(schedule.lane_seconds, renew), partial(self._turn, lane), f"lane {lane.name}")
        return scheduler

    def _watch(self, scheduler: BackgroundScheduler) -> None:
        """Wait for a signal; feed systemd's watchdog, and wake the jobs when the wall clock jumps."""
        offset = time.time() - time.monotonic()
        # the signal handler only sets the event: the scheduler must not be shut down inside it
        while not self._wake.wait(timeout=min(10.0, self._app.leases.renew_seconds)):
            notify("WATCHDOG=1")
            jump = time.time() - time.monotonic() - offset
            if abs(jump) > JUMP_SECONDS:
                offset += jump
                self._log.warning("daemon.clock_jumped", seconds=round(jump, 1))
                # the scheduler plans by the wall clock: set back a day, it would sleep for a day
                for job in scheduler.get_jobs():
                    job.modify(next_run_time=datetime.now(UTC))

    def _turn(self, lane: Lane) -> None:
        if lane.owned or self._share.may_take(lane.name):
            lane.turn()

    def _balance(self) -> None:
        """Show that this daemon is there, and hand lanes over to one that owns fewer, idle ones first."""
        self._app.daemons.beat()
        owned = sorted((lane for lane in self._lanes if lane.owned), key=lambda lane: (lane.busy, lane.name))
        for lane in owned[: self._share.to_hand_over()]:
            self._log.info("lane.handed_over", lane=lane.name)
            lane.leave()

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
