"""Signs the log on a clock, carries the notes away, and refuses to let a database go on that is behind them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from syncer.audit.anchors.folder import Folder, newest_first, read
from syncer.audit.anchors.place import AnchorError, Place
from syncer.audit.offline.notes import Checkpoint, NoteError, names, open_checkpoint
from syncer.audit.proof.checkpoints import Checkpoints, Sealed
from syncer.errors import SyncerError, UserError
from syncer.log import get_logger
from syncer.settings.proof import FOLDER

#: a failed anchor is tried again after so long
AGAIN = timedelta(minutes=5)
#: an anchor that has failed for so long needs a person
PAGE = timedelta(hours=24)
#: seconds for all anchors together when the daemon stops
AT_STOP = 20.0


class Behind(UserError):
    """Raised when the database does not hold what was anchored: it was restored, rolled back or replaced."""


@dataclass(frozen=True, slots=True)
class Target:
    """One place notes go to. `host` is empty where all daemons reach the same place; `every` is at most so often."""

    name: str
    kind: str
    host: str
    every: timedelta
    place: Callable[[], Place]


@dataclass(frozen=True, slots=True)
class Anchored:
    """How an anchor stands. `level` is ok, late (two intervals) or page (24 h); times UTC, `size` 0 for never."""

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
    """The checkpoints of one installation and where they go. `folder` is the state folder, always an anchor."""

    def __init__(
        self,
        checkpoints: Checkpoints,
        folder: Path,
        targets: Iterable[Target],
        clock: Callable[[], datetime],
        host: str,
    ) -> None:
        self.checkpoints = checkpoints
        self.folder = folder
        every = checkpoints.schedule.every
        self._targets = [Target(FOLDER, "folder", host, every, lambda: Folder(folder)), *targets]
        self._clock = clock
        self._log = get_logger("syncer.notary")
        self._lock = threading.Lock()
        self._compared = False
        #: when the last step was done (monotonic clock): the daemon's watchdog looks at it
        self.moved_at = time.monotonic()

    # -- the comparison at start ----------------------------------------------------------------------------

    def guard(self) -> None:
        """Raise Behind unless the database holds what the state folder says; compared once for each process."""
        if self._compared:
            return
        with self._lock:
            if not self._compared:
                problem = self.problem()
                if problem:
                    raise Behind(problem)
                self._compared = True

    def problem(self) -> str | None:
        """Say in one line why the database must not be written to, with the remedy; None when all is well."""
        lost = self.lost()
        if lost is None:
            return None
        path, _, why = lost
        return (
            f"{path}: {why}: the database was restored, rolled back or replaced, and nothing was written;"
            " put the right database back, or record the loss with `syncer audit fork --reason …`"
            f" and repeat what it undid with `syncer replay --since {path}`"
        )

    def lost(self) -> tuple[Path, Checkpoint, str] | None:
        """Return the newest note of the state folder that the database does not bear out, and why."""
        old = {str(fork["old_origin"]) for fork in self.checkpoints.forks()}
        origin = self.checkpoints.origin()
        for paths in dict(newest_first(self.folder)).values():
            path, found = self._first_of_ours(paths)
            if path is None or found is None or found.origin in old - {origin}:
                continue
            if found.origin != origin:
                return path, found, f"this is the log {found.origin}, but the database's is {origin}"
            why = self.difference(found)
            if why:
                return path, found, why
        return None

    def difference(self, found: Checkpoint) -> str | None:
        """Say how the database differs from a checkpoint of ours, or None."""
        size = self.checkpoints.size()
        if size < found.size:
            return f"the database holds {size} entries, but {found.size} were anchored"
        if self.checkpoints.root_at(found.size) != found.root:
            return f"the database holds other entries than the {found.size} that were anchored"
        return None

    def _first_of_ours(self, paths: Iterable[Path]) -> tuple[Path | None, Checkpoint | None]:
        for path in paths:
            try:
                note = read(path)
                return path, open_checkpoint(note, [self.checkpoints.key(name) for name in names(note)])
            except (OSError, ValueError):  # a file of somebody else, or cut short: an older one still counts
                self._log.warning("anchor.unreadable", path=str(path))
        return None, None

    # -- signing and carrying away --------------------------------------------------------------------------

    def tick(self) -> None:
        """Sign if it is time to, and bring every anchor up to date. A failing anchor is logged, never raised."""
        self._require()
        self.checkpoints.tick()
        self.publish()

    def finish(self) -> None:
        """Sign what is not signed yet, at a clean stop, and anchor it within AT_STOP seconds."""
        self._require()
        self.checkpoints.make("stop", only_new=True)
        self.publish(seconds=AT_STOP)

    def make(self, reason: str = "operator") -> tuple[Sealed, tuple[Anchored, ...]]:
        """Sign now and anchor now, whatever the clock says."""
        self._require()
        made = self.checkpoints.make(reason)
        assert made is not None
        self.publish(now=True)
        return made, self.standing().anchors

    def _require(self) -> None:
        # a log never signs two states that contradict each other, so it looks again each time
        self._compared = False
        self.guard()

    def publish(self, *, now: bool = False, seconds: float = 600.0) -> None:
        """Bring the newest note to every anchor that does not have it and is due; `now` means all of them."""
        newest, until = self.checkpoints.newest(), time.monotonic() + seconds
        if newest is None:
            return
        rows = {(row.name, row.host): row for row in self.checkpoints.anchored()}
        for target in self._targets:
            row = rows.get((target.name, target.host))
            if row is not None and row.size >= newest.size:
                continue
            self.moved_at = time.monotonic()
            if self.moved_at < until and self._may(target, row, now):
                self._publish(target, newest)

    def _may(self, target: Target, row: Any, now: bool) -> bool:
        moment = self._clock()
        rest = timedelta() if now else AGAIN if row is None or row.failing_since else target.every
        if row is not None and not row.failing_since and target.every <= self.checkpoints.schedule.every:
            rest = timedelta()  # each checkpoint goes there
        return self.checkpoints.begin_anchoring(target.name, target.host, moment - rest)

    def _publish(self, target: Target, sealed: Sealed) -> None:
        try:
            place = target.place().publish(sealed.checkpoint, sealed.note)
        except Exception as error:  # noqa: BLE001 — whatever a place does, the others and the deliveries go on
            why = str(error) if isinstance(error, (AnchorError, SyncerError)) else type(error).__name__
            self._log.warning("anchor.failed", path=target.name, reason=why)
            self.checkpoints.end_anchoring(target.name, target.host, sealed.size, None, why)
        else:
            self.checkpoints.end_anchoring(target.name, target.host, sealed.size, place, None)

    # -- how it stands --------------------------------------------------------------------------------------

    def standing(self) -> Standing:
        """Return how the proof stands now: for status, metrics and reports."""
        now, newest = self._clock(), self.checkpoints.newest()
        since = self.checkpoints.unsigned_since()
        level = _level(since, self.checkpoints.schedule.every, now)
        rows: dict[str, list[Any]] = {}
        for row in self.checkpoints.anchored():
            rows.setdefault(row.name, []).append(row)
        anchors = tuple(_anchored(target, rows.get(target.name, []), now) for target in self._targets)
        return Standing(
            origin=self.checkpoints.origin(),
            newest=newest,
            unsigned=self.checkpoints.size() - (newest.size if newest else 0),
            level=max((level, *(item.level for item in anchors)), key=LEVELS.index),
            anchors=anchors,
        )

    def notes(self) -> list[tuple[str, str]]:
        """Return (name, text) of every note in the state folder, each log's in the order of its sizes."""
        found = []
        for paths in dict(newest_first(self.folder)).values():
            for path in reversed(paths):
                try:
                    found.append((str(path), read(path)))
                except (OSError, ValueError):
                    found.append((str(path), ""))
        return found


