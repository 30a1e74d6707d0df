"""What an examination of a log leaves for a later one that goes on after its last entry. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from syncer.audit.offline.finding import Anchoring
from syncer.audit.offline.on_record.purges import SavedPurge
from syncer.audit.offline.on_record.restores import SavedRestore
from syncer.audit.offline.on_record.rotations import Rotation
from syncer.audit.offline.times import SavedTimes


@dataclass(frozen=True, slots=True)
class SavedExamination:
    """What was found of the first `size` entries; `hashes` is their compact range, as `Frontier.pack` writes it.

    `latest_at` is the latest time of an entry, `last_at` the last one's, both as the log has them. `taken` entries lack
    their body. Of `notes` that were read, `agreeing` agree with the log, and `newest` is the newest of those.
    """

    size: int
    hashes: bytes
    latest_at: str
    last_at: str
    times: SavedTimes
    purges: tuple[SavedPurge, ...]
    taken: int
    restores: tuple[SavedRestore, ...]
    rotations: tuple[Rotation, ...]
    newest: Anchoring | None
    agreeing: int
    notes: int
