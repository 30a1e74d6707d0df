"""A status column in SQLite, and a commit for each event: one after another, or with a pool of threads."""

from __future__ import annotations

import os
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor

from tests.bench.peers.job import erase


def fill(count: int) -> None:
    """Write so many waiting rows."""
    connection = _opened()
    connection.execute("CREATE TABLE job (number INTEGER PRIMARY KEY, status TEXT NOT NULL)")
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO job VALUES (?, 'waiting')", [(number,) for number in range(count)])
    connection.execute("COMMIT")


def work(threads: int = 1) -> None:
    """Carry out what waits, one after another or several at a time; threads share the connection in turns."""
    connection, lock = _opened(), threading.Lock()

    def one(number: int) -> None:
        erase(number)
        with lock:
            connection.execute("UPDATE job SET status = 'done' WHERE number = ?", [number])

    waiting = [number for (number,) in connection.execute("SELECT number FROM job WHERE status = 'waiting'")]
    if threads == 1:
        for number in waiting:
            one(number)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(one, waiting))


def _opened() -> sqlite3.Connection:
    connection = sqlite3.connect(os.environ["BENCH_STORE"], isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    return connection
