"""Entries that only the key in use can vouch for: those of a replaced key count where they stayed in their place."""

from __future__ import annotations

import threading

import sqlalchemy as sa

from syncer.audit.chain import ZERO, Verdict, verify
from syncer.audit.ledger import Ledger
from syncer.audit.log_end import link

#: entries between two macs that are kept: what is read again to hold one entry in its place
STEP = 500


class Pins:
    """Tells genuine entries of one installation's log from forged ones, also where a replaced key was stolen.

    Whoever has a replaced key can make an entry in its part of the log, with a good link to the one before. But the
    first entry after that part has all macs before it in its own, and only the key in use makes that one: the part is
    recomputed up to there once, and every `STEP`th mac of it kept by this process. An entry that no longer leads to the
    next of these macs is a forgery, since nobody finds another text with the same mac.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._macs: tuple[bytes, ...] | None = None
        self._lock = threading.Lock()

    def body(self, connection: sa.Connection, seq: int) -> str | None:
        """Return the text of an entry; None for one that was forged, changed or purged."""
        last = self._ledger.replaced_until()
        if seq > last:
            rows = list(self._ledger.raw(connection, seq - 2, seq))
            good = link(rows, self._ledger.key_of) is not None
        else:
            rows = self._pinned(connection, seq, last + 1)
            good = bool(rows)
        return next((row[5] for row in rows if row[0] == seq), None) if good else None

    def _pinned(self, connection: sa.Connection, seq: int, end: int) -> list[tuple[object, ...]]:
        """Return the entries around one, none where they are not those that the key in use was put after."""
        with self._lock:
            if self._macs is None:
                self._macs = self._recomputed(connection, end)
        macs, step = self._macs, (seq - 1) // STEP
        if not macs:
            return []
        rows, verdict = self._step(connection, step, end, macs[step])
        return rows if verdict.ok and verdict.mac == macs[step + 1] else []

    def _recomputed(self, connection: sa.Connection, end: int) -> tuple[bytes, ...]:
        """Return the macs at every step up to the first entry of the key in use; none where the chain does not hold."""
        macs = [ZERO]
        for step in range((end + STEP - 1) // STEP):
            _, verdict = self._step(connection, step, end, macs[-1])
            if not verdict.ok or verdict.entries != min((step + 1) * STEP, end):
                return ()
            macs.append(verdict.mac)
        return tuple(macs)

    def _step(
        self, connection: sa.Connection, step: int, end: int, before: bytes
    ) -> tuple[list[tuple[object, ...]], Verdict]:
        rows = list(self._ledger.raw(connection, step * STEP, min((step + 1) * STEP, end)))
        return rows, verify(rows, self._ledger.key_of, None, (step * STEP, before))
