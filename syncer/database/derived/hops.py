"""The few different values of an indexed column among a million rows: from one to the next through the index."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa


def distinct(column: sa.Column[Any], kind: str) -> sa.Select[Any]:
    """Return the query for the different values of a column that begins an index; `kind` is the dialect's name.

    MariaDB and MySQL hop by themselves. SQLite and PostgreSQL would read the whole index.
    """
    if kind == "mysql":
        return sa.select(column).distinct()
    first = sa.select(sa.func.min(column).label("value")).cte("hop", recursive=True)
    further = column.table.alias("further").c[column.name]
    following = sa.select(sa.func.min(further)).where(further > first.c.value).scalar_subquery()
    hop = first.union_all(sa.select(following).where(first.c.value.is_not(None)))
    return sa.select(hop.c.value).where(hop.c.value.is_not(None))
