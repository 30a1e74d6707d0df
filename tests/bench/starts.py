"""How long a command takes to start, over an empty Python; and how a worker goes on after kill -9."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from syncer.app import load_settings, open_app
from syncer.setup.install import initialise
from tests.bench.figures import Figure, Run
from tests.bench.installation import fill, settings_file
from tests.bench.lane import THREADS
from tests.bench.provider import Provider
from tests.support.paths import ROOT

#: what a command line, a database and the log's signatures are made with
LIBRARIES = (
    "click", "sqlalchemy.dialects.sqlite", "cryptography.hazmat.primitives.ciphers.aead",
    "cryptography.hazmat.primitives.asymmetric.ed25519",
)  # fmt: skip


def commands(run: Run) -> Iterator[Figure]:
    """Yield what starts cost (CPU), taken in turns."""
    with Provider("mailchimp") as provider, TemporaryDirectory(prefix="syncer-bench-") as folder:
        settings = settings_file(Path(folder), provider)
        initialise(load_settings(settings))
        syncer = [sys.executable, "-m", "syncer", "--settings", str(settings)]
        bare, helped, status, libraries = [], [], [], []
        _took([*syncer, "status"])  # leaves the bytecode behind, as an installation does
        for _ in range(run.count(15, 3)):
            bare.append(_took([sys.executable, "-c", "pass"]))
            helped.append(_took([sys.executable, "-m", "syncer", "--help"]))
            status.append(_took([*syncer, "status"]))
            libraries.append(_took([sys.executable, "-c", f"import {', '.join(LIBRARIES)}"]))
    nothing = statistics.median(bare)
    yield Figure("start: --help over an empty Python", round(statistics.median(helped) / nothing, 1), "<= 4")
    loaded = round(statistics.median(libraries) / nothing, 1)
    note = f"its libraries alone take {loaded} times as long as an empty Python"
    value, excuse = round(statistics.median(status) / nothing, 1), note if loaded > 20 else ""
    yield Figure("start: status on SQLite over it", value, "<= 20", excuse=excuse, bound=f"<= {1.45 * loaded:.1f}")
    noise = "its own hundred modules, and 28 questions to the database, come on top: 1.06 to 1.38 were measured"
    ours = round(statistics.median(status) / statistics.median(libraries), 2)
    yield Figure("start: status on SQLite over loading its libraries", ours, "<= 1.1", note, noise, "<= 1.45")


def _took(words: Sequence[str]) -> float:
    """Run a command; return its CPU seconds, of the user and of the system."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=_env(), check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _env() -> dict[str, str]:
    # an installation has its bytecode, whatever this environment says
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | {"PYTHONPATH": str(ROOT)}


def crashes(run: Run) -> Iterator[Figure]:
    """Yield what kill -9 costs: the time to the next call, and the calls that are made again."""
    kills, waits = run.count(5, 2), []
    with Provider("mailchimp") as provider, TemporaryDirectory(prefix="syncer-bench-") as folder:
        settings = settings_file(Path(folder), provider)
        initialise(load_settings(settings))
        with open_app(load_settings(settings)) as app:
            fill(app, 0, 2000 * (kills + 1))  # nobody knows them: one call each
        for number in range(kills + 1):
            before = provider.counts()["requests"]
            began = time.perf_counter()
            worker = subprocess.Popen(
                [sys.executable, "-m", "syncer", "--settings", str(settings), "run"],
                env=_env(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            try:
                while provider.counts()["requests"] == before:
                    time.sleep(0.01)
                    assert worker.poll() is None, "the worker ended by itself"
                    assert time.perf_counter() - began < 60, "the worker does not begin"
                if number:
                    waits.append(time.perf_counter() - began)
                time.sleep(0.7)
            finally:
                worker.kill()
                worker.wait()
        repeated = provider.counts()["repeated"] / kills
    yield Figure("after kill -9: seconds to the first call of the next process", round(max(waits), 2), "<= 2")
    target = f"<= {THREADS + 20}"
    yield Figure("after kill -9: calls made again per kill", round(repeated, 1), target, f"{THREADS} senders")
