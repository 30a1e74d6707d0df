"""Restores on record: which signed states a person declared lost, and whether the reader was told of it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from syncer.audit.offline.merkle import HASH
from syncer.audit.offline.notes import Checkpoint


@dataclass(frozen=True, slots=True)
class ForkFound:
    """A restore on record: entry `seq` declares that of `size` entries anchored as `origin` only `shared` are here.

    `who` wrote it and why is `reason`, both as they stand in the log. `excused` counts the notes that do not agree
    with the log and that only this entry explains; `accepted` says that the reader was told of this restore.
    """

    seq: int
    origin: str
    size: int
    shared: int
    who: str
    reason: str
    excused: int = 0
    accepted: bool = False

    @property
    def lost(self) -> int:
        """How many anchored entries it declares lost."""
        return self.size - self.shared

    @property
    def remark(self) -> str:
        """What the log says by it, in a sentence."""
        return (
            f"entry {self.seq} records a restore: of {self.size} anchored entries, only {self.shared} are here;"
            f" {self.who}: {self.reason}"
        )

    @property
    def objection(self) -> str:
        """Why a log is not proven that needs it to be excused."""
        alone = "; it was accepted, but not one note agrees with what is here" if self.accepted else ""
        return f"{self.lost} anchored entries are declared lost by entry {self.seq} ({self.who}: {self.reason}){alone}"


@dataclass(frozen=True, slots=True)
class SavedRestore:
    """A restore on record, and the root (hex) of the entries that it declares lost."""

    fork: ForkFound
    root: str


class Restores:
    """Holds signed states that do not agree with the log against the restores on record.

    `accepted` are the entries that the reader was told of: what they declare lost is stated, and no objection.
    """

    def __init__(self, accepted: Collection[int]) -> None:
        self._accepted = accepted
        self._roots: dict[int, str] = {}  # of each fork, the root at its `size`
        self._found: dict[int, ForkFound] = {}

    def record(self, seq: int, facts: Mapping[str, Any], actor: Mapping[str, Any], root: bytes) -> str | None:
        """Take a restore on record; return why it cannot be one. `root` is that of all entries before it."""
        anchor, old, reason = facts.get("anchor"), facts.get("old_origin"), facts.get("reason")
        size, lost_root = (anchor.get("size"), anchor.get("root")) if isinstance(anchor, dict) else (None, None)
        shared = facts.get("shared")
        if type(size) is not int or type(shared) is not int or not 0 <= shared < size or shared >= seq:
            return "is a restore with an impossible range"
        if not isinstance(old, str) or not isinstance(lost_root, str) or len(lost_root) != 2 * HASH:
            return "is a restore that does not say what was lost"
        if facts.get("size") != seq - 1 or facts.get("root") != root.hex():
            return "is a restore of another log: the entries before it differ"
        user = actor.get("user")
        who = user if isinstance(user, str) else "?"
        self._roots[seq] = lost_root
        self._found[seq] = ForkFound(seq, old, size, shared, who, str(reason), accepted=seq in self._accepted)
        return None

    def unknown(self) -> int | None:
        """Return the first accepted entry that records no restore; None for none."""
        return min((seq for seq in self._accepted if seq not in self._found), default=None)

    def excuse(self, checkpoint: Checkpoint) -> bool:
        """Say whether a signed state lies in what was declared lost, and count it there."""
        admitting = [fork for fork in self._found.values() if self._admits(fork, checkpoint)]
        if not admitting:
            return False
        fork = next((fork for fork in admitting if fork.accepted), admitting[0])
        self._found[fork.seq] = replace(fork, excused=fork.excused + 1)
        return True

    def _admits(self, fork: ForkFound, checkpoint: Checkpoint) -> bool:
        cited = checkpoint.size != fork.size or checkpoint.root.hex() == self._roots[fork.seq]
        return fork.origin == checkpoint.origin and fork.shared < checkpoint.size <= fork.size and cited

    def found(self) -> tuple[ForkFound, ...]:
        """Return every restore on record, in the order of the log."""
        return tuple(self._found.values())

    def saved(self) -> tuple[SavedRestore, ...]:
        """Return what a later examination needs to go on with, as `restore` takes it."""
        return tuple(SavedRestore(fork, self._roots[fork.seq]) for fork in self._found.values())

    def restore(self, saved: Iterable[SavedRestore]) -> None:
        """Go on where another one stopped: `saved` is what it returned then."""
        for each in saved:
            seq = each.fork.seq
            self._roots[seq] = each.root
            self._found[seq] = replace(each.fork, accepted=seq in self._accepted)
