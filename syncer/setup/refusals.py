"""What each account must be refused: everything that `syncer db grants` does not give it, as statements to try."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from syncer.database.revisions import version_table
from syncer.database.tables import Tables
from syncer.intake.wordpress.tables import wordpress_tables
from syncer.setup.granted.grant import Grant
from syncer.setup.grants import ACCOUNTS, grants

#: the accounts that can be tried; `migrate` may do everything with the tables
TRIED = tuple(name for name in ACCOUNTS if name != "migrate")
#: how a right is tried, one column at a time. No row fits an UPDATE or a DELETE: only the right to try counts. NULL
#: fits every type; where it may not stand, or the row lacks a value, the server says so after it has checked the right
_BY_COLUMN = {
    "SELECT": "SELECT {c} FROM {t} WHERE 1 = 0",
    "INSERT": "INSERT INTO {t} ({c}) VALUES (NULL)",
    "UPDATE": "UPDATE {t} SET {c} = NULL WHERE 1 = 0",
}
_BY_TABLE = {"DELETE": "DELETE FROM {t} WHERE 1 = 0"}
_WORDS = {
    "SELECT": "read {t} ({c})",
    "INSERT": "write {t} ({c})",
    "UPDATE": "change {t} ({c})",
    "DELETE": "delete rows of {t}",
    "TRUNCATE": "empty {t}",
}
#: columns that a phrase names; of more it gives the number
_NAMED = 4


@dataclass(frozen=True, slots=True)
class Forbidden:
    """A statement that an account must be refused: its verb, its table and, where it is about one, its column."""

    verb: str
    table: str
    column: str | None
    statement: str


def refusals(tables: Tables, account: str, kind: str) -> tuple[Forbidden, ...]:
    """Return what `account` must be refused by a server of this `kind` (mysql, postgresql). Pure.

    TRUNCATE is among it for PostgreSQL alone: MariaDB and MySQL commit it at once.
    """
    quote, own = ("`" if kind == "mysql" else '"'), [item for item in grants(tables) if item.account == account]
    return tuple(
        Forbidden(verb, table, column, pattern.format(t=f"{quote}{table}{quote}", c=f"{quote}{column}{quote}"))
        for table, columns in _columns(tables).items()
        for verb, column, pattern in _tries(kind, columns)
        if not _given(own, table, verb, column) and (verb == "SELECT" or (table, column) not in _derived(tables))
    )


def phrases(went_through: Sequence[Forbidden]) -> Iterator[str]:
    """Yield what an account may do beyond its need, one phrase for each verb and table."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for item in went_through:
        grouped.setdefault((item.verb, item.table), []).append(item.column or "")
    for (verb, table), columns in grouped.items():
        more = [f"{len(columns) - _NAMED + 1} more"] if len(columns) > _NAMED else []
        named = columns[: _NAMED - 1] if more else columns
        yield _WORDS[verb].format(t=table, c=", ".join([*named, *more]))


def _columns(tables: Tables) -> dict[str, tuple[str, ...]]:
    wordpress = wordpress_tables(tables.prefix)
    every = [tables.queue, *tables.own, wordpress.request, wordpress.site]
    found = {table.name: tuple(column.name for column in table.c) for table in every}
    return found | {version_table(tables.prefix): ("version_num",)}


def _derived(tables: Tables) -> set[tuple[str, str | None]]:
    """Return the columns that the database fills itself: it lets nobody write them, whatever their rights."""
    columns = (column for table in tables.own for column in table.c)
    return {(column.table.name, column.name) for column in columns if type(column.server_default) is sa.FetchedValue}


def _tries(kind: str, columns: Sequence[str]) -> Iterator[tuple[str, str | None, str]]:
    for verb, pattern in _BY_COLUMN.items():
        yield from ((verb, column, pattern) for column in columns)
    whole = _BY_TABLE | ({"TRUNCATE": "TRUNCATE {t}"} if kind == "postgresql" else {})
    yield from ((verb, None, pattern) for verb, pattern in whole.items())


def _given(own: Sequence[Grant], table: str, verb: str, column: str | None) -> bool:
    return any(
        item.table == table and verb in item.verbs and (item.columns is None or column in item.columns) for item in own
    )
