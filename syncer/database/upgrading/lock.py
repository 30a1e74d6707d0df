"""One migration at a time, whichever host begins it: two services that start together both run `syncer init`."""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from syncer.database import sqlite_files
from syncer.errors import UserError

#: seconds that another's migration may take
PATIENCE = 600.0
_POLL = 0.5


@contextmanager
def migrating(engine: sa.Engine, prefix: str, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the one lock under which a schema changes; it ends with the block, or with the process.

    Raises UserError once another has held it for `patience` seconds.
    """
    kind = engine.dialect.name
    if kind == "sqlite":
        with _folder(engine, patience):
            yield
        return
    with engine.connect() as connection:
        # PostgreSQL's belongs to a transaction: a pooler may give a session to others
        number = _number(f"{engine.url.database}/{prefix}")
        _until(lambda: _taken(connection, number), patience)
        try:
            yield
        finally:
            if kind == "mysql":  # a session's, which goes back to the pool
                connection.execute(sa.select(sa.func.release_lock(_name(number))))


def _taken(connection: sa.Connection, number: int) -> bool:
    if connection.dialect.name == "postgresql":
        return bool(connection.execute(sa.select(sa.func.pg_try_advisory_xact_lock(number))).scalar())
    return bool(connection.execute(sa.select(sa.func.get_lock(_name(number), 0))).scalar())


def _name(number: int) -> str:
    return f"syncer-{number:x}"


def _number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)


@contextmanager
def _folder(engine: sa.Engine, patience: float) -> Iterator[None]:
    file = sqlite_files.file_of(engine.url)
    if file is None:
        yield
        return
    # never the file itself: closing it again would end SQLite's own locks (https://sqlite.org/howtocorrupt.html)
    handle = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)

    def taken() -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            pass  # a file system without locks: SQLite's own is there still
        return True

    try:
        _until(taken, patience)
        yield
    finally:
        os.close(handle)


def _until(taken: Callable[[], bool], patience: float) -> None:
    deadline = time.monotonic() + patience
    while not taken():
        if time.monotonic() > deadline:
            raise UserError("another syncer is bringing the schema up to date; wait for it, then run this again")
        time.sleep(_POLL)
