"""Which of the running daemons tells: the one that holds the lease, by the database's clock."""

from __future__ import annotations

import time

import sqlalchemy as sa

from syncer.audit.transaction import Transactions
from syncer.database.alerting import duty as sql
from syncer.database.failures import retry_on_conflict
from syncer.delivery.owners import is_dead

NAME = "alerts"


class Duty:
    """The duty of one process. A lease runs `seconds` and is renewed after a third of them."""

    def __init__(self, transactions: Transactions, owner: str, seconds: int) -> None:
        self._transactions = transactions
        self._owner = owner
        self._seconds = seconds
        self._until: float | None = None

    def ours(self) -> bool:
        """Say whether the duty is this process', and take it where it is free."""
        now = time.monotonic()
        if self._until is not None and self._until - now > self._seconds * 2 / 3:
            return True
        try:
            taken = self._take()
        except sa.exc.IntegrityError:  # another daemon was first, for the first time
            taken = False
        self._until = now + self._seconds if taken else None
        return taken

    @retry_on_conflict
    def _take(self) -> bool:
        with self._transactions.write() as tx:
            return sql.take(tx.connection, self._transactions.tables, NAME, self._owner, self._seconds, is_dead)

    def give_up(self) -> None:
        """Let another daemon have it."""
        if self._until is not None:
            self._until = None
            with self._transactions.write() as tx:
                sql.give_up(tx.connection, self._transactions.tables, NAME, self._owner)
