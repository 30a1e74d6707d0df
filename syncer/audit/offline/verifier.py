"""What a stranger can verify of a log with its signed notes: no database, no secret. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from syncer.audit.offline.history import History
from syncer.audit.offline.merkle import Frontier
from syncer.audit.offline.notes import Checkpoint, NoteError, VerifierKey, open_checkpoint, signers
from syncer.audit.offline.purges import Purges
from syncer.audit.offline.restores import ForkFound, Restores
from syncer.audit.offline.rotations import KeySpans
from syncer.audit.offline.times import Times, moment

#: seq, at, what, event, destination, body, leaf; as they stand there, whoever wrote them
LogRow = tuple[Any, Any, Any, Any, Any, Any, Any]
#: (name for people, text) of notes in the order in which they were anchored, for each place they come from
Sources = Sequence[Sequence[tuple[str, str]]]

#: the name of a note for people, what it states, and which of the given keys signed it
_Signed = tuple[str, Checkpoint, list[VerifierKey]]

#: made once: json.loads looks for a byte order mark first
_decode = json.JSONDecoder().decode


@dataclass(frozen=True, slots=True)
class Anchoring:
    """The newest signed state that the log holds; `at` is the time of its last entry (UTC, ISO 8601)."""

    origin: str
    size: int
    at: str


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a verification: the first bad entry with the reason, and what is only worth a warning.

    Of the `notes` given, `agreeing` agree with the log and `excused` do not, but lie in what a restore on record
    declares lost. `forks` are the restores on record. `lost` counts the anchored entries that those of them declare
    lost which excuse a note and which nobody accepted, or any of them where not one note agrees: then the log is not
    proven, but not found altered either.
    `tables_differ` says that the log itself is whole, and that a table says otherwise.
    """

    ok: bool
    entries: int
    first_bad: int | None = None
    reason: str | None = None
    purged: int = 0
    notes: int = 0
    anchored: Anchoring | None = None
    warnings: tuple[str, ...] = ()
    agreeing: int = 0
    excused: int = 0
    lost: int = 0
    forks: tuple[ForkFound, ...] = ()
    tables_differ: bool = False

    @property
    def declared_lost(self) -> bool:
        """Say whether nothing is wrong but that anchored entries are declared lost, and that is no proof here."""
        return not self.ok and self.lost > 0

    @property
    def stands(self) -> bool:
        """Say whether nothing was found altered: what a restore on record declares lost is a loss, no alteration."""
        return self.ok or self.declared_lost


class _Bad(Exception):
    def __init__(self, seq: int | None, reason: str) -> None:
        super().__init__(reason)
        self.seq = seq


def examine(
    rows: Iterable[LogRow],
    sources: Sources,
    keys: Sequence[VerifierKey],
    accepted: Collection[int] = (),
) -> Finding:
    """Verify a log against notes. Each source holds (name for people, text) in the order they were anchored.

    `keys` are the log's public keys, one for each name it has had; `accepted` are the entries of restores that the
    reader was told of. Nothing in rows or notes raises.
    """
    examination = Examination(sources, keys, accepted)
    examination.take_all(rows)
    return examination.finding()


