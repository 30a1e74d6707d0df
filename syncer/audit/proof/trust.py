"""What must hold before this process writes: a database that is not behind its notes, and a log whose end is ours."""

from __future__ import annotations

import sqlalchemy as sa

from syncer.audit.ledger import Ledger
from syncer.audit.proof.rollback import Rollback
from syncer.database.connections import reading
from syncer.errors import UntrustedLog


class Trust:
    """Whether this process may still write. Once it saw that the log is not the one that was signed, it never may."""

    def __init__(self, engine: sa.Engine, ledger: Ledger, rollback: Rollback) -> None:
        self._engine = engine
        self._ledger = ledger
        self._rollback = rollback
        self._looked = False
        self._lost: UntrustedLog | None = None

    def lost(self, error: UntrustedLog) -> None:
        """Let nothing be written any more: every later `require` raises this error."""
        self._lost = self._lost or error

    def require(self) -> None:
        """Raise UntrustedLog where nothing must be written. The log's end is looked at once; each append looks anew."""
        if self._lost is not None:
            raise self._lost
        self._rollback.require_not_behind()
        if not self._looked:
            with reading(self._engine) as connection:
                self._ledger.end(connection)
            self._looked = True
