"""Queue rows become events, a batch in one transaction; no row, whatever is in it, blocks those behind it.

The oldest go first. While more wait than a batch holds, every other batch is of objections, wherever in the queue they
stand: so nobody who objects waits for a mass of erasures, and no mass of objections keeps the others waiting.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime

import sqlalchemy as sa

from syncer.audit.transaction import Transaction, Transactions
from syncer.bell import Bell
from syncer.database.connections import writing
from syncer.database.failures import in_words, is_refused, retry_on_conflict
from syncer.database.sqlite_files import empty_log
from syncer.domain.model import NewEvent
from syncer.events.store import AcceptedEvent, Store
from syncer.intake.ahead import Ahead
from syncer.intake.parse import RowParser
from syncer.intake.queue import Queue, QueueRow
from syncer.intake.refused import RefusedRows
from syncer.log import get_logger

BATCH = 200
#: what may be one row's doing; `is_refused` says whether it is
REFUSALS = (sa.exc.SQLAlchemyError, UnicodeError, OverflowError)
#: how a row becomes an event at a moment (UTC)
Reading = Callable[[QueueRow, datetime], NewEvent]
#: a row that had to be left in the queue, and why
Left = tuple[QueueRow, str]
UNMARKED = "they cannot be marked as taken"


class Intake:
    """Takes what producers wrote."""

    def __init__(
        self,
        queue: Queue,
        transactions: Transactions,
        store: Store,
        parser: RowParser,
        refused: RefusedRows,
    ) -> None:
        #: when a batch was last taken (monotonic clock)
        self.moved_at = time.monotonic()
        #: rung when a producer may have written something
        self.bell = Bell()
        #: the highest id of those that the last whole pass had to leave in the queue, None where it left none
        self.left: object = None
        self._queue = queue
        self._transactions = transactions
        self._store = store
        self._parser = parser
        self._refused = refused
        self._log = get_logger("syncer.intake")

    def take_all(self, over: Callable[[], bool] = lambda: False, on_batch: Callable[[], None] = lambda: None) -> int:
        """Take until nothing waits that can be taken, or `over` says so; return the number of rows.

        `on_batch` is called after each batch, of which there is one at least, whatever `over` says. What cannot be
        taken stays behind: each pass goes on with the rows after it.
        """
        total = 0
        while taken := self._pass(over, on_batch):
            total += taken
            if over():
                break
        return total

    def _pass(self, over: Callable[[], bool], on_batch: Callable[[], None]) -> int:
        total, last, stays, ahead = 0, None, None, Ahead(self._queue)
        while rows := self._queue.waiting(BATCH, last):
            left = self._take(rows)
            total, last = total + len(rows) - len(left), rows[-1].id
            stays = left[-1].id if left else stays
            on_batch()
            if len(rows) == BATCH and not over() and (objections := ahead.look(BATCH)):
                left = self._take(objections)
                total += len(objections) - len(left)
                ahead.leave(left)
                on_batch()
            if over():
                break
        else:
            self.left = stays
        # at each look, not only after a batch: what a reader kept from being emptied, and what was shredded meanwhile
        for engine in dict.fromkeys((self._queue.engine, self._transactions.engine)):
            empty_log(engine)
        return total

    def _take(self, rows: Sequence[QueueRow]) -> list[QueueRow]:
        """Take one batch; return the rows that had to be left."""
        left = self._take_apart(rows)
        for why in {why for _, why in left}:
            self._refused.note([row for row, reason in left if reason == why], why)
        self.moved_at = time.monotonic()
        return [row for row, _ in left]

    def _take_apart(self, rows: Sequence[QueueRow]) -> list[Left]:
        """Take rows, in halves where the database refuses one of them; return those that had to be left."""
        try:
            return [(row, UNMARKED) for row in self._transact(rows, self._parser.parse)]
        except REFUSALS as error:
            if not is_refused(error):
                raise
            if len(rows) == 1:
                return self._insist(rows[0])
        half = len(rows) // 2
        return self._take_apart(rows[:half]) + self._take_apart(rows[half:])

    def _insist(self, row: QueueRow) -> list[Left]:
        """Take a row that was refused by itself; return it if it is left.

        Another daemon may have been quicker. Its key may be another's by nothing but the database's own idea of what
        is equal: it is held under a key of ours. The rest is left out last.
        """
        parser, why = self._parser, ""
        for reading in (parser.parse, parser.reused, parser.bare):
            try:
                return [(row, UNMARKED) for row in self._transact([row], reading)]
            except REFUSALS as error:
                if not is_refused(error):
                    raise
                why = in_words(error)
        return [(row, why)]

    @retry_on_conflict
    def _transact(self, rows: Sequence[QueueRow], reading: Reading) -> list[QueueRow]:
        """Make events of rows and mark them; return those that cannot be marked."""
        if self._queue.shared:
            with self._transactions.write() as tx:
                rows = self._queue.still_waiting(tx.connection, rows)  # as they are in this transaction
                self._accept(tx, rows, reading)
                return self._queue.mark_taken(tx.connection, rows, tx.now)
        # two databases, two commits: killed in between, the rows are read again and known by their keys
        with self._transactions.write() as tx:
            self._accept(tx, rows, reading)
        with writing(self._queue.engine) as connection:
            return self._queue.mark_taken(connection, rows, self._transactions.clock())

    def _accept(self, tx: Transaction, rows: Sequence[QueueRow], reading: Reading) -> None:
        """Make an event of each row, unless it repeats a request that is one already: same key, person and right."""
        fresh: dict[str, NewEvent] = {}
        read = [(row, reading(row, tx.now)) for row in rows]
        there = self._store.accepted(tx.connection, [event.event_key for _, event in read])
        reused = []
        for row, event in read:
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
        held = [self._parser.reused(row, tx.now) for row in rows]
        new = {event.event_key: event for event in held if event.event_key not in there}
        for event in new.values():
            self._log.warning("intake.key_reused", event_id=event.id)
        return list(new.values())
