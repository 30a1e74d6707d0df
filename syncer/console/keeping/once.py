"""What may be used once: kept, as a hash, until it expires by itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa

from syncer.audit.transaction import Transaction, Transactions
from syncer.console.sign_in.sessions import hashed
from syncer.database.column_types import HeldRow, as_held
from syncer.database.connections import reading
from syncer.database.failures import is_duplicate, retry_on_conflict

Said = Mapping[str, str]


class OnceStore:
    """Keeps what may be used once in one installation."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions
        self._once = transactions.tables.once

    @retry_on_conflict
    def use(self, kind: str, value: str, until: datetime) -> bool:
        """Use something up; False where it was used before. `until` (UTC) is when it cannot come again anyway."""
        try:
            with self._transactions.write() as tx:
                self._keep(tx, kind, value, until, None)
        except sa.exc.IntegrityError as error:
            if not is_duplicate(error):
                raise
            return False
        return True

    def keep(self, tx: Transaction, kind: str, value: str, until: datetime, said: Said) -> None:
        """Keep what is said under a secret value until somebody takes it, or until then (UTC)."""
        self._keep(tx, kind, value, until, json.dumps(dict(said), sort_keys=True))

    def holds(self, kind: str, value: str) -> bool:
        """Say whether something is kept under a value; it costs no writing, however often a stranger asks."""
        o = self._once.c
        with reading(self._transactions.engine) as connection:
            row = connection.execute(sa.select(*as_held(o)).where(o.id == _id(kind, value))).first()
        return row is not None and _said(HeldRow(o, row), self._transactions.clock()) is not None

    def take(self, tx: Transaction, kind: str, value: str) -> Said | None:
        """Return what was kept under a value, and let nobody take it again; None for nothing, or too late."""
        o = self._once.c
        mine = o.id == _id(kind, value)
        row = tx.connection.execute(sa.select(*as_held(o)).where(mine).with_for_update()).first()
        if row is None or not tx.connection.execute(self._once.delete().where(mine)).rowcount:
            return None  # the second of two that came at once
        return _said(HeldRow(o, row), tx.now)

    def _keep(self, tx: Transaction, kind: str, value: str, until: datetime, facts: str | None) -> None:
        tx.connection.execute(self._once.delete().where(self._once.c.until < tx.now))
        row = {"id": _id(kind, value), "facts": facts, "until": until}
        tx.connection.execute(self._once.insert().values(row))


def _said(row: HeldRow, now: datetime) -> Said | None:
    """Return what a row says; None where it is too late, or what it says is no such thing."""
    if row.damaged or row.until < now or row.facts is None:
        return None
    try:
        found = json.loads(row.facts)
    except (ValueError, RecursionError):
        return None
    is_said = isinstance(found, dict) and all(isinstance(value, str) for value in found.values())
    return found if is_said else None


def _id(kind: str, value: str) -> str:
    return f"{kind}:{hashed(value)}"
