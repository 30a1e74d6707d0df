"""Starts workers, lets them die at named points or at random moments, starts them again, and judges what is left.

The two sandboxes live in this process and outlast every worker. A worker is a process of its own, forked from a
server that has the imports already, so that a kill costs a third of a second instead of two.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from adapters.sandbox.people import populate
from syncer.app import App, load_settings, open_app
from syncer.decisions.guarded import StoppedChoice
from syncer.privacy.addresses import normalise
from syncer.setup.install import initialise
from tests.conftest import AUDIENCES
from tests.crash import provider_state
from tests.crash.invariants import ALWAYS, AT_THE_END, RESULTS, Evidence, Wanted, gather, judge
from tests.crash.points import DAEMON, DRAIN, passings
from tests.crash.worker import Job, work
from tests.support.servers import Server

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.crash.harness"])
#: seconds a worker may take; one that takes longer hangs
PATIENCE = 90.0
#: drains within which everything has ended, when nothing is killed any more
MOST_DRAINS = 8

SETTINGS = """
[database]
url = "{database}"
{queue}
[deadlines]
timezone = "Europe/Berlin"

[schedule]
intake_seconds = 0.2
lane_seconds = 0.2
lease_seconds = 3
recheck_days = {recheck_days}

[guard]
deletions_per_day = {guard}
always_allowed = {guard}

[destinations.newsletter]
adapter = "mailchimp"
api_key_env = "CRASH_MAILCHIMP_KEY"
base_url = "{mailchimp}"
erasure = "delete"
objection = "suppress"

