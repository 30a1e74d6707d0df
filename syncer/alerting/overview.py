"""The board as the command line shows it: open alerts, who was told of them, and how each channel stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from syncer.alerting.catalog import title, todo
from syncer.database.alerting import board, outbox
from syncer.database.alerting.board import AlertFacts
from syncer.database.connections import snapshot
from syncer.database.tables import Tables
from syncer.settings.alerting.channels import Channel


@dataclass(frozen=True, slots=True)
class AlertView:
    """An open alert. `told` are the channels that were told of it; moments UTC.

    `gone_since` is since when it was not seen any more: it is over once that has lasted.
    """

    id: int
    condition: str
    scope: str
    topic: str
    severity: str
    title: str
    todo: str
    facts: AlertFacts
    raised_at: datetime
    quiet_until: datetime | None
    told: tuple[str, ...]
    gone_since: datetime | None


@dataclass(frozen=True, slots=True)
class ChannelView:
    """A channel of the settings: whether it is off, since when it fails and why, and how many messages wait for it."""

    name: str
    kind: str
    off: bool
    failing_since: datetime | None
    error: str | None
    sent_at: datetime | None
    waiting: int


@dataclass(frozen=True, slots=True)
class AlertsView:
    """The alerts that are open, and how each channel stands."""

    alerts: tuple[AlertView, ...]
    channels: tuple[ChannelView, ...]


def overview(engine: sa.Engine, tables: Tables, channels: Mapping[str, Channel]) -> AlertsView:
    """Return how the alerts of an installation stand, and the channels of its settings."""
    with snapshot(engine) as connection:
        alerts = board.open_alerts(connection, tables)
        told = board.told(connection, tables)
        standing = outbox.channels(connection, tables)
        waiting = outbox.waiting(connection, tables)
    views = tuple(
        AlertView(
            each.id,
            each.condition,
            each.scope,
            each.topic,
            each.severity,
            title(each.condition, each.scope),
            todo(each.condition, each.scope),
            each.facts,
            each.raised_at,
            each.quiet_until,
            tuple(sorted(row.channel for row in told if row.alert_id == each.id)),
            each.gone_since,
        )
        for each in alerts
    )
    return AlertsView(
        views, tuple(_channel(name, channel.kind, standing.get(name), waiting) for name, channel in channels.items())
    )


def _channel(name: str, kind: str, row: outbox.ChannelRow | None, waiting: dict[str, int]) -> ChannelView:
    row = row or outbox.ChannelRow(name)
    off = row.off_at is not None
    return ChannelView(name, kind, off, row.failing_since, row.error, row.sent_at, waiting.get(name, 0))
