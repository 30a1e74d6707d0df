"""The SQL of messages on their way, and of the channels that take them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from syncer.database.column_types import HeldRow, as_held
from syncer.database.tables import Tables
from syncer.domain.codes import DAMAGED

#: how long a message waits for its next try at most
LONGEST_WAIT = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class MessageRow:
    """A message to one channel; `alerts` is JSON. `answers` is the message that it goes on from. Moments UTC."""

    id: int
    channel: str
    message_id: str
    answers: str | None
    kind: str
    severity: str
    subject: str
    body: str
    alerts: str
    created_at: datetime
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """How a channel stands: since when it fails and why, whether its receiver switched it off, and when it last took
    something; `digest_at` is the last moment for which a digest was written (all UTC)."""

    name: str
    failing_since: datetime | None = None
    off_at: datetime | None = None
    sent_at: datetime | None = None
    error: str | None = None
    digest_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class MessageFate:
    """What became of a message so far; moments UTC, of which no damaged one is known. It waits where it has a next
    try."""

    id: int
    channel: str
    kind: str
    severity: str
    subject: str
    created_at: datetime | None
    next_try_at: datetime | None
    attempts: int
    sent_at: datetime | None
    given_up_at: datetime | None
    error: str | None


_COLUMNS = tuple(MessageRow.__slots__)


def put(connection: sa.Connection, tables: Tables, message: MessageRow, next_try_at: datetime | None) -> int:
    """Write a message and return its id; with `next_try_at` None no daemon sends it by itself."""
    values = {name: getattr(message, name) for name in _COLUMNS if name != "id"}
    done = connection.execute(tables.alert_message.insert().values(**values, next_try_at=next_try_at))
    assert done.inserted_primary_key is not None
    return int(done.inserted_primary_key[0])


def due(
    connection: sa.Connection, tables: Tables, now: datetime, channels: Collection[str], most: int
) -> list[MessageRow]:
    """Return at most so many messages to these channels whose time has come, in the order in which it came.

    Damaged rows are left out.
    """
    m = tables.alert_message.c
    # what is to wait for longer than any wait was written by a clock that has been set back since
    come = sa.or_(m.next_try_at <= now, m.next_try_at > now + LONGEST_WAIT)
    query = sa.select(*as_held(_message(tables))).where(come, m.channel.in_(channels))
    return _messages(connection, tables, query.order_by(m.next_try_at, m.id).limit(most))


def claim(connection: sa.Connection, tables: Tables, message: MessageRow, again_at: datetime) -> bool:
    """Count an attempt before it is made and say whether it is ours; without a result it is due again at `again_at`."""
    m = tables.alert_message
    mine = sa.and_(m.c.id == message.id, m.c.attempts == message.attempts, m.c.next_try_at.is_not(None))
    done = connection.execute(m.update().where(mine).values(attempts=message.attempts + 1, next_try_at=again_at))
    return done.rowcount == 1


def sent(connection: sa.Connection, tables: Tables, message: MessageRow, now: datetime) -> None:
    """Note that a message was accepted, and that its channel works."""
    m = tables.alert_message
    connection.execute(m.update().where(m.c.id == message.id).values(sent_at=now, next_try_at=None, error=None))
    values = {"sent_at": now, "failing_since": None, "off_at": None, "error": None}
    _channel(connection, tables, message.channel, values)


def failed(
    connection: sa.Connection, tables: Tables, message: MessageRow, now: datetime, error: str, *, give_up: bool
) -> None:
    """Note that a message was not accepted, and for good where it is given up."""
    m = tables.alert_message
    values: dict[str, Any] = {"error": error[:255]}
    if give_up:
        values |= {"given_up_at": now, "next_try_at": None}
    connection.execute(m.update().where(m.c.id == message.id).values(values))
    standing = channels(connection, tables).get(message.channel)
    before = standing.failing_since if standing is not None else None
    since = now if before is None else min(before, now)  # a clock may have been set back
    _channel(connection, tables, message.channel, {"failing_since": since, "error": error[:255]})


def switched_off(connection: sa.Connection, tables: Tables, channel: str, now: datetime) -> list[MessageRow]:
    """Note that a receiver wants nothing any more, give up what waits for it, and return that."""
    m = tables.alert_message
    waiting = sa.and_(m.c.channel == channel, m.c.next_try_at.is_not(None))
    query = sa.select(*[m.c[name] for name in _COLUMNS]).where(waiting)
    rows = [MessageRow(*row) for row in connection.execute(query)]
    connection.execute(m.update().where(waiting).values(given_up_at=now, next_try_at=None, error="switched off"))
    _channel(connection, tables, channel, {"off_at": now})
    return rows


def abandon_others(connection: sa.Connection, tables: Tables, names: Collection[str], now: datetime) -> None:
    """Give up what waits for channels that the settings do not name any more."""
    m = tables.alert_message
    gone = sa.and_(m.c.next_try_at.is_not(None), m.c.channel.not_in(names))
    connection.execute(m.update().where(gone).values(given_up_at=now, next_try_at=None, error="channel removed"))


def digest_written(connection: sa.Connection, tables: Tables, channel: str, at: datetime) -> None:
    """Note the moment (UTC) for which a channel's digest was written."""
    _channel(connection, tables, channel, {"digest_at": at})


