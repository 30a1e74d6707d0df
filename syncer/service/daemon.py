"""`syncer run`: intake, one job per lane and the rechecks, on one scheduler, until SIGTERM or SIGINT."""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MISSED
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from syncer import __version__
from syncer.app import open_app, require_secrets
from syncer.bell import Bell
from syncer.database.failures import is_outage
from syncer.errors import ChainBroken, UntrustedLog
from syncer.intake.wordpress.bridge import STATUS_SECONDS
from syncer.log import get_logger
from syncer.service.clock_jumps import ClockMonitor, Jump, record, since_last_entry
from syncer.service.far_waits import FarWaits
from syncer.service.jobs import Job, Liveness, Round, Rounds, cause, when_up
from syncer.service.lanes import Lanes
from syncer.service.lookout import Lookout
from syncer.service.reminders import EVERY, Reminders
from syncer.service.soundness import DailyVerification, Stopped, keep, require_sound
from syncer.service.systemd import feed, notify

if TYPE_CHECKING:
    from syncer.app import App
    from syncer.service.listener import Listener
    from syncer.settings.checked import Settings

#: seconds between two looks for due rechecks and removed destinations
RECHECK_SECONDS = 60
#: seconds a job may stand still before the watchdog is not fed any more, unless systemd says (WATCHDOG_USEC)
PATIENCE = 60.0
#: seconds between two looks at the jobs and the clock, at most
LOOK_SECONDS = 10.0
#: seconds between two questions whether the daily look for people who are back is due: a fresh daemon soon owns lanes
WATCH_SECONDS = 5
#: seconds between two looks whether the log is to be signed
SIGN_SECONDS = 10
#: seconds between two questions whether the whole log is to be verified
VERIFY_SECONDS = 60
#: seconds between two looks for addresses that an older syncer, or an older key, sealed
RESEAL_SECONDS = 3600
#: seconds between two looks for addresses that outlived their rechecks
SHRED_SECONDS = 3600


def thread_died(died: threading.ExceptHookArgs) -> None:
    """Log that a thread ended by an exception: its type, never its text."""
    name = died.thread.name if died.thread is not None else "?"
    get_logger("syncer.daemon").error("thread.died", job=name, error=died.exc_type.__name__)


