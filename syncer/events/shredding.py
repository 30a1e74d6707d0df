"""Shreds addresses that outlived their use, whatever kept them from being shredded in time."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from syncer.audit.transaction import Transactions
from syncer.database.bulk import by_index
from syncer.database.connections import reading
from syncer.database.failures import is_denied, retry_on_conflict
from syncer.database.sqlite_files import empty_log
from syncer.domain.model import EventState
from syncer.errors import UserError
from syncer.events.store import Store

#: an address may outlive its last recheck by so much before somebody is told
GRACE = timedelta(days=1)
#: addresses in one transaction: short enough that nobody waits for it
PIECE = 500


class AddressesHidden(UserError):
    """Raised when this database account has no right to see addresses."""


class Shredding:
    """Shreds the overdue addresses of one installation."""

    def __init__(self, transactions: Transactions, store: Store) -> None:
        self._transactions = transactions
        self._store = store

    def overdue(self) -> tuple[str, ...]:
        """Return the ids of the events whose address should be gone, PIECE at most. Raises AddressesHidden."""
        event = self._transactions.tables.event
        e = event.c
        latest = self._transactions.clock() - timedelta(days=self._store.last_recheck_day) - GRACE
        past = (e.email_sealed.is_not(None), e.state == EventState.FULFILLED, e.fulfilled_at < latest)
        query = by_index(sa.select(e.id).where(*past), event, f"ix_{self._transactions.tables.prefix}event_sealed")
        try:
            with reading(self._transactions.engine) as connection:
                return tuple(connection.execute(query.order_by(e.id).limit(PIECE)).scalars())
        except sa.exc.DBAPIError as error:
            if not is_denied(error):
                raise
            raise AddressesHidden(
                "this database account may not read addresses; the daemon shreds them, or run this with its account"
            ) from None

    @retry_on_conflict
    def shred(self) -> tuple[str, ...]:
        """Shred the overdue addresses; return the ids of the events whose address is still there.

        They wait for a recheck that could not be made yet: their lane is paused, or the daemon does not run. Raises
        AddressesHidden.
        """
        ids = self.overdue()
        if ids:
            with self._transactions.write() as tx:
                self._store.settle(tx, ids)
        empty_log(self._transactions.engine)  # of these, and of those that were shredded in time
        return self.overdue() if ids else ()