class Examination:
    """One pass over a log, in as many parts as its caller likes: every row in order, then the finding.

    See `examine` for what is given; `remarks` are warnings of the caller's own, for the finding. `history` is what the
    log says of each event.
    """

    def __init__(
        self,
        sources: Sources,
        keys: Sequence[VerifierKey],
        accepted: Collection[int] = (),
        remarks: Sequence[str] = (),
    ) -> None:
        self.history = History()
        self._frontier = Frontier()
        self._times = Times()
        self._purges = Purges()
        self._restores = Restores(accepted)
        self._remarks = remarks
        self._notes = sum(map(len, sources))
        self._keys = keys
        self._spans = KeySpans()
        self._signed: list[_Signed] = []
        self._bad: _Bad | None = None
        try:
            self._signed = [note for notes in sources for note in _open(notes, keys)]
        except _Bad as bad:
            self._bad = bad
        self._wanted = {checkpoint.size for _, checkpoint, _ in self._signed}
        self._roots: dict[int, tuple[bytes, str]] = {0: (self._frontier.root(), "")}
        self._latest_at = ""

    @property
    def size(self) -> int:
        """How many entries were read so far, none of them bad."""
        return self._frontier.size

    @property
    def latest_at(self) -> str:
        """The latest time of an entry, also where a clock was set back since (UTC, as the log has it); "" for none."""
        return self._latest_at

    def take_all(self, rows: Iterable[LogRow]) -> None:
        """Verify the next entries, up to the first bad one: nothing after it matters."""
        if self._bad is not None:
            return
        try:
            for row in rows:
                self._take(row)
        except _Bad as bad:
            self._bad = bad

    def finding(self) -> Finding:
        """Return what was found, once every row was given."""
        try:
            if self._bad is not None:
                raise self._bad
            hole = self._purges.uncovered()
            if hole is not None:
                raise _Bad(hole, f"entry {hole} lost its body, and no purge on record took it")
            unknown = self._restores.unknown()
            if unknown is not None:
                raise _Bad(None, f"entry {unknown}, which was accepted, records no restore")
            unexplained = self._spans.unexplained(self._keys)
            if unexplained is not None:
                raise _Bad(None, unexplained)
            return self._compared()
        except _Bad as bad:
            return Finding(False, self.size, bad.seq, str(bad), self._purges.taken, self._notes)

    # -- one entry ------------------------------------------------------------------------------------------

    def _take(self, row: LogRow) -> None:
        seq, at, what, event, destination, body, leaf = row
        expected = self._frontier.size + 1
        if type(seq) is not int or seq != expected:
            raise _Bad(expected, f"entry {expected} is missing or out of order")
        names = isinstance(what, str) and all(name is None or isinstance(name, str) for name in (event, destination))
        if not isinstance(leaf, bytes) or len(leaf) != 32 or not names:
            raise _Bad(seq, f"entry {seq} was altered")
        now = moment(at)
        if now is None:
            raise _Bad(seq, f"entry {seq} was altered: its time cannot be read")
        self._times.take(seq, now)
        if body is None:
            self._purges.hole(seq, at)
            self.history.purged(what, event)
        else:
            content = _content(seq, (at, what, event, destination), body, leaf)
            problem = self.history.tell(what, content) or self._of_itself(seq, what, content)
            if problem:
                raise _Bad(seq, f"entry {seq} {problem}")
        self._frontier.add(leaf)
        self._latest_at = max(self._latest_at, at)
        if seq in self._wanted:
            self._roots[seq] = self._frontier.root(), at

    def _of_itself(self, seq: int, what: str, content: dict[str, Any]) -> str | None:
        """Follow what the log says of itself and of those who write it; return why it cannot be true, or None."""
        if what.startswith(("delivery:", "event:")):
            return None  # nearly all are
        facts, actor = content["facts"], content["actor"]
        if what == "audit:purged":
            return self._purges.record(seq, _at(content), facts, self._frontier.root())
        if what == "audit:forked":
            return self._restores.record(seq, facts, actor, self._frontier.root())
        if what == "key:rotated":
            return self._spans.record(seq, facts, self._frontier.root())
        if what == "audit:checkpoint":
            self._times.beat(seq, _at(content), facts)
        elif what in ("daemon:started", "daemon:stopped"):
            self._times.daemon(what, actor)
        return None

    # -- all of it against the notes ------------------------------------------------------------------------

    def _compared(self) -> Finding:
        newest, agreeing = None, 0
        for name, checkpoint, signed_by in sorted(self._signed, key=lambda note: note[1].size):
            root, at = self._roots.get(checkpoint.size, (None, ""))
            agrees = root == checkpoint.root
            if not agrees and self._restores.excuse(checkpoint):
                continue
            if forged := self._spans.problem(signed_by, checkpoint.size):
                raise _Bad(None, f"{name}: {forged}")
            if agrees:
                agreeing += 1
                newest = Anchoring(checkpoint.origin, checkpoint.size, at)
            else:
                raise self._difference(name, checkpoint, newest.size if newest else 0)
        forks = self._restores.found()
        # a number is no proof: whoever was told of a restore must hold something that agrees as well
        proven = newest is not None and newest.size > 0
        open_ones = [fork for fork in forks if fork.excused and not (proven and fork.accepted)]
        return Finding(
            ok=not open_ones,
            entries=self.size,
            reason="; ".join(map(_declared, open_ones)) or None,
            purged=self._purges.taken,
            notes=self._notes,
            anchored=newest,
            warnings=tuple(dict.fromkeys([*self._times.remarks, *map(_recorded, forks), *self._remarks])),
            agreeing=agreeing,
            excused=self._notes - agreeing,
            lost=sum(fork.lost for fork in open_ones),
            forks=forks,
        )

    def _difference(self, name: str, checkpoint: Checkpoint, proven: int) -> _Bad:
        size = checkpoint.size
        if size > self.size:
            reason = f"{name}: {size} entries were anchored, {self.size} are here: the end was cut off or rolled back"
            return _Bad(self.size + 1, reason)
        return _Bad(proven + 1, f"{name}: entries {proven + 1} to {size} are not those that were anchored")


