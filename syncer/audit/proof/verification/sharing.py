"""A whole verification shared with a second process: one Python computes on one core, and most machines have two.

Each process reads the log and holds its chain by itself, in a moment of its own, so that nobody who changes the
database between the two gains anything; what they share are the events, which is most of the work.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any

import sqlalchemy as sa

from syncer.audit.chain import Verdict
from syncer.audit.ledger import Ledger
from syncer.audit.proof.verification.passage import BadChain, Passage
from syncer.audit.proof.verification.stories import Stories, ToldStories


class SecondLost(Exception):
    """Raised where the second process failed or was killed: its share was told by nobody."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What the second process found: of its events, and of the chain where it does not hold."""

    told: ToldStories
    broken: Verdict | None


def takes(number: int, rows: Sequence[Any], settled: int) -> bool:
    """Say whether the second process follows the events of a slice, its `number` counted from 0.

    It takes four of seven, as the first one has the signed notes to do besides; and none that is not the same in both
    moments.
    """
    return number * 4 % 7 < 4 and rows[-1][0] <= settled


def can_share(engine: sa.Engine) -> bool:
    """Say whether a second process may be forked from this one, and has a core to run on.

    Not while a connection is in use: SQLite's manual forbids to carry one across a fork ("How To Corrupt An SQLite
    Database File", 2.6), and SQLAlchemy's has a pool disposed of before.
    """
    if not isinstance(engine.pool, sa.pool.QueuePool) or engine.pool.checkedout():
        return False
    cores = getattr(os, "sched_getaffinity", None)  # Linux has it, and forks without harm
    return cores is not None and len(cores(0)) > 1 and threading.active_count() == 1


class SecondProcess:
    """Tells its share of the events of one log, beside the caller; a context manager, which ends it.

    To be made before the caller opens a connection: an SQLite file that is open must not be forked. Raises SecondLost
    where the system lets no process be started.
    """

    def __init__(self, engine: sa.Engine, ledger: Ledger, stories: Stories) -> None:
        engine.dispose()
        fork = multiprocessing.get_context("fork")
        try:
            self._here, there = fork.Pipe(duplex=False)
            self._process = fork.Process(target=_share, args=(self._here, there, engine, ledger, stories), daemon=True)
            self._process.start()
        except OSError:
            raise SecondLost from None
        there.close()

    def __enter__(self) -> SecondProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.join()
        self._here.close()

    def told(self) -> ToldStories:
        """Wait for what it told. Raises SecondLost, and BadChain where the chain does not hold in its moment."""
        try:
            found: Shared | None = self._here.recv()
        except (EOFError, OSError):
            found = None
        if found is None:
            raise SecondLost
        if found.broken is not None:
            raise BadChain(found.broken)
        return found.told


def _share(here: Connection, there: Connection, engine: sa.Engine, ledger: Ledger, stories: Stories) -> None:
    here.close()  # the first one's end: while it is open here too, a first process that was killed is never missed
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process is interrupted as well, and ends this one
    found = None
    with suppress(Exception):  # the first process does it all, and meets what was in the way
        found = _told(engine, ledger, stories)
    with suppress(OSError):
        there.send(found)


def _told(engine: sa.Engine, ledger: Ledger, stories: Stories) -> Shared:
    broken = None
    with Passage(engine, ledger) as passage:
        try:
            for number, (connection, rows) in enumerate(passage.slices()):
                if takes(number, rows, stories.settled):
                    stories.follow(connection, rows)
        except BadChain as bad:
            broken = bad.verdict
    return Shared(stories.told(), broken)
