"""One passage over the log from some entry on: the chain is recomputed on the way, up to one moment of the database.

In one snapshot where a person waits for it. In the daemon in slices, each read afresh, with pauses between them: no
snapshot is open for long, which would keep SQLite from truncating its write-ahead log and PostgreSQL from vacuuming.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any

import sqlalchemy as sa

from syncer.audit.chain import ZERO, Verdict, verify
from syncer.audit.ledger import Ledger
from syncer.database.connections import snapshot

#: entries of one read, and of one slice between two pauses: more at a time are hardly faster, and cost a console memory
SLICE = 500
#: is told how many seconds a slice took; it waits as long as it likes, and may raise to end the passage
Pause = Callable[[float], None]


class BadChain(Exception):
    """Raised where the chain does not hold; `verdict` names the first bad entry."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.reason)
        self.verdict = verdict


class Passage:
    """A passage over one log after entry `start` with its mac, a context manager.

    `connection` is the closing moment, once all slices were read; `end` is then the last entry's number and mac.
    """

    def __init__(
        self, engine: sa.Engine, ledger: Ledger, start: tuple[int, bytes] = (0, ZERO), pause: Pause | None = None
    ) -> None:
        self._engine = engine
        self._ledger = ledger
        self._pause = pause
        self._stack = ExitStack()
        self._purged = 0
        self.end = start
        self.connection: sa.Connection

    def __enter__(self) -> Passage:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def slices(self) -> Iterator[tuple[sa.Connection, Sequence[Any]]]:
        """Yield the entries in parts, each with the moment it was read in.

        Raises BadChain, at the end also for a head that is not the last entry's. The texts of entries that name an
        event are not read: in their place is an empty one.
        """
        if self._pause is not None:
            yield from self._with_rests(self._pause)
        connection = self.connection = self._stack.enter_context(snapshot(self._engine))
        while part := self._ledger.links(connection, self.end[0], SLICE):
            self._verify(part, None)
            yield connection, part
        self._verify([], self._ledger.head_in(connection))

    def _with_rests(self, pause: Pause) -> Iterator[tuple[sa.Connection, Sequence[Any]]]:
        while True:
            began = time.monotonic()
            with snapshot(self._engine) as connection:
                part = self._ledger.links(connection, self.end[0], SLICE)
                if len(part) < SLICE:
                    return  # the rest is read in the closing moment
                self._verify(part, None)
                yield connection, part
            pause(time.monotonic() - began)

    def _verify(self, part: Sequence[Any], head: tuple[int, bytes] | None) -> None:
        verdict = verify(part, self._ledger.key_of, head, self.end, of_events=False)
        self._purged += verdict.purged
        if not verdict.ok:
            raise BadChain(Verdict(False, verdict.entries, verdict.first_bad, verdict.reason, self._purged))
        self.end = verdict.entries, verdict.mac
