"""Purges on record: which entries may lack their body. Pure."""

from __future__ import annotations

from collections.abc import Mapping
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


class Purges:
    """Holds the entries without a body against the purges on record."""

    def __init__(self) -> None:
        self._purges: list[_Purge] = []
        self._holes: list[tuple[int, str]] = []  # seq and time of entries without a body

    @property
    def taken(self) -> int:
        """How many entries lack their body."""
        return len(self._holes)

    def hole(self, seq: int, at: str) -> None:
        """Note an entry without a body."""
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
        self._purges.append(_Purge(seq, first, last, str(before), left=count))
        return None

    def uncovered(self) -> int | None:
        """Return the first entry without a body that no purge of its age and range took; None for none."""
        for seq, at in self._holes:
            covering = [purge for purge in self._purges if purge.covers(seq, at)]
            if not covering:
                return seq
            # the range that ends first: the others can still take later entries
            min(covering, key=lambda purge: (purge.last, purge.seq)).left -= 1
        return None