[destinations.crm]
adapter = "activecampaign"
api_key_env = "CRASH_ACTIVECAMPAIGN_KEY"
base_url = "{activecampaign}"
requests_per_second = 1000
erasure = "delete"
objection = "unsubscribe"
"""


class NeverPassed(AssertionError):
    """Raised when a named point is not on the way of a run that should pass it."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How an installation is made: its rechecks, and whether the queue lies in a database of its own.

    `guard` is how many deletions may begin in a day.
    """

    name: str
    recheck_days: tuple[int, ...]
    apart: bool
    points: tuple[str, ...]
    guard: int = 1_000_000

    def mode(self, point: str) -> str:
        """Return which worker passes a point."""
        if point in DAEMON:
            return "run"
        return "resync" if point == "resync" else "drain"


#: every point stands in one of them at least
SHAPES = (
    Shape("queue apart, no rechecks", (), True, ("intake.take", "intake.mark_taken", *DRAIN, "shred")),
    Shape("one database, rechecks", (1,), False, ("intake.take", "recheck", "resync", "shred", *DAEMON)),
    Shape("one database, a guard", (), False, ("guard.trip", "lane.begin"), guard=2),
)


class Installation:
    """One database, two sandboxes, and the people that are asked for."""

    def __init__(self, folder: Path, shape: Shape, database: str, queue: str | None, seed: int) -> None:
        self.folder = folder
        self.shape = shape
        self.mailchimp = MailchimpSandbox(audiences=AUDIENCES)
        self.crm = ActiveCampaignSandbox(rate=None)
        self.mailchimp.start()
        self.crm.start()
        self.environment = {
            "CRASH_MAILCHIMP_KEY": self.mailchimp.api_key,
            "CRASH_ACTIVECAMPAIGN_KEY": self.crm.api_key,
        }
        self.settings = folder / "settings.toml"
        self.settings.write_text(
            SETTINGS.format(
                database=database,
                queue=f'[queue]\nurl = "{queue}"\n' if queue else "",
                recheck_days=list(shape.recheck_days),
                guard=shape.guard,
                mailchimp=self.mailchimp.url,
                activecampaign=self.crm.url,
            ),
            encoding="utf-8",
        )
        settings = load_settings(self.settings)
        initialise(settings)
        self.days = 0.0
        self.app: App = open_app(settings, clock=self._now)
        self.wanted: dict[str, Wanted] = {}
        others = populate(self.mailchimp, self.crm, 40, seed)
        held = provider_state.read(self.mailchimp, self.crm)
        self.bystanders: dict[str, Any] = {address: held.held_of(address) for address in map(normalise, others)}
        self.kills: list[str] = []
        self.objections: list[str] = []
        #: calls without a result on record: a crash cut them, and they were made again
        self.repeated = 0
        self._made = self._cut = 0
        self._runs = itertools.count(1)
        self._people = itertools.count(1)
        self._counts: dict[str, Counter[str]] = {}

    def _now(self) -> datetime:
        return datetime.now(UTC) + timedelta(days=self.days)

    def close(self) -> None:
        """End the sandboxes and the connections."""
        self.app.close()
        self.mailchimp.close()
        self.crm.close()

    # -- people ---------------------------------------------------------------------------------------------

    def ask(self, times: int = 1) -> None:
        """Let people of every kind ask: in several audiences, in one account, archived, absent; both rights."""
        add = self.mailchimp.add
        for _ in range(times):
            everywhere, nowhere, crm_only, archived, list_only, silent, pending = (
                f"person{next(self._people)}@crash.test" for _ in range(7)
            )
            for audience in AUDIENCES:
                add(everywhere, audience)
            self.crm.add(everywhere)
            self.mailchimp.add_customer(everywhere)
            self.crm.add_customer(everywhere)
            self.crm.add(crm_only)
            self.crm.archive(archived)
            add(list_only, AUDIENCES[1])
            add(pending, AUDIENCES[2], status="pending")
            self.crm.add(pending, lists={"1": 0, "2": 1})
            held = provider_state.read(self.mailchimp, self.crm)
            for person in (everywhere, nowhere, crm_only, archived):
                self._queue("erasure", person, held)
            for person in (list_only, silent, pending):
                self._queue("objection", person, held)
            self._queue("objection", everywhere, held)  # both rights of one person

    def _queue(self, right: str, address: str, held: provider_state.Books) -> None:
        key = f"{right}-{len(self.wanted)}"
        self.wanted[key] = Wanted(right, address, held.held_of(address))
        self.app.queue.insert([{"event_key": key, "kind": right, "email": address, "created_at": self._now()}])

    # -- workers --------------------------------------------------------------------------------------------

    def job(self, mode: str, point: str | None = None, passing: int = 1) -> Job:
        """Describe the next worker."""
        log = self.folder / f"worker{next(self._runs)}.log"
        return Job(self.settings, mode, log, self.days, point, passing, environment=self.environment)

    def run(self, job: Job) -> bool:
        """Let a worker do its job; say whether it died where it was to die. Raises when it ended otherwise."""
        with started(job) as process:
            if job.mode == "run":
                self._end_daemon(process, job)
            process.join(PATIENCE)
            if process.exitcode is None:
                raise AssertionError(f"the worker hangs: {self._said(job)}")
        self._ended(job)
        if process.exitcode == -signal.SIGKILL and job.point is not None:
            return True
        if process.exitcode:
            raise AssertionError(f"exit code {process.exitcode}: {self._said(job)}")
        return False

    @staticmethod
    def _said(job: Job) -> str:
        return job.log.with_suffix(".said").read_text(encoding="utf-8")[-2000:]

    def _end_daemon(self, process: BaseProcess, job: Job) -> None:
        """Wait until the daemon has nothing more to do and renewed a lease, then tell it to stop."""
        deadline = time.monotonic() + PATIENCE
        while process.is_alive() and time.monotonic() < deadline:
            seen = passings(job.log)
            if seen["after leases.renew"] > 1 and seen["after daemons.beat"] > 1 and not self.unfinished():
                break
            time.sleep(0.1)
        if process.is_alive() and process.pid:
            os.kill(process.pid, signal.SIGTERM)

    def release(self) -> None:
        """Let go what the guard stopped, as a person would."""
        decisions = self.app.guard_decisions
        plan = decisions.plan(StoppedChoice())
        if plan.requests:
            decisions.release(StoppedChoice(), "asked the people", plan.digest, plan.deletions)

    def unfinished(self) -> bool:
        """Say whether something waits or is under way."""
        due = sum(self.app.store.due_now(name) for name in self.app.settings.destinations)
        return bool(self.app.queue.count() or due)

    # -- kills ----------------------------------------------------------------------------------------------

    def prepare(self, mode: str, point: str) -> None:
        """Bring about what the next worker is to meet: more than the guard allows, and what was released before."""
        self.release()
        self.ask()
        if point.endswith(("recheck", "shred")) and self.shape.recheck_days:
            self.run(self.job("drain"))
            self.days += 1.01

    def count(self, mode: str, point: str) -> int:
        """Return how often an untouched run of this mode passes a point. Raises NeverPassed for never."""
        if not self._counts.get(mode, Counter())[point]:
            self.prepare(mode, point)
            job = self.job(mode)
            self.run(job)
            self._counts[mode] = passings(job.log)
        if not self._counts[mode][point]:
            raise NeverPassed(f"{point} is not on the way of {mode} ({self.shape.name})")
        return self._counts[mode][point]

    def passing(self, point: str, which: str) -> int:
        """Return the number of the first, middle or last passing of a point in a run. Raises NeverPassed."""
        count = self.count(self.shape.mode(point.partition(" ")[2]), point)
        return {"first": 1, "middle": (count + 1) // 2, "last": count}[which]

    def kill_at(self, point: str, which: str = "first") -> None:
        """Kill a worker at the first, middle or last passing of a point, and judge what it leaves."""
        mode = self.shape.mode(point.partition(" ")[2])
        for _ in range(4):
            number = self.passing(point, which)
            self.prepare(mode, point)
            job = self.job(mode, point, number)
            if self.run(job):
                self._died(f"{point} ({which}, {number})")
                return
            # an untouched run: it passed the point less often than the one before, so aim at what it did
            self._counts[mode] = passings(job.log)
        raise NeverPassed(f"{point} was passed less than {number} times in each of four runs ({self.shape.name})")

    def kill_randomly(self, dice: random.Random) -> None:
        """Kill a worker at a random moment, and judge what it leaves."""
        mode = dice.choice(["drain", "drain", "resync", "run"] if self.shape.recheck_days else ["drain", "run"])
        if self.shape.recheck_days and dice.random() < 0.2:
            self.days += 1.01
        self.ask(2)
        job = self.job(mode)
        with started(job) as process:
            deadline = time.monotonic() + PATIENCE
            while not passings(job.log) and process.is_alive() and time.monotonic() < deadline:
                time.sleep(0.005)
            time.sleep(dice.random() * 0.6)
            process.kill()
            process.join(PATIENCE)
        self._ended(job)
        if process.exitcode == -signal.SIGKILL:
            self._died(f"random moment of {mode}")

    def _ended(self, job: Job) -> None:
        passed = passings(job.log)
        self._made += passed["before call.apply"] + passed["before call.confirm"]

    def _died(self, where: str) -> None:
        self.kills.append(where)
        seen = self.seen()
        cut = self._made - sum(map(_is_result, seen.audit))
        self.repeated += cut - self._cut
        self._cut = cut
        self.objections += [f"after {where}: {objection}" for objection in judge(seen, ALWAYS)]

    # -- the end --------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """Let an untouched worker end everything, the rechecks too, and judge the end."""
        # a suppression whose address was erased meanwhile cannot be read back, only put again: that takes two drains
        for _ in range(MOST_DRAINS):
            self.release()
            self.run(self.job("drain"))
            self.days += 1.01
            if all(event.state == "fulfilled" and not event.email_sealed for event in self.seen().events):
                break
        self.objections += [f"at the end: {objection}" for objection in judge(self.seen(), AT_THE_END)]

    def seen(self) -> Evidence:
        """Read all that the judge looks at."""
        return gather(self.app, self.mailchimp, self.crm, self.wanted, self.bystanders)


def _is_result(row: dict[str, Any]) -> bool:
    return row["what"] in RESULTS and row["body"]["facts"].get("code") != "not_called"


@contextmanager
def started(job: Job) -> Iterator[BaseProcess]:
    """Start a worker and make sure that it ends with the block."""
    process = CONTEXT.Process(target=work, args=(job,), daemon=True)
    process.start()
    try:
        yield process
    finally:
        if process.is_alive():
            process.kill()
        process.join()


@contextmanager
def installed(shape: Shape, server: Server | None, seed: int = 1) -> Iterator[Installation]:
    """Make an installation on a server, or on SQLite, and remove it afterwards."""
    with tempfile.TemporaryDirectory(prefix="syncer-crash-") as name:
        folder = Path(name)
        made: list[str] = []

        def new(file: str) -> str:
            if server is None:
                return f"sqlite:///{folder / file}"
            made.append(server.new_database())
            return made[-1]

        installation = Installation(folder, shape, new("syncer.db"), new("queue.db") if shape.apart else None, seed)
        try:
            yield installation
        finally:
            installation.close()
            for url in made:
                if server is not None:
                    server.drop_database(url)
