"""What a stranger can verify of a log with its signed notes: no database, no secret. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from syncer.audit.offline.finding import Finding, NotWhole
from syncer.audit.offline.history import History
from syncer.audit.offline.merkle import Frontier
from syncer.audit.offline.notes import VerifierKey
from syncer.audit.offline.on_record.purges import Purges
from syncer.audit.offline.on_record.restores import Restores
from syncer.audit.offline.on_record.rotations import KeySpans
from syncer.audit.offline.saved import SavedExamination
from syncer.audit.offline.signed_notes import SignedNotes, Sources
from syncer.audit.offline.times import Times, moment

#: seq, at, what, event, destination, body, leaf; as they stand there, whoever wrote them
LogRow = tuple[Any, Any, Any, Any, Any, Any, Any]
#: made once: json.loads looks for a byte order mark first
_decode = json.JSONDecoder().decode


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

    See `examine` for what is given; `remarks` are warnings of the caller's own, for the finding.
    Without `of_events` what the log says of events is not followed, nor is the text of an entry that names one read:
    for a caller that holds each of these texts against leaf and columns, and follows every event, by itself. What it
    finds it brings with `refuse`.
    """

    def __init__(
        self,
        sources: Sources,
        keys: Sequence[VerifierKey],
        accepted: Collection[int] = (),
        remarks: Sequence[str] = (),
        *,
        of_events: bool = True,
    ) -> None:
        #: where the log's entries without a body are held against the purges on record
        self.purges = Purges()
        self._history = History()
        self._of_events = of_events
        self._frontier = Frontier()
        self._times = Times()
        self._restores = Restores(accepted)
        self._remarks = remarks
        self._notes = SignedNotes(sources, keys)
        self._saved: SavedExamination | None = None
        self._keys = keys
        self._spans = KeySpans()
        self._wanted: frozenset[int] = frozenset()
        self._bad: NotWhole | None = None
        try:
            self._wanted = self._notes.sizes()
        except NotWhole as bad:
            self._bad = bad
        self._notes.reached(0, self._frontier.root(), "")
        self._latest_at = self._last_at = ""

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
        except NotWhole as bad:
            self._bad = bad

    def take_linked(self, rows: Iterable[Sequence[Any]]) -> None:
        """Verify the next entries as `take_all` does, without `of_events`: rows that follow each other in the chain.

        A caller with the key has held their numbers against each other, and every text against its leaf.
        """
        if self._bad is not None:
            return
        leaves: list[bytes] = []
        try:
            for row in rows:
                at, leaf = row[1], row[6]
                if not self._is_plain(row):
                    self._frontier.extend(leaves)
                    leaves.clear()
                    self._take((*row[:6], bytes(leaf) if isinstance(leaf, memoryview) else leaf))
                    continue
                if at != self._last_at:
                    self._note_time(row[0], at)
                leaves.append(leaf)
        except NotWhole as bad:
            self._bad = bad
        self._frontier.extend(leaves)

    def _is_plain(self, row: Sequence[Any]) -> bool:
        """Say whether an entry is of an event, has its text, and there is nothing else to it: nearly all are."""
        seq, at, what, event, destination, body, leaf, *_ = row
        return (
            type(event) is type(what) is type(at) is str
            and (destination is None or type(destination) is str)
            and body is not None
            and type(leaf) is bytes
            and at >= self._last_at
            and seq not in self._wanted
        )

    def _note_time(self, seq: int, at: Any) -> None:
        now = moment(at)
        if now is None:
            raise NotWhole(seq, f"entry {seq} was altered: its time cannot be read")
        self._times.take(seq, now)
        self._last_at = at
        self._latest_at = max(self._latest_at, at)

    def refuse(self, seq: int, reason: str) -> None:
        """Take an objection of the caller's to an entry; the first bad entry counts."""
        if self._bad is None or (self._bad.seq is not None and seq < self._bad.seq):
            self._bad = NotWhole(seq, reason, seq - 1)

    def finding(self) -> Finding:
        """Return what was found, once every row was given."""
        try:
            if self._bad is not None:
                raise self._bad
            hole = self.purges.uncovered()
            if hole is not None:
                raise NotWhole(hole, f"entry {hole} lost its body, and no purge on record took it")
            unknown = self._restores.unknown()
            if unknown is not None:
                raise NotWhole(None, f"entry {unknown}, which was accepted, records no restore")
            unexplained = self._spans.unexplained(self._keys)
            if unexplained is not None:
                raise NotWhole(None, unexplained)
            return self._compared()
        except NotWhole as bad:
            good = self.size if bad.good is None else min(self.size, bad.good)
            return Finding(False, good, bad.seq, str(bad), self.purges.taken, self._notes.count)

    # -- in parts, one long after the other -----------------------------------------------------------------

    def saved(self) -> SavedExamination | None:
        """Return what a later examination needs to go on after the last entry; None where this one found no whole log.

        Notes of more entries than were read are not in it.
        """
        return self._saved

    def go_on(self, saved: SavedExamination) -> None:
        """Begin after the last entry of an earlier examination, which returned `saved`; before the first row.

        Raises ValueError for a compact range that is not of its size.
        """
        self._frontier = Frontier.unpack(saved.size, saved.hashes)
        self._latest_at, self._last_at = saved.latest_at, saved.last_at
        self._notes.reached(self.size, self._frontier.root(), saved.last_at)
        self._times.restore(saved.times)
        self.purges.restore(saved.purges, saved.taken)
        self._restores.restore(saved.restores)
        self._spans = KeySpans(saved.rotations)
        self._notes.go_on(saved.notes, saved.agreeing, saved.newest)

    def _save(self, notes: int) -> None:
        self._saved = SavedExamination(
            self.size,
            self._frontier.pack(),
            self._latest_at,
            self._last_at,
            self._times.saved(),
            self.purges.saved(),
            self.purges.taken,
            self._restores.saved(),
            self._spans.saved(),
            self._notes.newest,
            self._notes.agreeing,
            notes,
        )

    # -- one entry ------------------------------------------------------------------------------------------

    def _take(self, row: LogRow) -> None:
        seq, at, what, event, destination, body, leaf = row
        expected = self._frontier.size + 1
        if type(seq) is not int or seq != expected:
            raise NotWhole(expected, f"entry {expected} is missing or out of order")
        names = isinstance(what, str) and all(name is None or isinstance(name, str) for name in (event, destination))
        if not isinstance(leaf, bytes) or len(leaf) != 32 or not names:
            raise NotWhole(seq, f"entry {seq} was altered")
        self._note_time(seq, at)
        if body is None:
            self.purges.hole(seq, at)
            self._history.purged(what, event)
        elif self._of_events or event is None:
            content = _content(seq, (at, what, event, destination), body, leaf)
            problem = self._history.tell(what, content) or self._of_itself(seq, what, content)
            if problem:
                raise NotWhole(seq, f"entry {seq} {problem}")
        self._frontier.add(leaf)
        self._last_at = at
        self._latest_at = max(self._latest_at, at)
        if seq in self._wanted:
            self._notes.reached(seq, self._frontier.root(), at)

    def _of_itself(self, seq: int, what: str, content: dict[str, Any]) -> str | None:
        """Follow what the log says of itself and of those who write it; return why it cannot be true, or None."""
        if what.startswith(("delivery:", "event:")):
            return None  # nearly all are
        facts, actor = content["facts"], content["actor"]
        if what == "audit:purged":
            return self.purges.record(seq, _at(content), facts, self._frontier.root())
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
        notes = self._notes
        self._save(notes.compare(self.size, self._restores, self._spans))
        notes.compare_rest(self.size, self._restores, self._spans)
        forks, newest = self._restores.found(), notes.newest
        # a number is no proof: whoever was told of a restore must hold something that agrees as well
        proven = newest is not None and newest.size > 0
        open_ones = [fork for fork in forks if fork.excused and not (proven and fork.accepted)]
        return Finding(
            ok=not open_ones,
            entries=self.size,
            reason="; ".join(fork.objection for fork in open_ones) or None,
            purged=self.purges.taken,
            notes=notes.count,
            anchored=newest,
            warnings=tuple(dict.fromkeys([*self._times.remarks, *(fork.remark for fork in forks), *self._remarks])),
            agreeing=notes.agreeing,
            excused=notes.count - notes.agreeing,
            lost=sum(fork.lost for fork in open_ones),
            forks=forks,
        )


def _at(content: dict[str, Any]) -> Any:
    return moment(content["at"])  # equal to the column, which was read before


def _content(seq: int, columns: tuple[Any, ...], body: Any, leaf: bytes) -> dict[str, Any]:
    try:
        if hashlib.sha256(b"\x00" + body.encode("utf-8")).digest() != leaf:
            raise NotWhole(seq, f"entry {seq} was altered")
        content: dict[str, Any] = _decode(body)
        body_seq = content["seq"]
        body_columns = (content["at"], content["what"], content["event"], content["destination"])
    except (AttributeError, TypeError, ValueError, KeyError, RecursionError):
        raise NotWhole(seq, f"entry {seq} was altered: syncer did not write its body") from None
    if type(body_seq) is not int or body_seq != seq:
        raise NotWhole(seq, f"entry {seq} was moved")
    if columns != body_columns:
        raise NotWhole(seq, f"entry {seq} was altered: its columns differ from its body")
    return content
