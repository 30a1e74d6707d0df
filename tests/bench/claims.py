"""Whether a claim, and what the guard counts before a batch begins, stays as quick with a million rows as with few."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace

from syncer.app import App
from syncer.database.connections import reading, writing
from syncer.delivery.guard.counting import DeletionCounts
from syncer.domain.model import State
from tests.bench.figures import Figure, Run
from tests.bench.installation import installed, rest
from tests.support import backlog

#: what the guard lets begin in a day by default
LIMIT = 50
NOBODY = SimpleNamespace(kind="mailchimp", url="http://127.0.0.1:1", api_key="nobody-us1")


def measure(run: Run) -> Iterator[Figure]:
    """Yield the time of a claim of 100 over its time among a thousand rows."""
    many = run.count(1_000_000, 10_000)
    for name, new_database in run.engines.items():
        with installed(NOBODY, new_database()) as app:  # type: ignore[arg-type]  # nobody is called
            now = app.clock()
            today = now.date()

            def add(kind: str, count: int, state: State, at: object, app: App = app, today: object = today) -> None:
                backlog.add(app.engine, app.tables, kind, count, state=state, at=at, today=today)  # type: ignore[arg-type]
                backlog.analyze(app.engine, app.tables)
                rest(app)

            add("few", 1000, State.PENDING, now)
            add("done", 1000, State.CONFIRMED, None)
            few, counted = _claim(app), _count(app)
            add("more", many, State.CONFIRMED, None)
            finished = _claim(app)
            add("asleep", many, State.RETRYING, now + timedelta(hours=6))
            asleep = _claim(app)
            add("waiting", many, State.PENDING, now)
            waiting = _claim(app)
            _began(app)
            counted_many, counts = _count(app), f"{counted * 1000:.2f} ms among a thousand"
        note = f"{many} rows, {few * 1000:.1f} ms among a thousand"
        yield Figure(f"claim on {name}: with finished rows", round(finished / few, 2), "<= 1.5", note)
        yield Figure(f"claim on {name}: with rows whose time has not come", round(asleep / few, 2), "<= 1.5", note)
        yield Figure(f"claim on {name}: with a backlog", round(waiting / few, 2), "<= 4", note)
        yield Figure(f"guard on {name}: a count with a backlog", round(counted_many / counted, 2), "<= 1.5", counts)


def _claim(app: App) -> float:
    """Return the time of a claim in seconds: the median of the quickest of five rounds, so that nothing else counts."""
    return min(_round(app) for _ in range(5))


def _began(app: App) -> None:
    """Let all that is finished have begun long ago, but for as many as a limit lets begin."""
    d, long_ago = app.tables.delivery, app.clock() - timedelta(days=3)
    with writing(app.engine) as connection:
        connection.execute(d.update().where(d.c.state == State.CONFIRMED).values(begun_at=long_ago))
        connection.execute(d.update().where(d.c.id <= LIMIT).values(begun_at=app.clock()))
    backlog.analyze(app.engine, app.tables)
    rest(app)


def _count(app: App) -> float:
    """Return the time of what the guard counts in seconds: the median of many, the quickest of five rounds."""
    counts, rounds = DeletionCounts(app.tables), []
    since = app.clock() - timedelta(hours=24)
    for _ in range(5):
        taken = []
        for _ in range(50):
            began = time.perf_counter()
            with reading(app.engine) as connection:
                counts.read(connection, "it", since, LIMIT + 1)
            taken.append(time.perf_counter() - began)
        rounds.append(statistics.median(taken))
    return min(rounds)


def _round(app: App) -> float:
    taken = []
    for _ in range(15):
        began = time.perf_counter()
        assert len(app.store.claim("it", app.clock(), 100)) == 100
        taken.append(time.perf_counter() - began)
    time.sleep(0.3)
    return statistics.median(taken[3:])
