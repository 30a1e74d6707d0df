"""Queue rows become events, in one transaction; a malformed row is held and never blocks the others."""

from __future__ import annotations

import time
from collections.abc import Sequence

from syncer.audit.transaction import Transaction, Transactions
from syncer.database.connections import writing
from syncer.database.failures import retry_on_conflict
from syncer.database.sqlite_files import empty_log
from syncer.domain.model import NewEvent
from syncer.events.store import AcceptedEvent, Store
from syncer.intake.parse import RowParser
from syncer.intake.queue import Queue, QueueRow
from syncer.log import get_logger

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
        self._log = get_logger("syncer.intake")

    @retry_on_conflict
    def take(self) -> int:
        """Take one batch of waiting rows and return their number."""
        rows = self._queue.waiting(BATCH)
        if not rows:
            return 0
        if self._queue.shared:
            with self._transactions.write() as tx:
                rows = self._queue.read(tx.connection, self._queue.is_open, BATCH)  # as they are in this transaction
                self._accept(tx, rows)
                self._queue.mark_taken(tx.connection, rows, tx.now)
        else:
            # two databases, two commits: killed in between, the rows are read again and known by their keys
            with self._transactions.write() as tx:
                self._accept(tx, rows)
            with writing(self._queue.engine) as connection:
                self._queue.mark_taken(connection, rows, self._transactions.clock())
        return len(rows)

    def take_all(self) -> int:
        """Take until nothing waits and return the number of rows."""
        total = 0
        while taken := self.take():
            total += taken
            self.moved_at = time.monotonic()
        # at each look, not only after a batch: what a reader kept from being emptied, and what was shredded meanwhile
        for engine in dict.fromkeys((self._queue.engine, self._transactions.engine)):
            empty_log(engine)
        return total

    def _accept(self, tx: Transaction, rows: Sequence[QueueRow]) -> None:
        """Make an event of each row, unless it repeats a request that is one already: same key, person and right."""
        fresh: dict[str, NewEvent] = {}
        there = self._store.accepted(tx.connection, [self._parser.key(row) for row in rows])
        reused = []
        for row in rows:
            event = self._parser.parse(row, tx.now)
            earlier = there.get(event.event_key)
            if earlier is None:
                fresh[event.event_key] = event
                there[event.event_key] = AcceptedEvent(event.id, event.right, event.subject, event.email_sealed)
            elif self._parser.repeats(row, event, earlier):
                self._log.info("intake.repeated", event_id=earlier.id)
            else:
                reused.append(row)
        self._store.accept(tx, [*fresh.values(), *self._with_keys_of_others(tx, reused)])

    def _with_keys_of_others(self, tx: Transaction, rows: Sequence[QueueRow]) -> list[NewEvent]:
        """Return a held event for each row whose key was another request's: were it passed over, it would be lost."""
        if not rows:
            return []
        there = self._store.accepted(tx.connection, [self._parser.substitute_key(row) for row in rows])
        held = [self._parser.parse(row, tx.now, reused=True) for row in rows]
        new = {event.event_key: event for event in held if event.event_key not in there}
        for event in new.values():
            self._log.warning("intake.key_reused", event_id=event.id)
        return list(new.values())
