"""Many rows changed by few statements: rows that get the same values share one UPDATE."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from syncer.database.bulk import among

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
        kind = connection.dialect.name
        alone: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for values, ids in self._groups.items():
            bound = {f"v_{name}": value for name, value in values}
            names = tuple(name for name, _ in values)
            if len(ids) == 1 and kind != "postgresql":
                alone.setdefault(names, []).append(bound | {"which": ids[0]})
                continue
            for start in range(0, len(ids), LONGEST):
                part = {"which": ids[start : start + LONGEST]}
                connection.execute(_update_all(self._table, names, kind), bound | part)
        for names, rows in alone.items():
            connection.execute(_update_each(self._table, names), rows)


@lru_cache(maxsize=64)
def _update_all(table: sa.Table, names: tuple[str, ...], kind: str) -> sa.Update:
    return table.update().where(among(table.c.id, "which", kind)).values(_bound(names))


@lru_cache(maxsize=64)
def _update_each(table: sa.Table, names: tuple[str, ...]) -> sa.Update:
    return table.update().where(table.c.id == sa.bindparam("which")).values(_bound(names))


def _bound(names: tuple[str, ...]) -> dict[str, sa.BindParameter[Any]]:
    return {name: sa.bindparam(f"v_{name}") for name in names}
