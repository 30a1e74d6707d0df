"""What an upgrade would do: its statements, and the rows of the tables that they touch. Nothing is changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from syncer.database import revisions
from syncer.database.connections import reading, undone
from syncer.database.tables import Tables
from syncer.errors import UserError

#: what only looks
_READS = re.compile(r"\s*(SELECT|SHOW|PRAGMA|SAVEPOINT|RELEASE|ROLLBACK|BEGIN|DO|EXPLAIN|DESCRIBE)\b", re.IGNORECASE)
#: how long the other engines let daemons wait for a dry run's locks
_POSTGRESQL_PATIENCE = "SET LOCAL lock_timeout = '5s'"


@dataclass(frozen=True, slots=True)
class Upgrade:
    """An upgrade before it is done: from which revision to which, its statements, and the rows by table."""

    before: str
    after: str
    statements: tuple[str, ...]
    touched: tuple[tuple[str, int], ...]


def planned(engine: sa.Engine, tables: Tables, *, queue_here: bool) -> Upgrade:
    """Return what `revisions.upgrade` would do. Raises UserError where nothing is there to upgrade.

    SQLite and PostgreSQL do it and take it back, which keeps writers waiting meanwhile; MariaDB and MySQL cannot take
    a change of tables back, so that there each statement is noted instead of run.
    """
    before = revisions.revision_of(engine, tables.prefix)
    if before is None:
        raise UserError("db upgrade: syncer's tables are missing, so there is nothing to upgrade; run `syncer init`")
    if before >= revisions.REVISION:
        return Upgrade(before, before, (), ())
    with reading(engine) as connection:
        there = sa.inspect(connection).get_table_names()
    with undone(engine) as connection, _noted(connection) as statements:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(_POSTGRESQL_PATIENCE)
            statements.clear()
        try:
            revisions.migrate(connection, tables, queue_here=queue_here)
        except (sa.exc.NoSuchTableError, sa.exc.ProgrammingError):
            if connection.dialect.name != "mysql":
                raise
            raise UserError(
                f"db upgrade --dry-run: from {before} a later step builds on an earlier one, and this server takes none"
                " back; restore a backup into another database and try the upgrade there"
            ) from None
    return Upgrade(before, revisions.REVISION, tuple(statements), _touched(engine, statements, there))


@contextmanager
def _noted(connection: sa.Connection) -> Iterator[list[str]]:
    """Yield the list of what this connection writes; MariaDB and MySQL are given something harmless instead."""
    statements: list[str] = []
    # one row: Alembic counts those of its own UPDATE
    harmless = "SELECT 1" if connection.dialect.name == "mysql" else None

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> Any:
        if _READS.match(statement):
            return statement, parameters
        text = _written(statement, parameters)
        if text not in statements:  # what is only noted is not found when it is looked for again
            statements.append(text)
        return (statement, parameters) if harmless is None else (harmless, ())

    sa.event.listen(connection, "before_cursor_execute", note, retval=True)
    try:
        yield statements
    finally:
        sa.event.remove(connection, "before_cursor_execute", note)


def _written(statement: str, parameters: Any) -> str:
    """Return a statement in one line; what it is given is the migration's own, a revision or a number."""
    text = " ".join(statement.split())
    if not parameters:
        return text
    return f"{text} -- {parameters}"


def _touched(engine: sa.Engine, statements: list[str], there: list[str]) -> tuple[tuple[str, int], ...]:
    found = []
    with reading(engine) as connection:
        for name in sorted(there):
            if any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", statement) for statement in statements):
                rows = connection.execute(sa.select(sa.func.count()).select_from(sa.table(name))).scalar_one()
                found.append((name, int(rows)))
    return tuple(found)
