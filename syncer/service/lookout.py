"""Sees at once what waits, without asking much: rings the intake's bell for a new row, a lane's for work that is due.

The daemon's jobs would find it by themselves, seconds later. SQLite says for a few microseconds whether anybody wrote,
PostgreSQL tells of each insert into a queue of ours; another server is asked one small question of all lanes and the
queue together.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from syncer.database import sessions
from syncer.database.triggers import announces

if TYPE_CHECKING:
    from syncer.app import App
    from syncer.delivery.lane import Lane

#: seconds between two looks at what tells of writing, and between two questions to what does not
GLANCE = 0.1
QUESTION = 0.5
#: seconds after which what tells of writing is asked all the same: time alone makes a delivery due
TIME_PASSES = 1.0


class Window:
    """A connection that is kept for looking at one database.

    `inserted_into` is a table: PostgreSQL says when somebody inserts into it, where its trigger is there.
    """

    def __init__(self, engine: sa.Engine, inserted_into: str | None = None) -> None:
        self._engine = engine
        self._table = inserted_into
        self._connection: sa.Connection | None = None
        self._version: int | None = None
        self._listens = False
        self.is_file = engine.dialect.name == "sqlite"

    @property
    def tells(self) -> bool:
        """Whether it costs nothing to know that something was written."""
        return self.is_file or self._listens

    def was_written(self) -> bool:
        """Say whether somebody wrote since `ask` was last answered; what does not tell may have been written.

        https://sqlite.org/pragma.html#pragma_data_version: of commits by other connections, ours for writing too.
        """
        version = self._version
        if self._listens:
            return self._told()
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
        connection, self._connection, self._version, self._listens = self._connection, None, None, False
        if connection is not None:
            connection.invalidate()
            connection.close()

    # past SQLAlchemy, which would take ten times as long; what is wrong is found out by the question

    def _now(self) -> int | None:
        """Return the file's version as this connection sees it; None where it cannot be read."""
        driver: Any = self._open().connection.driver_connection
        try:
            return int(driver.execute("PRAGMA data_version").fetchone()[0])
        except sqlite3.Error:
            self.close()
            return None

    def _told(self) -> bool:
        """Say whether PostgreSQL told of an insert since it was last asked; one that is gone may have missed it."""
        driver: Any = self._open().connection.driver_connection
        errors: Any = self._engine.dialect.loaded_dbapi
        try:
            return bool(list(driver.notifies(timeout=0)))
        except (errors.Error, UnicodeError):  # whoever may connect may say anything
            self.close()
            return True

    def _open(self) -> sa.Connection:
        if self._connection is None:
            connection = self._engine.connect()
            self._connection = connection
            if not sessions.pooled(connection):
                # a question is one round trip; behind a pooler only a transaction keeps its settings
                connection = self._connection = connection.execution_options(isolation_level="AUTOCOMMIT")
                self._listen(connection)
        return self._connection

    def _listen(self, connection: sa.Connection) -> None:
        if self._table is None:
            return
        with connection.begin():
            if announces(connection, self._table):
                connection.exec_driver_sql(f"LISTEN {connection.dialect.identifier_preparer.quote(self._table)}")
                self._listens = True


class Lookout:
    """Looks for the daemon."""

    def __init__(self, app: App, lanes: Sequence[Lane]) -> None:
        schedule = app.settings.schedule
        self._app = app
        self._lanes = lanes
        self._often = min(schedule.lane_seconds, schedule.intake_seconds)
        self._again = schedule.lane_seconds
        self._own = Window(app.engine, app.queue.table.name if app.queue.shared else None)
        self._queue = self._own if app.queue.shared else Window(app.queue.engine)
        #: whether the last look told anything: nobody may rely on a bell that is not rung
        self.sees = False
        self._asked: dict[Window, float] = {}
        self._rung: dict[str, float] = {}  # lane -> when its bell last rang for what is due still

    @property
    def seconds(self) -> float:
        """How often to look."""
        return min(GLANCE if self._own.tells or self._queue.tells else QUESTION, self._often)

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
        if window.tells:
            return window.was_written() or (window is self._own and since >= min(TIME_PASSES, self._again))
        seldom = QUESTION if window is self._queue else TIME_PASSES
        return since >= min(seldom, self._often) * 0.9

    def _ring(self, window: Window) -> None:
        self._asked[window] = time.monotonic()
        asked: list[sa.ColumnElement[Any]] = []
        if window is self._queue:
            asked.append(self._app.queue.has_new(self._app.intake.left))
        if window is self._own:
            asked += [self._is_due(lane) for lane in self._lanes]
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
