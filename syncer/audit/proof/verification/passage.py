"""One passage over the whole log: the chain is recomputed on the way, and it ends in the moment the tables are read in.

In one snapshot where a person waits for it. In the daemon in slices, each read afresh, with pauses between them: no
snapshot is open for long, which would keep SQLite from truncating its write-ahead log and PostgreSQL from vacuuming.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import islice
from types import TracebackType
from typing import Any

import sqlalchemy as sa

from syncer.audit.chain import ZERO, Verdict, verify
from syncer.audit.ledger import Ledger
from syncer.audit.offline.verifier import LogRow
from syncer.database.connections import reading, snapshot

#: entries of one slice
SLICE = 500
#: is told how many seconds a slice took; it waits as long as it likes, and may raise to end the passage
Pause = Callable[[float], None]


class BadChain(Exception):
    """Raised where the chain does not hold; `verdict` names the first bad entry."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.reason)
        self.verdict = verdict


class Passage:
    """A passage over one log, a context manager. `connection` is the closing moment, once all rows were read."""

    def __init__(self, engine: sa.Engine, ledger: Ledger, pause: Pause | None = None) -> None:
        self._engine = engine
        self._ledger = ledger
        self._pause = pause
        self._stack = ExitStack()
        self._count, self._mac, self._purged = 0, ZERO, 0
        self.connection: sa.Connection

    def __enter__(self) -> Passage:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def rows(self) -> Iterator[LogRow]:
        """Yield every entry. Raises BadChain, at the end also for a head that is not the last entry's."""
        if self._pause is not None:
            yield from self._slices(self._pause)
        connection = self.connection = self._stack.enter_context(snapshot(self._engine))
        rest = self._ledger.raw(connection, self._count)
        while part := list(islice(rest, SLICE)):
            yield from self._take(part)
        self._verify([], self._ledger.head_in(connection))

    def _slices(self, pause: Pause) -> Iterator[LogRow]:
        while True:
            began = time.monotonic()
            with reading(self._engine) as connection:
                part = list(self._ledger.raw(connection, self._count, self._count + SLICE))
            if len(part) < SLICE:
                return  # the rest is read in the closing moment
            yield from self._take(part)
            pause(time.monotonic() - began)

    def _take(self, part: list[Any]) -> Iterator[LogRow]:
        self._verify(part, None)
        for seq, at, what, event, destination, body, leaf, _ in part:
            yield seq, at, what, event, destination, body, bytes(leaf) if isinstance(leaf, memoryview) else leaf

    def _verify(self, part: list[Any], head: tuple[int, bytes] | None) -> None:
        verdict = verify(part, self._ledger.key_of, head, (self._count, self._mac))
        self._purged += verdict.purged
        if not verdict.ok:
            raise BadChain(Verdict(False, verdict.entries, verdict.first_bad, verdict.reason, self._purged))
        self._count, self._mac = verdict.entries, verdict.mac
