"""One write transaction and the entries that it leaves in the audit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from syncer.audit.ledger import Ledger, Pending
from syncer.database.connections import kept, writing
from syncer.database.tables import Tables

Clock = Callable[[], datetime]


@dataclass(slots=True)
class Transaction:
    """A write transaction: its connection, its one moment (UTC), and the audit entries that it will leave."""

    connection: sa.Connection
    now: datetime
    audit: Pending


class Transactions:
    """Opens the write transactions of one installation.

    `clock` returns UTC. `before_write` is called before each transaction and raises when nothing must be written
    to this database.
    """

    def __init__(
        self, engine: sa.Engine, tables: Tables, ledger: Ledger, clock: Clock, before_write: Callable[[], None]
    ) -> None:
        self.engine = engine
        self.tables = tables
        self.clock = clock
        self.require_writable = before_write
        self.key_of = ledger.key_of
        self._ledger = ledger

    def kept(self) -> AbstractContextManager[None]:
        """Let all transactions of this thread within the block use one connection."""
        return kept(self.engine)

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """Open a transaction; the audit entries are chained and written at its end, the head row locked last."""
        self.require_writable()
        with writing(self.engine) as connection:
            tx = Transaction(connection, self.clock(), Pending())
            yield tx
            self._ledger.append(connection, tx.audit, tx.now)
