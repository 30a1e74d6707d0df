"""huey with its SQLite storage; its own consumer works."""

from __future__ import annotations

import os

from huey import SqliteHuey

from tests.bench.peers.job import erase

huey = SqliteHuey(filename=os.environ["BENCH_STORE"], results=False)


@huey.task()
def job(number: int) -> None:
    """Carry out one erasure."""
    erase(number)


def fill(count: int) -> None:
    """Queue so many erasures."""
    for number in range(count):
        job(number)
