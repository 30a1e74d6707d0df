"""Decides who is told of what, and writes the messages: a row each, before anything is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from syncer.alerting import texts
from syncer.alerting.catalog import KINDS
from syncer.audit.transaction import Transaction, Transactions
from syncer.database.alerting import board as sql
from syncer.database.alerting import outbox
from syncer.database.alerting.board import AlertRow, ToldRow
from syncer.database.alerting.outbox import MessageRow
from syncer.database.connections import reading
from syncer.database.failures import retry_on_conflict
from syncer.settings.alerting.alerts import AlertsSettings
from syncer.settings.alerting.channels import SEVERITIES, Channel

if TYPE_CHECKING:
    from syncer.app import App

#: what is to be repeated within that time is repeated now, with the others
SOON = timedelta(minutes=30)

#: who was told of which alert, by its number and the channel's name
Told = Mapping[tuple[int, str], ToldRow]


@dataclass(frozen=True, slots=True)
class Facing:
    """What one channel is to hear: new alerts, those that last, and those that are over."""

    new: tuple[AlertRow, ...]
    lasting: tuple[AlertRow, ...]
    over: tuple[AlertRow, ...]


class Telling:
    """Writes the messages of one installation.

    `log` returns the name of its log, which every message bears; `console` is the address of its web console, if any.
    """

    def __init__(
        self,
        transactions: Transactions,
        settings: AlertsSettings,
        channels: Mapping[str, Channel],
        zone: ZoneInfo,
        log: Callable[[], str],
        console: str | None = None,
    ) -> None:
        self._transactions = transactions
        self._tables = transactions.tables
        self._settings = settings
        self._channels = channels
        self._zone = zone
        self._log = log
        self._console = console

    def tell(self) -> None:
        """Write what is to be told now."""
        with reading(self._transactions.engine) as connection:
            alerts = sql.open_alerts(connection, self._tables)
            over = sql.cleared_and_told(connection, self._tables)
            told = {(row.alert_id, row.channel): row for row in sql.told(connection, self._tables)}
            off = {row.name for row in outbox.channels(connection, self._tables).values() if row.off_at is not None}
        now = self._transactions.clock()
        for name, channel in self._channels.items():
            facing = Facing(
                tuple(self._new(name, channel, alerts, told, now)),
                tuple(self._lasting(name, channel, alerts, told, now)),
                tuple(alert for alert in over if (alert.id, name) in told),
            )
            if facing.new or facing.lasting or facing.over:
                self._write(name, facing, told, silent=name in off)
        self._forget_removed(over, told)

    def _new(
        self,
        name: str,
        channel: Channel,
        alerts: Sequence[AlertRow],
        told: Told,
        now: datetime,
    ) -> Iterator[AlertRow]:
        """Yield what a channel has not heard, or not that it is so bad, once the oldest of it has waited its time."""
        wait = max(timedelta(hours=channel.after_hours), timedelta(seconds=self._settings.group_seconds))
        found = [
            alert
            for alert in alerts
            if _wants(channel, alert)
            and alert.gone_since is None
            and not (channel.after_hours and _is_quiet(alert, now))
            and not _knows(told.get((alert.id, name)), alert)
            # abs: what a clock raised that has been set back since
            and (not channel.after_hours or abs(now - alert.raised_at) >= wait)
        ]
        if any(not 0 <= (now - alert.raised_at) / wait < 1 if wait else True for alert in found):
            yield from found
        else:
            yield from (alert for alert in found if (alert.id, name) in told)  # worse than what was told: at once

    def _lasting(
        self,
        name: str,
        channel: Channel,
        alerts: Sequence[AlertRow],
        told: Told,
        now: datetime,
    ) -> Iterator[AlertRow]:
        """Yield what a channel is to be reminded of, once the first reminder is due."""
        every = timedelta(hours=self._settings.repeat_hours)
        found = [
            (now - row.told_at, alert)
            for alert in alerts
            if (row := told.get((alert.id, name))) is not None
            and _wants(channel, alert)
            and _knows(row, alert)
            and alert.gone_since is None
            and not _is_quiet(alert, now)
        ]
        if any(age >= every or age < timedelta() for age, _ in found):
            yield from (alert for age, alert in found if age >= every - SOON or age < timedelta())

    @retry_on_conflict
    def _write(self, name: str, facing: Facing, told: Told, *, silent: bool) -> None:
        """Write the messages to a channel and note what it was told; one that is off is told nothing of either."""
        with self._transactions.write() as tx:
            if silent:
                sql.forget(tx.connection, self._tables, ((alert.id, name) for alert in facing.over))
                return
            for kind, alerts in ((texts.RAISED, facing.new), (texts.REMINDER, facing.lasting)):
                if alerts:
                    message_id = self._put(tx, name, kind, alerts, told)
                    sql.tell(tx.connection, self._tables, name, alerts, message_id, tx.now)
            if ended := [alert for alert in facing.over if not _is_passing(alert)]:
                self._put(tx, name, texts.CLEARED, ended, told)
            sql.forget(tx.connection, self._tables, ((alert.id, name) for alert in facing.over))

    def _put(
        self,
        tx: Transaction,
        name: str,
        kind: str,
        alerts: Sequence[AlertRow],
        told: Told,
    ) -> str:
        before = [told[alert.id, name].message_id for alert in alerts if (alert.id, name) in told]
        message = MessageRow(
            id=0,
            channel=name,
            message_id=texts.new_message_id(),
            answers=before[0] if before else None,
            kind=kind,
            severity=max((alert.severity for alert in alerts), key=_rank),
            subject=texts.subject(kind, alerts),
            body=texts.body(kind, alerts, self._zone, self._log(), self._console),
            alerts=texts.data(alerts),
            created_at=tx.now,
        )
        outbox.put(tx.connection, self._tables, message, tx.now)
        return message.message_id

    def _forget_removed(self, over: Sequence[AlertRow], told: Told) -> None:
        ids = {alert.id for alert in over}
        gone = [key for key in told if key[0] in ids and key[1] not in self._channels]
        if gone:
            with self._transactions.write() as tx:
                sql.forget(tx.connection, self._tables, gone)


def telling_of(app: App) -> Telling:
    """Return what tells the channels of an installation."""
    settings = app.settings
    zone = settings.deadlines.zone
    console = settings.console.url if settings.console is not None else None
    return Telling(app.transactions, settings.alerts, settings.channels, zone, app.origins.current, console)


def _wants(channel: Channel, alert: AlertRow) -> bool:
    return alert.topic in channel.topics and _rank(alert.severity) >= _rank(channel.least)


def _knows(row: ToldRow | None, alert: AlertRow) -> bool:
    return row is not None and _rank(row.severity) >= _rank(alert.severity)


def _is_quiet(alert: AlertRow, now: datetime) -> bool:
    return alert.quiet_until is not None and alert.quiet_until > now


def _is_passing(alert: AlertRow) -> bool:
    kind = KINDS.get(alert.condition)
    return kind is not None and kind.passing


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)
