"""The daemon's job: looks what is so, raises and clears, writes messages, carries them away, and beats the heart."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from syncer.alerting.board import Board
from syncer.alerting.catalog import Observed
from syncer.database.alerting import board as board_sql
from syncer.database.alerting import outbox
from syncer.database.connections import reading
from syncer.log import get_logger
from syncer.service.alerts.conditions.signs import Signs
from syncer.service.alerts.digest import Digests
from syncer.service.alerts.duty import Duty
from syncer.service.alerts.heartbeat import Heartbeat, is_stuck
from syncer.service.alerts.post import post_of
from syncer.service.alerts.telling import telling_of

if TYPE_CHECKING:
    from syncer.app import App

#: seconds between two rounds, and between two looks at all conditions
EVERY = 5.0
LOOK_SECONDS = 30.0
#: seconds between two times that what is old is dropped
TIDY_SECONDS = 3600.0
#: seconds that the end of the daemon waits for tries under way
AT_STOP = 5.0
#: how long what is over is kept
KEPT = timedelta(days=90)


class Alarms:
    """The alerts of one installation in one daemon. `all_moves` says whether every job of the daemon moves.

    Where the settings name neither a channel nor a heartbeat, it only brings what is open to its end.
    """

    def __init__(
        self, app: App, all_moves: Callable[[], bool] = lambda: True, look_seconds: float = LOOK_SECONDS
    ) -> None:
        settings = app.settings
        self._app = app
        self._all_moves = all_moves
        self._look_seconds = look_seconds
        self._silent = not settings.channels and settings.heartbeat is None
        #: seconds between two rounds
        self.every_seconds = LOOK_SECONDS if self._silent else EVERY
        self._duty = Duty(app.transactions, app.leases.owner, settings.schedule.lease_seconds)
        self._signs = Signs(app)
        self._board = Board(app.transactions)
        self._telling = telling_of(app)
        self._digest = Digests(app)
        self._post = post_of(app)
        self._heartbeat = None if settings.heartbeat is None else Heartbeat(settings.heartbeat, app.clock)
        self._looked_at: float | None = None
        self._tidied_at: float | None = None
        self._withheld = False
        self._log = get_logger("syncer.alerts")

    @property
    def moved_at(self) -> float:
        """Now: whatever hangs here, nobody is to end the daemon and its deliveries for it."""
        return time.monotonic()

    def work(self) -> None:
        """Do one round, if the duty is ours. Raises an outage, and UntrustedLog."""
        if (self._silent and not self._is_anything_left()) or not self._duty.ours():
            self._post.collect()
            return
        if self._looked_at is None or time.monotonic() - self._looked_at >= self._look_seconds:
            self.look()
            self._looked_at = time.monotonic()
        self._telling.tell()
        if self._tidied_at is None or time.monotonic() - self._tidied_at >= TIDY_SECONDS:
            self._tidy()
            self._tidied_at = time.monotonic()
        self._post.work()
        if self._heartbeat is not None and self._heartbeat.is_due() and self._is_well():
            self._heartbeat.beat()

    def look(self) -> None:
        """Look what is so, raise and clear, and write digests; but first mend what would stop any of it."""
        self._board.mend()
        self._board.update(self._of_the_open(self._signs.look()) if self._silent else self._signs.look())
        try:
            self._digest.write_due()
        except sa.exc.SQLAlchemyError as error:  # the queue's own database is away, perhaps: the next look tries again
            self._log.warning("digest.put_off", error=type(error).__name__)

    def finish(self) -> None:
        """Note what became of tries under way, for some seconds at most, and let another daemon have the duty."""
        self._post.collect(AT_STOP)
        self._duty.give_up()

    def _is_anything_left(self) -> bool:
        """Say whether an alert is open, or a message waits, from when somebody was to be told."""
        with reading(self._app.engine) as connection:
            return bool(
                board_sql.open_alerts(connection, self._app.tables) or outbox.waiting(connection, self._app.tables)
            )

    def _of_the_open(self, seen: Observed) -> Observed:
        """Return of what is so only what an open alert tells of already."""
        with reading(self._app.engine) as connection:
            known = {(each.condition, each.scope) for each in board_sql.open_alerts(connection, self._app.tables)}
        return replace(seen, signs=tuple(sign for sign in seen.signs if (sign.condition, sign.scope) in known))

    def _is_well(self) -> bool:
        now = self._app.clock()
        stuck = [name for name, lane in self._app.status.lanes().items() if is_stuck(lane, now)]
        well = not stuck and self._all_moves()
        if not well and not self._withheld:
            self._log.warning("heartbeat.withheld", lane=", ".join(stuck) or None)
        self._withheld = not well
        return well

    def _tidy(self) -> None:
        app = self._app
        with app.transactions.write() as tx:
            board_sql.drop_old(tx.connection, app.tables, tx.now - KEPT)
            outbox.abandon_others(tx.connection, app.tables, list(app.settings.channels), tx.now)