def serve(settings: Settings) -> int:
    """Be the daemon until SIGTERM or SIGINT and return the exit code. Waits for a database that is away.

    Raises UserError for what a person must mend.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        # it only sets the event: the scheduler must not be shut down inside a signal handler
        signal.signal(number, lambda *_: stop.set())
    threading.excepthook = thread_died
    require_secrets(settings)
    notify("READY=1")  # also while the database is away: waiting for it is work, and the watchdog is fed meanwhile
    app = when_up(lambda: open_app(settings, actor="daemon"), stop, feed)
    if app is None:
        return 0
    with app:
        return Daemon(app, stop).run()


class Daemon:
    """One process that owns lanes and works on them."""

    def __init__(self, app: App, stop: threading.Event) -> None:
        self._app = app
        self._stop = stop
        self._log = get_logger("syncer.daemon")
        self._clock_monitor = ClockMonitor(app.clock)
        self._jumps: deque[Jump] = deque()
        self._lanes = Lanes(app, [])
        self._distrust: UntrustedLog | None = None
        self._bound = float(os.environ.get("WATCHDOG_USEC", "0")) / 1e6 or PATIENCE

    def run(self) -> int:
        """Work until told to stop, then finish the calls in hand and release the lanes. Return 0, the exit code.

        Raises UntrustedLog once the log is not the one that was signed: then nothing more is called or written.
        """
        listener = self._listen()
        try:
            lanes = when_up(self._begin, self._stop, feed)
            if lanes is None:
                return 0
            self._lanes = lanes
            self._work()
        finally:
            if listener is not None:
                listener.close()
        if self._distrust is not None:
            for lane in lanes:
                lane.abandon()
            raise self._distrust
        for lane in lanes:
            self._unless_away(lane.release)
        self._unless_away(self._app.presence.leave)
        self._unless_away(lambda: self._audit("daemon:stopped"))
        self._unless_away(self._app.notary.finish)
        self._log.info("daemon.stopped")
        return 0

    def _work(self) -> None:
        """Let all jobs work until told to stop, and those under way come to their end."""
        lookout = Lookout(self._app, list(self._lanes))
        rung, timed = Rounds(self._rounds(lookout), self._app.stop, self._failed), self._jobs()
        scheduler, liveness = self._scheduler(timed), Liveness([*timed, *rung.jobs], self._bound)
        self._log.info("daemon.started", version=__version__, count=len(self._lanes))
        scheduler.start()
        rung.start()
        while not self._stop.wait(timeout=min(LOOK_SECONDS, self._bound / 3, self._app.leases.renew_seconds)):
            self._look_at_the_clock(scheduler)
            if liveness.look():
                feed()
        notify("STOPPING=1")
        self._app.stop.set()
        rung.wake()
        scheduler.shutdown(wait=True)
        rung.join()
        lookout.close()

    def _at_start(self, _worked: float) -> None:
        feed()
        if self._stop.is_set():
            raise Stopped

    def _listen(self) -> Listener | None:
        place = self._app.settings.metrics.place
        if place is None:
            return None
        from syncer.service.metrics import listen

        return listen(self._app, *place)

    def _begin(self) -> Lanes | None:
        try:
            require_sound(self._app, self._at_start)
        except Stopped:
            return None
        step_back = since_last_entry(self._app.transactions)
        lanes = Lanes(self._app, self._app.lanes())
        self._app.presence.arrive()
        self._audit("daemon:started")
        if step_back is not None:
            self._note(step_back)
        return lanes

    def _jobs(self) -> dict[Job, float]:
        """Return the jobs with the seconds between two of their starts; the first is the scheduler's pulse."""
        renew, daily, waits = self._app.leases.renew_seconds, DailyVerification(self._app), FarWaits(self._app)
        jobs: dict[Job, float] = {
            Job("pulse", lambda: None): min(LOOK_SECONDS, self._bound / 3),
            Job("clock", self._audit_jumps): RECHECK_SECONDS,
            Job("removed", self._hold_removed): RECHECK_SECONDS,
            Job("recheck", self._app.store.start_rechecks): RECHECK_SECONDS,
            Job("far waits", waits.bring_back): RECHECK_SECONDS,
            Job("lost", waits.find_lost): SHRED_SECONDS,
            Job("balance", self._lanes.balance): renew,
            Job("reminders", Reminders(self._app).remind): EVERY,
            Job("shred", self._app.shredding.shred): SHRED_SECONDS,
            Job("reseal", self._app.resealing.run, self._app.resealing): RESEAL_SECONDS,
            Job("checkpoint", self._app.notary.tick, self._app.notary): SIGN_SECONDS,
            Job("verification", daily.run, daily): VERIFY_SECONDS,
        }
        if (wordpress := self._app.wordpress) is not None:
            jobs[Job("wordpress sweep", wordpress.sweep)] = wordpress.sweep_seconds
            jobs[Job("wordpress status", wordpress.publish)] = STATUS_SECONDS
        if self._app.settings.schedule.watch_hours:
            watch = self._app.watch
            jobs |= {
                Job(f"watch {lane.name}", partial(self._lanes.look_for_people, lane), watch): WATCH_SECONDS
                for lane in self._lanes
            }
        return jobs

    def _rounds(self, lookout: Lookout) -> list[Round]:
        """Return the jobs that are rung for."""
        intake, every = self._app.intake, self._app.settings.schedule.intake_seconds
        take = partial(intake.take_all, self._app.stop.is_set, self._lanes.ring)
        rounds = [
            Round(Job("lookout", lookout.look), Bell(), lambda: lookout.seconds),
            Round(Job("intake", take, intake), intake.bell, lambda: every),
        ]
        for lane in self._lanes:
            job = Job(f"lane {lane.name}", partial(self._lanes.turn, lane), lane)
            rounds.append(Round(job, lane.bell, partial(self._lanes.rest, lane, lookout)))
        return rounds

    def _scheduler(self, jobs: dict[Job, float]) -> BackgroundScheduler:
        # a thread for each: none waits for another
        threads = ThreadPoolExecutor(len(jobs))
        scheduler = BackgroundScheduler(timezone="UTC", executors={"default": threads})
        scheduler.add_listener(self._job_failed, EVENT_JOB_ERROR | EVENT_JOB_MISSED)
        for job, seconds in jobs.items():
            # the defaults would drop a job that is over a second late, and first run it after one interval
            scheduler.add_job(
                job,
                "interval",
                seconds=seconds,
                id=job.name,
                name=job.name,
                next_run_time=datetime.now(UTC),
                misfire_grace_time=None,
                coalesce=True,
                max_instances=1,
            )
        return scheduler

    # -- the jobs; each does one thing: what fails in one again and again must not end the others -----------

    def _audit_jumps(self) -> None:
        while self._jumps:
            record(self._app.transactions, self._jumps[0])
            self._jumps.popleft()

    def _hold_removed(self) -> None:
        self._app.store.hold_removed(self._app.settings.destinations)

    def _job_failed(self, event: Any) -> None:
        self._failed(event.job_id, getattr(event, "exception", None))

    def _failed(self, job: str, error: Exception | None) -> None:
        if isinstance(error, UntrustedLog):
            self._end_in_distrust(error)
            return
        self._log.error("job.failed", job=job, error=type(error).__name__ if error else "missed")

    def _end_in_distrust(self, error: UntrustedLog) -> None:
        """Let nothing begin any more; `run` ends with the error."""
        self._app.trust.lost(error)
        self._app.stop.set()
        for lane in self._lanes:
            lane.halt()
        if self._distrust is None:
            self._distrust = error
            self._log.error("audit.broken", reason=str(error))
            if isinstance(error, ChainBroken):
                self._unless_away(partial(keep, self._app, error))
        self._stop.set()

    # -- the clock ------------------------------------------------------------------------------------------

    def _look_at_the_clock(self, scheduler: BackgroundScheduler) -> None:
        jump = self._clock_monitor.look()
        if jump is None:
            return
        self._note(jump)
        # the scheduler counts by the wall clock: after a step back it would sleep until the old time is reached
        for job in scheduler.get_jobs():
            job.modify(next_run_time=datetime.now(UTC))

    def _note(self, jump: Jump) -> None:
        self._jumps.append(jump)  # audited by a job, which may have to wait for the database
        self._log.warning("clock.anomaly", seconds=jump.seconds)

    # -- start and end --------------------------------------------------------------------------------------

    def _unless_away(self, last: Callable[[], None]) -> None:
        # a lease ends by itself, and a stop without its entry is a gap that the next start shows
        try:
            last()
        except Exception as error:
            if not is_outage(error):
                raise
            self._log.warning("daemon.left_unrecorded", error=type(error).__name__, reason=cause(error))

    def _audit(self, what: str) -> None:
        with self._app.transactions.write() as tx:
            tx.audit.add(what)
