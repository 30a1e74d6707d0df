"""One daemon of a run: the real composition on its own connections, which may be stalled, stopped or killed."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from syncer.app import App
from syncer.database import engines
from syncer.delivery.guard.guards import Guards
from syncer.delivery.lane import Lane
from syncer.delivery.leases import Leases
from syncer.domain.model import Delivery
from syncer.privacy.keyring import Keyring
from syncer.settings.checked import Settings
from tests.simulation.coroutine import Strand
from tests.simulation.virtual_senders import Hands

if TYPE_CHECKING:
    from tests.simulation.run import Run

#: longest a wait may last before the lane looks after its lease again, in seconds
LOOK_AFTER = 5.0
#: a commit fails so many times more often than a statement: there are few, and a lost answer to one is the worst case
COMMITS_FAIL = 8.0


class Killed(BaseException):
    """Raised where a process dies: nothing of it may catch this."""


class Process:
    """A daemon, or a person's command line (`lanes=False`), with its own clock that may be wrong."""

    def __init__(self, run: Run, name: str, settings: Settings, *, lanes: bool = True) -> None:
        self.name = name
        self.timeline = run.timeline
        self._run = run
        self.dice = random.Random(f"{run.scenario.seed}/{name}")
        self.skew = timedelta(seconds=self.dice.choice((0, 0, 0, 2, -2, 3600, -3600)))
        #: database statements, commits and calls that are left to it, or None for no end in sight
        self.fuse: int | None = None
        self.db_trouble = 0.0
        self.stalled_at: datetime | None = None
        self.strand: Strand | None = None
        self._connections: list[sqlite3.Connection] = []
        self._sqlite = sqlite3.connect(":memory:", check_same_thread=False)  # whose functions are SQLite's own
        self.app = App(settings, self._engine(settings.database.url), Keyring.load(settings.identity.key_file),
                       "daemon", self.clock)  # fmt: skip
        app = self.app
        # an owner of another host, so that only the end of its lease shows its death
        app.leases = Leases(app.transactions, f"host-{name}|boot|1|1")
        self.hands: list[Hands] = []
        self._at_work: Lane | None = None
        self.lanes = self._lanes(settings) if lanes else []

    def clock(self) -> datetime:
        """Return the time of this host, which may be wrong."""
        return self.timeline.now + self.skew

    def _lanes(self, settings: Settings) -> list[Lane]:
        app = self.app
        app.leases.ensure(list(settings.destinations))
        queue = app.queue
        guards = Guards(
            settings.guard, app.transactions, lambda reach: len(queue.newest("erasure", reach)), self.timeline.monotonic
        )
        adapters = {name: self._run.adapter(name, self) for name in settings.destinations}
        return [
            Lane(
                name, adapters[name], app.transactions, app.store, app.leases, app.seals, app.stop,
                dice=self.dice.uniform, burst_wait=0.0, senders=partial(Hands, self), monotonic=self.timeline.monotonic,
                guard=guards.of(name, adapters[name]),
            )
            for name in settings.destinations
        ]  # fmt: skip

    # -- one round ------------------------------------------------------------------------------------------

    def work(self, jobs: list[Callable[[], object]]) -> None:
        """Do the jobs of a daemon in any order; one that fails does not end the others. Raises Killed."""
        self.dice.shuffle(jobs)
        for job in jobs:
            try:
                job()
            except Exception as error:
                self._run.job_failed(self, error)
            self._run.look()

    def turn(self, lane: Lane) -> None:
        """Let a lane have its turn; the others have theirs beside it."""
        lingers = lane in self.lingering
        at_work, self._at_work = self._at_work, lane
        try:
            lane.turn()
        except Exception:
            if lingers:
                self.stalled_at = self.timeline.now  # cut off from the database it cannot keep the lease
            raise
        finally:
            self._at_work = at_work

    @property
    def lingering(self) -> list[Lane]:
        """The lanes whose calls are still under way after a failed turn; each has its turn every second."""
        names = {hands.name for hands in self.hands if hands.under_way}
        return [lane for lane in self.lanes if lane.name in names and lane is not self._at_work]

    def _look_after_others(self) -> None:
        for lane in self.lingering:
            try:
                self.turn(lane)
            except Exception as error:
                self._run.job_failed(self, error)

    def recheck(self) -> None:
        """Do what the daemon does every minute."""
        self.app.store.hold_removed(self.app.settings.destinations)
        self.app.store.start_rechecks()

    def end(self) -> None:
        """Stop as SIGTERM does: give the lanes back and close."""
        for lane in self.lanes:
            lane.release()
        self.close()

    def close(self) -> None:
        """Let the connections go; all that is left of a process that was killed."""
        self.fuse = None
        self.app.close()
        self._sqlite.close()

    def calls_under_way(self, destination: str) -> int:
        """How many calls of this process at a destination have not ended."""
        return sum(hands.under_way for hands in self.hands if hands.name == destination)

    @property
    def busy(self) -> bool:
        """Say whether it is in the middle of its work."""
        return self.strand is not None and not self.strand.done

    @property
    def in_transaction(self) -> bool:
        """Say whether it has a transaction open."""
        return any(connection.in_transaction for connection in self._connections)

    # -- what the hands ask for -----------------------------------------------------------------------------

    def wait(self, until: datetime) -> None:
        """Let time pass while calls are under way; others work meanwhile, and the process itself may be stalled."""
        assert self.strand is not None
        self._look_after_others()
        self._run.look()
        soon = self.timeline.now + timedelta(seconds=LOOK_AFTER)
        if self.dice.random() < self._run.stall_chance:
            self.stalled_at = self.timeline.now
            self._run.count("stalls")
            until = self.timeline.now + timedelta(seconds=self.dice.uniform(20, 900))
        else:
            # a thread is seldom back in the very moment; what lands meanwhile shares the next commit
            until = min(until + timedelta(seconds=self.dice.choice((0, 0.5, 2, 5))), soon)
        self.timeline.at(until, self.strand.resume)
        self.strand.pause()

    def started(self, delivery: Delivery, under_way: int) -> None:
        """Tell the judge that a call for this delivery starts."""
        self._run.call_starts(self, delivery, under_way)

    # -- where it may die -----------------------------------------------------------------------------------

    def touch(self) -> None:
        """Pass one point of the walk; the last one of a burning fuse is where the process dies."""
        if self.fuse is None:
            return
        self.fuse -= 1
        if self.fuse <= 0:
            self.fuse = None
            raise Killed(self.name)

    def _engine(self, url: str) -> sa.Engine:
        engine = engines.connect(url)

        @sa.event.listens_for(engine, "connect")
        def _opened(connection: Any, _record: Any) -> None:
            self._connections.append(connection)
            # the database's clock is the timeline; a derived column takes no function that may change its mind
            connection.create_function("strftime", -1, self._strftime, deterministic=True)
            connection.execute("PRAGMA synchronous=OFF")  # nothing here must outlive a power cut

        @sa.event.listens_for(engine, "before_cursor_execute")
        def _statement(*_: Any) -> None:
            self.touch()
            self._database_fails()

        @sa.event.listens_for(engine, "commit")
        def _commit(connection: sa.Connection) -> None:
            self._commit(connection)

        return engine

    def _commit(self, connection: sa.Connection) -> None:
        try:
            self.touch()
            self._database_fails(COMMITS_FAIL)
        except (Killed, sa.exc.OperationalError):
            # the commit was sent, only its answer is lost
            if self.dice.random() < 0.5:
                connection.connection.cursor().execute("COMMIT")
                self._run.count("lost commits")
            raise

    def _database_fails(self, times: float = 1.0) -> None:
        if self.db_trouble and self.dice.random() < self.db_trouble * times:
            self._run.count("database errors")
            raise sa.exc.OperationalError("(simulated)", None, sqlite3.OperationalError("database is locked"))

    def _strftime(self, form: str, *moments: str | None) -> str | None:
        """Do what SQLite's own does, only that now is when the timeline says."""
        now = self.timeline.now.replace(tzinfo=None).isoformat(" ", "milliseconds")
        values = [form, *(now if moment == "now" else moment for moment in moments)]
        (text,) = self._sqlite.execute(f"SELECT strftime({', '.join('?' * len(values))})", values).fetchone()
        return text if text is None else str(text)
