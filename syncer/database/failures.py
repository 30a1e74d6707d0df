"""What a failure of the database means: a conflict (repeat the transaction), an outage (wait), or a mistake."""

from __future__ import annotations

import errno
import functools
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

import sqlalchemy as sa

from syncer.errors import UserError

P = ParamSpec("P")
T = TypeVar("T")

#: how often a transaction is tried that the database itself rolls back; SQLite waits 5 s before it says busy
TRIES = 6
#: the audit table, under whatever prefix
_INTO_THE_LOG = re.compile(r"\bINSERT INTO \W?\w*audit\W")
#: what a row raises that cannot be read or written; `is_of_one_row` tells it from an outage
UNWRITABLE = (TypeError, ValueError, OverflowError, sa.exc.StatementError)

_SQLITE_CONFLICTS = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_SQLITE_OUTAGES = {
    sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL,
}  # fmt: skip
#: lock wait timeout, deadlock, record changed since read (https://mariadb.com/kb/en/mariadb-error-code-reference/)
_MARIADB_CONFLICTS = {1020, 1205, 1213}
#: disk full, no memory, too many connections, shutting down, Galera not ready, read-only, killed, cannot connect, gone,
#: no TLS any more
_MARIADB_OUTAGES = {
    3, 14, 20, 28, 1021, 1026, 1030, 1037, 1038, 1040, 1041, 1047, 1053, 1079, 1114, 1135, 1152, 1158, 1159, 1160,
    1161, 1180, 1203, 1290, 1317, 1792, 1836, 1927, 2002, 2003, 2006, 2013, 2026, 2055,
}  # fmt: skip
#: serialization failure, deadlock, lock not available (https://www.postgresql.org/docs/current/errcodes-appendix.html)
_POSTGRESQL_CONFLICTS = {"40001", "40P01", "55P03"}
#: connection lost, resources used up, operator intervention, system error; read-only
_POSTGRESQL_OUTAGES = ("08", "53", "57", "58", "25006")
#: a file without the right to write, a server or an account that is set to read only
_READ_ONLY = {sqlite3.SQLITE_READONLY, 1290, 1792, 1836, "25006"}
#: no right to a table or a column (https://mariadb.com/kb/en/mariadb-error-code-reference/); insufficient privilege
_DENIED = {1142, 1143, "42501"}
#: a unique key, of the table or of an index (https://www.postgresql.org/docs/current/errcodes-appendix.html)
_DUPLICATES = {1062, 1586, "23505"}
_SQLITE_REFUSALS = {
    sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_RANGE,
}  # fmt: skip
#: NULL, duplicate, range, wrong value, too long, foreign key, a trigger's SIGNAL, too big a packet or row, CHECK
_MARIADB_REFUSALS = {
    1048, 1062, 1118, 1153, 1216, 1263, 1264, 1265, 1292, 1300, 1366, 1406, 1411, 1452, 1586, 1644, 3140, 3819, 3988,
    4025,
}  # fmt: skip
#: data, constraints, a view's check, a trigger's RAISE; program limits of one value
_POSTGRESQL_REFUSALS = ("22", "23", "44", "P0001", "54000")

#: SQLite's code -> what it means, in words for a person; PostgreSQL's and MariaDB's own say enough of the rest
_IN_WORDS: dict[int | str | None, str] = {
    sqlite3.SQLITE_READONLY: "the file or its folder is read-only for this account",
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened, or nothing can be written beside it",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_IOERR: "the disk failed to read or write",
    sqlite3.SQLITE_CORRUPT: "the file is damaged",
    sqlite3.SQLITE_NOTADB: "the file is not an SQLite database",
    **dict.fromkeys(_SQLITE_CONFLICTS, "another program has it locked"),
    **dict.fromkeys((1290, 1792, 1836, "25006"), "the server, or this account's sessions, are read-only"),
    "22P05": "it does not store every letter of Unicode",
    1366: "it does not store every letter of Unicode",
}


def in_words(error: Exception) -> str:
    """Return what went wrong as a phrase for one line of `check`: the kind of the error where nothing better is known.

    Never the driver's own text, which may hold what a statement was given.
    """
    code = _code(error.orig) if isinstance(error, sa.exc.DBAPIError) else None
    return _IN_WORDS.get(code, type(error).__name__)


class Denied(UserError):
    """Raised in place of a failure of the database that is a missing right."""


@contextmanager
def half_done(how_far: str) -> Iterator[None]:
    """Turn a failure of the database halfway through a command into a UserError that says how far it came."""
    try:
        yield
    except sa.exc.SQLAlchemyError as error:
        denied = isinstance(error, sa.exc.DBAPIError) and is_denied(error)
        raise (Denied if denied else UserError)(f"{how_far} (the database failed: {in_words(error)})") from None


