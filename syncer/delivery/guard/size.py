"""How many contacts a destination holds: asked at most once an hour, and kept in its lane."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import sqlalchemy as sa

from adapters.contract import Adapter
from adapters.errors import AdapterError
from syncer.audit.transaction import Transactions
from syncer.clock import elapsed
from syncer.database.connections import reading
from syncer.database.failures import retry_on_conflict
from syncer.log import get_logger

#: how long an answer serves, and after how long a question is repeated that had none
LASTS, AGAIN = timedelta(hours=1), timedelta(minutes=5)
#: contacts that no list has; a provider may say any number
MOST = 10**12


class Size:
    """Asks one destination, for the guard of its lane; `monotonic` counts seconds."""

    def __init__(
        self, name: str, adapter: Adapter, transactions: Transactions, monotonic: Callable[[], float] = elapsed
    ) -> None:
        self._name = name
        self._adapter = adapter
        self._transactions = transactions
        self._monotonic = monotonic
        self._not_before: float | None = None
        self._log = get_logger("syncer.guard").bind(lane=name)

    def ask(self) -> None:
        """Ask, unless this process or another one did within the hour. What is known stays where nothing is said."""
        ticks = self._monotonic()
        if self._not_before is not None and ticks < self._not_before:
            return
        self._not_before = ticks + AGAIN.total_seconds()
        if self._is_fresh():
            return
        try:
            contacts = self._adapter.size()
        except Exception as error:  # noqa: BLE001 — a bug in an adapter must not stop the lane
            code = error.code if isinstance(error, AdapterError) else "crashed"
            self._log.warning("guard.size_unknown", code=code, error=type(error).__name__)
            return
        self._not_before = ticks + LASTS.total_seconds()
        if contacts is not None:
            self._keep(contacts)

    def _is_fresh(self) -> bool:
        lane = self._transactions.tables.lane.c
        query = sa.select(lane.contacts_at).where(lane.destination == self._name)
        with reading(self._transactions.engine) as connection:
            asked = connection.execute(query).scalar()
        return asked is not None and abs(self._transactions.clock() - asked) < LASTS

    @retry_on_conflict
    def _keep(self, contacts: int) -> None:
        lane = self._transactions.tables.lane
        with self._transactions.write() as tx:
            values = {"contacts": min(max(contacts, 0), MOST), "contacts_at": tx.now}
            tx.connection.execute(lane.update().where(lane.c.destination == self._name).values(values))
