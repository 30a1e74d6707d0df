"""What a stranger can verify of a log with its signed notes: no database, no secret. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from syncer.audit.offline.history import History
from syncer.audit.offline.merkle import Frontier
from syncer.audit.offline.notes import Checkpoint, NoteError, VerifierKey, open_checkpoint
from syncer.domain.deadlines import months_before

#: seq, at, what, event, destination, body, leaf; as they stand there, whoever wrote them
LogRow = tuple[Any, Any, Any, Any, Any, Any, Any]
#: clocks of several hosts may differ by so much before a time that runs backwards is worth a warning
TOLERANCE = timedelta(minutes=5)
#: no policy keeps bodies for less, or for more
LEAST_MONTHS, MOST_MONTHS = 12, 240
#: no schedule signs the log less often
MOST_MINUTES = 24 * 60
_TIME = re.compile(r"[12]\d{3}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{6}Z")


@dataclass(frozen=True, slots=True)
class Anchoring:
    """The newest signed state that the log holds; `at` is the time of its last entry (UTC, ISO 8601)."""

    origin: str
    size: int
    at: str


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a verification: the first bad entry with the reason, and what is only worth a warning."""

    ok: bool
    entries: int
    first_bad: int | None = None
    reason: str | None = None
    purged: int = 0
    notes: int = 0
    anchored: Anchoring | None = None
    warnings: tuple[str, ...] = ()


@dataclass(slots=True)
class _Purge:
    """A purge on record: of entries `first` to `last` that are older than `before`, `left` more may lack their body."""

    seq: int
    first: int
    last: int
    before: str
    left: int

    def covers(self, seq: int, at: str) -> bool:
        """Say whether this purge can have taken the body of an entry."""
        return self.left > 0 and self.first <= seq <= self.last and at < self.before


@dataclass(frozen=True, slots=True)
class _Fork:
    """A fork on record: the signed state that it admits was lost. Its fields hold whatever somebody wrote there."""

    seq: int
    old_origin: Any
    size: Any
    root: Any
    shared: Any
    reason: Any

    @classmethod
    def of(cls, seq: int, facts: dict[str, Any]) -> _Fork:
        """Return the fork that an entry's facts record."""
        anchor = facts.get("anchor")
        lost = anchor if isinstance(anchor, dict) else {}
        old_origin, shared, reason = facts.get("old_origin"), facts.get("shared"), facts.get("reason")
        return cls(seq, old_origin, lost.get("size"), lost.get("root"), shared, reason)

    def admits(self, checkpoint: Checkpoint) -> bool:
        """Say whether a signed state lies in the part that was lost."""
        if type(self.size) is not int or type(self.shared) is not int or self.old_origin != checkpoint.origin:
            return False
        cited = checkpoint.size != self.size or checkpoint.root.hex() == self.root
        return self.shared < checkpoint.size <= self.size and cited


class _Bad(Exception):
    def __init__(self, seq: int | None, reason: str) -> None:
        super().__init__(reason)
        self.seq = seq


def examine(
    rows: Iterable[LogRow],
    sources: Sequence[Sequence[tuple[str, str]]],
    keys: Sequence[VerifierKey],
    history: History | None = None,
) -> Finding:
    """Verify a log against notes. Each source holds (name for people, text) in the order they were anchored.

    `keys` are the log's public keys, one for each name it has had. Nothing in rows or notes raises.
    """
    reading, count = _Reading(history or History()), sum(map(len, sources))
    try:
        signed = [note for notes in sources for note in _open(notes, keys)]
        reading.keep_roots({checkpoint.size for _, checkpoint in signed})
        for row in rows:
            reading.take(row)
        reading.require_purges()
        newest = reading.compare(signed)
    except _Bad as bad:
        return Finding(False, reading.size, bad.seq, str(bad), reading.purged, count)
    return Finding(
        True, reading.size, None, None, reading.purged, count, newest, tuple(dict.fromkeys(reading.warnings))
    )


