"""Recomputes the chain with the key from the last checkpoint to the head: what was forged is never signed.

A checkpoint is made only once every entry before it was recomputed, and leaves a keyed seal that says so (the column
`mac`). The next recomputation begins there. What somebody who has the database and no key can do about that:

- A seal cannot be made, nor moved to another row: it covers number, time, name, root and the mac of the last entry.
- The compact range is not sealed itself: it counts only where it leads to the sealed root, else the entries decide.
- An entry needs no trusted predecessor: HMAC(key, any mac || number || leaf) is made by the key alone, so the first
  link after the seal holds only if both of its ends are genuine.
- An older checkpoint without a seal (before revision 0009) proves nothing of the chain: it is recomputed from the
  start, once. A checkpoint whose seal was taken away, or that was deleted, is itself a finding.
- Everything can be put back to how it once was, all together. A process that saw more says so, the notes say so, and
  so does the result of the last full verification; entries that nothing of these saw are gone without a trace.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from syncer.audit.chain import ZERO, digest, verify
from syncer.audit.ledger import Ledger
from syncer.audit.log_end import octets, untyped
from syncer.audit.offline.merkle import Frontier
from syncer.audit.offline.notes import Checkpoint
from syncer.audit.proof.origins import Origins
from syncer.clock import stamp
from syncer.database.connections import reading
from syncer.database.tables import Tables
from syncer.errors import ChainBroken

#: entries of one read: no snapshot is held for long
SLICE = 2000


@dataclass(frozen=True, slots=True)
class Reached:
    """Up to where the chain holds: the last entry's number and mac, and the compact range over all leaves, packed."""

    seq: int
    mac: bytes
    range: bytes

    def frontier(self) -> Frontier:
        """Return the compact range, for the caller to go on with."""
        return Frontier.unpack(self.seq, self.range)


START = Reached(0, ZERO, b"")


