"""The board: what is so becomes one open alert for each condition and scope, and what is over is cleared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from syncer.alerting.catalog import KINDS, Observed, Sign
from syncer.audit.transaction import Transaction, Transactions
from syncer.database.alerting import board as sql
from syncer.database.alerting import mending
from syncer.database.alerting.board import AlertRow
from syncer.database.connections import reading
from syncer.database.failures import retry_on_conflict
from syncer.log import get_logger

#: how long something must not be seen any more before its alert is cleared; twice as long for each time that it was
#: raised within a day, because what comes and goes is not over
SETTLED = timedelta(minutes=10)
SETTLED_AT_MOST = timedelta(hours=6)
#: alerts that one transaction raises or clears: nobody may wait long for the log
BATCH = 200

Key = tuple[str, str]
T = TypeVar("T")


class Board:
    """The alerts of one installation."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions
        self._tables = transactions.tables
        self._log = get_logger("syncer.alerts")

    def mend(self) -> None:
        """Say in the log which rows of alerts somebody else wrote to, and make them such that they stop nothing."""
        with reading(self._transactions.engine) as connection:
            found = mending.damaged(connection, self._tables)
        if found:
            self._mend()

    @retry_on_conflict
    def _mend(self) -> None:
        with self._transactions.write() as tx:
            found = mending.damaged(tx.connection, self._tables)
            mending.mend(tx.connection, self._tables, found, tx.now)
        for row in found:
            self._log.error("alerts.row_damaged", reason=f"{row.table.name}: {', '.join(row.columns)}")

    def update(self, seen: Observed) -> None:
        """Raise what is new, write how the rest stands, and clear what is over."""
        signs = {(sign.condition, sign.scope): sign for sign in seen.signs}
        now = self._transactions.clock()
        with reading(self._transactions.engine) as connection:
            known = {(alert.condition, alert.scope): alert for alert in sql.open_alerts(connection, self._tables)}
            raised = sql.raised_since(connection, self._tables, now - timedelta(days=1))
        ended = {key: alert for key, alert in known.items() if key in signs and _is_another(signs[key], alert)}
        new = [sign for key, sign in signs.items() if key not in known or key in ended]
        lasting = {key: alert for key, alert in known.items() if key not in ended}
        changed = list(_changed(lasting, signs, seen.asked, now))
        over = [alert for alert in changed if _is_over(alert, raised, now)]
        changes = [alert for alert in changed if alert not in over and alert != known[alert.condition, alert.scope]]
        for each in _batches(changes):
            self._change(each)
        for each in _batches([*ended.values(), *over]):
            self._clear(each)
        for batch in _batches(new):
            self._raise(batch)

    @retry_on_conflict
    def _raise(self, signs: Sequence[Sign]) -> None:
        with self._transactions.write() as tx:
            for sign in signs:
                kind = KINDS[sign.condition]
                alert = AlertRow(
                    0, sign.condition, sign.scope, kind.topic, sign.severity, sign.facts, tx.now, None, None, None
                )
                alert = sql.add(tx.connection, self._tables, alert)
                note(tx, "alert:raised", alert)

    @retry_on_conflict
    def _change(self, alerts: Sequence[AlertRow]) -> None:
        with self._transactions.write() as tx:
            for alert in alerts:
                sql.change(tx.connection, self._tables, alert)

    @retry_on_conflict
    def _clear(self, alerts: Sequence[AlertRow]) -> None:
        with self._transactions.write() as tx:
            for alert in alerts:
                sql.clear(tx.connection, self._tables, alert.id, tx.now)
                note(tx, "alert:cleared", alert)

    @retry_on_conflict
    def acknowledge(self, alert_id: int, until: datetime, reason: str) -> AlertRow | None:
        """Let an open alert remind nobody before `until` (UTC); return it, None where none with this number is open."""
        with self._transactions.write() as tx:
            found = {alert.id: alert for alert in sql.open_alerts(tx.connection, self._tables)}.get(alert_id)
            if found is None or not sql.quiet(tx.connection, self._tables, alert_id, until):
                return None
            note(tx, "alert:acknowledged", found, until=until.isoformat(), reason=reason)
            return replace(found, quiet_until=until)


def note(tx: Transaction, what: str, alert: AlertRow, **more: str) -> None:
    """Put on record what happens to an alert."""
    facts = {"alert": alert.id, "condition": alert.condition, "scope": alert.scope, "severity": alert.severity}
    tx.audit.add(what, facts={**facts, **more})


def _changed(
    known: Mapping[Key, AlertRow], signs: Mapping[Key, Sign], asked: frozenset[str], now: datetime
) -> Iterator[AlertRow]:
    """Yield the open alerts as they are now; of what could not be asked nothing is known."""
    for key, alert in known.items():
        sign = signs.get(key)
        if sign is not None:
            yield replace(alert, severity=sign.severity, facts=sign.facts, gone_since=None)
        elif alert.condition in asked or alert.condition not in KINDS:
            # a clock that was set back would keep it for ever
            since = now if alert.gone_since is None or alert.gone_since > now else alert.gone_since
            yield replace(alert, gone_since=since)


def _is_another(sign: Sign, alert: AlertRow) -> bool:
    """Say whether what an alert told of had ended, and began again."""
    return KINDS[sign.condition].anew and sign.facts.get("since") != alert.facts.get("since")


def _is_over(alert: AlertRow, raised: Mapping[Key, int], now: datetime) -> bool:
    if alert.gone_since is None:
        return False
    times = raised.get((alert.condition, alert.scope), 1)
    settled = min(SETTLED * (1 << min(max(times - 1, 0), 10)), SETTLED_AT_MOST)
    return now - alert.gone_since >= settled


def _batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]
