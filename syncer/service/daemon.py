"""`syncer run`: intake, one job per lane and the rechecks, on one scheduler, until SIGTERM or SIGINT."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from syncer import __version__
from syncer.app import open_app, require_secrets
from syncer.database.failures import is_outage
from syncer.errors import ChainBroken, UntrustedLog, UserError
from syncer.log import configure, get_logger
from syncer.service.clock_jumps import ClockMonitor, Jump, record, since_last_entry
from syncer.service.jobs import Job, Liveness, Rounds, cause, scheduled, when_up
from syncer.service.lanes import Lanes
from syncer.service.lookout import Lookout
from syncer.service.reload.lane_work import LanesAtWork
from syncer.service.reload.successor import Accounts, Successor, accounts, listen, successor
from syncer.service.soundness import Stopped, keep, require_sound
from syncer.service.timetable import timetable
from syncer.settings.checked import settings_digest
from syncer.systemd import feed, notify, ready, reloading

if TYPE_CHECKING:
    from apscheduler.schedulers.background import BackgroundScheduler

    from syncer.app import App
    from syncer.service.alerts.alarms import Alarms
    from syncer.service.listener import Listener
    from syncer.service.reload.orders import Orders
    from syncer.settings.checked import Settings

#: seconds between two looks for jumps of the clock that nobody wrote down yet, and for removed destinations
CLOCK_SECONDS = REMOVED_SECONDS = 60
#: seconds a job may stand still before the watchdog is not fed any more, unless systemd says (WATCHDOG_USEC)
PATIENCE = 60.0
#: seconds between two looks at the jobs and the clock, at most
LOOK_SECONDS = 10.0


def thread_died(died: threading.ExceptHookArgs) -> None:
    """Log that a thread ended by an exception: its type, never its text."""
    name = died.thread.name if died.thread is not None else "?"
    get_logger("syncer.daemon").error("thread.died", job=name, error=died.exc_type.__name__)


def serve(settings: Settings, orders: Orders, *, debug: bool = False, shadow: bool = False) -> int:
    """Be the daemon until it is told to end, and return the exit code. Waits for a database that is away.

    `debug` logs everything, and `shadow` only reads, whatever the settings say. Raises UserError for
    what a person must mend.
    """
    threading.excepthook = thread_died
    require_secrets(settings)
    ready()  # also while the database is away: waiting for it is work, and the watchdog is fed meanwhile
    app = when_up(lambda: open_app(settings, actor="daemon"), orders.stop, feed)
    if app is None:
        return 0
    with app:
        daemon = Daemon(app, orders, debug=debug, shadow=shadow)
        try:
            return daemon.run()
        except UntrustedLog as error:
            if daemon.app.settings.channels:
                from syncer.service.alerts.last_words import say

                say(daemon.app, error)
            raise


class Daemon:
    """One process that owns lanes and works on them, under one installation after another as its settings change.

    All of them share its database, its name as an owner and `orders.stop`; lanes work on until their calls are done.
    """

    def __init__(self, app: App, orders: Orders, *, debug: bool = False, shadow: bool = False) -> None:
        self._app = app
        self._orders = orders
        self._stop = orders.stop
        self._debug = debug
        self._shadow = shadow
        self._log = get_logger("syncer.daemon")
        self._clock_monitor = ClockMonitor(app.clock)
        self._jumps: deque[Jump] = deque()
        self._lanes = Lanes(app, [])
        self._at_work = LanesAtWork(self._failed)
        self._accounts = Accounts({}, {})
        self._listener: Listener | None = None
        self._distrust: UntrustedLog | None = None
        self._moves = True
        self._alarms: Alarms | None = None
        self._bound = float(os.environ.get("WATCHDOG_USEC", "0")) / 1e6 or PATIENCE

    @property
    def app(self) -> App:
        """The installation under the settings that are in force."""
        return self._app

    def run(self) -> int:
        """Work until told to stop, then finish the calls in hand and release the lanes. Return 0, the exit code.

        Raises UntrustedLog once the log is not the one that was signed: then nothing more is called or written.
        """
        self._listener = listen(self._app.settings, self._app)
        try:
            if when_up(self._begin, self._stop, feed) is None:
                return 0
            while (heir := self._work()) is not None:
                if when_up(partial(self._take_over, heir), self._stop, feed) is None:
                    break
            return self._end()
        except BaseException:
            self._orders.end()
            self._at_work.end()  # or the lanes would work on, and nobody would look after them
            raise
        finally:
            if self._listener is not None:
                self._listener.close()
            self._app.close()

    def _work(self) -> Successor | None:
        """Let all jobs work until told to stop, or until there is somebody to go on under other settings.

        The jobs under way come to their end; the lanes, of which each has its own, are left at work.
        """
        lookout = Lookout(self._app, list(self._lanes))
        timed = self._jobs()
        rung = Rounds(timetable.rung(self._app, self._lanes, lookout), self._app.stop, self._failed)
        scheduler = scheduled(timed, self._job_failed)
        scheduler.start()
        rung.start()
        self._at_work.begin(self._lanes, lookout)
        liveness = Liveness([*timed, *rung.jobs, *self._at_work.jobs], self._bound)
        heir = None
        while not self._stop.is_set() and (heir := self._heir()) is None:
            self._orders.wait(min(LOOK_SECONDS, self._bound / 3, self._app.leases.renew_seconds))
            self._look_at_the_clock(scheduler)
            self._moves = liveness.look()
            if self._moves:
                feed()
        self._app.stop.set()
        rung.wake()
        scheduler.shutdown(wait=True)
        rung.join()
        if self._alarms is not None and self._distrust is None:
            self._unless_away(self._alarms.finish)
        self._alarms = None
        lookout.close()
        return heir

    def _end(self) -> int:
        """Let the calls in hand come back and give the lanes back. Raises the UntrustedLog that ended the work."""
        notify("STOPPING=1")
        lanes = self._at_work.end()
        if self._distrust is not None:
            for lane in lanes:
                lane.abandon()
            raise self._distrust
        for lane in lanes:
            self._unless_away(lane.release)
        self._unless_away(self._app.presence.leave)
        self._unless_away(self._audit_last_jumps)
        self._unless_away(lambda: self._audit("daemon:stopped"))
        self._unless_away(self._app.notary.finish)
        self._log.info("daemon.stopped")
        return 0

    def _at_start(self, _worked: float) -> None:
        feed()
        if self._stop.is_set():
            raise Stopped

    def _begin(self) -> Lanes | None:
        try:
            require_sound(self._app, self._at_start)
        except Stopped:
            return None
        step_back = since_last_entry(self._app.transactions)
        self._app.modes.settle()
        self._accounts = accounts(self._app)
        self._lanes = Lanes(self._app, self._app.lanes(self._accounts.adapters, self._stop))
        self._app.presence.arrive()
        self._audit("daemon:started", guard=_guard(self._app.settings))
        if step_back is not None:
            self._note(step_back)
        self._log.info("daemon.started", version=__version__, count=len(self._lanes))
        return self._lanes

    # -- other settings -------------------------------------------------------------------------------------

    def _heir(self) -> Successor | None:
        """Read the settings anew if told to; return what goes on under them, None while the old ones are in force."""
        if not self._orders.taken():
            return None
        reloading()
        try:
            return successor(self._app, self._accounts, self._listener, shadow=self._shadow)
        except UserError as error:
            for line in str(error).split("\n"):
                self._log.error("reload.refused", reason=line)
        except Exception as error:  # noqa: BLE001 — work that goes on is worth more than a setting
            self._log.exception("reload.failed", error=type(error).__name__)
        ready()
        return None

    def _take_over(self, heir: Successor) -> Lanes | None:
        """Go on under other settings; each lane finishes its calls in hand before the one after it begins."""
        try:
            self._audit_last_jumps()  # all that the guards to come know of the clock is the log
            heir.app.modes.settle()
            lanes = Lanes(heir.app, heir.app.lanes(heir.accounts.adapters, self._stop))
            with heir.app.transactions.write() as tx:
                before, guard = settings_digest(self._app.settings), _guard(heir.app.settings)
                tx.audit.add("daemon:reloaded", facts={"before": before, "guard": guard})
        except UntrustedLog as error:
            self._end_in_distrust(error)
            return None
        self._at_work.finish(heir.accounts.adapters)
        heir.look_at_paused(self._accounts)
        heir.show(self._listener)
        configure("debug" if self._debug else heir.app.settings.log.level)
        self._app.close()
        self._app, self._lanes, self._accounts, self._listener = heir.app, lanes, heir.accounts, heir.listener
        self._log.info("daemon.reloaded", version=__version__, count=len(lanes))
        ready()
        return lanes

    def _jobs(self) -> dict[Job, float]:
        """Return the jobs with the seconds between two of their starts; the first is the scheduler's pulse."""
        from syncer.service.alerts.alarms import Alarms

        self._alarms = Alarms(self._app, lambda: self._moves)
        own: dict[Job, float] = {
            Job("pulse", lambda: None): min(LOOK_SECONDS, self._bound / 3),
            Job("clock", self._audit_jumps): CLOCK_SECONDS,
            Job("removed", self._hold_removed): REMOVED_SECONDS,
        }
        return own | timetable.timed(self._app, self._lanes, self._alarms)

    # -- the jobs; each does one thing: what fails in one again and again must not end the others -----------

    def _audit_jumps(self) -> None:
        while self._jumps:
            record(self._app.transactions, self._jumps[0])
            self._jumps.popleft()

    def _audit_last_jumps(self) -> None:
        if (jump := self._clock_monitor.look()) is not None:
            self._note(jump)
        self._audit_jumps()

    def _hold_removed(self) -> None:
        # not yet where calls of a lane that is done with are still under way
        self._app.store.hold_removed({*self._app.settings.destinations, *self._at_work.names})

    def _job_failed(self, event: Any) -> None:
        self._failed(event.job_id, getattr(event, "exception", None))

    def _failed(self, job: str, error: Exception | None) -> None:
        if isinstance(error, UntrustedLog):
            self._end_in_distrust(error)
            return
        self._log.error("job.failed", job=job, error=type(error).__name__ if error else "missed")

    def _end_in_distrust(self, error: UntrustedLog) -> None:
        """Let nothing begin any more; `run` ends with the error."""
        self._lanes.halt(error)
        self._at_work.halt(error)
        self._app.stop.set()
        if self._distrust is None:
            self._distrust = error
            self._log.error("audit.broken", reason=str(error))
            if isinstance(error, ChainBroken):
                self._unless_away(partial(keep, self._app, error))
        self._orders.end()

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

    def _audit(self, what: str, **facts: str) -> None:
        with self._app.transactions.write() as tx:
            tx.audit.add(what, facts=facts)


def _guard(settings: Settings) -> str:
    return "on" if settings.guard.enabled else "off"
