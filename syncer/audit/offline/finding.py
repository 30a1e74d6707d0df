"""What a verification of a log finds. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from syncer.audit.offline.on_record.restores import ForkFound

#: every entry was read, or those since a state that was verified before
FULL, SINCE = "full", "since"


class NotWhole(Exception):
    """Raised where a log is not the one that was signed, or a note is no evidence of it; the text says why.

    `seq` is the first bad entry, where one is known; `good` counts the entries before it, None for all that were read.
    """

    def __init__(self, seq: int | None, reason: str, good: int | None = None) -> None:
        super().__init__(reason)
        self.seq = seq
        self.good = good


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
    `tables_differ` says that the log itself is whole, and that a table says otherwise. `scope` is `full` where every
    entry and every row was read, else `since`: then only what came after entry `since_entry`, up to which all had been
    verified in full before, and what of it the tables say.
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
    scope: str = FULL
    since_entry: int | None = None

    @property
    def declared_lost(self) -> bool:
        """Say whether nothing is wrong but that anchored entries are declared lost, and that is no proof here."""
        return not self.ok and self.lost > 0

    @property
    def stands(self) -> bool:
        """Say whether nothing was found altered: what a restore on record declares lost is a loss, no alteration."""
        return self.ok or self.declared_lost
