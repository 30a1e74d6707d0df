"""Seals anew what was sealed in an older way, or with a key that was replaced; it can stop and go on anywhere."""

from __future__ import annotations

import time
from typing import Any

import sqlalchemy as sa

from syncer.audit.transaction import Transactions
from syncer.database.bulk import by_index
from syncer.database.connections import reading
from syncer.database.failures import retry_on_conflict
from syncer.errors import SealError
from syncer.events.seals import Seals
from syncer.log import get_logger

#: addresses in one transaction: short enough that nobody waits for it
PIECE = 200


class Resealing:
    """Brings the sealed addresses of one installation to the present form and key."""

    def __init__(self, transactions: Transactions, seals: Seals) -> None:
        #: when it last went a step on (monotonic clock)
        self.moved_at = time.monotonic()
        self._transactions = transactions
        self._seals = seals
        self._index = f"ix_{transactions.tables.prefix}event_sealed"

    def run(self) -> tuple[str, ...]:
        """Seal anew all that is left; return the ids of the events whose address stays as it was.

        The log does not know such a request, or knows another address: its deliveries are held when they are due.
        """
        after, left = "", []
        while ids := self._next(after):
            left += self._renew(ids)
            after = ids[-1]
            self.moved_at = time.monotonic()
        if left:
            get_logger("syncer.resealing").error("seals.left", count=len(left), event_id=left[0])
        return tuple(left)

    def kept(self) -> int:
        """Return how many addresses are kept."""
        event = self._transactions.tables.event
        query = sa.select(sa.func.count()).select_from(event).where(event.c.email_sealed.is_not(None))
        with reading(self._transactions.engine) as connection:
            return int(connection.execute(by_index(query, event, self._index)).scalar_one())

    def _old(self) -> tuple[sa.ColumnElement[bool], ...]:
        sealed = self._transactions.tables.event.c.email_sealed
        return sealed.is_not(None), ~sealed.startswith(self._seals.keyring.present)

    def _next(self, after: str) -> list[str]:
        e = self._transactions.tables.event.c
        query = sa.select(e.id).where(*self._old(), e.id > after).order_by(e.id).limit(PIECE)
        query = by_index(query, self._transactions.tables.event, self._index)
        with reading(self._transactions.engine) as connection:
            return list(connection.execute(query).scalars())

    @retry_on_conflict
    def _renew(self, ids: list[str]) -> list[str]:
        e = self._transactions.tables.event
        left: list[str] = []
        with self._transactions.write() as tx:
            query = sa.select(e.c.id, e.c.email_sealed).where(e.c.id.in_(ids), *self._old()).with_for_update()
            rows: list[Any] = list(tx.connection.execute(query))
            for row in rows:
                try:
                    sealed = self._seals.renewed(tx.connection, row.id, row.email_sealed)
                except SealError:
                    left.append(row.id)
                    continue
                tx.connection.execute(e.update().where(e.c.id == row.id).values(email_sealed=sealed))
        return left
