"""Many rows changed by few statements: rows that get the same values share one UPDATE."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

#: ids in one statement; every engine takes more, but a long statement helps nobody
LONGEST = 500


class Changes:
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
        """Execute: one statement for each set of values that several rows share, one batch for the others."""
        alone: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for values, ids in self._groups.items():
            bound = {f"v_{name}": value for name, value in values}
            names = tuple(name for name, _ in values)
            if len(ids) == 1:
                alone.setdefault(names, []).append(bound | {"which": ids[0]})
                continue
            for start in range(0, len(ids), LONGEST):
                part = {"which": ids[start : start + LONGEST]}
                connection.execute(_update(self._table, names, many=True), bound | part)
        for names, rows in alone.items():
            connection.execute(_update(self._table, names, many=False), rows)


@lru_cache(maxsize=64)
def _update(table: sa.Table, names: tuple[str, ...], *, many: bool) -> sa.Update:
    which: sa.BindParameter[Any] = sa.bindparam("which", expanding=many)
    where = table.c.id.in_(which) if many else table.c.id == which
    return table.update().where(where).values({name: sa.bindparam(f"v_{name}") for name in names})
