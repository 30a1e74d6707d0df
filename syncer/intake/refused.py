"""Queue rows that the database would not have as events, in any form: on record, and shown until they are gone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from syncer.audit.transaction import Transactions
from syncer.database.connections import reading
from syncer.intake.queue import Queue, QueueRow
from syncer.log import get_logger

WHAT = "intake:refused"
#: rows on record at most: a row that nobody can write is somebody's doing, and a thousand say no more than one
MOST = 1000


class RefusedRows:
    """The record of one installation, in its audit; each row is named by its number in the queue, once."""

    def __init__(self, transactions: Transactions, queue: Queue) -> None:
        self._transactions = transactions
        self._queue = queue
        self._log = get_logger("syncer.intake")

    def note(self, rows: Sequence[QueueRow], why: str) -> None:
        """Put rows on record that stay in the queue; `why` is the kind of the error, without anything of the row."""
        self._log.error("intake.refused", count=len(rows), error=why)
        known = self._known()
        new = sorted({row.id for row in rows if type(row.id) is int} - known)[: max(MOST - len(known), 0)]
        if new:
            with self._transactions.write() as tx:
                tx.audit.add(WHAT, facts={"rows": new, "error": why})

    def waiting(self) -> int:
        """Return how many of the rows on record are in the queue still, and how many rows have no number at all."""
        return self._queue.count_of(sorted(self._known()))

    def not_among(self, ids: Iterable[Any]) -> int:
        """Return how many of these rows of the queue are not on record: they may be taken still."""
        return len(set(ids) - self._known())

    def _known(self) -> set[int]:
        audit = self._transactions.tables.audit.c
        query = sa.select(audit.body).where(audit.what == WHAT, audit.body.is_not(None))
        with reading(self._transactions.engine) as connection:
            bodies = [json.loads(body) for body in connection.execute(query).scalars()]
        return {row_id for body in bodies for row_id in body["facts"]["rows"]}
