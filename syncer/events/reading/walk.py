"""A walk along an index, page by page from the key where the last one ended: no page costs more than the first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from syncer.database.bulk import as_read, by_index, by_key

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
        """Return the keys of at most `size` events behind `at`, or `on` it and behind; `back` for those before it."""
        found: list[Key] = []
        for condition in self._beyond(at, back, on) if at is not None else (sa.true(),):
            if len(found) < size:
                found += self._read(connection, condition, size - len(found), back)
        return found

    def _read(self, connection: sa.Connection, condition: sa.ColumnElement[bool], size: int, back: bool) -> list[Key]:
        raw: list[Any] = [sa.type_coerce(column, sa.types.NULLTYPE) for column in self.columns]
        order = (column.desc() if back else column for column in self.columns)
        query = sa.select(*raw).where(condition, *self.conditions).order_by(*order).limit(size)
        query = by_index(query, self.table, self.index) if self.index else by_key(query, self.table)
        return [tuple(row) for row in connection.execute(query)]

    def _beyond(self, at: Key, back: bool, on: bool) -> Iterator[sa.ColumnElement[bool]]:
        """Yield a condition for each range of the index, the nearer first: together they would be no range."""
        *first, event_id = self.columns
        *moment, last = map(as_read, at)
        same = [column == value for column, value in zip(first, moment, strict=True)]
        yield sa.and_(*same, (event_id >= last if on else event_id > last) if not back else event_id < last)
        for column, value in zip(first, moment, strict=True):
            yield column < value if back else column > value
