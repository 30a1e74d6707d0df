"""A walk along an index, page by page from the key where the last one ended: no page costs more than the first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from syncer.events.reading.ranges import by_index, by_key, text

#: where an event stands in an index, as the database holds it: what is read as a time may stand there more exactly
Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Walk:
    """Events in the order of an index, by one or two columns of which the last is the event's id.

    `conditions` are those on its table; `index` is None for the primary key.
    """

    table: sa.Table
    columns: tuple[sa.Column[Any], ...]
    conditions: tuple[sa.ColumnElement[bool], ...]
    index: str | None

    def page(
        self, connection: sa.Connection, size: int, at: Key | None, *, back: bool = False, on: bool = False
    ) -> list[Key]:
        """Return the keys of at most `size` events behind `at`, or `on` it and behind; `back` towards the old."""
        raw: list[Any] = [sa.type_coerce(column, sa.types.NULLTYPE) for column in self.columns]
        query = sa.select(*raw)
        if at is not None:
            query = query.where(self._beyond(at, back, on))
        order = (column.desc() if back else column for column in self.columns)
        query = query.where(*self.conditions).order_by(*order).limit(size)
        query = by_index(query, self.table, self.index) if self.index else by_key(query, self.table)
        return [tuple(row) for row in connection.execute(query)]

    def _beyond(self, at: Key, back: bool, on: bool) -> sa.ColumnElement[bool]:
        *before, last = zip(self.columns, map(text, at), strict=True)
        column, value = last
        beyond = (column <= value if on else column < value) if back else (column >= value if on else column > value)
        for column, value in before:
            # not as a pair: MariaDB finds no range for one
            nearer, farther = (column <= value, column < value) if back else (column >= value, column > value)
            beyond = sa.and_(nearer, sa.or_(farther, beyond))
        return beyond
