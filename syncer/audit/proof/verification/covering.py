"""Whether a purge on record can have taken a text, for who looks at a few events and not at the whole log."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from syncer.audit.ledger import Facts, Ledger


class Covering:
    """The purges of one log. How many texts each of them took is only counted where the whole log is read."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._purges: list[Facts] | None = None

    def covers(self, connection: sa.Connection, seq: int, at: Any) -> bool:
        """Say whether a purge on record went over an entry of that number and time."""
        if self._covers(seq, at):
            return True
        # one may have been recorded since
        purges = self._ledger.genuine(connection, "audit:purged")
        self._purges = [entry.facts for entry in purges if isinstance(entry.facts, dict)]
        return self._covers(seq, at)

    def _covers(self, seq: int, at: Any) -> bool:
        return type(at) is str and any(_covers(facts, seq, at) for facts in self._purges or ())


def _covers(facts: Facts, seq: int, at: str) -> bool:
    first, last, before = (facts.get(key) for key in ("from", "to", "before"))
    return type(first) is type(last) is int and first <= seq <= last and type(before) is str and at < before
