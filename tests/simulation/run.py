"""One run: the timeline, the world, the processes and the judges, put together and driven to the end."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import structlog

from syncer import log
from syncer.domain.model import Delivery
from syncer.settings.checked import Settings
from tests.simulation.adapter import SimulatedAdapter
from tests.simulation.coroutine import Strand
from tests.simulation.guard_judge import NeverMoreThanTheGuardAllows
from tests.simulation.history import History
from tests.simulation.installation import install
from tests.simulation.invariants import ALL, Invariant, NoPlainAddress, Violation
from tests.simulation.operator import Operator
from tests.simulation.process import LOOK_AFTER, Killed, Process
from tests.simulation.scenario import ARCHIVES, FLOOD, Plan, Row, Scenario, draw
from tests.simulation.tables import Tables
from tests.simulation.timeline import START, Timeline
from tests.simulation.weather import Weather
from tests.simulation.world import Account, Call, Record, World

#: seconds from one look at the processes to the next, at least
STEPS = (1, 60, 3600, 3 * 3600, 5 * 3600)
STEPS_BUSY = (1, 20, 60)


class Run:
    """A whole run. `adapter` is what plays the destinations; a test of the judges brings one that misbehaves."""

    def __init__(self, scenario: Scenario, folder: Path, adapter: type[SimulatedAdapter] = SimulatedAdapter) -> None:
        self.scenario = scenario
        self.folder = folder
        self.plan: Plan = draw(scenario)
        self.timeline = Timeline()
        self.counts: Counter[str] = Counter()
        self.calm = False
        self.stall_chance = 0.004 if scenario.crashes else 0.0
        self._adapter = adapter
        self._dice = random.Random(f"run/{scenario.seed}")
        self._trace = hashlib.sha256()
        self._log = io.StringIO()
        self._keys: dict[str, str] = {}
        self._seq = 0
        self.world = _world(scenario, self.plan, self.timeline)
        self.weather = Weather(random.Random(f"weather/{scenario.seed}"), scenario.trouble, self.plan.windows)
        self.history = History(self.plan)
        self.bystanders_before = self.bystanders()
        self.invariants: list[Invariant] = [kind(self) for kind in (*ALL, NeverMoreThanTheGuardAllows)]
        self.world.listeners.append(self._called)
        self._whole, self._without = install(folder, scenario)
        self.settings: Settings = self._whole
        self.tables = Tables(folder / "syncer.db")
        self.judge = self._person("judge")
        self.operator = Operator(self, self._person("operator"))
        self._born = 0
        self.processes: list[Process] = []

    # -- the course of a run --------------------------------------------------------------------------------

    def live(self) -> None:
        """Run from the first day to the end of everything."""
        self._write_calendar()
        for _ in range(self.scenario.workers):
            self._spawn()
        end = START + timedelta(days=self.scenario.days)
        while self.timeline.now < end:
            self._step(end)
        self.calm = True
        self.weather.clear_up()
        self.stall_chance = 0.0
        bound = end + timedelta(days=self.scenario.bound)
        while self.timeline.now < bound and not self.tables.ended():
            self._step(bound)
        while any(process.busy for process in self.processes) and self.timeline.next is not None:
            self.timeline.pass_until(self.timeline.next)
        self._check("daily")
        self._check("at_end")
        self._close()

    def abandon(self) -> None:
        """End what is still in the middle of something after a run that broke off."""
        for process in self.processes:
            if process.strand is not None:
                process.strand.drop()

    def _write_calendar(self) -> None:
        for row in self.plan.rows:
            self.timeline.at(row.arrives, lambda row=row: self._arrives(row))  # type: ignore[misc]
        for when, record in self.plan.returns:
            self.timeline.at(when, lambda record=record: self._returns(record))  # type: ignore[misc]
        for window in self.plan.pauses:
            self.timeline.at(window.start, lambda name=window.account: self.operator.pause(name))  # type: ignore[misc]
            self.timeline.at(window.end, lambda name=window.account: self.operator.resume(name))  # type: ignore[misc]
        if self.plan.removal is not None:
            self.timeline.at(self.plan.removal.start, lambda: self._reconfigure(self._without))
            self.timeline.at(self.plan.removal.end, lambda: self._reconfigure(self._whole))
        for day in range(1, self.scenario.days + self.scenario.bound):
            self.timeline.at(START + timedelta(days=day, hours=3), lambda: self._check("daily"))
            if day % 2 or day > self.scenario.days:
                self.timeline.at(START + timedelta(days=day), self.operator.day)

    def _step(self, end: datetime) -> None:
        """Go to where something happens next, and let the processes that are free work there."""
        busy = any(process.busy for process in self.processes)
        least = self.timeline.now + timedelta(seconds=self._dice.choice(STEPS_BUSY if busy else STEPS))
        soon = min(
            (when for when in (self.timeline.next, self.tables.next_work(self.timeline.now)) if when is not None),
            default=end,
        )
        self.timeline.pass_until(min(max(least, soon), end))
        if self.scenario.crashes and not self.calm and self._dice.random() < self.scenario.crashes / 10:
            self._restart(self._dice.choice(self.processes)) if self.processes else None
        busy = any(process.busy for process in self.processes)
        free = [process for process in self.processes if not process.busy]
        self._dice.shuffle(free)
        for process in free:
            if process in self.processes and (not busy or self._dice.random() < 0.2):
                self._round(process)

    def _round(self, process: Process) -> None:
        wild = not self.calm
        if wild and self._dice.random() < self.scenario.crashes:
            process.fuse = self._dice.randint(1, 60)
        process.db_trouble = 0.02 if wild and self._dice.random() < self.scenario.crashes else 0.0
        if not any(hands.under_way for hands in process.hands):
            process.stalled_at = None
        process.strand = Strand(lambda: self._work(process))
        process.strand.resume()

    def _work(self, process: Process) -> None:
        try:
            process.work(list(self.work_to_do(process)))
        except Killed:
            self.count("crashes")
            self._bury(process)
        else:
            process.fuse = None
            if process.app.stop.is_set():
                self._end(process)
            elif process.lingering:
                self.timeline.at(self.timeline.now + timedelta(seconds=LOOK_AFTER), lambda: self._again(process))

    def _again(self, process: Process) -> None:
        """Let a process have its turn, whose calls are still under way after one that failed."""
        if process in self.processes and not process.busy:
            self._round(process)

    # -- processes ------------------------------------------------------------------------------------------

    def _spawn(self) -> None:
        self._born += 1
        self.processes.append(Process(self, f"daemon{self._born}", self.settings))

    def _person(self, name: str) -> Process:
        process = Process(self, name, self.settings, lanes=False)
        process.skew = timedelta()
        return process

    def _bury(self, process: Process) -> None:
        self.processes.remove(process)
        process.close()
        self.look()
        self.timeline.at(self.timeline.now + timedelta(seconds=self._dice.choice((1, 40, 600, 7200))), self._spawn)

    def _restart(self, process: Process) -> None:
        """Tell it to stop; one that is at work finishes first."""
        process.app.stop.set()
        if not process.busy:
            self._end(process)

    def _end(self, process: Process) -> None:
        self.count("restarts")
        self.processes.remove(process)
        process.db_trouble = 0.0
        process.end()
        self.look()
        self._spawn()

    def _reconfigure(self, settings: Settings) -> None:
        self.settings = settings
        for process in list(self.processes):
            self._restart(process)

    def adapter(self, name: str, process: Process) -> SimulatedAdapter:
        """Return the destination as one process sees it."""
        return self._adapter(
            self.world, self.world.accounts[name], self.weather, self.scenario.senders, process.name, process.touch
        )

    # -- what the world does --------------------------------------------------------------------------------

    def _arrives(self, row: Row) -> None:
        new = self.judge.app.queue.insert(
            [{"event_key": row.key, "kind": row.kind, "email": row.email, "received_at": row.received_at,
              "created_at": row.arrives, "source": "shop" if row.key.startswith(FLOOD) else "wordpress"}]
        )  # fmt: skip
        self.count("events" if new else "doubled rows")
        self.count("malformed rows", int(row.malformed and new > 0))

    def _returns(self, record: Record) -> None:
        if self.world.accounts[record.account].put(record):
            self.count("newer opt-ins" if record.opt_in == record.added_at else "re-imports")

    # -- what the judges see --------------------------------------------------------------------------------

    def look(self) -> None:
        """Read what is new in the audit."""
        rows = self.select(
            "SELECT seq, what, destination, body FROM syncer_audit WHERE seq > ? ORDER BY seq", self._seq
        )
        for seq, what, destination, text in rows:
            self._seq = seq
            body = json.loads(text)
            entry = self.history.read(seq, what, destination, body, self.world.calls)
            self.counts[what] += 1
            self._note(body["at"], what, entry.case.key if entry.case else "", destination,
                       body["facts"].get("code"), body["facts"].get("state"), body["facts"].get("attempt"))  # fmt: skip
            for invariant in self.invariants:
                invariant.on_entry(entry)

    def _called(self, call: Call) -> None:
        self.history.called(call)
        self._note(call)
        self.count("changes", int(bool(call.effect)))
        for invariant in self.invariants:
            invariant.on_call(call)

    def call_starts(self, process: Process, delivery: Delivery, under_way: int) -> None:
        """Hear that a process starts a call, as which of so many at one time."""
        self.look()
        self._note(delivery.destination, self.history.cases[delivery.event_id].key, delivery.attempts)
        others = [
            other for other in self.processes
            if other is not process and other.calls_under_way(delivery.destination)
        ]  # fmt: skip
        for invariant in self.invariants:
            invariant.on_start(process, delivery, under_way, others)

    def job_failed(self, process: Process, error: Exception) -> None:
        """Note what a daemon's scheduler would have logged."""
        self.count("failed jobs")
        self._note(process.name, type(error).__name__)
        if not isinstance(error, sa.exc.OperationalError):
            raise error  # the database may fail, nothing else may

    def count(self, what: str, number: int = 1) -> None:
        """Count something for the summary."""
        self.counts[what] += number

    def _note(self, *what: object) -> None:
        self._trace.update(f"{self.timeline.now} {what}\n".encode())

    def _check(self, when: str) -> None:
        self.look()
        for invariant in self.invariants:
            getattr(invariant, when)()

    # -- questions ------------------------------------------------------------------------------------------

    def select(self, query: str, *values: object) -> list[Any]:
        """Ask the database file, past all of syncer's own code."""
        return self.tables.select(query, *values)

    def open_transactions(self) -> bool:
        """Say whether any process has a transaction open."""
        return any(process.in_transaction for process in (*self.processes, self.judge))

    def bystanders(self) -> list[str]:
        """Return everything that is held of people who ask for nothing."""
        return sorted(
            repr(record)
            for account in self.world.accounts.values()
            for person in self.plan.bystanders
            for record in (*account.people.get(person, []), *account.archive.get(person, []))
        )

    def said(self) -> str:
        """Return everything that was logged."""
        return self._log.getvalue()

    @property
    def violations(self) -> list[Violation]:
        """What did not hold, in the order it was seen."""
        return sorted((v for i in self.invariants for v in i.violations), key=lambda v: v.day)

    @property
    def trace(self) -> str:
        """A hash over every call, every audit entry and every failure, with their virtual times."""
        return self._trace.hexdigest()

    def work_to_do(self, process: Process) -> Iterator[Callable[[], object]]:
        """Yield the jobs of a daemon that have something to do, and now and then one that has not."""
        if self.tables.waits() or process.dice.random() < 0.1:
            yield process.app.intake.take_all
        if self.tables.recheck_is_due(process.clock()) or process.dice.random() < 0.1:
            yield process.recheck
        for lane in process.lanes:
            wanted = self.tables.is_due(lane.name, process.clock()) or lane in process.lingering
            if wanted or process.dice.random() < 0.1:
                yield partial(process.turn, lane)

    def _close(self) -> None:
        for process in (*self.processes, self.judge, self.operator.process):
            process.close()
        self.tables.close()
        content = (self.folder / "syncer.db").read_bytes()
        for invariant in self.invariants:
            if isinstance(invariant, NoPlainAddress):
                invariant.in_file(content)

    @contextmanager
    def logging(self) -> Iterator[None]:
        """Catch the logs, and put back what was configured before."""
        root = logging.getLogger()
        handlers, level, before = root.handlers[:], root.level, structlog.get_config()
        log.configure("info", self._log, json=True)
        try:
            yield
        finally:
            structlog.configure(**before)
            root.handlers[:] = handlers
            root.setLevel(level)


def simulate(
    scenario: Scenario,
    adapter: type[SimulatedAdapter] = SimulatedAdapter,
    sabotage: Callable[[Run], None] = lambda run: None,
) -> Run:
    """Run a scenario to its end in a folder of its own; the run tells what it saw.

    `sabotage` may put something on the run's timeline that must not happen, for the judges to see.
    """
    started = time.perf_counter()
    folder = Path(tempfile.mkdtemp(prefix="syncer-simulation-"))
    try:
        run = Run(scenario, folder, adapter)
        with run.logging():
            try:
                sabotage(run)
                run.live()
            finally:
                run.abandon()
    finally:
        shutil.rmtree(folder)
    run.counts["milliseconds"] = round((time.perf_counter() - started) * 1000)
    return run


def _world(scenario: Scenario, plan: Plan, timeline: Timeline) -> World:
    accounts = {name: Account(name, scopes, archives=name in ARCHIVES) for name, scopes in scenario.scopes.items()}
    accounts["crm"].archive_right = False  # until the operator asks for it
    who = {spelling.lower(): person for person, spellings in plan.people.items() for spelling in spellings}
    for record in plan.records:
        accounts[record.account].put(record)
    return World(timeline, accounts, who)
