"""How soon a running daemon begins: from the insert of a row to the first call, with the settings as they come."""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import sqlalchemy as sa

from syncer.app import App, load_settings, open_app
from syncer.database.connections import writing
from syncer.setup.install import initialise
from tests.bench.figures import Figure, Run
from tests.bench.installation import settings_file
from tests.bench.provider import Provider, person
from tests.support.paths import ROOT

#: rows that one statement queues
PART = 5000


class Daemon:
    """`syncer run` in a process of its own, which says how much it asked its databases and how long it computed."""

    def __init__(self, settings: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.latency", str(settings)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8", cwd=ROOT,
            env=dict(os.environ) | {"PYTHONPATH": str(ROOT)},
        )  # fmt: skip

    def used(self) -> tuple[int, float]:
        """Return the statements so far, on all its databases, and the seconds of CPU."""
        self._process.stdin.write("?\n")  # type: ignore[union-attr]
        self._process.stdin.flush()  # type: ignore[union-attr]
        statements, seconds = json.loads(self._process.stdout.readline())  # type: ignore[union-attr]
        return statements, seconds

    def end(self) -> None:
        """Stop it."""
        self._process.terminate()
        self._process.communicate(timeout=60)


def measure(run: Run) -> Iterator[Figure]:
    """Yield the figures of each engine."""
    for name, new_database in run.engines.items():
        with Provider("mailchimp") as provider, _installed(provider, new_database()) as app:
            daemon = Daemon(app.settings.path)
            try:
                _begins(app, provider, 0)  # it is up
                yield from _idle(name, daemon, run)
                yield from _latency(name, app, provider, run)
                yield _objection(name, app, provider, run)
            finally:
                daemon.end()


@contextmanager
def _installed(provider: Provider, database: str) -> Iterator[App]:
    with TemporaryDirectory(prefix="syncer-bench-") as folder:
        path = settings_file(Path(folder), provider, database)
        usual = "intake_seconds = 1\nlane_seconds = 1\n"
        text = path.read_text(encoding="utf-8")
        assert usual in text
        path.write_text(text.replace(usual, ""), encoding="utf-8")
        initialise(load_settings(path))
        with open_app(load_settings(path)) as app:
            yield app


def _idle(name: str, daemon: Daemon, run: Run) -> Iterator[Figure]:
    time.sleep(5)
    (statements, worked), began = daemon.used(), time.monotonic()
    time.sleep(max(run.seconds / 2, 10))
    (later, more), seconds = daemon.used(), time.monotonic() - began
    yield Figure(f"idle daemon on {name}: statements/s", round((later - statements) / seconds, 1), "<= 6")
    yield Figure(f"idle daemon on {name}: % of a core", round(100 * (more - worked) / seconds, 2), "<= 1")


def _latency(name: str, app: App, provider: Provider, run: Run) -> Iterator[Figure]:
    luck, took = random.Random(20261130), []
    for number in range(1, run.count(60, 5) + 1):
        time.sleep(0.2 + luck.random())
        took.append(_begins(app, provider, number))
    note = f"{len(took)} inserts while nothing else happens"
    yield Figure(f"insert to first call on {name}: median seconds", round(statistics.median(took), 2), "<= 0.5", note)
    late = sorted(took)[min(int(0.99 * len(took)), len(took) - 1)]
    yield Figure(f"insert to first call on {name}: p99 seconds", round(late, 2), "<= 1.2", note)


def _objection(name: str, app: App, provider: Provider, run: Run) -> Figure:
    many, first = run.count(100_000, 2000), 1_000_000
    for start in range(first, first + many, PART):
        _queue(app, "erasure", range(start, min(start + PART, first + many)))
    objector = 5_000_000
    began = time.monotonic()
    _queue(app, "objection", [objector])
    e, d = app.tables.event.c, app.tables.delivery.c
    query = sa.select(d.attempts).join_from(app.tables.delivery, app.tables.event, d.event_id == e.id)
    query = query.where(e.event_key == f"objection{objector}", d.attempts > 0)
    _until(lambda: _any(app, query))
    took = time.monotonic() - began
    left = app.queue.count()
    note = f"{many} erasures queued before it, {left} of them when it began"
    return Figure(f"objection behind a backlog on {name}: seconds to its first call", round(took, 2), "<= 2", note)


def _any(app: App, query: sa.Select[Any]) -> bool:
    with app.engine.connect() as connection:
        return connection.execute(query).first() is not None


def _begins(app: App, provider: Provider, number: int) -> float:
    """Queue an erasure and return the seconds to the first call."""
    before = provider.counts()["requests"]
    _queue(app, "erasure", [number])
    began = time.monotonic()
    _until(lambda: provider.counts()["requests"] > before)
    took = time.monotonic() - began
    time.sleep(0.3)  # its other calls
    return took


def _queue(app: App, kind: str, numbers: Any) -> None:
    rows = [{"event_key": f"{kind}{n}", "kind": kind, "email": person(n), "created_at": app.clock()} for n in numbers]
    with writing(app.queue.engine) as connection:
        connection.execute(app.queue.table.insert(), rows)


def _until(happened: Callable[[], bool], longest: float = 120.0) -> None:
    end = time.monotonic() + longest
    while not happened():
        assert time.monotonic() < end, "the daemon does not begin"
        time.sleep(0.02)


def main(settings: Path) -> int:
    """Be the daemon, and answer each line of standard input with what was used so far."""
    from syncer.log import configure
    from syncer.service.daemon import serve
    from syncer.service.reload.orders import Orders

    configure("error")
    statements = [0]

    @sa.event.listens_for(sa.Engine, "before_cursor_execute")
    def _count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements[0] += not statement.startswith("BEGIN")  # which asks nothing

    def answer() -> None:
        for _ in sys.stdin:
            print(json.dumps([statements[0], time.process_time()]), flush=True)

    threading.Thread(target=answer, daemon=True).start()
    with Orders() as orders:
        return serve(load_settings(settings), orders)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
