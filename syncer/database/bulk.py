"""Many rows in few statements: lists as one parameter, rows inserted together, rows that change alike updated together.

On PostgreSQL a list is one parameter however long it is, so the server plans a statement once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from syncer.database.column_types import literals

#: ids in one statement; every engine takes more, but a long statement helps nobody
LONGEST = 500


class BulkUpdate:
    """New values for rows of one table with the primary key `id`; written by `write`, all together.

    Values are bound as given, so every row names the same columns for the same kind of change.
    """

    def __init__(self, table: sa.Table) -> None:
        self._table = table
        self._groups: dict[tuple[tuple[str, Any], ...], list[Any]] = {}

    def set(self, row_id: Any, values: Mapping[str, Any]) -> None:
        """Note new values for one row."""
        self._groups.setdefault(tuple(values.items()), []).append(row_id)

    def write(self, connection: sa.Connection) -> None:
        """Execute one statement for each set of values that several rows share, and one batch for the other rows."""
        kind = connection.dialect.name
        single: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for values, ids in self._groups.items():
            bound = {f"v_{name}": value for name, value in values}
            names = tuple(name for name, _ in values)
            if len(ids) == 1 and kind != "postgresql":
                single.setdefault(names, []).append(bound | {"which": ids[0]})
                continue
            for start in range(0, len(ids), LONGEST):
                part = {"which": ids[start : start + LONGEST]}
                connection.execute(_update_all(self._table, names, kind), bound | part)
        for names, rows in single.items():
            connection.execute(_update_each(self._table, names), rows)


def in_list(column: sa.ColumnElement[Any], name: str, kind: str) -> sa.ColumnElement[bool]:
    """Return the condition that a column holds one of the values bound as `name`; `kind` is the dialect's name."""
    if kind == "postgresql":
        return column == sa.any_(sa.bindparam(name, type_=Listed(column.type)))
    return column.in_(sa.bindparam(name, expanding=True))


def one_of(column: sa.ColumnElement[Any], values: Sequence[Any], kind: str) -> sa.ColumnElement[bool]:
    """Return the condition that a column holds one of these values, which were read from it: odd ones are found too."""
    if kind == "postgresql":
        return column == sa.any_(sa.bindparam(None, list(values), type_=Listed(column.type), unique=True))
    if all(isinstance(value, str) and _whole(value) for value in values):
        return column.in_(values)
    return column.in_([as_read(value) for value in values])


def by_index(query: sa.Select[Any], table: sa.FromClause, index: str) -> sa.Select[Any]:
    """Return the query with the index it is answered by.

    SQLite knows how many rows a value has on average, which among a million finished ones is half of them, and would
    read the table. PostgreSQL keeps count of the common values and needs no word.
    """
    query = query.with_hint(table, f"INDEXED BY {index}", "sqlite")
    return query.with_hint(table, f"FORCE INDEX ({index})", "mysql")


def by_key(query: sa.Select[Any], table: sa.FromClause) -> sa.Select[Any]:
    """Return the query with the word that the primary key answers it; the other engines see that it gives the order."""
    return query.with_hint(table, "FORCE INDEX (PRIMARY)", "mysql")


def as_read(value: Any) -> sa.ColumnElement[Any]:
    """Return what stands for a value as it was read: SQLite holds octets, and texts that no driver binds."""
    if isinstance(value, bytes):
        return sa.literal(value, sa.LargeBinary)
    if isinstance(value, str) and not _whole(value):
        return sa.cast(sa.literal(value.encode("utf-8", "surrogateescape"), sa.LargeBinary), sa.Text)
    return sa.literal(value)


def insert(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows of texts, numbers and bytes that name the same columns, in few statements where the engine can."""
    if connection.dialect.name == "sqlite":
        connection.execute(table.insert(), rows)
        return
    names = tuple(rows[0])
    if connection.dialect.name == "mysql":
        quote = connection.dialect.identifier_preparer
        columns = ", ".join(map(quote.quote, names))
        statement = f"INSERT INTO {quote.format_table(table)} ({columns}) VALUES %s"  # noqa: S608 — quoted names
        for part in literals([row[name] for name in names] for row in rows):
            connection.exec_driver_sql(statement, (part,))
        return
    connection.execute(_unnested(table, names), {name: [row[name] for row in rows] for name in names})


class Listed(sa.types.TypeDecorator[Any]):
    """A list as PostgreSQL's array literal: the driver's own way of writing one took a tenth of the lane's time.

    It is bound as an array, not as a text to be cast: a scan would repeat the cast for every row.
    """

    impl = sa.ARRAY
    cache_ok = True

    def __init__(self, element: sa.types.TypeEngine[Any]) -> None:
        # without its length: a cast to varchar(36) would cut what is too long, where a column refuses it
        super().__init__(sa.Text() if isinstance(element, sa.String) else element)

    def bind_processor(self, dialect: sa.Dialect) -> Callable[[Any], str | None]:
        """Return the function that writes a list of texts, numbers, bytes and None as an array literal."""
        return _literal


@lru_cache(maxsize=64)
def _update_all(table: sa.Table, names: tuple[str, ...], kind: str) -> sa.Update:
    return table.update().where(in_list(table.c.id, "which", kind)).values(_bound(names))


@lru_cache(maxsize=64)
def _update_each(table: sa.Table, names: tuple[str, ...]) -> sa.Update:
    return table.update().where(table.c.id == sa.bindparam("which")).values(_bound(names))


def _bound(names: tuple[str, ...]) -> dict[str, sa.BindParameter[Any]]:
    return {name: sa.bindparam(f"v_{name}") for name in names}


@lru_cache(maxsize=16)
def _unnested(table: sa.Table, names: tuple[str, ...]) -> sa.Insert:
    columns = [table.c[name] for name in names]
    arrays = [sa.bindparam(column.name, type_=Listed(column.type)) for column in columns]
    rows = sa.func.unnest(*arrays).table_valued(*(sa.column(column.name, column.type) for column in columns))
    return table.insert().from_select(names, sa.select(*rows.render_derived().c))


def _whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _literal(elements: Sequence[Any] | None) -> str | None:
    return None if elements is None else f"{{{','.join(map(_element, elements))}}}"


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return f'"\\\\x{value.hex()}"' if isinstance(value, bytes) else str(value)
