"""dramatiq with Redis; its own command works."""

from __future__ import annotations

import os

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from tests.bench.peers.job import erase

dramatiq.set_broker(RedisBroker(url=os.environ["BENCH_STORE"]))


@dramatiq.actor(actor_name="job")
def job(number: int) -> None:
    """Carry out one erasure."""
    erase(number)


def fill(count: int) -> None:
    """Queue so many erasures."""
    for number in range(count):
        job.send(number)
