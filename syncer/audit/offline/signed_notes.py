"""The signed notes of a log, opened and held against what was read of it. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from syncer.audit.offline.finding import Anchoring, NotWhole
from syncer.audit.offline.notes import Checkpoint, NoteError, VerifierKey, open_checkpoint, signers
from syncer.audit.offline.on_record.restores import Restores
from syncer.audit.offline.on_record.rotations import KeySpans

#: (name for people, text) of notes in the order in which they were anchored, for each place they come from
Sources = Sequence[Sequence[tuple[str, str]]]

#: the name of a note for people, what it states, and which of the given keys signed it
_Signed = tuple[str, Checkpoint, list[VerifierKey]]


class SignedNotes:
    """Holds notes against the roots of a log, each at the size that it states."""

    def __init__(self, sources: Sources, keys: Sequence[VerifierKey]) -> None:
        #: how many there are, with those of the part of a log that was examined before
        self.count = sum(map(len, sources))
        #: how many agree with the log
        self.agreeing = 0
        #: the largest signed state that the log holds
        self.newest: Anchoring | None = None
        self._sources = sources
        self._keys = keys
        self._signed: list[_Signed] = []
        self._roots: dict[int, tuple[bytes, str]] = {}

    def sizes(self) -> frozenset[int]:
        """Open every note and return the sizes that they state. Raises NotWhole for one that is no evidence."""
        opened = [note for notes in self._sources for note in _open(notes, self._keys)]
        self._signed = sorted(opened, key=lambda note: note[1].size)
        return frozenset(checkpoint.size for _, checkpoint, _ in opened)

    def go_on(self, notes: int, agreeing: int, newest: Anchoring | None) -> None:
        """Count those that an earlier examination held against the log."""
        self.count += notes
        self.agreeing, self.newest = agreeing, newest

    def reached(self, size: int, root: bytes, at: str) -> None:
        """Note the root of the first entries of the log; `at` is the time of the last of them (UTC, ISO 8601)."""
        self._roots[size] = root, at

    def compare(self, size: int, restores: Restores, spans: KeySpans) -> int:
        """Hold the notes that state no more than the log's `size` against it; return how many there are so far.

        Raises NotWhole for one that contradicts the log, and lies in nothing that was declared lost.
        """
        within = bisect_right(self._signed, size, key=lambda note: note[1].size)
        for note in self._signed[:within]:
            self._compare(note, size, restores, spans)
        del self._signed[:within]
        return self.count - len(self._signed)

    def compare_rest(self, size: int, restores: Restores, spans: KeySpans) -> None:
        """Hold the notes that state more than the log's `size` against it, as `compare` does the others."""
        for note in self._signed:
            self._compare(note, size, restores, spans)

    def _compare(self, note: _Signed, size: int, restores: Restores, spans: KeySpans) -> None:
        name, checkpoint, signed_by = note
        root, at = self._roots.get(checkpoint.size, (None, ""))
        agrees = root == checkpoint.root
        if not agrees and restores.excuse(checkpoint):
            return
        if forged := spans.problem(signed_by, checkpoint.size):
            raise NotWhole(None, f"{name}: {forged}")
        if not agrees:
            raise _difference(name, checkpoint, size, self.newest.size if self.newest else 0)
        self.agreeing += 1
        self.newest = Anchoring(checkpoint.origin, checkpoint.size, at)


def _difference(name: str, checkpoint: Checkpoint, size: int, proven: int) -> NotWhole:
    """Return what is wrong with a log of `size` entries, the first `proven` of which are as they were signed."""
    if checkpoint.size > size:
        reason = f"{name}: {checkpoint.size} entries were anchored, {size} are here: the end was cut off or rolled back"
        return NotWhole(size + 1, reason)
    return NotWhole(proven + 1, f"{name}: entries {proven + 1} to {checkpoint.size} are not those that were anchored")


def _open(notes: Sequence[tuple[str, str]], keys: Sequence[VerifierKey]) -> Iterator[_Signed]:
    last: dict[str, Checkpoint] = {}
    for name, text in notes:
        try:
            note = open_checkpoint(text, keys)
        except NoteError as error:
            raise NotWhole(None, f"{name}: {error}") from None
        before = last.get(note.origin)
        if before is not None and note.size < before.size:
            raise NotWhole(None, f"{name}: the log shrank from {before.size} to {note.size} entries between two notes")
        if before is not None and note.size == before.size and note.root != before.root:
            raise NotWhole(None, f"{name}: two notes contradict each other about the same {note.size} entries")
        last[note.origin] = note
        yield name, note, _signers(text, note, keys)


def _signers(text: str, note: Checkpoint, keys: Sequence[VerifierKey]) -> list[VerifierKey]:
    of_its_name = [key for key in keys if key.name == note.origin]
    return of_its_name if len(of_its_name) == 1 else signers(text, of_its_name)
