"""What has to stay within bounds whatever lies before it: a short drain, in time."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from syncer.app import App, load_settings, open_app
from syncer.setup.install import initialise
from tests.bench.child import cost
from tests.bench.figures import Figure, Run
from tests.bench.installation import settings_file
from tests.bench.provider import Provider, person
from tests.support.paths import ROOT

#: seconds that a drain is allowed
ALLOWED = 3
#: rows of one insert into the queue
PART = 5000


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
