"""The daemon's jobs: each waits out an outage of the database on its own, and shows when it last moved."""

from __future__ import annotations

import errno
import os
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

import tenacity
from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MISSED, JobExecutionEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from syncer.bell import Bell
from syncer.database.failures import is_outage
from syncer.domain.policy import backoff
from syncer.log import get_logger

T = TypeVar("T")

#: seconds a job waits at most for a database that is away: the first time, and at any later time
FIRST_WAIT = 2.0
LONGEST_WAIT = 30.0
#: seconds between two looks of a starting daemon for its database, at most
LONGEST_WAIT_AT_START = 10.0

#: seconds that a job rests at least after a failure that is no outage, whoever rings
AFTER_FAILURE = 1.0

#: what an outage lacks: the first word of the log events `….away` and `….back`
DATABASE, DESCRIPTORS = "database", "descriptors"
#: descriptors that a new connection to SQLite needs at once: the database, its log, its index, a folder to sync
NEEDED = 4


class Mover(Protocol):
    """A worker whose work has many steps."""

    @property
    def moved_at(self) -> float:
        """When the last step was done (monotonic clock)."""


class Job:
    """Work that the scheduler starts again and again; `mover` is who does it, when it is long work of many steps."""

    def __init__(self, name: str, work: Callable[[], Any], mover: Mover | None = None) -> None:
        self.name = name
        #: when it last came to an end (monotonic clock)
        self.ended_at = time.monotonic()
        self._work = work
        self._mover = mover
        self._began_at: float | None = None
        self._not_before = 0.0
        self._failures = 0
        self._lacks = DATABASE
        self._log = get_logger("syncer.jobs").bind(job=name)

    def __call__(self) -> None:
        """Do the work, unless an outage is being waited out. Raises what is not an outage."""
        if time.monotonic() < self._not_before:
            return
        self._began_at = time.monotonic()
        try:
            self._work()
        except Exception as error:
            if not is_outage(error):
                raise
            self._wait(error)
        else:
            if self._failures:
                self._log.info(f"{self._lacks}.back", attempt=self._failures)
            self._failures = 0
        finally:
            self._began_at = None
            self.ended_at = time.monotonic()

    def is_stuck(self, seconds: float) -> bool:
        """Say whether it is at work and has not moved for `seconds`."""
        began = self._began_at
        if began is None:
            return False
        moved = max(began, self._mover.moved_at) if self._mover is not None else began
        return time.monotonic() - moved > seconds

    def _wait(self, error: Exception) -> None:
        self._failures += 1
        wait = backoff(self._failures, random.uniform, FIRST_WAIT, LONGEST_WAIT)
        self._not_before = time.monotonic() + wait
        if self._failures == 1:  # once for an outage, however long it lasts
            self._lacks, reason = _lacks(error)
            self._log.warning(f"{self._lacks}.away", error=type(error).__name__, reason=reason)


class Liveness:
    """Whether the jobs move, of which none may stand still for `seconds`; the first is the scheduler's pulse."""

    def __init__(self, jobs: Sequence[Job], seconds: float) -> None:
        self._jobs = jobs
        self._seconds = seconds
        self._stuck: set[str] = set()
        self._log = get_logger("syncer.daemon")

    def look(self) -> bool:
        """Say whether every job under way moves, and the scheduler starts new ones; log those that came to a halt."""
        pulse, *_ = self._jobs
        stuck = {job.name for job in self._jobs if job.is_stuck(self._seconds)}
        if time.monotonic() - pulse.ended_at > self._seconds:
            stuck.add(pulse.name)
        if stuck - self._stuck:
            self._log.error("daemon.stuck", job=", ".join(sorted(stuck)))
        self._stuck = stuck
        return not stuck


@dataclass(frozen=True, slots=True)
class Round:
    """A job that is done at each ring of its bell, and whenever that was silent for `seconds`."""

    job: Job
    bell: Bell
    seconds: Callable[[], float]


class Rounds:
    """Jobs that are rung for, each in a thread of its own until `stop` is set; `failed` hears what one raised.

    The scheduler starts nothing while it runs: what is rung for then would wait for the next interval.
    """

    def __init__(
        self, rounds: Sequence[Round], stop: threading.Event, failed: Callable[[str, Exception], None]
    ) -> None:
        self.jobs = [each.job for each in rounds]
        self._rounds = rounds
        self._stop = stop
        self._failed = failed
        self._threads = [threading.Thread(target=self._go, args=(each,), name=each.job.name) for each in rounds]

    def start(self) -> None:
        """Begin, with each job once."""
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Ring every bell."""
        for each in self._rounds:
            each.bell.ring()

    def join(self) -> None:
        """Wait for those under way."""
        for thread in self._threads:
            thread.join()

    def _go(self, each: Round) -> None:
        while not self._stop.is_set():
            try:
                each.job()
            except Exception as error:  # noqa: BLE001 — one failure must not end the job for good
                self._failed(each.job.name, error)
                self._stop.wait(AFTER_FAILURE)
            each.bell.wait(each.seconds())


def scheduled(jobs: Mapping[Job, float], heard: Callable[[JobExecutionEvent], None]) -> BackgroundScheduler:
    """Return what starts each job again and again, after so many seconds; `heard` is told of one that failed."""
    # a thread for each: none waits for another
    threads = ThreadPoolExecutor(len(jobs))
    scheduler = BackgroundScheduler(timezone="UTC", executors={"default": threads})
    scheduler.add_listener(heard, EVENT_JOB_ERROR | EVENT_JOB_MISSED)
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


def when_up(action: Callable[[], T], stop: threading.Event, on_wait: Callable[[], None]) -> T | None:
    """Return what `action` returns once the database is up; None when told to stop before that.

    `on_wait` is called before each wait. Raises what is not an outage.
    """
    log = get_logger("syncer.jobs").bind(job="start")

    def waiting(state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if state.attempt_number == 1 and error is not None:
            lacks, reason = _lacks(error)
            log.warning(f"{lacks}.away", error=type(error).__name__, reason=reason)
        on_wait()

    again = tenacity.Retrying(
        retry=tenacity.retry_if_exception(is_outage),
        stop=tenacity.stop_when_event_set(stop),
        wait=tenacity.wait_random_exponential(multiplier=1.0, max=LONGEST_WAIT_AT_START),
        sleep=tenacity.sleep_using_event(stop),
        before_sleep=waiting,
        reraise=True,
    )
    try:
        return again(action)
    except Exception as error:
        if is_outage(error) and stop.is_set():
            return None
        raise


def _lacks(error: BaseException) -> tuple[str, str]:
    """Return what an outage lacks, and in words why."""
    if is_out_of_descriptors():
        return DESCRIPTORS, "no further file or connection may be opened; raise LimitNOFILE, or see what holds them"
    return DATABASE, cause(error)


def is_out_of_descriptors() -> bool:
    """Say whether this process lacks the descriptors for a new connection, whatever its driver made of that.

    SQLite says only "unable to open database file": the number behind it (https://sqlite.org/c3ref/system_errno.html)
    is not to be had from Python's sqlite3. So it is tried.
    """
    opened: list[int] = []
    try:
        while len(opened) < NEEDED:
            opened.append(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return error.errno in (errno.EMFILE, errno.ENFILE)
    finally:
        for number in opened:
            os.close(number)
    return False


def cause(error: BaseException) -> str:
    """Return the type of the driver's own error: its text may hold an account or a statement's values."""
    origin = getattr(error, "orig", None) or error
    return type(origin).__name__
