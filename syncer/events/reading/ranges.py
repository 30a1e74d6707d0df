"""Conditions that an index answers: every value but the one that a million rows have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa

from syncer.database.bulk import LONGEST

T = TypeVar("T")


def all_but(column: sa.Column[Any], value: str) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    """Return two conditions: below a value and above it. What syncer never writes lies there too."""
    return column < value, column > value


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


def parts(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield a few hundred values at once."""
    for start in range(0, len(values), LONGEST):
        yield values[start : start + LONGEST]
