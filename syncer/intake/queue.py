"""The SQL of the queue table, the contract with producers; it may lie in another database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from syncer.database.connections import reading, writing
from syncer.database.failures import retry_on_conflict
from syncer.database.tables import Tables

#: characters of an address that are read; an address has at most 254, so the rest does not belong to one
LONGEST = 400
#: rows written with one statement
INSERTED = 500


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One queue row, read without trusting any of it. `None` stands for NULL; times as the driver gave them."""

    id: int
    event_key: str | None
    kind: str | None
    email: str | None = field(repr=False)
    received_at: Any
    source: str | None
    source_ref: str | None
    created_at: Any


class Queue:
    """The queue table through its own engine."""

    def __init__(self, engine: sa.Engine, tables: Tables, *, shared: bool) -> None:
        self.engine = engine
        self.table = tables.queue
        #: whether it lies in syncer's own database, so that one transaction can do both sides
        self.shared = shared

    def waiting(self, limit: int) -> list[QueueRow]:
        """Return the oldest rows that nobody has taken. Never a cursor over ids or times: those commit out of order."""
        with reading(self.engine) as connection:
            return self.read(connection, self.is_open, limit)

    def count(self) -> int:
        """Return how many rows wait."""
        with reading(self.engine) as connection:
            query = sa.select(sa.func.count()).select_from(self.table).where(self.is_open)
            return int(connection.execute(query).scalar_one())

    def made(self, prefix: str) -> list[tuple[str, str | None, datetime | None]]:
        """Return (key, source_ref, created_at in UTC or None) of every row whose key begins so, taken or not."""
        t = self.table.c
        query = sa.select(t.event_key, t.source_ref, self._as_text(t.created_at)).where(
            t.event_key.startswith(prefix, autoescape=True)
        )
        with reading(self.engine) as connection:
            return [(str(_text(row[0])), _text(row[1]), _made_at(row[2])) for row in connection.execute(query)]

    def taken_since(self, moment: datetime) -> list[tuple[str, str | None]]:
        """Return (key, kind) of the rows that were taken since then (UTC)."""
        t = self.table.c
        query = sa.select(sa.type_coerce(t.event_key, sa.Text), sa.type_coerce(t.kind, sa.Text))
        with reading(self.engine) as connection:
            rows = connection.execute(query.where(t.taken_at >= moment).order_by(t.id)).all()
        return [(str(_text(key)), _text(kind)) for key, kind in rows]

    @property
    def is_open(self) -> sa.ColumnElement[bool]:
        """The condition that nobody has taken a row."""
        return self.table.c.taken_at.is_(None)

    def _columns(self) -> list[sa.ColumnElement[Any]]:
        t = self.table.c
        # every column as plain text: SQLite stores what a producer wrote, PostgreSQL knows 'infinity', and a typed
        # read of either raises
        return [
            t.id,
            sa.type_coerce(t.event_key, sa.Text),
            sa.type_coerce(t.kind, sa.Text),
            sa.func.substr(t.email, 1, LONGEST).label("email"),
            self._as_text(t.received_at).label("received_at"),
            sa.type_coerce(t.source, sa.Text),
            sa.type_coerce(t.source_ref, sa.Text),
            self._as_text(t.created_at).label("created_at"),
        ]

    def _as_text(self, moment: sa.Column[Any]) -> sa.ColumnElement[Any]:
        if self.engine.dialect.name != "postgresql":
            return sa.cast(moment, sa.Text)
        # JSON has one way to write a time; a cast follows the DateStyle of the session
        return sa.func.jsonb_extract_path_text(sa.func.jsonb_build_object("at", moment), "at")

    def read(
        self, connection: sa.Connection, which: sa.ColumnElement[bool], limit: int | None = None
    ) -> list[QueueRow]:
        """Return the oldest rows that meet a condition."""
        query = sa.select(*self._columns()).where(which).order_by(self.table.c.id).limit(limit)
        return [
            QueueRow(
                id=row[0],
                event_key=_text(row[1]),
                kind=_text(row[2]),
                email=_text(row[3]),
                received_at=row[4],
                source=_text(row[5]),
                source_ref=_text(row[6]),
                created_at=row[7],
            )
            for row in connection.execute(query)
        ]

    def mark_taken(self, connection: sa.Connection, rows: Sequence[QueueRow], now: datetime) -> None:
        """Mark these rows as taken, now that they are events, and blank their addresses. `now` is UTC.

        A row that took the place of one of them since they were read, with its id and another key, stays as it is.
        """
        if rows:
            update = self.table.update().where(self.table.c.id.in_([row.id for row in rows]), self._still(rows))
            connection.execute(update.values(taken_at=now, email=None))

    def _still(self, rows: Sequence[QueueRow]) -> sa.ColumnElement[bool]:
        t = self.table.c
        keyed = [(row.id, row.event_key) for row in rows if row.event_key is not None and _encodable(row.event_key)]
        others = [row.id for row in rows if row.event_key is None or not _encodable(row.event_key)]
        same = sa.or_(sa.tuple_(t.id, t.event_key).in_(keyed), t.id.in_(others))
        if self.engine.dialect.name == "sqlite":  # where a producer may have stored bytes, which equal no text
            return sa.or_(same, sa.func.typeof(t.event_key) != "text")
        return same

    @retry_on_conflict
    def insert(self, rows: Sequence[dict[str, Any]]) -> int:
        """Insert all rows or none, as a producer would, and return how many were new.

        A key that is there already changes nothing. Raises what the database raises; then no row was kept.
        """
        with writing(self.engine) as connection:
            parts = [rows[start : start + INSERTED] for start in range(0, len(rows), INSERTED)]
            return sum(self._insert(connection, part) for part in parts)

    def _insert(self, connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> int:
        try:
            with connection.begin_nested():
                connection.execute(self.table.insert(), list(rows))
        except sa.exc.IntegrityError:
            # some are there already: one question says which, halves find out what it does not say
            new = self._new(connection, rows)
            if len(new) < len(rows):
                return self._insert(connection, new) if new else 0
            half = len(rows) // 2
            return self._insert(connection, rows[:half]) + self._insert(connection, rows[half:]) if half else 0
        return len(rows)

    def _new(self, connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the rows whose keys the queue does not have, the first of each key."""
        key = self.table.c.event_key
        query = sa.select(sa.type_coerce(key, sa.Text)).where(key.in_([row["event_key"] for row in rows]))
        there = {_text(found) for (found,) in connection.execute(query)}
        first = {row["event_key"]: row for row in reversed(rows)}
        return [row for row in rows if row["event_key"] not in there and first[row["event_key"]] is row]


def _encodable(text: str) -> bool:
    return text.isascii() or text == text.encode("utf-8", "replace").decode()


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


def _made_at(value: Any) -> datetime | None:
    try:
        return moment(value)
    except ValueError:
        return None


def moment(value: Any) -> datetime | None:
    """Return a time of the queue (UTC by contract) given as datetime or text, None for NULL. Raises ValueError."""
    if value is None:
        return None
    if isinstance(value, str):
        value = datetime.fromisoformat(value.strip())
    if not isinstance(value, datetime):
        raise ValueError("not a time")
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
