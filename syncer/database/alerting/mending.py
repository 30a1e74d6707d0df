"""The SQL that mends rows of alerts in which somebody wrote what syncer never writes: they stop nobody's alarm."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from syncer.database.alerting.board import is_sound
from syncer.database.column_types import HeldRow, as_held, raw
from syncer.database.tables import Tables
from syncer.domain.codes import DAMAGED

#: without a sound value in these an alert is still the same, and a message still tells what it told
_ALERT_GOES_ON = frozenset(("facts", "cleared_at", "quiet_until", "gone_since"))
_MESSAGE_GOES_ON = frozenset(("answers", "alerts", "created_at", "next_try_at", "attempts", "sent_at", "given_up_at"))


@dataclass(frozen=True, slots=True)
class DamagedRow:
    """A row that holds what syncer never writes: of which table, and in which columns; `key` is what finds it.

    What is held there is in no log: nobody knows what somebody wrote.
    """

    table: sa.Table
    columns: tuple[str, ...]
    key: tuple[Any, ...]


def damaged(connection: sa.Connection, tables: Tables) -> list[DamagedRow]:
    """Return the damaged rows of what an alarm relies on: open alerts, who was told, messages that wait, channels."""
    told_of = sa.select(tables.alert_told.c.alert_id)
    alerts = sa.or_(tables.alert.c.open_as.is_not(None), tables.alert.c.id.in_(told_of))
    waiting = tables.alert_message.c.next_try_at.is_not(None)
    return [
        *_damaged(connection, tables.alert, alerts),
        *_damaged(connection, tables.alert_told),
        *_damaged(connection, tables.alert_message, waiting),
        # one whose name is damaged is that of no channel, and the daemon's account deletes none
        *(row for row in _damaged(connection, tables.alert_channel) if "name" not in row.columns),
    ]


def mend(connection: sa.Connection, tables: Tables, rows: Iterable[DamagedRow], now: datetime) -> None:
    """Make rows such that nothing trips over them.

    An alert ends, and is raised anew where what it tells of is still so; a channel is told anew what it was told; a
    message whose words are damaged is given up.
    """
    for row in rows:
        table = row.table
        this = sa.and_(*(raw(column) == _bound(held) for column, held in zip(table.primary_key, row.key, strict=True)))
        if table is tables.alert:
            if not _ALERT_GOES_ON.issuperset(row.columns):
                t = tables.alert_told
                connection.execute(t.delete().where(raw(t.c.alert_id) == _bound(row.key[0])))
            connection.execute(table.update().where(this).values(_alert(row, now)))
        elif table is tables.alert_message:
            connection.execute(table.update().where(this).values(_message(row, now)))
        elif table is tables.alert_told:
            connection.execute(table.delete().where(this))
        else:
            connection.execute(table.update().where(this).values(dict.fromkeys(row.columns)))


def _alert(row: DamagedRow, now: datetime) -> Mapping[str, object]:
    if not _ALERT_GOES_ON.issuperset(row.columns):
        return {"open_as": None, "cleared_at": now}
    return {name: "{}" if name == "facts" else None for name in row.columns}


def _message(row: DamagedRow, now: datetime) -> Mapping[str, object]:
    if not _MESSAGE_GOES_ON.issuperset(row.columns):
        return {"next_try_at": None, "given_up_at": now, "error": DAMAGED}
    sound: Mapping[str, object] = {"alerts": "[]", "created_at": now, "next_try_at": now, "attempts": 0}
    return {name: sound.get(name) for name in row.columns}


def _damaged(connection: sa.Connection, table: sa.Table, *which: sa.ColumnElement[bool]) -> Iterator[DamagedRow]:
    key: Sequence[sa.Column[Any]] = tuple(table.primary_key)
    for row in connection.execute(sa.select(*as_held(table.c)).where(*which)).all():
        held = HeldRow(table.c, row)
        columns = held.damaged
        if not columns and table.name.endswith("alert") and not is_sound(held):
            columns = ("open_as",)
        if columns:
            yield DamagedRow(table, columns, tuple(row._mapping[column.key] for column in key))


def _bound(held: object) -> sa.ColumnElement[Any]:
    """Return a value of a row on its way back, as it was held."""
    try:
        str(held).encode()
    except UnicodeEncodeError:  # SQLite's bytes that are no UTF-8 came as halves of surrogate pairs
        return sa.cast(sa.literal(str(held).encode("utf-8", "surrogateescape"), sa.LargeBinary), sa.Text)
    return sa.literal(held, sa.types.NULLTYPE)
