"""What has to stay within bounds whatever lies before it: a look at everybody in memory, a short drain in time."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from syncer.app import App, load_settings, open_app
from syncer.setup.install import initialise
from tests.bench.child import Cost, cheapest, cost
from tests.bench.figures import Figure, Run
from tests.bench.installation import settings_file
from tests.bench.provider import Provider, person
from tests.support.paths import ROOT

#: seconds that a drain is allowed
ALLOWED = 3
#: rows of one insert into the queue
PART = 5000


def watch(run: Run) -> Iterator[Figure]:
    """Yield what it costs to look at every member of a large audience, on SQLite: the database has little to do."""
    few, many = run.count(2000, 500), run.events
    before, after = _looked(few, run), _looked(many, run)
    note = f"{many} members, {after.seconds:.1f} s with the provider, CPU {after.cpu:.1f} s"
    yield Figure("watch --whole: MiB", round(after.mib), "<= 100", note)
    took = after.cpu - before.cpu
    rate = round((many - few) / took if took > 0.2 else many / after.cpu)  # too few to tell it from the start
    yield Figure("watch --whole: members a second of our own time", rate, ">= 20000", note)


def _looked(members: int, run: Run) -> Cost:
    with Provider("mailchimp", crowd=members) as provider, TemporaryDirectory(prefix="syncer-bench-") as place:
        settings = settings_file(Path(place), provider)
        initialise(load_settings(settings))
        looking = [sys.executable, "-m", "syncer", "watch"]
        cost(looking, Path(place), _env())  # the first look only notes when it was
        return cheapest(run.count(2, 1), lambda: cost([*looking, "--whole"], Path(place), _env()))


def drain(run: Run) -> Iterator[Figure]:
    """Yield how long a drain takes that may work for three seconds, behind a full queue, on each engine."""
    waiting = run.count(60_000, 2_000)
    for name, new_database in run.engines.items():
        with Provider("mailchimp") as provider, TemporaryDirectory(prefix="syncer-bench-") as place:
            settings = settings_file(Path(place), provider, new_database())
            initialise(load_settings(settings))
            words = [sys.executable, "-m", "syncer", "drain", "--max-seconds", str(ALLOWED)]
            start = cost(words, Path(place), _env())
            with open_app(load_settings(settings)) as app:
                _queue(app, waiting)
            took = cost(words, Path(place), _env())
        note = f"{waiting} rows wait; without the {start.seconds:.1f} s that it takes when nothing does"
        beyond = round(took.seconds - start.seconds, 1)
        yield Figure(f"drain --max-seconds {ALLOWED} on {name}: seconds", beyond, "<= 4", note)


def _queue(app: App, count: int) -> None:
    for first in range(0, count, PART):
        numbers = range(first, min(first + PART, count))
        rows = [{"event_key": f"e{n}", "kind": "erasure", "email": person(n)} for n in numbers]
        app.queue.insert([row | {"created_at": app.clock()} for row in rows])


def _env() -> dict[str, str]:
    return dict(os.environ) | {"PYTHONPATH": str(ROOT)}
