"""Queue rows become events, in one transaction; a malformed row is held and never blocks the others."""

from __future__ import annotations

import time
from collections.abc import Sequence

from syncer.audit.transaction import Transaction, Transactions
from syncer.database.connections import writing
from syncer.database.failures import retry_on_conflict
from syncer.events.store import Store
from syncer.intake.parse import RowParser, event_key
from syncer.intake.queue import Queue, QueueRow

BATCH = 200


class Intake:
    """Takes what producers wrote."""

    def __init__(
        self,
        queue: Queue,
        transactions: Transactions,
        store: Store,
        parser: RowParser,
    ) -> None:
        #: when a batch was last taken (monotonic clock)
        self.moved_at = time.monotonic()
        self._queue = queue
        self._transactions = transactions
        self._store = store
        self._parser = parser

    @retry_on_conflict
    def take(self) -> int:
        """Take one batch of waiting rows and return their number."""
        rows = self._queue.waiting(BATCH)
        if not rows:
            return 0
        if self._queue.shared:
            with self._transactions.write() as tx:
                self._accept(tx, rows)
                self._queue.mark_taken(tx.connection, [row.id for row in rows], tx.now)
        else:
            # two databases, two commits: killed in between, the rows are read again and known by their keys
            with self._transactions.write() as tx:
                self._accept(tx, rows)
            with writing(self._queue.engine) as connection:
                self._queue.mark_taken(connection, [row.id for row in rows], self._transactions.clock())
        return len(rows)

    def take_all(self) -> int:
        """Take until nothing waits and return the number of rows."""
        total = 0
        while taken := self.take():
            total += taken
            self.moved_at = time.monotonic()
        return total

    def _accept(self, tx: Transaction, rows: Sequence[QueueRow]) -> None:
        known = self._store.known_keys(tx.connection, [event_key(row) for row in rows])
        fresh = [self._parser.parse(row, tx.now) for row in rows if event_key(row) not in known]
        self._store.accept(tx, fresh)
