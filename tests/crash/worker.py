"""A worker process that can be told where to die: a drain, a daemon, or a resync followed by a drain."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from adapters.contract import Adapter
from syncer.app import App, load_settings
from syncer.database import engines, revisions
from syncer.decisions.resync_plan import Selection
from syncer.log import configure
from syncer.privacy.keyring import Keyring
from syncer.service.daemon import Daemon
from syncer.service.drain import drain
from syncer.service.reload.orders import Orders
from tests.crash.points import Points, TracedAdapter, trace_commits, trace_requests


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker is to do: `mode` is drain, run or resync; its clock is `days` ahead of the host's.

    It dies at the `passing`-th passing of `point`; None lets it live. `environment` holds the keys of the
    sandboxes, `log` is where it notes the points, and beside it what it says.
    """

    settings: Path
    mode: str
    log: Path
    days: float = 0.0
    point: str | None = None
    passing: int = 1
    owner: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


class TracedApp(App):
    """The application as it is, its adapters traced."""

    points: Points

    def adapter(self, name: str) -> Adapter:
        return TracedAdapter(super().adapter(name), self.points)


def work(job: Job) -> None:
    """Be the worker, and end with the command's exit code."""
    os.environ.update(job.environment)
    out = os.open(job.log.with_suffix(".said"), os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    os.dup2(out, 1)
    os.dup2(out, 2)
    configure("debug", json=True)
    settings = load_settings(job.settings)
    points = Points(job.log, job.point, job.passing)
    trace_requests(points)
    engine = engines.connect(settings.database.url)
    trace_commits(engine, points)
    revisions.require_current(engine, settings.database.prefix)

    def clock() -> datetime:
        return datetime.now(UTC) + timedelta(days=job.days)

    kind = "daemon" if job.mode == "run" else "cli"
    app = TracedApp(settings, engine, Keyring.load(settings.identity.key_file), kind, clock, job.owner)
    app.points = points
    if app.queue.engine is not engine:
        trace_commits(app.queue.engine, points, apart="intake.mark_taken")
    if job.mode == "run":
        with Orders() as orders:
            sys.exit(Daemon(app, orders).run())
    if job.mode == "resync":
        plan = app.resync.plan(Selection(confirmed_since=datetime(2000, 1, 1, tzinfo=UTC)))
        app.resync.apply(plan, "look again after a crash")
    drain(app)
    app.close()
