"""The SQL of the board: one open alert for each condition and scope, and who was told of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa

from syncer.database.column_types import HeldRow, as_held
from syncer.database.tables import Tables

#: what an alert says besides its name: counts, days, names of recipients
AlertFacts = Mapping[str, int | str]


@dataclass(frozen=True, slots=True)
class AlertRow:
    """An alert from its raising to its clearing. Moments UTC; `gone_since` is when it was first not seen any more."""

    id: int
    condition: str
    scope: str
    topic: str
    severity: str
    facts: AlertFacts
    raised_at: datetime
    cleared_at: datetime | None
    quiet_until: datetime | None
    gone_since: datetime | None


@dataclass(frozen=True, slots=True)
class ToldRow:
    """That a channel was told of an alert: by which message first, how bad it was then, and when last (UTC)."""

    alert_id: int
    channel: str
    message_id: str
    severity: str
    told_at: datetime


def open_alerts(connection: sa.Connection, tables: Tables) -> list[AlertRow]:
    """Return the open alerts, the oldest first; damaged rows are left out."""
    return _alerts(connection, tables, tables.alert.c.open_as.is_not(None))


def cleared_and_told(connection: sa.Connection, tables: Tables) -> list[AlertRow]:
    """Return the cleared alerts of which somebody was told, and not yet that they are over; no damaged rows."""
    a, told = tables.alert.c, sa.select(tables.alert_told.c.alert_id)
    return _alerts(connection, tables, a.open_as.is_(None), a.id.in_(told))


def told(connection: sa.Connection, tables: Tables) -> list[ToldRow]:
    """Return who was told of what; damaged rows are left out."""
    t = tables.alert_told.c
    held = (HeldRow(t, row) for row in connection.execute(sa.select(*as_held(t))))
    return [ToldRow(*row.values()) for row in held if not row.damaged]


def raised_since(connection: sa.Connection, tables: Tables, since: datetime) -> dict[tuple[str, str], int]:
    """Return how often each condition and scope was raised since a moment (UTC)."""
    a = tables.alert.c
    query = sa.select(a.condition, a.scope, sa.func.count()).where(a.raised_at >= since)
    rows = connection.execute(query.group_by(a.condition, a.scope))
    return {(row[0], row[1]): row[2] for row in rows}


def add(connection: sa.Connection, tables: Tables, alert: AlertRow) -> AlertRow:
    """Write a new alert and return it with its id. Raises IntegrityError where one is open for its condition."""
    values = {
        "condition": alert.condition,
        "scope": alert.scope,
        "open_as": f"{alert.condition}:{alert.scope}",
        "topic": alert.topic,
        "severity": alert.severity,
        "facts": _text(alert.facts),
        "raised_at": alert.raised_at,
    }
    done = connection.execute(tables.alert.insert().values(values))
    assert done.inserted_primary_key is not None
    return replace(alert, id=int(done.inserted_primary_key[0]))


def change(connection: sa.Connection, tables: Tables, alert: AlertRow) -> None:
    """Write how an open alert stands now: severity, facts, since when it is not seen any more."""
    a = tables.alert
    values = {"severity": alert.severity, "facts": _text(alert.facts), "gone_since": alert.gone_since}
    connection.execute(a.update().where(a.c.id == alert.id, a.c.open_as.is_not(None)).values(values))


def clear(connection: sa.Connection, tables: Tables, alert_id: int, now: datetime) -> None:
    """Close an alert at `now` (UTC)."""
    a = tables.alert
    connection.execute(a.update().where(a.c.id == alert_id).values(open_as=None, cleared_at=now))


def quiet(connection: sa.Connection, tables: Tables, alert_id: int, until: datetime) -> bool:
    """Let an open alert not remind anybody before `until` (UTC); say whether there is one."""
    a = tables.alert
    done = connection.execute(a.update().where(a.c.id == alert_id, a.c.open_as.is_not(None)).values(quiet_until=until))
    return done.rowcount == 1


def tell(
    connection: sa.Connection, tables: Tables, channel: str, alerts: Sequence[AlertRow], message: str, now: datetime
) -> None:
    """Note that a channel is told of alerts by a message; the first message of each stays the one that is named."""
    t = tables.alert_told
    ids = [alert.id for alert in alerts]
    there = set(
        connection.execute(sa.select(t.c.alert_id).where(t.c.channel == channel, t.c.alert_id.in_(ids))).scalars()
    )
    for alert in alerts:
        if alert.id in there:
            mine = sa.and_(t.c.alert_id == alert.id, t.c.channel == channel)
            connection.execute(t.update().where(mine).values(severity=alert.severity, told_at=now))
    new = [
        {"alert_id": a.id, "channel": channel, "message_id": message, "severity": a.severity, "told_at": now}
        for a in alerts
        if a.id not in there
    ]
    if new:
        connection.execute(t.insert(), new)


def forget(connection: sa.Connection, tables: Tables, pairs: Iterable[tuple[int, str]]) -> None:
    """Drop that these channels were told of these alerts: they heard that it is over, or need not."""
    t = tables.alert_told
    for alert_id, channel in pairs:
        connection.execute(t.delete().where(t.c.alert_id == alert_id, t.c.channel == channel))


def drop_old(connection: sa.Connection, tables: Tables, before: datetime) -> None:
    """Delete alerts that were cleared, and messages that came to their end, before a moment (UTC)."""
    a, m = tables.alert.c, tables.alert_message.c
    told_of = sa.select(tables.alert_told.c.alert_id)
    connection.execute(tables.alert.delete().where(a.cleared_at < before, a.id.not_in(told_of)))
    connection.execute(tables.alert_message.delete().where(m.created_at < before, m.next_try_at.is_(None)))


def _alerts(connection: sa.Connection, tables: Tables, *which: sa.ColumnElement[bool]) -> list[AlertRow]:
    a = tables.alert.c
    rows = connection.execute(sa.select(*as_held(a)).where(*which).order_by(a.id))
    return [_alert(row) for row in (HeldRow(a, row) for row in rows) if is_sound(row)]


def is_sound(row: HeldRow) -> bool:
    """Say whether an alert's row is as syncer writes it: one that is open is so as what it is."""
    return not row.damaged and row.open_as in (None, f"{row.condition}:{row.scope}")


def _alert(row: HeldRow) -> AlertRow:
    return AlertRow(
        row.id,
        row.condition,
        row.scope,
        row.topic,
        row.severity,
        _facts(row.facts),
        row.raised_at,
        row.cleared_at,
        row.quiet_until,
        row.gone_since,
    )


def _text(facts: AlertFacts) -> str:
    return json.dumps(dict(facts), sort_keys=True)


def _facts(text: str) -> AlertFacts:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):  # whatever somebody else wrote there
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: value for name, value in found.items() if isinstance(value, (int, str))}
