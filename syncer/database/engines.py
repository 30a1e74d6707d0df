"""Engines, clocks and collations: what differs between SQLite, MariaDB/MySQL and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from syncer.database import sessions, sqlite_files, tls
from syncer.database.column_types import HexText, Moment, RowsLiteral
from syncer.errors import UserError

#: seconds that SQLite waits for another writer before it says busy; then the transaction is repeated
BUSY_SECONDS = 5
ENGINES = {"sqlite", "mysql", "mariadb", "postgresql"}
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    f"busy_timeout={BUSY_SECONDS * 1000}",
    "secure_delete=ON",  # a shredded address must not live on in a free page
    "recursive_triggers=ON",
)


@dataclass(frozen=True, slots=True)
class _Plain:
    """A URL by itself."""

    url: str
    place: str = "settings.toml: [database]"
    tls: str | None = None
    tls_ca: Path | None = None


def connect(login: str | tls.ServerLogin, *, shared: bool = False) -> sa.Engine:
    """Return an engine tuned for its kind, without connecting; `login` is a URL, or how the settings log in.

    `shared` says that a group may reach an SQLite file: producers write to the queue's own. Raises UserError for an
    unusable URL.
    """
    if isinstance(login, str):
        login = _Plain(login)
    place = f"{login.place} url"
    try:
        parsed = sa.make_url(login.url)
    except sa.exc.ArgumentError:
        raise UserError(f"{place}: not a database URL; write it like sqlite:///syncer.db") from None
    backend = parsed.get_backend_name()
    if backend not in ENGINES:
        raise UserError(f"{place}: {backend} is not supported; use sqlite, mysql or postgresql")
    try:
        if backend == "sqlite":
            return _sqlite(parsed, place, shared)
        return _server(parsed, backend, login)
    except ModuleNotFoundError as missing:
        extra = "postgresql" if backend == "postgresql" else "mysql"
        raise UserError(
            f"{place}: the driver {missing.name} is not installed; install syncer's extra [{extra}]"
        ) from None


@contextmanager
def opened(login: str | tls.ServerLogin, *, shared: bool = False) -> Iterator[sa.Engine]:
    """Yield an engine as `connect` makes it; its connections are closed at the end, however that comes."""
    engine = connect(login, shared=shared)
    try:
        yield engine
    finally:
        engine.dispose()


def _sqlite(url: sa.URL, place: str, shared: bool) -> sa.Engine:
    file = sqlite_files.file_of(url)
    if file is not None and not file.parent.is_dir():
        raise UserError(f"{place}: the folder {file.parent} does not exist; create it")
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_SECONDS})
    _take_hints(engine)

    @sa.event.listens_for(engine, "do_connect")
    def _closed(*_: Any) -> None:
        if file is not None:
            sqlite_files.close_to_others(file, shared=shared)

    @sa.event.listens_for(engine, "connect")
    def _opened(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, see below
        # a producer's invalid UTF-8 must end as a held event, not as an exception at the head of the queue
        connection.text_factory = partial(str, encoding="utf-8", errors="surrogateescape")
        try:
            for pragma in _PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")
        except BaseException:
            connection.close()  # nobody else would: the pool does not know it yet
            raise

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        options = connection.get_execution_options()
        if options.get("isolation_level") == "AUTOCOMMIT":
            return
        # read-then-write under a plain BEGIN fails when another writer came between: take the lock at once
        writing = options.get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


def _take_hints(engine: sa.Engine) -> None:
    """Let a query name the index that answers it (INDEXED BY): SQLAlchemy leaves hints out for SQLite."""
    from sqlalchemy.dialects.sqlite.base import SQLiteCompiler  # create_engine has loaded it

    class Compiler(SQLiteCompiler):
        def get_from_hint_text(self, table: sa.FromClause, text: str | None) -> str | None:
            return text

    engine.dialect.statement_compiler = Compiler


def _server(url: sa.URL, backend: str, login: tls.ServerLogin) -> sa.Engine:
    args: dict[str, Any] = {"connect_timeout": 10, **tls.arguments(login, backend)}
    if backend == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
        args["client_encoding"] = "utf8"
    else:
        # one name for both servers: SQLAlchemy calls MariaDB "mysql" or "mariadb" by how the URL begins
        url = url.set(drivername="mysql+pymysql")
        args["charset"] = "utf8mb4"
        args["conv"] = _encoders()
        args["init_command"] = sessions.MYSQL
    # READ COMMITTED: MariaDB's default would show a stale snapshot, PostgreSQL's stricter ones turn the head
    # lock into serialization errors
    engine = sa.create_engine(
        url, isolation_level="READ COMMITTED", pool_pre_ping=True, pool_recycle=1800, connect_args=args
    )
    tls.explain(engine, login)
    if backend == "postgresql":
        sessions.settle_postgresql(engine)
    return engine


def _encoders() -> dict[Any, Any]:
    from pymysql.converters import conversions

    return {**conversions, HexText: HexText.literal, RowsLiteral: RowsLiteral.literal}


def utc_now(connection: sa.Connection) -> sa.ColumnElement[Any]:
    """Return the database's own UTC time as an expression: leases must not depend on a host's clock."""
    kind = connection.dialect.name
    if kind == "sqlite":
        # six digits like every stored moment: they are compared as text
        return sa.func.strftime("%Y-%m-%d %H:%M:%f000", "now")
    if kind == "postgresql":
        return sa.func.timezone("UTC", sa.func.clock_timestamp())
    return sa.func.utc_timestamp(6)


def server_time(connection: sa.Connection) -> datetime:
    """Return the database's own time, aware and in UTC."""
    found: datetime = connection.execute(sa.select(sa.type_coerce(utc_now(connection), Moment))).scalar_one()
    return found


def utc_in(connection: sa.Connection, seconds: int) -> sa.ColumnElement[Any]:
    """Return the database's own UTC time `seconds` from now as an expression."""
    kind = connection.dialect.name
    if kind == "sqlite":
        return sa.func.strftime("%Y-%m-%d %H:%M:%f000", "now", f"+{seconds} seconds")
    if kind == "postgresql":
        return utc_now(connection) + sa.text(f"interval '{seconds} seconds'")
    return sa.func.timestampadd(sa.text("SECOND"), seconds, sa.func.utc_timestamp(6))


def no_pad_collation(connection: sa.Connection) -> str | None:
    """Return the server's collation that tells any two texts apart; None where the engine compares bytes anyway.

    `utf8mb4_bin` of MariaDB and MySQL takes a key with trailing blanks for the same key.
    """
    if connection.dialect.name != "mysql":
        return None
    for name in ("utf8mb4_nopad_bin", "utf8mb4_0900_bin"):  # MariaDB, MySQL 8.0.17
        if connection.execute(sa.text("SHOW COLLATION LIKE :name"), {"name": name}).first():
            return name
    return "utf8mb4_bin"
