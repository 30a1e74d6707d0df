"""Sees an unusual number of requests: many times what the best day before had. It stops nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from syncer.alerting.catalog import WARNING, Sign
from syncer.database.alerting import signs as sql
from syncer.database.connections import reading
from syncer.domain.rights import ACCEPTED_RIGHTS

if TYPE_CHECKING:
    from syncer.app import App

#: days before the last 24 hours that are compared, and how many times their best is unusual
DAYS, TIMES = 28, 5
#: seconds between two counts: each reads the requests of four weeks
EVERY = 600.0


class Surge:
    """Counts the requests of one installation, seldom; between two counts it says what it found last."""

    def __init__(self, app: App, every: float = EVERY) -> None:
        self._app = app
        self._every = every
        self._counted_at: float | None = None
        self._found: list[Sign] = []

    def look(self) -> Iterator[Sign]:
        """Say which rights were exercised unusually often within 24 hours."""
        if self._counted_at is None or time.monotonic() - self._counted_at >= self._every:
            self._found = list(self._count())
            self._counted_at = time.monotonic()
        yield from self._found

    def _count(self) -> Iterator[Sign]:
        app = self._app
        with reading(app.engine) as connection:
            found = sql.taken_by_day(connection, app.tables, app.clock(), DAYS + 1)
        for right, (today, *before) in found.items():
            if right not in ACCEPTED_RIGHTS:  # a row may hold any text
                continue
            usual = max(before)
            if today > TIMES * usual and today > app.settings.guard.always_allowed:
                yield Sign("surge", WARNING, {"requests": today, "usual": usual}, right)
