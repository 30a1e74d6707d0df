"""Roots over any part of the log from the compact ranges of the checkpoints: a proof reads few leaves of a long log."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from syncer.audit.ledger import FETCH
from syncer.audit.log_end import octets, untyped
from syncer.audit.offline.merkle import Frontier, node, split
from syncer.audit.proof.origins import Origins
from syncer.database.tables import Tables

#: so many leaves are read sooner than a compact range is looked for
FEW = 256


def leaves(connection: sa.Connection, tables: Tables, low: int, high: int) -> Iterator[bytes]:
    """Yield the leaves from `low` (included) to `high` (excluded), counted from 0."""
    t = tables.audit.c
    query = sa.select(t.leaf).where(t.seq > low, t.seq <= high).order_by(t.seq)
    result = connection.execute(query, execution_options={"yield_per": FETCH})
    for part in result.partitions():
        for (leaf,) in part:
            yield bytes(leaf)


class Subtrees:
    """The subtrees of one installation's log, read with one connection; each is computed once.

    The compact range of a checkpoint holds the roots of whole subtrees to the left of its size. It counts only where
    it leads to the root that is signed there.
    """

    def __init__(self, connection: sa.Connection, tables: Tables, origins: Origins) -> None:
        self._connection = connection
        self._tables = tables
        self._origins = origins
        self._known: dict[tuple[int, int], bytes] = {}

    def root(self, low: int, high: int) -> bytes:
        """Return the root over the leaves from `low` (included) to `high` (excluded) of a tree that is split there."""
        known = self._known.get((low, high))
        if known is None:
            known = self._known[low, high] = self._stored(low, high) or self._computed(low, high)
        return known

    def _computed(self, low: int, high: int) -> bytes:
        if high - low <= FEW:
            frontier = Frontier()
            frontier.extend(leaves(self._connection, self._tables, low, high))
            return frontier.root()
        middle = low + split(high - low)
        return node(self.root(low, middle), self.root(middle, high))

    def _stored(self, low: int, high: int) -> bytes | None:
        """Return the root of a whole subtree from a compact range; None where none that counts has it."""
        width = high - low
        if width <= FEW or width & (width - 1) or low % (2 * width):
            return None  # no whole subtree, or the right half of one, which no compact range names
        c = self._tables.checkpoint.c
        query = sa.select(c.size, c.origin, untyped(c.root), c.note, untyped(c.frontier))
        query = query.where(c.size >= high, c.size < high + width)
        row = self._connection.execute(query.order_by(c.size).limit(1)).first()
        signed = self._origins.signed(row) if row else None
        if row is None or signed is None:
            return None
        try:
            packed = octets(row.frontier)
            if Frontier.unpack(row.size, packed).root() != signed.root:
                return None
        except (TypeError, ValueError):
            return None
        before = (row.size >> width.bit_length()).bit_count()  # larger subtrees to its left
        return packed[32 * before : 32 * before + 32]
