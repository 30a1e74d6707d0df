"""Forks of the log: what a person puts on record after the database was restored."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from syncer.audit.anchors.folder import all_notes
from syncer.audit.offline.notes import Checkpoint
from syncer.audit.proof.checkpoints import Checkpoints
from syncer.audit.proof.notary import Notary
from syncer.audit.proof.origins import Origins
from syncer.audit.proof.rollback import Rollback
from syncer.database.failures import half_done
from syncer.errors import UserError

FORK = "/fork-"


@dataclass(frozen=True, slots=True)
class Fork:
    """A fork on record: its entry, the log's new name, and how many entries are here.

    `lost` is the newest signed state that is gone; its first `shared` entries are in the database still.
    """

    seq: int
    origin: str
    kept: int
    lost: Checkpoint
    shared: int


class Forks:
    """Puts on record that the database was restored; `folder` is the state folder."""

    def __init__(
        self, checkpoints: Checkpoints, origins: Origins, rollback: Rollback, notary: Notary, folder: Path
    ) -> None:
        self._checkpoints = checkpoints
        self._origins = origins
        self._rollback = rollback
        self._notary = notary
        self._folder = folder

    def record(self, reason: str, against: Path | None = None) -> Fork:
        """Put the fork on record and sign the log under its new name.

        `against` is a note from elsewhere, for a state folder that was restored along with the database. Raises
        UserError when the database is not behind.
        """
        lost = self._lost(against)
        size, shared = self._checkpoints.size(), self._shared(lost.origin)
        origin = self._next(lost.origin)
        facts: dict[str, Any] = {
            "reason": reason,
            "origin": origin,
            "old_origin": lost.origin,
            "anchor": {"size": lost.size, "root": lost.root.hex()},
            "shared": min(shared, lost.size - 1),
        }
        seq = self._checkpoints.record("audit:forked", facts)
        unsigned = f"audit fork: entry {seq} records it, but it is not signed yet; run `syncer audit checkpoint`"
        with half_done(unsigned):
            self._notary.make("fork")
        return Fork(seq, origin, size, lost, facts["shared"])

    def _lost(self, against: Path | None) -> Checkpoint:
        if against is None:
            loss = self._rollback.loss()
            if loss is None:
                raise UserError(
                    "audit fork: the database holds everything that the state folder says; nothing was written"
                    " (if the folder was restored too, give a note from elsewhere with --against)"
                )
            return loss.checkpoint
        note = self._origins.read(against)
        if self._rollback.difference(note) is None:
            raise UserError(f"audit fork: {against}: the database holds what this note says; nothing was written")
        return note

    def _shared(self, origin: str) -> int:
        """Return the largest signed size at which the database still agrees; 0 for none."""
        checkpoints = [sealed.checkpoint for sealed in self._checkpoints.all()]
        signed = {checkpoint.size: checkpoint for checkpoint in checkpoints if checkpoint.origin == origin}
        for _, text in all_notes(self._folder):
            try:
                note = self._origins.open(text)
            except ValueError:
                continue
            if note.origin == origin:
                signed[note.size] = note
        sizes = sorted(signed, reverse=True)
        return next((size for size in sizes if self._checkpoints.root_at(size) == signed[size].root), 0)

    def _next(self, origin: str) -> str:
        base = origin.partition(FORK)[0]
        return f"{base}{FORK}{len(self._origins.forks()) + 1}"
