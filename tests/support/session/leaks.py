"""A pytest plugin that finds what a test leaves open: `-p tests.support.session.leaks`.

Python says that a connection, file or socket was left open when the object is collected, which may be minutes later, in
somebody else's test. Here everything is collected after each test, so the test that left it open is the one that fails.
SQLite's connections say it from Python 3.13 on, psycopg's, files and sockets on every one. A thread that outlives its
test is an error too.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="session")
def _older_objects_are_left_alone() -> None:
    gc.collect()
    gc.freeze()  # modules and collected tests need not be looked at after every test


@pytest.fixture(autouse=True)
def _nothing_is_left_open(_older_objects_are_left_alone: None) -> Iterator[None]:
    """Made first, so ended last. Pytest itself turns what is said while collecting into this test's error."""
    before = set(threading.enumerate())
    yield
    gc.collect()
    left = sorted(thread.name for thread in set(threading.enumerate()) - before)
    assert left == [], "threads outlive their test"