def _open(notes: Sequence[tuple[str, str]], keys: Sequence[VerifierKey]) -> Iterator[tuple[str, Checkpoint]]:
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
        yield name, note


class _Reading:
    """One pass over a log."""

    def __init__(self, history: History) -> None:
        self.purged = 0
        self.warnings: list[str] = []
        self._history = history
        self._frontier = Frontier()
        self._wanted: set[int] = set()
        self._roots: dict[int, tuple[bytes, str]] = {}
        self._holes: list[tuple[int, str]] = []  # seq and time of entries without a body
        self._purges: list[_Purge] = []
        self._forks: list[_Fork] = []
        self._before: datetime | None = None
        self._beat: tuple[datetime, timedelta] | None = None  # of the last checkpoint
        self._running: set[tuple[str, str]] = set()  # host and process of each daemon

    @property
    def size(self) -> int:
        """How many entries were read so far, none of them bad."""
        return self._frontier.size

    def keep_roots(self, sizes: set[int]) -> None:
        """Keep the roots at these sizes, to compare them with notes."""
        self._wanted = sizes
        if 0 in sizes:
            self._roots[0] = self._frontier.root(), ""

    def take(self, row: LogRow) -> None:
        """Verify one entry and go on. Raises _Bad."""
        seq, at, what, event, destination, body, leaf = row
        expected = self.size + 1
        if type(seq) is not int or seq != expected:
            raise _Bad(expected, f"entry {expected} is missing or out of order")
        names = isinstance(what, str) and all(name is None or isinstance(name, str) for name in (event, destination))
        if not isinstance(leaf, bytes) or len(leaf) != 32 or not names:
            raise _Bad(seq, f"entry {seq} was altered")
        self._take_time(seq, at)
        if body is None:
            self.purged += 1
            self._holes.append((seq, at))
            self._history.purged(event)
        else:
            content = _content(seq, (at, what, event, destination), body, leaf)
            self._take_content(seq, what, content)
        self._frontier.add(leaf)
        if seq in self._wanted:
            self._roots[seq] = self._frontier.root(), at

    def _take_content(self, seq: int, what: str, content: dict[str, Any]) -> None:
        problem = self._history.tell(what, content)
        if problem:
            raise _Bad(seq, f"entry {seq} {problem}")
        facts = content["facts"]
        if what == "audit:purged":
            self._take_purge(seq, content["at"], facts)
        elif what == "audit:forked":
            self._forks.append(_Fork.of(seq, facts))
        elif what == "audit:checkpoint":
            self._take_heartbeat(seq, content["at"], facts)
        elif what in ("daemon:started", "daemon:stopped"):
            self._take_daemon(what, content["actor"])

    def _take_daemon(self, what: str, actor: dict[str, Any]) -> None:
        daemon = (str(actor.get("host")), str(actor.get("pid")))
        if what == "daemon:started":
            self._running.add(daemon)
        else:
            self._running.discard(daemon)

    # -- times ----------------------------------------------------------------------------------------------

    def _take_time(self, seq: int, at: Any) -> None:
        if not isinstance(at, str) or not _TIME.fullmatch(at):
            raise _Bad(seq, f"entry {seq} was altered: its time cannot be read")
        try:
            now = datetime.fromisoformat(at)
        except ValueError:  # the 31st of a shorter month
            raise _Bad(seq, f"entry {seq} was altered: its time cannot be read") from None
        if self._before is not None and now < self._before - TOLERANCE:
            self.warnings.append(
                f"the time runs backwards at entry {seq}: a clock was wrong, or somebody wrote it later"
            )
        self._before = now

    def _take_heartbeat(self, seq: int, at: str, facts: dict[str, Any]) -> None:
        now, every = datetime.fromisoformat(at), facts.get("every_minutes")
        if self._beat is not None and self._running and now - self._beat[0] > 2 * self._beat[1]:
            self.warnings.append(f"no checkpoint from {self._beat[0]:%Y-%m-%d %H:%M} to {now:%Y-%m-%d %H:%M}Z"
                                 f" (entry {seq}) although a daemon was started and did not stop")  # fmt: skip
        self._beat = now, timedelta(minutes=every if type(every) is int and 0 < every <= MOST_MINUTES else 60)

    # -- purges ---------------------------------------------------------------------------------------------

    def _take_purge(self, seq: int, at: str, facts: dict[str, Any]) -> None:
        numbers = [facts.get(key) for key in ("from", "to", "count", "months", "size")]
        first, last, count, months, size = (number if type(number) is int else -1 for number in numbers)
        if count < 0 or not 0 < first <= last < seq or size != seq - 1 or not LEAST_MONTHS <= months <= MOST_MONTHS:
            raise _Bad(seq, f"entry {seq} is a purge with an impossible range or policy")
        latest = months_before(datetime.fromisoformat(at), months).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        before = str(facts.get("before"))
        if not _TIME.fullmatch(before) or before > latest:
            raise _Bad(seq, f"entry {seq} is a purge of entries younger than its own policy of {months} months")
        if facts.get("root") != self._frontier.root().hex():
            raise _Bad(seq, f"entry {seq} is a purge of another log: the root before it differs")
        self._purges.append(_Purge(seq, first, last, before, left=count))

    def require_purges(self) -> None:
        """Raise _Bad unless every entry without a body lies under a purge entry of its age."""
        for seq, at in self._holes:
            covering = [purge for purge in self._purges if purge.covers(seq, at)]
            if not covering:
                raise _Bad(seq, f"entry {seq} lost its body, and no purge on record took it")
            # the range that ends first: the others can still take later entries
            min(covering, key=lambda purge: (purge.last, purge.seq)).left -= 1

    # -- notes ----------------------------------------------------------------------------------------------

    def compare(self, signed: Sequence[tuple[str, Checkpoint]]) -> Anchoring | None:
        """Compare the log with the signed states; return the newest one that it holds. Raises _Bad."""
        newest, proven = None, 0
        for name, checkpoint in sorted(signed, key=lambda note: note[1].size):
            root, at = self._roots.get(checkpoint.size, (None, ""))
            if root == checkpoint.root:
                proven = max(proven, checkpoint.size)
                if newest is None or checkpoint.size >= newest.size:
                    newest = Anchoring(checkpoint.origin, checkpoint.size, at)
            elif not any(fork.admits(checkpoint) for fork in self._forks):
                raise self._difference(name, checkpoint, proven)
        for fork in self._forks:
            self.warnings.append(f"entry {fork.seq} records a restore: of {fork.size} anchored entries, only"
                                 f" {fork.shared} are here; {fork.reason}")  # fmt: skip
        return newest

    def _difference(self, name: str, checkpoint: Checkpoint, proven: int) -> _Bad:
        size = checkpoint.size
        if size > self.size:
            reason = f"{name}: {size} entries were anchored, {self.size} are here: the end was cut off or rolled back"
            return _Bad(self.size + 1, reason)
        return _Bad(proven + 1, f"{name}: entries {proven + 1} to {size} are not those that were anchored")


def _content(seq: int, columns: tuple[Any, ...], body: Any, leaf: bytes) -> dict[str, Any]:
    try:
        raw = body.encode("utf-8")
        if hashlib.sha256(b"\x00" + raw).digest() != leaf:
            raise _Bad(seq, f"entry {seq} was altered")
        content: dict[str, Any] = json.loads(raw)
        body_seq = content["seq"]
        body_columns = tuple(content[key] for key in ("at", "what", "event", "destination"))
    except (AttributeError, TypeError, ValueError, KeyError, RecursionError):
        raise _Bad(seq, f"entry {seq} was altered: syncer did not write its body") from None
    if body_seq != seq:
        raise _Bad(seq, f"entry {seq} was moved")
    if columns != body_columns:
        raise _Bad(seq, f"entry {seq} was altered: its columns differ from its body")
    return content
