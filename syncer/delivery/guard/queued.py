"""How many erasures still wait in the queue: a look into it that nobody waits for."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from syncer.log import get_logger

#: rows of the queue that are looked at, the newest
REACH = 1000
#: seconds for which an answer serves; and after which a queue is asked again that did not answer
SERVES, RESTS = 1.0, 60.0


class QueuedErasures:
    """Counts erasures in the queue, which may lie in another database: one that cannot be reached counts as empty."""

    def __init__(self, count: Callable[[int], int], monotonic: Callable[[], float]) -> None:
        self._count = count
        self._monotonic = monotonic
        self._last = 0
        self._until: float | None = None
        self._log = get_logger("syncer.guard")

    def __call__(self) -> int:
        """Return how many erasures are among the newest rows; as it was a second ago where it was asked then."""
        now = self._monotonic()
        if self._until is not None and now < self._until:
            return self._last
        try:
            self._last, rest = self._count(REACH), SERVES
        except sa.exc.SQLAlchemyError as error:
            self._last, rest = 0, RESTS
            self._log.warning("guard.queue_unread", error=type(error).__name__)
        self._until = now + rest
        return self._last
