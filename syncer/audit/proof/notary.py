"""Signs the log on a schedule and carries the notes away."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from syncer.audit.anchors.build import build
from syncer.audit.anchors.folder import Folder
from syncer.audit.anchors.place import AnchorError, Place
from syncer.audit.proof.checkpoints import Checkpoints, Sealed
from syncer.audit.proof.origins import Origins
from syncer.audit.proof.rollback import Rollback
from syncer.audit.transaction import Clock
from syncer.database.connections import reading, writing
from syncer.database.failures import retry_on_conflict
from syncer.database.tables import Tables
from syncer.errors import SyncerError
from syncer.log import get_logger
from syncer.settings.proof import FOLDER, Anchor

#: a failed anchor is tried again after so long
AGAIN = timedelta(minutes=5)
#: an anchor that fails for so long needs a person
PAGE = timedelta(hours=24)
#: seconds for all anchors together when the daemon stops
AT_STOP = 20.0


@dataclass(frozen=True, slots=True)
class Target:
    """One place for notes, one in `every` at most. `host` is empty where all daemons reach the same place."""

    name: str
    kind: str
    host: str
    every: timedelta
    place: Callable[[], Place]


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
        self._engine = engine
        self._anchor = tables.anchor
        self._checkpoints = checkpoints
        self._origins = origins
        self._rollback = rollback
        self._targets = tuple(targets)
        self._clock = clock
        self._log = get_logger("syncer.notary")
        #: when the last step was done, in seconds of the monotonic clock: the daemon's watchdog looks at it
        self.moved_at = time.monotonic()

    # -- signing and carrying away --------------------------------------------------------------------------

    def tick(self) -> None:
        """Sign if it is time to, and bring every anchor up to date. A failing anchor is logged; it raises nothing."""
        self._rollback.require_not_behind(anew=True)
        self._checkpoints.tick()
        self.publish()

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

    def publish(self, *, now: bool = False, seconds: float = 600.0) -> None:
        """Bring the newest note to every anchor that lacks it and is due, with `now` to every one that lacks it.

        No anchor is begun after `seconds`.
        """
        newest, until = self._checkpoints.newest(), time.monotonic() + seconds
        if newest is None:
            return
        rows = {(row.name, row.host): row for row in self.anchored()}
        for target in self._targets:
            row = rows.get((target.name, target.host))
            if row is not None and row.size >= newest.size and _is_there(target, newest):
                continue
            self.moved_at = time.monotonic()
            if self.moved_at < until and self._may(target, row, now):
                self._publish(target, newest)

    def _may(self, target: Target, row: Any, at_once: bool) -> bool:
        rest = timedelta() if at_once else self._rest(target, row)
        return self._begin(target, self._clock() - rest)

    def _rest(self, target: Target, row: Any) -> timedelta:
        """Return how long an anchor is left alone after a try; `row` is None before the first."""
        if row is None or row.failing_since:
            return AGAIN
        if target.every <= self._checkpoints.schedule.every:
            return timedelta()  # every checkpoint goes there
        return target.every

    def _publish(self, target: Target, sealed: Sealed) -> None:
        try:
            place = target.place().publish(sealed.checkpoint, sealed.note)
        except Exception as error:  # noqa: BLE001 — whatever a place does, the others and the deliveries go on
            why = str(error) if isinstance(error, (AnchorError, SyncerError)) else type(error).__name__
            self._log.warning("anchor.failed", path=target.name, reason=why)
            self._failed(target, why)
        else:
            self._arrived(target, sealed.size, place)

    # -- what was anchored where ----------------------------------------------------------------------------

    def anchored(self) -> list[Any]:
        """Return the anchors' rows: name, host, size, at, place, tried_at, failing_since, error."""
        with reading(self._engine) as connection:
            return list(connection.execute(sa.select(self._anchor)))

    @retry_on_conflict
    def _begin(self, target: Target, not_after: datetime) -> bool:
        """Note that an anchor is tried now, or return False if it was tried after `not_after` (UTC): only one mails."""
        a, now = self._anchor, self._clock()
        with writing(self._engine) as connection:
            row = connection.execute(sa.select(a.c.tried_at).where(*self._row(target)).with_for_update()).first()
            if row is None:
                connection.execute(a.insert().values(name=target.name, host=target.host, size=0, tried_at=now))
                return True
            if row.tried_at is not None and not_after < row.tried_at <= now:
                return False
            connection.execute(a.update().where(*self._row(target)).values(tried_at=now))
            return True

    @retry_on_conflict
    def _arrived(self, target: Target, size: int, place: str) -> None:
        values = {"size": size, "at": self._clock(), "place": place[:255], "failing_since": None, "error": None}
        with writing(self._engine) as connection:
            connection.execute(self._anchor.update().where(*self._row(target)).values(values))

    @retry_on_conflict
    def _failed(self, target: Target, error: str) -> None:
        a = self._anchor
        since = sa.func.coalesce(a.c.failing_since, sa.bindparam("n", self._clock(), a.c.failing_since.type))
        with writing(self._engine) as connection:
            connection.execute(a.update().where(*self._row(target)).values(failing_since=since, error=error[:255]))

    def _row(self, target: Target) -> tuple[sa.ColumnElement[bool], ...]:
        return (self._anchor.c.name == target.name, self._anchor.c.host == target.host)

    # -- how it stands --------------------------------------------------------------------------------------

    def standing(self) -> Standing:
        """Return how the proof of the log stands now."""
        now, newest = self._clock(), self._checkpoints.newest()
        since = self._checkpoints.unsigned_since()
        level = _level(since, self._checkpoints.schedule.every, now)
        rows: dict[str, list[Any]] = {}
        for row in self.anchored():
            rows.setdefault(row.name, []).append(row)
        anchors = tuple(_anchored(target, rows.get(target.name, []), now) for target in self._targets)
        return Standing(
            origin=self._origins.current(),
            newest=newest,
            unsigned=self._checkpoints.size() - (newest.size if newest else 0),
            level=max((level, *(anchor.level for anchor in anchors)), key=LEVELS.index),
            anchors=anchors,
        )


def _is_there(target: Target, newest: Sealed) -> bool:
    # a host's name is no identity: what another one of this name wrote lies in its own state folder, not in ours
    place = target.place() if target.name == FOLDER else None
    return not isinstance(place, Folder) or place.holds(newest.checkpoint)


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


def targets(anchors: Mapping[str, Anchor], folder: Path, every: timedelta, host: str) -> list[Target]:
    """Return where notes go: the state folder first, then the places of the settings' [anchors.NAME] tables."""
    return [
        Target(FOLDER, "folder", host, every, lambda: Folder(folder)),
        *(
            Target(
                name,
                anchor.kind,
                host if anchor.kind == "folder" else "",
                timedelta(hours=anchor.every_hours) if hasattr(anchor, "every_hours") else every,
                build(name, anchor, folder),
            )
            for name, anchor in anchors.items()
        ),
    ]
