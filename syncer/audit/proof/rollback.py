"""Refuses a database that is behind its own notes: one that was restored, rolled back or replaced."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from syncer.audit.anchors.folder import newest_first, read
from syncer.audit.offline.notes import Checkpoint
from syncer.audit.proof.checkpoints import Checkpoints
from syncer.audit.proof.origins import Origins
from syncer.errors import UntrustedLog
from syncer.language.texts import Sentence
from syncer.log import get_logger

#: files of one name that are looked at for the newest of ours; whoever can put as many there could also delete ours
MOST = 100


class Behind(UntrustedLog):
    """Raised when the database does not hold what was anchored: it was restored, rolled back or replaced."""


@dataclass(frozen=True, slots=True)
class Loss:
    """A note that the database contradicts: its file, its checkpoint, and how the database differs."""

    path: Path
    checkpoint: Checkpoint
    why: str


class Rollback:
    """Compares the database with the notes of the state folder."""

    def __init__(self, checkpoints: Checkpoints, origins: Origins, folder: Path) -> None:
        self._checkpoints = checkpoints
        self._origins = origins
        self._folder = folder
        self._log = get_logger("syncer.notary")
        self._lock = threading.Lock()
        self._compared = False

    def require_not_behind(self, *, anew: bool = False) -> None:
        """Raise Behind unless the database holds what the state folder says.

        A process compares once; it compares `anew` before it signs, because a log never signs two states that
        contradict each other.
        """
        if anew:
            self._compared = False
        if self._compared:
            return
        with self._lock:
            if not self._compared:
                problem = self.problem()
                if problem:
                    raise Behind(problem)
                self._compared = True

    def problem(self) -> str | None:
        """Return in one line why the database must not be written to, with the remedy; None when all is well."""
        loss = self.loss()
        if loss is None:
            return None
        return Sentence(
            "{path}: {why}: the database was restored, rolled back or replaced, and nothing was written;"
            " put the right database back, or record the loss with `syncer audit fork --reason …`"
            " and repeat what it undid with `syncer replay --since {path} --reason …`",
            path=loss.path,
            why=loss.why,
        )

    def loss(self) -> Loss | None:
        """Return the newest note of the state folder that the database contradicts; None for none."""
        old = {fork.old_origin for fork in self._origins.forks()}
        origin = self._origins.current()
        for paths in dict(newest_first(self._folder)).values():
            note = self._newest_of_ours(paths)
            if note is None:
                continue
            path, checkpoint = note
            if checkpoint.origin in old - {origin}:
                continue
            if checkpoint.origin != origin:
                return Loss(
                    path,
                    checkpoint,
                    Sentence(
                        "this note is of the log {other}, but the database holds the log {origin}",
                        other=checkpoint.origin,
                        origin=origin,
                    ),
                )
            why = self.difference(checkpoint)
            if why:
                return Loss(path, checkpoint, why)
        return None

    def difference(self, checkpoint: Checkpoint) -> str | None:
        """Return how the database differs from a checkpoint of ours, or None."""
        size = self._checkpoints.size()
        if size < checkpoint.size:
            return Sentence(
                "the database holds {entries} entries, but {anchored} were anchored",
                entries=size,
                anchored=checkpoint.size,
            )
        if self._checkpoints.root_at(checkpoint.size) != checkpoint.root:
            return Sentence(
                "the database holds other entries than the {anchored} that were anchored", anchored=checkpoint.size
            )
        return None

    def _newest_of_ours(self, paths: Iterable[Path]) -> tuple[Path, Checkpoint] | None:
        for path in islice(paths, MOST):
            try:
                return path, self._origins.ours(read(path))
            except (OSError, ValueError):  # somebody else's file, or one cut short: an older one still counts
                self._log.warning("anchor.unreadable", path=str(path))
        return None
