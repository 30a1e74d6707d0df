"""Purges on record: which entries may lack their body. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from syncer.audit.offline.times import moment
from syncer.domain.deadlines import months_before

#: no policy keeps bodies for less, or for more
LEAST_MONTHS, MOST_MONTHS = 12, 240


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
class SavedPurge:
    """A purge on record: of entries `first` to `last` older than `before`, `left` more may lack their body."""

    seq: int
    first: int
    last: int
    before: str
    left: int


class Purges:
    """Holds the entries without a body against the purges on record.

    A purge stands after the entries that it took. Whoever knows of it beforehand says so with `foresee`; then no list
    of the entries without a body is kept, however many there are.
    """

    def __init__(self) -> None:
        self._purges: list[_Purge] = []
        self._foreseen: dict[int, _Purge] = {}
        self._holes: list[tuple[int, str]] = []  # seq and time of entries without a body that nothing covers so far
        #: how many entries lack their body
        self.taken = 0

    @property
    def waiting(self) -> int:
        """How many entries without a body wait for a purge that covers them."""
        return len(self._holes)

    def foresee(self, seq: int, facts: Mapping[str, Any]) -> None:
        """Note a purge that the log will come to; whether it can be one is said by `record`, once it does."""
        if seq not in self._foreseen and all(type(facts.get(key)) is int for key in ("from", "to", "count")):
            purge = _Purge(seq, facts["from"], facts["to"], str(facts.get("before")), left=facts["count"])
            self._foreseen[seq] = purge
            self._settle()

    def hole(self, seq: int, at: str) -> None:
        """Note an entry without a body."""
        self.taken += 1
        if not self._cover(self._foreseen.values(), seq, at):
            self._holes.append((seq, at))

    def record(self, seq: int, now: datetime, facts: Mapping[str, Any], root: bytes) -> str | None:
        """Take a purge on record; return why it cannot be one. `root` is that of all entries before it."""
        numbers = [facts.get(key) for key in ("from", "to", "count", "months", "size")]
        first, last, count, months, size = (number if type(number) is int else -1 for number in numbers)
        if count < 0 or not 0 < first <= last < seq or not LEAST_MONTHS <= months <= MOST_MONTHS:
            return "is a purge with an impossible range or policy"
        before = facts.get("before")
        boundary = moment(before)
        if boundary is None or boundary > months_before(now, months):
            return f"is a purge of entries younger than its own policy of {months} months"
        if size != seq - 1 or facts.get("root") != root.hex():
            return "is a purge of another log: the entries before it differ"
        foreseen = self._foreseen.pop(seq, None)
        self._purges.append(foreseen or _Purge(seq, first, last, str(before), left=count))
        return None

    def uncovered(self) -> int | None:
        """Return the first entry without a body that no purge of its age and range took; None for none."""
        self._settle()
        return self._holes[0][0] if self._holes else None

    def saved(self) -> tuple[SavedPurge, ...]:
        """Return what a later examination needs to go on with, beside `taken`; every hole is covered by then."""
        return tuple(SavedPurge(each.seq, each.first, each.last, each.before, each.left) for each in self._purges)

    def restore(self, saved: Iterable[SavedPurge], taken: int) -> None:
        """Go on where another one stopped: `saved` is what it returned then, `taken` how many lacked their body."""
        self._purges = [_Purge(each.seq, each.first, each.last, each.before, each.left) for each in saved]
        self.taken = taken

    def _settle(self) -> None:
        known = [*self._purges, *self._foreseen.values()]
        self._holes = [(seq, at) for seq, at in self._holes if not self._cover(known, seq, at)]

    @staticmethod
    def _cover(purges: Iterable[_Purge], seq: int, at: str) -> bool:
        covering = [purge for purge in purges if purge.covers(seq, at)]
        if covering:
            # the range that ends first: the others can still take later entries
            min(covering, key=lambda purge: (purge.last, purge.seq)).left -= 1
        return bool(covering)
