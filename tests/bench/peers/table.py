"""A status column in SQLite, and a commit for each event: one after another, or with a pool of threads."""

from __future__ import annotations

import os
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor

from tests.bench.peers.job import THREADS, erase

DONE = "UPDATE job SET status = 'done' WHERE number = ?"


def fill(count: int) -> None:
    """Write so many waiting rows."""
    connection = _opened()
    connection.execute("CREATE TABLE job (number INTEGER PRIMARY KEY, status TEXT NOT NULL)")
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO job VALUES (?, 'waiting')", [(number,) for number in range(count)])
    connection.execute("COMMIT")


def work() -> None:
    """Carry out what waits, one after another."""
    connection = _opened()
    for number in _waiting(connection):
        erase(number)
        connection.execute(DONE, [number])


def work_in_threads() -> None:
    """Carry out what waits, several at a time; they share the connection in turns."""
    connection, lock = _opened(), threading.Lock()

    def one(number: int) -> None:
        erase(number)
        with lock:
            connection.execute(DONE, [number])

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(one, _waiting(connection)))


def _opened() -> sqlite3.Connection:
    connection = sqlite3.connect(os.environ["BENCH_STORE"], isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def _waiting(connection: sqlite3.Connection) -> list[int]:
    return [number for (number,) in connection.execute("SELECT number FROM job WHERE status = 'waiting'")]
