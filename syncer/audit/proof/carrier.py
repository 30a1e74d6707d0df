"""Carries signed notes to their anchors, all at the same time: none can hold up another, the log or the daemon."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from syncer.audit.anchors.attempt import DEADLINE, Attempt, wait_for
from syncer.audit.anchors.build import build
from syncer.audit.anchors.folder import Folder
from syncer.audit.anchors.place import AnchorError, Place
from syncer.audit.proof.checkpoints import Sealed
from syncer.audit.transaction import Clock
from syncer.database.connections import reading, writing
from syncer.database.failures import retry_on_conflict
from syncer.database.tables import Tables
from syncer.log import get_logger
from syncer.settings.proof import FOLDER

if TYPE_CHECKING:
    from syncer.settings.anchors import Anchor

#: a failed anchor is tried again after so long
AGAIN = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Target:
    """One place for notes, one in `every` at most. `host` is empty where all daemons reach the same place.

    A try may last `deadline` seconds; one that hangs on is not begun again before it comes back.
    """

    name: str
    kind: str
    host: str
    every: timedelta
    place: Callable[[], Place]
    deadline: float = DEADLINE


class Carrier:
    """Brings the newest note to the targets. `every` is how often there is a new one."""

    def __init__(
        self, engine: sa.Engine, tables: Tables, targets: Sequence[Target], every: timedelta, clock: Clock
    ) -> None:
        self._engine = engine
        self._anchor = tables.anchor
        self._checkpoint = tables.checkpoint
        self.targets = tuple(targets)
        self._every = every
        self._clock = clock
        self._under_way: dict[Target, Attempt] = {}
        self._given_up: set[Target] = set()
        self._log = get_logger("syncer.notary")

    def carry(self, newest: Sealed | None, *, at_once: bool, seconds: float, stay: bool) -> None:
        """Begin a try at every anchor that lacks the newest note and is due, or with `at_once` whether due or not.

        Wait `seconds` for what they come to. What is not over then is noted by the next call, for those that `stay`;
        otherwise it counts as failed. No failure of an anchor is raised.
        """
        until = time.monotonic() + seconds
        self._note_results()
        if newest is not None:
            self._begin_tries(newest, at_once)
        wait_for(self._under_way.values(), max(until - time.monotonic(), 0.0))
        self._note_results()
        if not stay:
            for target in self._under_way.keys() - self._given_up:
                self._give_up(target, f"no answer within {seconds:g} s")

    def _begin_tries(self, newest: Sealed, at_once: bool) -> None:
        rows = {(row.name, row.host): row for row in self.anchored()}
        for target in self.targets:
            row = rows.get((target.name, target.host))
            if target in self._under_way or _is_carried(target, row, newest):
                continue
            rest = timedelta() if at_once else self._rest(target, row)
            if self._begin(target, self._clock() - rest):
                attempt = Attempt(target.place, newest.checkpoint, newest.note, target.deadline)
                if target.name == FOLDER:
                    # here first. A thread would save nobody from it: every write asks this folder for its notes
                    self._note(target, attempt.carry_out())
                else:
                    self._under_way[target] = attempt.begin(target.name)

    def _rest(self, target: Target, row: Any) -> timedelta:
        """Return how long an anchor is left alone after a try; `row` is None before the first."""
        if row is None or row.failing_since or _is_unknown(row):
            return AGAIN
        if target.every <= self._every:
            return timedelta()  # every checkpoint goes there
        return target.every

    def _note_results(self) -> None:
        """Note what tries came to, late ones too; each stays until that is written."""
        for target, attempt in list(self._under_way.items()):
            if attempt.is_over:
                self._note(target, attempt)
                del self._under_way[target]
                self._given_up.discard(target)
            elif attempt.is_stuck and target not in self._given_up:
                self._give_up(target, f"stuck: no answer within {target.deadline:g} s, and it is still waited for")

    def _note(self, target: Target, attempt: Attempt) -> None:
        try:
            place = attempt.place()
        except AnchorError as error:
            self._log.warning("anchor.failed", path=target.name, reason=str(error))
            self._failed(target, str(error))
        else:
            self._arrived(target, attempt.checkpoint.size, place)

    def _give_up(self, target: Target, why: str) -> None:
        self._log.warning("anchor.failed", path=target.name, reason=why)
        self._failed(target, why)
        self._given_up.add(target)

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
        """Note where a note of `size` entries is, unless another daemon brought a later one meanwhile."""
        a, values = self._anchor, {"at": self._clock(), "place": place[:255], "failing_since": None, "error": None}
        newest = sa.select(sa.func.max(self._checkpoint.c.size)).scalar_subquery()
        with writing(self._engine) as connection:
            connection.execute(
                a.update()
                .where(*self._row(target), sa.or_(a.c.size <= size, a.c.size > newest))
                .values(size=size, **values)
            )

    @retry_on_conflict
    def _failed(self, target: Target, error: str) -> None:
        a = self._anchor
        since = sa.func.coalesce(a.c.failing_since, sa.bindparam("n", self._clock(), a.c.failing_since.type))
        with writing(self._engine) as connection:
            connection.execute(a.update().where(*self._row(target)).values(failing_since=since, error=error[:255]))

    def _row(self, target: Target) -> tuple[sa.ColumnElement[bool], ...]:
        return (self._anchor.c.name == target.name, self._anchor.c.host == target.host)


def _is_carried(target: Target, row: Any, newest: Sealed) -> bool:
    # a size beyond the log's is somebody's invention, made to keep the notes here
    if row is None or row.size != newest.size:
        return False
    # a host's name is no identity: what another one of this name wrote lies in its own state folder, not in ours
    place = target.place() if target.name == FOLDER else None
    return not isinstance(place, Folder) or place.holds(newest.checkpoint)


def _is_unknown(row: Any) -> bool:
    """Say whether a try was begun and nobody noted what came of it: its process was killed."""
    return row.tried_at is not None and (row.at is None or row.at < row.tried_at)


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
