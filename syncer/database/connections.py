"""Connections to a database: for writing, for reading, and for one moment of it."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import islice
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa

from syncer.database.bulk import in_list

#: the connection that `kept` holds for a thread
_kept = threading.local()
#: seconds that a thread waits for its turn to write, before it tries it by SQLite's own means
LONGEST_TURN = 5.0


class WritersTurn:
    """A lock that goes to whoever waits for it longest; one who lets go and asks again stands behind them."""

    def __init__(self) -> None:
        self._changing = threading.Lock()
        self._taken = False
        self._waiting: deque[threading.Event] = deque()

    def take(self, seconds: float) -> bool:
        """Wait for it, at most so long; say whether it is ours."""
        with self._changing:
            if not self._taken:
                self._taken = True
                return True
            handed = threading.Event()
            self._waiting.append(handed)
        if handed.wait(seconds):
            return True
        with self._changing:
            if handed.is_set():
                return True
            self._waiting.remove(handed)
            return False

    def hand_on(self) -> None:
        """Give it to the next."""
        with self._changing:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._taken = False


_turns: WeakKeyDictionary[sa.Engine, WritersTurn] = WeakKeyDictionary()
_turns_changing = threading.Lock()


@contextmanager
def kept(engine: sa.Engine) -> Iterator[None]:
    """Let all transactions of this thread within the block use one connection.

    A pool asks the server at every checkout whether the connection still lives, and rolls back at every return: two
    round trips for each transaction. Here a connection that broke between two transactions shows in the next one, like
    one that breaks halfway.
    """
    before = getattr(_kept, "connection", None)
    with engine.connect() as connection:
        _kept.connection = connection
        try:
            yield
        finally:
            _kept.connection = before


@contextmanager
def _connected(engine: sa.Engine) -> Iterator[sa.Connection]:
    connection: sa.Connection | None = getattr(_kept, "connection", None)
    if connection is not None and connection.engine is engine and not connection.in_transaction():
        yield connection
        return
    with engine.connect() as connection:
        yield connection


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Yield a connection inside one write transaction, committed at the end."""
    with _in_turn(engine), _connected(engine) as connection, connection.execution_options(writes=True).begin():
        yield connection


@contextmanager
def _in_turn(engine: sa.Engine) -> Iterator[None]:
    """Let the threads of this process write to an SQLite file one after the other.

    SQLite keeps no queue: who waits for another writer looks again after up to a tenth of a second, and finds that one
    who writes without a pause has begun again. Other processes are waited for by SQLite's own means.
    """
    if engine.dialect.name != "sqlite":
        yield
        return
    with _turns_changing:
        turn = _turns.setdefault(engine, WritersTurn())
    ours = turn.take(LONGEST_TURN)
    try:
        yield
    finally:
        if ours:
            turn.hand_on()


@contextmanager
def undone(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Yield a connection inside one write transaction that leaves no trace."""
    with _connected(engine) as connection, connection.execution_options(writes=True).begin() as transaction:
        yield connection
        transaction.rollback()


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Yield a connection for reading."""
    # committed, though nothing was written: after a rollback psycopg forgets the statements that it had prepared
    with _connected(engine) as connection, connection.execution_options(writes=False).begin():
        yield connection


@contextmanager
def snapshot(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Yield a connection that sees one moment of the database, whatever others commit meanwhile."""
    # SQLite's read transactions are snapshots by themselves
    options = {} if engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
    with engine.connect() as connection:
        yield connection.execution_options(**options)


def plain_rows(connection: sa.Connection, query: sa.Select[Any], values: Sequence[Any] = ()) -> Iterator[Any]:
    """Yield the rows of a query as the driver gives them; `values` are what its statement leaves open, in order.

    In constant memory on SQLite; elsewhere all rows are fetched at once: for queries that say how many they want.
    """
    statement = str(query.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True}))
    if connection.dialect.name != "sqlite":
        yield from connection.exec_driver_sql(statement, tuple(values)).all()
        return
    driver: Any = connection.connection.driver_connection
    tolerant, count = driver.text_factory, 0
    try:
        driver.text_factory = str  # reads a tenth faster than any other
        for row in driver.execute(statement, values):
            count += 1
            yield row
    except sqlite3.OperationalError:  # a text that is not UTF-8: go on where it stopped
        driver.text_factory = tolerant
        yield from islice(driver.execute(statement, values), count, None)
    finally:
        driver.text_factory = tolerant


def plain_rows_of(
    connection: sa.Connection, query: sa.Select[Any], column: sa.ColumnElement[Any], ids: Sequence[str]
) -> Sequence[Any]:
    """Return the rows of a query without parameters in which a column has one of these values, as `plain_rows` does."""
    kind = connection.dialect.name
    if kind != "sqlite":
        return connection.execute(query.where(in_list(column, "ids", kind)), {"ids": list(ids)}).all()
    return _all_plain(connection, _of_list(query, column, connection.dialect), (json.dumps(list(ids)),))


@lru_cache(maxsize=32)
def _of_list(query: sa.Select[Any], column: sa.ColumnElement[Any], dialect: sa.Dialect) -> str:
    # one statement, however many there are; and what is no UTF-8 can be asked for
    listed = column.in_(sa.text("SELECT value FROM json_each(?)"))
    return str(query.where(listed).compile(dialect=dialect, compile_kwargs={"literal_binds": True}))


def all_plain_rows(connection: sa.Connection, query: sa.Select[Any], values: Sequence[Any] = ()) -> Sequence[Any]:
    """Return what `plain_rows` yields, fetched at once."""
    if connection.dialect.name != "sqlite":
        return list(plain_rows(connection, query, values))
    statement = str(query.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True}))
    return _all_plain(connection, statement, values)


def _all_plain(connection: sa.Connection, statement: str, values: Sequence[Any]) -> Sequence[Any]:
    driver: Any = connection.connection.driver_connection
    tolerant = driver.text_factory
    try:
        driver.text_factory = str
        found: list[Any] = driver.execute(statement, values).fetchall()
    except sqlite3.OperationalError:  # a text that is not UTF-8
        driver.text_factory = tolerant
        found = driver.execute(statement, values).fetchall()
    finally:
        driver.text_factory = tolerant
    return found