LEVELS = ("ok", "late", "page")


def _anchored(target: Target, rows: list[Any], now: datetime) -> Anchored:
    # several hosts may each have a folder of this name: what one of them holds is anchored
    row = max(rows, key=lambda item: (item.size, item.failing_since is None), default=None)
    if row is None:
        return Anchored(target.name, target.kind, 0, None, None, None, None, "ok")
    level = _level(row.failing_since, target.every, now)
    return Anchored(target.name, target.kind, row.size, row.at, row.place, row.failing_since, row.error, level)


def _level(since: datetime | None, every: timedelta, now: datetime) -> str:
    if since is None or now - since < 2 * every:
        return "ok"
    return "page" if now - since >= max(PAGE, 2 * every) else "late"


def open_ours(checkpoints: Checkpoints, note: str) -> Checkpoint:
    """Return the checkpoint of a note that this log signed under any of its names. Raises NoteError."""
    found = open_checkpoint(note, [checkpoints.key(name) for name in names(note)])
    if found.origin not in {key.name for key in checkpoints.public_keys()}:
        raise NoteError(f"of another log ({found.origin})")
    return found


def targets(anchors: Mapping[str, Any], state: Path, every: timedelta, host: str) -> list[Target]:
    """Return the places of the settings' [anchors.NAME] tables."""
    from syncer.audit.anchors.build import build

    return [
        Target(
            name,
            item.kind,
            host if item.kind == "folder" else "",
            timedelta(hours=item.every_hours) if hasattr(item, "every_hours") else every,
            build(name, item, state),
        )
        for name, item in anchors.items()
    ]
