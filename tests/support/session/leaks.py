"""A pytest plugin that finds what a test leaves open: `-p tests.support.session.leaks`.

Python says that a connection, file or socket was left open when the object is collected, which may be minutes later, in
somebody else's test. Here everything is collected after each test, so the test that left it open is the one that fails.
SQLite's connections say it from Python 3.13 on, psycopg's, files and sockets on every one. A thread that outlives its
module is an error too.
"""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Iterator

import pytest

#: seconds that a thread which was told to end may take
GRACE = 5.0


def pytest_configure(config: pytest.Config) -> None:
    """Let Hypothesis not see, and say, that the referrers of its own random numbers are frozen."""
    config.addinivalue_line("filterwarnings", "ignore:It looks like `register_random`")


@pytest.fixture(autouse=True, scope="session")
def _older_objects_are_left_alone() -> None:
    gc.collect()
    gc.freeze()  # modules and collected tests need not be looked at after every test


def _of_apprise() -> set[threading.Thread]:
    """The threads that apprise keeps for the life of the process, once it sent something."""
    module = sys.modules.get("apprise.apprise")
    pools = [getattr(module, name, None) for name in ("_shared_executor", "_coordinator_executor")]
    return {thread for pool in pools if pool is not None for thread in pool._threads}


@pytest.fixture(autouse=True, scope="module")
def _no_thread_is_left(_older_objects_are_left_alone: None) -> Iterator[None]:
    """Made first, so ended last."""
    before = set(threading.enumerate())
    yield
    left = set(threading.enumerate()) - before - _of_apprise()
    for thread in left:
        thread.join(GRACE)
    assert [thread.name for thread in left if thread.is_alive()] == [], "threads outlive their module"


@pytest.fixture(autouse=True)
def _nothing_is_left_open(_no_thread_is_left: None) -> Iterator[None]:
    """Made first, so ended last. Pytest itself turns what is said while collecting into this test's error."""
    yield
    gc.collect()
