"""Objections that wait behind others: found without reading the whole queue, so that they need not wait for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from syncer.domain.rights import Right
from syncer.intake.queue import Queue, QueueRow

OBJECTION = Right.OBJECTION.value
#: rows that one look goes through, of those that came last and of those that lie between
NEWEST = 1000
BETWEEN = 5000


class Ahead:
    """Looks for objections in one pass over the queue, a bounded part of it at each look.

    A look sees the rows that came last, for whoever objects now, and goes on through those between, for who objected
    while nobody took anything. A queue that somebody else made has no index of kinds: so none is asked for.
    """

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._between: Any = None
        self._ended = False
        self._left: set[Any] = set()

    def look(self, most: int) -> list[QueueRow]:
        """Return at most so many objections that wait, the oldest of those seen first."""
        ids = [] if self._ended else self._on_the_way(most)
        if len(ids) < most:
            ids += [row_id for row_id in self._new(self._queue.newest(OBJECTION, NEWEST)) if row_id not in ids]
        return self._queue.of(ids[:most]) if ids else []

    def leave(self, rows: Iterable[QueueRow]) -> None:
        """Return these no more: they cannot be taken."""
        self._left |= {row.id for row in rows}

    def _on_the_way(self, most: int) -> list[Any]:
        found, last = self._queue.ahead(OBJECTION, self._between, BETWEEN)
        ids = self._new(found)
        if len(ids) <= most:  # the others are seen again, once these are taken
            self._between, self._ended = last, last is None
        return ids

    def _new(self, ids: list[Any]) -> list[Any]:
        return [row_id for row_id in ids if row_id not in self._left]