def _at(content: dict[str, Any]) -> Any:
    return moment(content["at"])  # equal to the column, which was read before


def _declared(fork: ForkFound) -> str:
    alone = "; it was accepted, but not one note agrees with what is here" if fork.accepted else ""
    return f"{fork.lost} anchored entries are declared lost by entry {fork.seq} ({fork.who}: {fork.reason}){alone}"


def _recorded(fork: ForkFound) -> str:
    return (
        f"entry {fork.seq} records a restore: of {fork.size} anchored entries, only {fork.shared} are here;"
        f" {fork.who}: {fork.reason}"
    )


def _open(notes: Sequence[tuple[str, str]], keys: Sequence[VerifierKey]) -> Iterator[_Signed]:
    last: dict[str, Checkpoint] = {}
    for name, text in notes:
        try:
            note = open_checkpoint(text, keys)
        except NoteError as error:
            raise _Bad(None, f"{name}: {error}") from None
        before = last.get(note.origin)
        if before is not None and note.size < before.size:
            raise _Bad(None, f"{name}: the log shrank from {before.size} to {note.size} entries between two notes")
        if before is not None and note.size == before.size and note.root != before.root:
            raise _Bad(None, f"{name}: two notes contradict each other about the same {note.size} entries")
        last[note.origin] = note
        yield name, note, _signers(text, note, keys)


def _signers(text: str, note: Checkpoint, keys: Sequence[VerifierKey]) -> list[VerifierKey]:
    of_its_name = [key for key in keys if key.name == note.origin]
    return of_its_name if len(of_its_name) == 1 else signers(text, of_its_name)


def _content(seq: int, columns: tuple[Any, ...], body: Any, leaf: bytes) -> dict[str, Any]:
    try:
        if hashlib.sha256(b"\x00" + body.encode("utf-8")).digest() != leaf:
            raise _Bad(seq, f"entry {seq} was altered")
        content: dict[str, Any] = _decode(body)
        body_seq = content["seq"]
        body_columns = (content["at"], content["what"], content["event"], content["destination"])
    except (AttributeError, TypeError, ValueError, KeyError, RecursionError):
        raise _Bad(seq, f"entry {seq} was altered: syncer did not write its body") from None
    if type(body_seq) is not int or body_seq != seq:
        raise _Bad(seq, f"entry {seq} was moved")
    if columns != body_columns:
        raise _Bad(seq, f"entry {seq} was altered: its columns differ from its body")
    return content