def channels(connection: sa.Connection, tables: Tables) -> dict[str, ChannelRow]:
    """Return every channel to which something was ever sent, by name; what is damaged of one is None."""
    c = [tables.alert_channel.c[name] for name in ChannelRow.__slots__]
    held = [HeldRow(c, row) for row in connection.execute(sa.select(*as_held(c)))]
    return {row.name: ChannelRow(*row.values()) for row in held if row.name is not None}


def newest(connection: sa.Connection, tables: Tables, before: int | None, most: int) -> list[MessageFate]:
    """Return at most so many messages, the newest first; with `before` those written before that one.

    What is damaged of one reads as DAMAGED, or was never.
    """
    m = tables.alert_message.c
    columns = [m[name] for name in MessageFate.__slots__]
    query = sa.select(*as_held(columns)).order_by(m.id.desc()).limit(most)
    rows = connection.execute(query if before is None else query.where(m.id < before))
    return [_fate(HeldRow(columns, row)) for row in rows]


def waiting_trial(connection: sa.Connection, tables: Tables, channel: str) -> bool:
    """Say whether a trial of a channel waits to be sent."""
    m = tables.alert_message.c
    query = sa.select(m.id).where(m.channel == channel, m.kind == "test", m.next_try_at.is_not(None)).limit(1)
    return connection.execute(query).first() is not None


def given_up(connection: sa.Connection, tables: Tables, since: datetime) -> dict[str, int]:
    """Return how many messages to each channel were given up since a moment (UTC)."""
    m = tables.alert_message.c
    index = m.created_at >= since - timedelta(days=8)  # the oldest that can have been given up since
    query = sa.select(m.channel, sa.func.count()).where(m.given_up_at >= since, index, m.kind != "test")
    return {row[0]: row[1] for row in connection.execute(query.group_by(m.channel))}


def waiting(connection: sa.Connection, tables: Tables) -> dict[str, int]:
    """Return how many messages wait for each channel."""
    m = tables.alert_message.c
    query = sa.select(m.channel, sa.func.count()).where(m.next_try_at.is_not(None)).group_by(m.channel)
    return {row[0]: row[1] for row in connection.execute(query)}


def _message(tables: Tables) -> list[sa.Column[Any]]:
    return [tables.alert_message.c[name] for name in _COLUMNS]


def _messages(connection: sa.Connection, tables: Tables, query: sa.Select[Any]) -> list[MessageRow]:
    held = [HeldRow(_message(tables), row) for row in connection.execute(query)]
    return [MessageRow(*row.values()) for row in held if not row.damaged]


def _fate(row: HeldRow) -> MessageFate:
    return MessageFate(
        row.id,
        row.channel or DAMAGED,
        row.kind or DAMAGED,
        row.severity or DAMAGED,
        DAMAGED if row.subject is None else row.subject,
        row.created_at,
        row.next_try_at,
        row.attempts or 0,
        row.sent_at,
        row.given_up_at,
        row.error,
    )


def _channel(connection: sa.Connection, tables: Tables, name: str, values: dict[str, Any]) -> None:
    c = tables.alert_channel
    if not connection.execute(c.update().where(c.c.name == name).values(values)).rowcount:
        connection.execute(c.insert().values(name=name, **values))