class Recomputation:
    """What this process recomputed of one installation's chain. It begins at a checkpoint and keeps its place."""

    def __init__(self, engine: sa.Engine, tables: Tables, ledger: Ledger, origins: Origins) -> None:
        self._engine = engine
        self._tables = tables
        self._ledger = ledger
        self._origins = origins
        self._reached: Reached | None = None
        self._lock = threading.Lock()

    def catch_up(self, moved: Callable[[float], None] | None = None) -> Reached:
        """Recompute up to the head in short reads, without a lock, and return how far that is. Raises ChainBroken.

        `moved` is called after each slice with the seconds that it took; it may raise to end this, nothing is lost.
        """
        with self._lock:
            while True:
                began = time.monotonic()
                with reading(self._engine) as connection:
                    reached = self._reached or self._base(connection)  # before the head, which others move on
                    seq, _ = head = self._head(connection)
                    reached = self._reached = self._over(connection, reached, head)
                if reached.seq == seq:
                    return reached
                if moved is not None:
                    moved(time.monotonic() - began)

    def at_head(self, connection: sa.Connection) -> Reached:
        """Recompute what is left up to the head, in a transaction that keeps it locked. Raises ChainBroken."""
        with self._lock:
            self._ledger.end(connection, lock=True)
            head = self._head(connection)
            reached = self._over(connection, self._reached or self._base(connection), head)
            while reached.seq != head[0]:
                reached = self._over(connection, reached, head)
            self._reached = reached
            return reached

    def seal(self, checkpoint: Checkpoint, at: datetime, mac: bytes) -> bytes:
        """Return the seal of a checkpoint that was made at `at` (UTC) over a chain that ends with `mac`."""
        facts = {"at": stamp(at), "origin": checkpoint.origin, "root": checkpoint.root.hex(), "mac": mac.hex()}
        return self._ledger.tag("checkpoint seal v1", checkpoint.size, facts)

    def _over(self, connection: sa.Connection, reached: Reached, head: tuple[int, bytes]) -> Reached:
        """Go on by one slice, at most to the head."""
        if head[0] < reached.seq:
            raise ChainBroken(f"the log ends at entry {head[0]}, but entry {reached.seq} was there: it was rolled back")
        upto = min(head[0], reached.seq + SLICE)
        rows = list(self._ledger.raw(connection, reached.seq, upto))
        end = head if upto == head[0] else None
        verdict = verify(rows, self._ledger.key_of, end, (reached.seq, reached.mac))
        if not verdict.ok:
            raise ChainBroken(str(verdict.reason))
        if verdict.entries != upto:
            raise ChainBroken(f"entry {verdict.entries + 1} is missing")
        frontier = reached.frontier()
        frontier.extend(bytes(row[6]) for row in rows)
        return Reached(upto, verdict.mac, frontier.pack())

    # -- checkpoints ----------------------------------------------------------------------------------------

    def _head(self, connection: sa.Connection) -> tuple[int, bytes]:
        """Return what the head says. Raises ChainBroken unless the checkpoints agree with it and with the log.

        The newest must be ours and cover no more than there is, and none that the log tells of may be missing. Others
        may sign between two reads: the newest one before and after encloses what the log tells of.
        """
        t, c = self._tables.audit.c, self._tables.checkpoint.c
        newest = self._newest(connection)
        before = newest.size if newest is not None else 0
        head = self._ledger.head_in(connection)
        if before > head[0]:
            raise ChainBroken(f"a checkpoint covers {before} entries, but there are {head[0]}")
        told = sa.select(sa.func.max(t.seq)).where(t.what == "audit:checkpoint", t.seq <= head[0])
        signed = connection.execute(told).scalar() or 0
        after = connection.execute(sa.select(sa.func.max(c.size))).scalar() or 0
        if not before <= signed <= after:
            raise ChainBroken(f"the checkpoint of entry {signed} is gone, or another was put in its place")
        if newest is not None:
            self._require_ours(connection, newest)
        return head

    def _require_ours(self, connection: sa.Connection, newest: Any) -> None:
        c = self._tables.checkpoint.c
        if self._origins.signed(newest) is None:
            raise ChainBroken(f"the checkpoint of {newest.size} entries was replaced: its note says something else")
        sealed = connection.execute(
            sa.select(c.size).where(c.mac.is_not(None), c.size <= newest.size).limit(1)
        ).scalar()
        if sealed is not None:
            self._require_seal(connection, newest)

    def _newest(self, connection: sa.Connection) -> Any:
        c = self._tables.checkpoint.c
        query = sa.select(c.size, c.at, c.origin, untyped(c.root), untyped(c.frontier), c.note, untyped(c.mac))
        try:
            return connection.execute(query.order_by(c.size.desc()).limit(1)).first()
        except (TypeError, ValueError, sa.exc.DataError):
            raise ChainBroken("the newest checkpoint was altered: it cannot be read") from None

    def _require_seal(self, connection: sa.Connection, row: Any) -> bytes:
        """Return the mac that a checkpoint's seal vouches for. Raises ChainBroken for a seal that is not ours."""
        mac = next((digest(entry[7]) for entry in self._ledger.raw(connection, row.size - 1, row.size)), None)
        checkpoint = self._origins.signed(row)
        if mac is None or checkpoint is None or self.seal(checkpoint, row.at, mac) != digest(row.mac):
            raise ChainBroken(
                f"the checkpoint of {row.size} entries was altered, or its last entry: its seal is not ours"
            )
        return mac

    def _base(self, connection: sa.Connection) -> Reached:
        """Return where the recomputation begins: at the newest checkpoint if it is sealed, else at the start."""
        row = self._newest(connection)
        if row is None or row.mac is None:
            return START
        mac = self._require_seal(connection, row)
        try:
            frontier = Frontier.unpack(row.size, octets(row.frontier))
        except (TypeError, ValueError):
            frontier = Frontier()
        if frontier.root() != bytes(row.root):  # somebody changed it: the entries themselves decide
            frontier = Frontier()
            frontier.extend(bytes(entry[6]) for entry in self._ledger.raw(connection, 0, row.size))
        if frontier.root() != bytes(row.root):
            raise ChainBroken(f"the first {row.size} entries are not those that were signed")
        return Reached(row.size, mac, frontier.pack())
