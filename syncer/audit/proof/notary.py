"""Signs the log on a schedule and carries the notes away."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from syncer.audit.anchors.attempt import DEADLINE
from syncer.audit.proof.carrier import Carrier, Target
from syncer.audit.proof.checkpoints import Checkpoints, Sealed
from syncer.audit.proof.origins import Origins
from syncer.audit.proof.rollback import Rollback
from syncer.audit.transaction import Clock
from syncer.database.tables import Tables

#: seconds that a signing daemon waits for its anchors; what comes of slower ones it notes when it signs next
SOON = 2.0
#: an anchor that fails for so long needs a person
PAGE = timedelta(hours=24)
#: seconds for all anchors together when the daemon stops
AT_STOP = 20.0


@dataclass(frozen=True, slots=True)
class Anchored:
    """How an anchor stands. `level` is ok, late (two intervals) or page (24 h); times are UTC; `size` 0 means never."""

    name: str
    kind: str
    size: int
    at: datetime | None
    place: str | None
    failing_since: datetime | None
    error: str | None
    level: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How the proof of the log stands: name, last checkpoint, entries without one, and each anchor."""

    origin: str
    newest: Sealed | None
    unsigned: int
    level: str
    anchors: tuple[Anchored, ...]


class Notary:
    """Signs one installation's log and brings the notes to their anchors; the state folder is always one of them."""

    def __init__(
        self,
        engine: sa.Engine,
        tables: Tables,
        checkpoints: Checkpoints,
        origins: Origins,
        rollback: Rollback,
        targets: Sequence[Target],
        clock: Clock,
    ) -> None:
        self._carrier = Carrier(engine, tables, targets, checkpoints.schedule.every, clock)
        self._checkpoints = checkpoints
        self._origins = origins
        self._rollback = rollback
        self._clock = clock
        #: when the last step was done, in seconds of the monotonic clock: the daemon's watchdog looks at it
        self.moved_at = time.monotonic()

    # -- signing and carrying away --------------------------------------------------------------------------

    def tick(self) -> None:
        """Sign if it is time to, and bring every anchor up to date. A failing anchor is logged; it raises nothing."""
        self._rollback.require_not_behind(anew=True)
        self._checkpoints.tick()
        self._carrier.carry(self._checkpoints.newest(), at_once=False, seconds=SOON, stay=True)

    def finish(self) -> None:
        """Sign what is not signed yet, at a clean stop, and anchor it within AT_STOP seconds."""
        self._rollback.require_not_behind(anew=True)
        self._checkpoints.make("stop", only_new=True)
        self.publish(seconds=AT_STOP)

    def make(self, reason: str = "operator") -> tuple[Sealed, tuple[Anchored, ...]]:
        """Sign and anchor now, whatever the schedule says; return the checkpoint and how each anchor stands."""
        self._rollback.require_not_behind(anew=True)
        made = self._checkpoints.make(reason)
        assert made is not None
        self.publish(now=True)
        return made, self.standing().anchors

    def publish(self, *, now: bool = False, seconds: float = DEADLINE + 1) -> None:
        """Bring the newest note to every anchor that lacks it and is due, with `now` to every one that lacks it.

        Return after `seconds` at the latest; an anchor that has not answered by then counts as failed.
        """
        self._carrier.carry(self._checkpoints.newest(), at_once=now, seconds=seconds, stay=False)

    # -- how it stands --------------------------------------------------------------------------------------

    def standing(self) -> Standing:
        """Return how the proof of the log stands now."""
        now, newest = self._clock(), self._checkpoints.newest()
        since = self._checkpoints.unsigned_since()
        level = _level(since, self._checkpoints.schedule.every, now)
        rows: dict[str, list[Any]] = {}
        for row in self._carrier.anchored():
            rows.setdefault(row.name, []).append(row)
        anchors = tuple(_anchored(target, rows.get(target.name, []), now) for target in self._carrier.targets)
        return Standing(
            origin=self._origins.current(),
            newest=newest,
            unsigned=self._checkpoints.size() - (newest.size if newest else 0),
            level=max((level, *(anchor.level for anchor in anchors)), key=LEVELS.index),
            anchors=anchors,
        )


LEVELS = ("ok", "late", "page")


def _anchored(target: Target, rows: list[Any], now: datetime) -> Anchored:
    # several hosts may each have a folder of this name: what one of them holds is anchored
    row = max(rows, key=lambda row: (row.size, row.failing_since is None), default=None)
    if row is None:
        return Anchored(target.name, target.kind, 0, None, None, None, None, "ok")
    level = _level(row.failing_since, target.every, now)
    return Anchored(target.name, target.kind, row.size, row.at, row.place, row.failing_since, row.error, level)


def _level(since: datetime | None, every: timedelta, now: datetime) -> str:
    if since is None or now - since < 2 * every:
        return "ok"
    return "page" if now - since >= max(PAGE, 2 * every) else "late"
