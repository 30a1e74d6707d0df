"""How the last full verification ended: one row, which nobody writes without the key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from syncer.audit.chain import digest, verify
from syncer.audit.ledger import Ledger
from syncer.audit.proof.verification.only_row import put
from syncer.clock import stamp
from syncer.database.connections import reading
from syncer.database.tables import Tables
from syncer.privacy.masking import clean

if TYPE_CHECKING:
    from syncer.audit.offline.finding import Finding

#: the whole log is verified so often
EVERY = timedelta(hours=24)
#: and so often while it fails: what a person mended must be seen to be mended
SOONER = timedelta(hours=1)
#: a result that is older than this needs a person
STALE = timedelta(hours=48)
LONGEST = 255  # characters of the reason that are kept
AGAIN = "run `syncer audit verify --full`, and see that `syncer run` runs"
WHOLE = "keep the database as evidence, put back one that is whole, then run `syncer audit verify --full`"


@dataclass(frozen=True, slots=True)
class FullVerification:
    """A full verification: when it ended (UTC), over how many entries, and whether all was whole, else why not."""

    at: datetime
    entries: int
    ok: bool
    reason: str | None


@dataclass(frozen=True, slots=True)
class VerificationStanding:
    """The last full verification, None where there is none that counts; `problem` says in one line what is wrong.

    `level` is ok, late (there is none, or none of the last 48 hours) or page (it failed, or somebody changed it).
    """

    result: FullVerification | None
    level: str
    problem: str | None


class Verified:
    """The last full verification of one installation.

    Whoever has only the database can delete the row or put an earlier one back: a missing and an old one are said.
    """

    def __init__(self, engine: sa.Engine, tables: Tables, ledger: Ledger, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._tables = tables
        self._ledger = ledger
        self._clock = clock

    def record(self, finding: Finding) -> bool:
        """Keep how a verification of everything ended now; return False for an account that may not write."""
        reason = None if finding.reason is None else clean(finding.reason)[:LONGEST]
        result = FullVerification(self._clock(), finding.entries, finding.stands, reason)
        facts = {"at": result.at, "entries": result.entries, "ok": result.ok, "reason": result.reason}
        return put(self._engine, self._tables.verification, {**facts, "mac": self._mac(result)})

    def last(self) -> FullVerification | None:
        """Return the last result; None where there is none, or none that this log's key made."""
        return self._read()[0]

    def _read(self) -> tuple[FullVerification | None, bool]:
        """Return the last result, and whether there is a row that is no result."""
        v = self._tables.verification.c
        try:
            with reading(self._engine) as connection:
                query = sa.select(v.at, v.entries, v.ok, v.reason, sa.type_coerce(v.mac, sa.types.NullType()))
                row = connection.execute(query.where(v.id == 1)).first()
            if row is None:
                return None, False
            result = FullVerification(*row[:4])
            genuine = digest(row[4]) == self._mac(result)
        except (AttributeError, TypeError, ValueError, LookupError):  # whatever somebody wrote there
            return None, True
        return (result, False) if genuine else (None, True)

    def due(self) -> bool:
        """Say whether the log is to be verified now; a young one waits until it is a day old."""
        result, invented = self._read()
        if result is None:
            return invented or self._age() >= EVERY
        return abs(self._clock() - result.at) >= (EVERY if result.ok else SOONER)

    def standing(self) -> VerificationStanding:
        """Return the last result, and why a person must look, if somebody must."""
        result, invented = self._read()
        if invented:
            what = "the last full verification's result was not written by syncer"
            return VerificationStanding(None, "page", f"{what}; {AGAIN}")
        if result is not None:
            return VerificationStanding(result, *self._judged(result))
        if self._age() <= STALE:
            return VerificationStanding(None, "ok", None)
        return VerificationStanding(None, "late", f"no full verification is on record; {AGAIN}")

    def _judged(self, result: FullVerification) -> tuple[str, str | None]:
        if not result.ok:
            return "page", f"the last full verification failed: {result.reason}; {WHOLE}"
        entries, _ = self._ledger.head()
        if result.entries > entries:
            return "page", f"the log was cut to {entries} entries, {result.entries} were verified in full; {WHOLE}"
        if abs(self._clock() - result.at) > STALE:
            return "late", f"the last full verification is older than {STALE // timedelta(hours=1)} hours; {AGAIN}"
        return "ok", None

    def _age(self) -> timedelta:
        """Return how old the log is by its first entry; one that the key did not make is as old as can be."""
        with reading(self._engine) as connection:
            first = list(self._ledger.raw(connection, 0, 1))
            empty = not first and self._ledger.head_in(connection)[0] == 0
        if empty:
            return timedelta()
        if not first or not verify(first, self._ledger.key_of, None).ok:
            return timedelta.max
        return self._clock() - datetime.fromisoformat(first[0][1])

    def _mac(self, result: FullVerification) -> bytes:
        facts = {"at": stamp(result.at), "ok": result.ok, "reason": result.reason}
        return self._ledger.tag("full verification v1", result.entries, facts)
