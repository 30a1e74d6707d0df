"""What a stranger can check of a log with its signed notes: no database, no secret. Pure."""

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

#: seq, at, what, event, destination, body, leaf; as they were found, whoever wrote them
Row = tuple[Any, Any, Any, Any, Any, Any, Any]
#: clocks of several hosts may differ by so much before a time that runs back is worth a word
TOLERANCE = timedelta(minutes=5)
#: no policy keeps bodies for less
LEAST_MONTHS, MOST_MONTHS = 12, 240
_TIME = re.compile(r"[12]\d{3}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{6}Z")


@dataclass(frozen=True, slots=True)
class Anchoring:
    """The newest signed state that the log was compared with; `at` is the time of its last entry."""

    origin: str
    size: int
    at: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found: the first bad entry with the reason, and what is only worth a word (`warnings`)."""

    ok: bool
    entries: int
    first_bad: int | None = None
    reason: str | None = None
    purged: int = 0
    notes: int = 0
    anchored: Anchoring | None = None
    warnings: tuple[str, ...] = ()


class _Bad(Exception):
    def __init__(self, seq: int | None, reason: str) -> None:
        super().__init__(reason)
        self.seq = seq


def examine(
    rows: Iterable[Row],
    sources: Sequence[Sequence[tuple[str, str]]],
    keys: Sequence[VerifierKey],
    history: History | None = None,
) -> Finding:
    """Check a log against notes. Each source holds (name for people, text) in the order they were anchored.

    `keys` are the log's public keys, one for each name it has had. Nothing in rows or notes raises.
    """
    reading, count = _Reading(history or History()), sum(map(len, sources))
    try:
        signed = [item for notes in sources for item in _open(notes, keys)]
        reading.want({found.size for _, found in signed})
        for row in rows:
            reading.take(row)
        reading.purges_cover()
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
            found = open_checkpoint(text, keys)
        except NoteError as error:
            raise _Bad(None, f"{name}: {error}") from None
        before = last.get(found.origin)
        if before is not None and found.size < before.size:
            raise _Bad(None, f"{name}: the log shrank from {before.size} to {found.size} entries between two notes")
        if before is not None and found.size == before.size and found.root != before.root:
            raise _Bad(None, f"{name}: two notes say different things of the same {found.size} entries")
        last[found.origin] = found
        yield name, found


class _Reading:
    """One passage over a log."""

    def __init__(self, history: History) -> None:
        self.purged = 0
        self.warnings: list[str] = []
        self._history = history
        self._frontier = Frontier()
        self._wanted: set[int] = set()
        self._roots: dict[int, tuple[bytes, str]] = {}
        self._holes: list[tuple[int, str]] = []  # seq and time of entries without a body
        self._purges: list[tuple[int, dict[str, Any]]] = []
        self._forks: list[tuple[int, dict[str, Any]]] = []
        self._before: datetime | None = None
        self._beat: tuple[datetime, timedelta] | None = None  # of the last checkpoint
        self._running: set[Any] = set()

    @property
    def size(self) -> int:
        """How many entries were read and found whole."""
        return self._frontier.size

    def want(self, sizes: set[int]) -> None:
        """Keep the roots at these sizes."""
        self._wanted = sizes
        if 0 in sizes:
            self._roots[0] = self._frontier.root(), ""

    def take(self, row: Row) -> None:
        """Check one entry and go on. Raises _Bad."""
        seq, at, what, event, destination, body, leaf = row
        expected = self.size + 1
        if type(seq) is not int or seq != expected:
            raise _Bad(expected, f"entry {expected} is missing, or stands elsewhere")
        texts = isinstance(what, str) and all(item is None or isinstance(item, str) for item in (event, destination))
        if not isinstance(leaf, bytes) or len(leaf) != 32 or not texts:
            raise _Bad(seq, f"entry {seq} was altered")
        self._clock(seq, at)
        if body is None:
            self.purged += 1
            self._holes.append((seq, at))
            self._history.purged(event)
        else:
            content = _content(seq, (at, what, event, destination), body, leaf)
            self._say(seq, what, content)
        self._frontier.add(leaf)
        if seq in self._wanted:
            self._roots[seq] = self._frontier.root(), at

    def _say(self, seq: int, what: str, content: dict[str, Any]) -> None:
        problem = self._history.tell(what, content)
        if problem:
            raise _Bad(seq, f"entry {seq} {problem}")
        facts = content["facts"]
        if what == "audit:purged":
            self._purge(seq, content["at"], facts)
        elif what == "audit:forked":
            self._forks.append((seq, facts))
        elif what == "audit:checkpoint":
            self._heartbeat(seq, content["at"], facts)
        elif what in ("daemon:started", "daemon:stopped"):
            actor = content["actor"]
            who = (actor.get("host"), actor.get("pid"))
            (self._running.add if what == "daemon:started" else self._running.discard)(who)

    # -- times ----------------------------------------------------------------------------------------------

    def _clock(self, seq: int, at: Any) -> None:
        if not isinstance(at, str) or not _TIME.fullmatch(at):
            raise _Bad(seq, f"entry {seq} was altered: its time is none")
        try:
            now = datetime.fromisoformat(at)
        except ValueError:  # the 31st of a shorter month
            raise _Bad(seq, f"entry {seq} was altered: its time is none") from None
        if self._before is not None and now < self._before - TOLERANCE:
            self.warnings.append(f"the time runs back at entry {seq}: a clock was wrong, or somebody wrote it later")
        self._before = now

    def _heartbeat(self, seq: int, at: str, facts: dict[str, Any]) -> None:
        now, every = datetime.fromisoformat(at), facts.get("every_minutes")
        if self._beat is not None and self._running and now - self._beat[0] > 2 * self._beat[1]:
            self.warnings.append(f"no checkpoint from {self._beat[0]:%Y-%m-%d %H:%M} to {now:%Y-%m-%d %H:%M}Z"
                                 f" (entry {seq}) although a daemon was started and did not stop")  # fmt: skip
        self._beat = now, timedelta(minutes=every if type(every) is int and every > 0 else 60)

    # -- purges ---------------------------------------------------------------------------------------------

    def _purge(self, seq: int, at: str, facts: dict[str, Any]) -> None:
        numbers = [facts.get(key) for key in ("from", "to", "count", "months", "size")]
        first, last, count, months, size = (item if type(item) is int else -1 for item in numbers)
        if count < 0 or not 0 < first <= last < seq or size != seq - 1 or not LEAST_MONTHS <= months <= MOST_MONTHS:
            raise _Bad(seq, f"entry {seq} is a purge whose range or policy cannot be")
        latest = months_before(datetime.fromisoformat(at), months).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        before = str(facts.get("before"))
        if not _TIME.fullmatch(before) or before > latest:
            raise _Bad(seq, f"entry {seq} is a purge of entries younger than its own policy of {months} months")
        if facts.get("root") != self._frontier.root().hex():
            raise _Bad(seq, f"entry {seq} is a purge of another log: the root before it differs")
        self._purges.append((seq, facts))

    def purges_cover(self) -> None:
        """Check that every entry without a body lies under a purge entry of its age. Raises _Bad."""
        left = {seq: facts["count"] for seq, facts in self._purges}
        for seq, at in self._holes:
            fits = [
                (facts["to"], purge)
                for purge, facts in self._purges
                if left[purge] and facts["from"] <= seq <= facts["to"] and at < facts["before"]
            ]
            if fits:
                left[min(fits)[1]] -= 1  # the range that ends first: whatever else fits can still take later ones
            else:
                raise _Bad(seq, f"entry {seq} lost its body, and no purge on record took it")

    # -- notes ----------------------------------------------------------------------------------------------

    def compare(self, signed: Sequence[tuple[str, Checkpoint]]) -> Anchoring | None:
        """Compare with the signed states; return the newest one of the log's present name. Raises _Bad."""
        newest, proven = None, 0
        for name, found in sorted(signed, key=lambda item: item[1].size):
            root, at = self._roots.get(found.size, (None, ""))
            if root == found.root:
                proven = max(proven, found.size)
                if newest is None or found.size >= newest.size:
                    newest = Anchoring(found.origin, found.size, at)
            elif not self._forked(found):
                self._differs(name, found, proven)
        for seq, facts in self._forks:
            lost = facts.get("anchor") or {}
            self.warnings.append(f"entry {seq} records a restore: of {lost.get('size')} anchored entries only"
                                 f" {facts.get('shared')} are here; {facts['reason']}")  # fmt: skip
        return newest

    def _forked(self, found: Checkpoint) -> bool:
        """Say whether a fork on record admits that this state was lost."""
        for _, facts in self._forks:
            lost, shared = facts.get("anchor"), facts.get("shared")
            if facts.get("old_origin") != found.origin or not isinstance(lost, dict) or type(shared) is not int:
                continue
            same = found.size != lost.get("size") or found.root.hex() == lost.get("root")
            if type(lost.get("size")) is int and shared < found.size <= lost["size"] and same:
                return True
        return False

    def _differs(self, name: str, found: Checkpoint, proven: int) -> None:
        if found.size > self.size:
            reason = (
                f"{name}: {found.size} entries were anchored, {self.size} are here: the end was cut off or rolled back"
            )
            raise _Bad(self.size + 1, reason)
        raise _Bad(proven + 1, f"{name}: entries {proven + 1} to {found.size} are not those that were anchored")


def _content(seq: int, columns: tuple[Any, ...], body: Any, leaf: bytes) -> dict[str, Any]:
    try:
        raw = body.encode("utf-8")
        if hashlib.sha256(b"\x00" + raw).digest() != leaf:
            raise _Bad(seq, f"entry {seq} was altered")
        content: dict[str, Any] = json.loads(raw)
        inside = tuple(content[key] for key in ("at", "what", "event", "destination"))
        found = content["seq"]
    except (AttributeError, TypeError, ValueError, KeyError, RecursionError):
        raise _Bad(seq, f"entry {seq} was altered: its body is none of ours") from None
    if found != seq:
        raise _Bad(seq, f"entry {seq} was moved")
    if columns != inside:
        raise _Bad(seq, f"entry {seq} was altered: its columns do not say what its body says")
    return content
