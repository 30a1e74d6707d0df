"""procrastinate on PostgreSQL."""

from __future__ import annotations

import os

import procrastinate

from tests.bench.peers.job import THREADS, erase

app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=os.environ["BENCH_STORE"]))


connected = app.open  # no file


@app.task(name="job")
def job(number: int) -> None:
    """Carry out one erasure."""
    erase(number)


def fill(count: int) -> None:
    """Queue so many erasures."""
    with connected():
        app.schema_manager.apply_schema()
        job.batch_defer(*({"number": number} for number in range(count)))


def work() -> None:
    """Work until somebody ends it."""
    with connected():
        app.run_worker(concurrency=THREADS)
