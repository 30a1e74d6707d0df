"""Sees at once what waits, without asking much: rings the intake's bell for a new row, a lane's for work that is due.

The daemon's jobs would find it by themselves, seconds later. SQLite says for a few microseconds whether anybody wrote;
a server is asked one small question of all lanes and the queue together.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from syncer.database import sessions

if TYPE_CHECKING:
    from syncer.app import App
    from syncer.delivery.lane import Lane

#: seconds between two looks whether an SQLite file was written to, and between two questions to a server
GLANCE = 0.1
QUESTION = 0.5
#: seconds after which an SQLite file is asked, whoever wrote: time alone makes a delivery due
TIME_PASSES = 1.0


class Window:
    """A connection that is kept for looking at one database."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._connection: sa.Connection | None = None
        self._version: int | None = None
        self.is_file = engine.dialect.name == "sqlite"

    def was_written(self) -> bool:
        """Say whether anybody committed since `ask` was last answered. A server is not asked: it may have been.

        https://sqlite.org/pragma.html#pragma_data_version: of commits by other connections, ours for writing too.
        """
        version = self._version
        return not self.is_file or version is None or self._now() != version

    def ask(self, query: sa.Select[Any]) -> Any:
        """Return the only row of a query. Raises what the database raises; the next time it is connected anew."""
        try:
            version = self._now() if self.is_file else None  # before the answer: what is written after it is seen again
            with self._open().begin():
                row = self._open().execute(query).one()
        except BaseException:
            self.close()
            raise
        self._version = version
        return row

    def close(self) -> None:
        """Give the connection up."""
        connection, self._connection, self._version = self._connection, None, None
        if connection is not None:
            connection.invalidate()
            connection.close()

    def _now(self) -> int | None:
        """Return the file's version as this connection sees it; None where it cannot be read.

        Past SQLAlchemy, which would take ten times as long. What is wrong is found out by the question.
        """
        driver: Any = self._open().connection.driver_connection
        try:
            return int(driver.execute("PRAGMA data_version").fetchone()[0])
        except sqlite3.Error:
            self.close()
            return None

    def _open(self) -> sa.Connection:
        if self._connection is None:
            connection = self._engine.connect()
            if not sessions.pooled(connection):
                # a question is one round trip; behind a pooler only a transaction keeps its settings
                connection = connection.execution_options(isolation_level="AUTOCOMMIT")
            self._connection = connection
        return self._connection


class Lookout:
    """Looks for the daemon; `seconds` is how often."""

    def __init__(self, app: App, lanes: Sequence[Lane]) -> None:
        schedule = app.settings.schedule
        self._app = app
        self._lanes = lanes
        self._often = min(schedule.lane_seconds, schedule.intake_seconds)
        self._again = schedule.lane_seconds
        self._own = Window(app.engine)
        self._queue = self._own if app.queue.shared else Window(app.queue.engine)
        glances = self._own.is_file or self._queue.is_file
        self.seconds = min(GLANCE if glances else QUESTION, self._often)
        #: whether the last look told anything: nobody may rely on a bell that is not rung
        self.sees = False
        self._asked: dict[Window, float] = {}
        self._rung: dict[str, float] = {}  # lane -> when its bell last rang for what is due still

    def look(self) -> None:
        """Look once, and ring for what is new. Raises what the database raises."""
        self.sees = False
        for window in dict.fromkeys((self._queue, self._own)):
            if self._is_time(window):
                self._ring(window)
        self.sees = True

    def close(self) -> None:
        """Give the connections up."""
        self._own.close()
        self._queue.close()

    def _is_time(self, window: Window) -> bool:
        since = time.monotonic() - self._asked.get(window, -TIME_PASSES)
        if window.is_file and window.was_written():
            return True
        if window.is_file:
            return window is self._own and since >= min(TIME_PASSES, self._again)
        # what only the passing of time brings may be seen later than what somebody inserted
        seldom = TIME_PASSES if window is self._own and window is not self._queue else QUESTION
        return since >= min(seldom, self._often) * 0.9

    def _ring(self, window: Window) -> None:
        self._asked[window] = time.monotonic()
        asked: list[sa.ColumnElement[Any]] = (
            [self._app.queue.has_new(self._app.intake.left)] if window is self._queue else []
        )
        asked += [self._is_due(lane) for lane in self._lanes] if window is self._own else []
        answers = list(window.ask(sa.select(*[each.label(f"a{number}") for number, each in enumerate(asked)])))
        if window is self._queue and answers.pop(0):
            self._app.intake.bell.ring()
        if window is self._own:
            for lane, due in zip(self._lanes, answers, strict=True):
                self._ring_lane(lane, bool(due))

    def _ring_lane(self, lane: Lane, due: bool) -> None:
        now = time.monotonic()
        if not due:
            self._rung.pop(lane.name, None)
        elif now - self._rung.get(lane.name, -self._again) >= self._again:
            # one that waits, or belongs to another daemon, is rung again and again as long as something is due
            self._rung[lane.name] = now
            lane.bell.ring()

    def _is_due(self, lane: Lane) -> sa.ColumnElement[bool]:
        d = self._app.tables.delivery.c
        due = sa.select(d.id).where(d.destination == lane.name, d.next_attempt_at <= self._app.clock())
        return due.limit(1).scalar_subquery().is_not(None)