def is_conflict(error: BaseException) -> bool:
    """Say whether the database gave up this transaction for the sake of another; nothing of it was kept."""
    if not isinstance(error, sa.exc.DBAPIError):
        return False
    code = _code(error.orig)
    return code in _SQLITE_CONFLICTS or code in _MARIADB_CONFLICTS or code in _POSTGRESQL_CONFLICTS


def is_outage(error: BaseException) -> bool:
    """Say whether waiting may help: the database is away, full, read-only or busy, or this process is out of files.

    A missing table or a wrong password is not an outage: it waits for a person.
    """
    if isinstance(error, OSError):
        return error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.EDQUOT)
    if isinstance(error, sa.exc.TimeoutError):  # every connection of the pool is in use
        return True
    if not isinstance(error, sa.exc.DBAPIError):
        return False
    if error.connection_invalidated or is_conflict(error):
        return True
    code = _code(error.orig)
    if isinstance(code, str):
        return code.startswith(_POSTGRESQL_OUTAGES)
    if code is None:
        # psycopg gives no code for a server that does not answer, nor PyMySQL for a socket closed under it
        return isinstance(error, (sa.exc.OperationalError, sa.exc.InterfaceError))
    return code in _SQLITE_OUTAGES or code in _MARIADB_OUTAGES


def is_duplicate(error: sa.exc.DBAPIError) -> bool:
    """Say whether a unique key stands in the way; no other constraint, and no NULL where none may be."""
    if isinstance(error.orig, sqlite3.Error):
        extended = getattr(error.orig, "sqlite_errorcode", None)
        return extended in (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
    return _code(error.orig) in _DUPLICATES


def is_refused(error: BaseException) -> bool:
    """Say whether it is what a statement was given that cannot be written: a row, not the statement or the table.

    A constraint, a trigger, a value out of range, a letter that the database cannot store. An entry of the log is no
    row's doing: what goes into it was written to other tables before, and a log that refuses one stops the work.
    """
    if not isinstance(error, sa.exc.DBAPIError):
        return isinstance(error, (sa.exc.StatementError, UnicodeError, OverflowError))
    if is_outage(error) or _INTO_THE_LOG.search(error.statement or ""):
        return False
    code = _code(error.orig)
    if isinstance(error.orig, sqlite3.Error):
        return code in _SQLITE_REFUSALS
    if isinstance(code, str):
        return code.startswith(_POSTGRESQL_REFUSALS)
    return code in _MARIADB_REFUSALS if code is not None else isinstance(error.orig, UnicodeError)


def is_of_one_row(error: BaseException) -> bool:
    """Say whether what one row holds cannot be read, counted on or written: others in its transaction may go on."""
    if isinstance(error, sa.exc.DBAPIError) and _INTO_THE_LOG.search(error.statement or ""):
        return False
    return is_refused(error) or isinstance(error, (TypeError, ValueError, sa.exc.DataError))


def is_denied(error: sa.exc.DBAPIError) -> bool:
    """Say whether this account has no right to what a statement asked for. SQLite knows no accounts."""
    return _code(error.orig) in _DENIED


def is_read_only(error: sa.exc.DBAPIError) -> bool:
    """Say whether this account, or the whole database, may only be read."""
    return _code(error.orig) in _READ_ONLY


def _code(error: BaseException | None) -> int | str | None:
    """Return the engine's own code: SQLite's primary one, MariaDB's number, PostgreSQL's SQLSTATE."""
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", None)
        return None if code is None else int(code) & 0xFF
    first = error.args[0] if error is not None and error.args else None
    if isinstance(first, int):  # MariaDB's; its SQLSTATE is the general one for most of these
        return first or None
    state = getattr(error, "sqlstate", None)
    return None if state is None else str(state)


def retry_on_conflict(transaction: Callable[P, T]) -> Callable[P, T]:
    """Run a function that is one transaction and makes no calls again after a conflict.

    A lost connection is not repeated here: only reading anew tells whether its COMMIT was obeyed.
    """

    @functools.wraps(transaction)
    def repeated(*args: P.args, **kwargs: P.kwargs) -> T:
        import tenacity  # slow to load, and whoever only reads never needs it

        again = tenacity.Retrying(
            retry=tenacity.retry_if_exception(is_conflict),
            stop=tenacity.stop_after_attempt(TRIES),
            wait=tenacity.wait_random_exponential(multiplier=0.05, max=1.0),
            reraise=True,
        )
        return again(transaction, *args, **kwargs)

    return repeated
