"""The SQL of the queue table, the contract with producers; it may lie in another database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from syncer.database.connections import reading, writing
from syncer.database.failures import in_words, is_duplicate, is_refused, retry_on_conflict
from syncer.database.tables import Tables
from syncer.errors import UserError

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


class RowRefused(UserError):
    """Raised when the queue table does not take a row; `row` is the one, `why` the kind of refusal."""

    def __init__(self, row: Mapping[str, Any], why: str) -> None:
        super().__init__(f"the queue table refuses a row ({why}); look for a constraint or trigger that somebody added")
        self.row = row
        self.why = why


class Queue:
    """The queue table through its own engine."""

    def __init__(self, engine: sa.Engine, tables: Tables, *, shared: bool) -> None:
        self.engine = engine
        self.table = tables.queue
        #: whether it lies in syncer's own database, so that one transaction can do both sides
        self.shared = shared

    def waiting(self, limit: int, after: Any = None) -> list[QueueRow]:
        """Return the oldest rows that nobody has taken, within one pass those behind the id `after`.

        Each pass begins with the oldest again: ids and times commit out of order.
        """
        behind = sa.true() if after is None else self.table.c.id > after
        with reading(self.engine) as connection:
            return self.read(connection, sa.and_(self.is_open, self.table.c.id.is_not(None), behind), limit)

    def ahead(self, kind: str, after: Any, reach: int) -> tuple[list[Any], Any]:
        """Return the ids of a kind among the next `reach` waiting rows behind the id `after`, the oldest first.

        And the id of the last row that was looked at, None where the queue ended. It reads `reach` rows at most,
        whatever indexes the table has.
        """
        c = self.table.c
        behind = sa.true() if after is None else c.id > after
        near = sa.select(c.id, c.kind).where(self.is_open, c.id.is_not(None), behind)
        with reading(self.engine) as connection:
            ids = self._of_kind(connection, kind, near.order_by(c.id).limit(reach))
            last = near.with_only_columns(c.id).order_by(c.id).limit(1).offset(reach - 1)
            return ids, connection.execute(last).scalar()

    def newest(self, kind: str, reach: int) -> list[Any]:
        """Return the ids of a kind among the `reach` newest waiting rows, the oldest first."""
        c = self.table.c
        newest = sa.select(c.id, c.kind).where(self.is_open, c.id.is_not(None)).order_by(c.id.desc()).limit(reach)
        with reading(self.engine) as connection:
            return self._of_kind(connection, kind, newest)

    def _of_kind(self, connection: sa.Connection, kind: str, among: sa.Select[Any]) -> list[Any]:
        # the rows are looked through where they lie: only ids of the kind come back
        rows = among.subquery()
        return list(connection.execute(sa.select(rows.c.id).where(rows.c.kind == kind).order_by(rows.c.id)).scalars())

    def of(self, ids: Sequence[Any]) -> list[QueueRow]:
        """Return those of the rows with these ids that wait, the oldest first."""
        with reading(self.engine) as connection:
            return self.read(connection, sa.and_(self.table.c.id.in_(ids), self.is_open))

    def has_new(self, behind: Any) -> sa.ColumnElement[bool]:
        """Return whether a row waits behind the id `behind`, any row where it is None, as an expression."""
        c = self.table.c
        new = sa.select(c.id).where(self.is_open, c.id.is_not(None), sa.true() if behind is None else c.id > behind)
        # by the order of the index: whether there is one must not be found out by reading all that were taken
        return new.order_by(c.id).limit(1).scalar_subquery().is_not(None)

    def still_waiting(self, connection: sa.Connection, rows: Sequence[QueueRow]) -> list[QueueRow]:
        """Return those of the rows that are open, as they are in this transaction, and keep others from them."""
        query = sa.and_(self.table.c.id.in_([row.id for row in rows]), self.is_open)
        return self.read(connection, query, lock=True) if rows else []

    def count_of(self, ids: Sequence[int]) -> int:
        """Return how many of these rows nobody has taken, and of those without an id."""
        c = self.table.c
        mine = sa.or_(c.id.in_(ids), c.id.is_(None))
        with reading(self.engine) as connection:
            query = sa.select(sa.func.count()).select_from(self.table).where(self.is_open, mine)
            return int(connection.execute(query).scalar_one())

    def holds(self, key: str) -> bool:
        """Say whether the row of an event key waits."""
        with reading(self.engine) as connection:
            query = sa.select(sa.func.count()).select_from(self.table)
            return bool(connection.execute(query.where(self.is_open, self.table.c.event_key == key)).scalar_one())

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
        unmarked = self.table.c.taken_at.is_(None)
        # few rows wait and many were taken, whatever the statistics make of that: SQLite would read them all
        return sa.func.unlikely(unmarked) if self.engine.dialect.name == "sqlite" else unmarked

    def _columns(self) -> list[sa.ColumnElement[Any]]:
        t = self.table.c
        # every column as plain text: SQLite stores what a producer wrote, PostgreSQL knows 'infinity', and a typed
        # read of either raises
        return [
            t.id,
            self._beginning(t.event_key),
            self._beginning(t.kind),
            self._beginning(t.email),
            self._beginning(self._as_text(t.received_at)),
            self._beginning(t.source),
            self._beginning(t.source_ref),
            self._beginning(self._as_text(t.created_at)),
        ]

    def _beginning(self, text: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Return what is read of a text: two hundred rows of 10 MB in every column would fill the memory."""
        start = sa.type_coerce(sa.func.substr(text, 1, LONGEST), sa.Text)
        if self.engine.dialect.name != "sqlite":
            return start
        # substr() of SQLite ends a text at its first NUL, and would make another address of it
        # (https://www.sqlite.org/nulinstr.html)
        octets = sa.func.substr(sa.cast(text, sa.LargeBinary), 1, LONGEST)
        return sa.case((sa.func.instr(text, sa.func.char(0)) > 0, sa.type_coerce(octets, sa.Text)), else_=start)

    def _as_text(self, moment: sa.Column[Any]) -> sa.ColumnElement[Any]:
        if self.engine.dialect.name != "postgresql":
            return sa.cast(moment, sa.Text)
        # JSON has one way to write a time; a cast follows the DateStyle of the session
        return sa.func.jsonb_extract_path_text(sa.func.jsonb_build_object("at", moment), "at")

    def read(
        self, connection: sa.Connection, which: sa.ColumnElement[bool], limit: int | None = None, *, lock: bool = False
    ) -> list[QueueRow]:
        """Return the oldest rows that meet a condition; `lock` keeps others from them until the transaction ends."""
        query = sa.select(*self._columns()).where(which).order_by(self.table.c.id).limit(limit)
        query = query.with_for_update() if lock else query
        return [
            QueueRow(
                id=row[0],
                event_key=_text(row[1]),
                kind=_text(row[2]),
                email=_text(row[3]),
                received_at=_text(row[4]),
                source=_text(row[5]),
                source_ref=_text(row[6]),
                created_at=_text(row[7]),
            )
            for row in connection.execute(query)
        ]

    def mark_taken(self, connection: sa.Connection, rows: Sequence[QueueRow], now: datetime) -> list[QueueRow]:
        """Mark these rows as taken, now that they are events, and blank their addresses. `now` is UTC.

        A row that is no longer what was read stays as it is. Return those that are, and cannot be marked all the same.
        """
        read = {row.id: row for row in rows}
        same = [row for row in self.still_waiting(connection, rows) if read.get(row.id) == row]
        if same:
            update = self.table.update().where(self.table.c.id.in_([row.id for row in same]), self.is_open)
            connection.execute(update.values(taken_at=now, email=None))
        # a trigger, or a rule of PostgreSQL, may let the statement pass and change nothing
        return self.still_waiting(connection, same)

    @retry_on_conflict
    def insert(self, rows: Sequence[dict[str, Any]]) -> int:
        """Insert all rows or none, as a producer would, and return how many were new.

        A key that is there already changes nothing. Raises RowRefused for a row that the table does not take, and
        what the database raises; then no row was kept.
        """
        with writing(self.engine) as connection:
            parts = [rows[start : start + INSERTED] for start in range(0, len(rows), INSERTED)]
            return sum(self._insert(connection, part) for part in parts)

    def _insert(self, connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> int:
        try:
            with connection.begin_nested():
                connection.execute(self.table.insert(), list(rows))
        except sa.exc.DBAPIError as error:
            if not is_refused(error):
                raise
            # some may be there already: one question says which, halves find out what it does not say
            new = self._new(connection, rows) if is_duplicate(error) else rows
            if len(new) < len(rows):
                return self._insert(connection, new) if new else 0
            half = len(rows) // 2
            if half:
                return self._insert(connection, rows[:half]) + self._insert(connection, rows[half:])
            if not is_duplicate(error):
                raise RowRefused(rows[0], in_words(error)) from None
            return 0  # somebody else's transaction brought it meanwhile
        return len(rows)

    def _new(self, connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the rows whose keys the queue does not have, the first of each key."""
        key = self.table.c.event_key
        query = sa.select(sa.type_coerce(key, sa.Text)).where(key.in_([row["event_key"] for row in rows]))
        there = {_text(found) for (found,) in connection.execute(query)}
        first = {row["event_key"]: row for row in reversed(rows)}
        return [row for row in rows if row["event_key"] not in there and first[row["event_key"]] is row]


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
    """Return a time of the queue (UTC by contract) given as datetime or text, None for NULL.

    Raises ValueError and nothing else, also for a time whose zone leads to a year that UTC does not have.
    """
    if value is None:
        return None
    if isinstance(value, str):
        value = datetime.fromisoformat(value.strip())
    if not isinstance(value, datetime):
        raise ValueError("not a time")
    try:
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    except OverflowError:
        raise ValueError("not a time that UTC has a year for") from None
