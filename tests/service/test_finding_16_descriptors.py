"""Finding 16: a process without free descriptors says so, and does not blame the database."""

from __future__ import annotations

import contextlib
import json
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO

import pytest

from syncer.app import App
from syncer.log import configure, get_logger
from syncer.service.jobs import Job
from tests.support.processes import until


@contextmanager
def spare(number: int) -> Iterator[None]:
    """Leave this process so many descriptors that it may still open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))) + 20, hard))
    taken: list[int] = []
    try:
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.open(os.devnull, os.O_RDONLY))
        for _ in range(number):
            os.close(taken.pop())
        yield
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "left"), [("sqlite", 0), ("sqlite", 2), ("mariadb", 0), ("postgresql", 0)], indirect=["engine"]
)
def test_finding_16_without_descriptors_the_log_does_not_say_that_the_database_is_away(app: App, left: int) -> None:
    log = StringIO()
    job = Job("count", lambda: app.store.due_now("crm"))
    job()  # what is loaded with the first connection needs descriptors too
    configure("info", log, json=True)
    get_logger("syncer.test").info("test.began")

    app.engine.dispose()
    with spare(left):
        job()
    until(lambda: job() or len(log.getvalue().splitlines()) > 2, 30)

    configure("warning")
    said = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [line["event"] for line in said] == ["test.began", "descriptors.away", "descriptors.back"]
    assert "LimitNOFILE" in said[1]["reason"]
