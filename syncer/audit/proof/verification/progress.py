"""Up to where the log was verified: one row that nobody writes without the key. The next verification begins there."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from syncer import __version__
from syncer.audit.chain import canonical, digest
from syncer.audit.ledger import Ledger
from syncer.audit.log_end import untyped
from syncer.audit.offline.saved import SavedExamination
from syncer.audit.proof.verification.only_row import put
from syncer.audit.proof.verification.saved_json import as_json, from_json
from syncer.clock import stamp
from syncer.database.connections import reading
from syncer.database.tables import Tables

#: the mac is over this form of it; another one, or another syncer's, is not gone on from
FORM = "verified state v2"
#: characters of a state; a log of which more would have to be kept is verified in full each time
MOST = 1_000_000


@dataclass(frozen=True, slots=True)
class VerifiedState:
    """A state of the log that was verified: up to entry `seq`, whose mac is `mac`, everything held.

    `whole_at` (UTC) is when the last verification of everything ended that it rests on. `examination` is what the
    examination of the rest needs to know of what came before, as it saved it.
    """

    seq: int
    mac: bytes
    whole_at: datetime
    examination: SavedExamination


class VerifiedStates:
    """The verified state of one installation's log.

    Whoever has only the database can delete the row or put an earlier one back. Then more has to be verified, and
    nothing less: a state says nothing of what comes after it.
    """

    def __init__(self, engine: sa.Engine, tables: Tables, ledger: Ledger, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._table = tables.progress
        self._ledger = ledger
        self._clock = clock

    def read(self) -> VerifiedState | None:
        """Return the state; None where there is none, or none that this key and this version of syncer made."""
        p = self._table.c
        try:
            with reading(self._engine) as connection:
                query = sa.select(p.seq, untyped(p.state), untyped(p.mac)).where(p.id == 1)
                row = connection.execute(query).first()
            if row is None or digest(row[2]) != self._mac(row[0], row[1]):
                return None
            said = json.loads(row[1])
            if said["version"] != __version__:
                return None
            whole_at = datetime.fromisoformat(said["whole_at"])
            return VerifiedState(row[0], bytes.fromhex(said["mac"]), whole_at, from_json(said["examination"]))
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):  # whatever somebody wrote there
            return None

    def keep(self, state: VerifiedState) -> bool:
        """Keep a state in place of the one before; return False for an account that may not write."""
        said = {
            "version": __version__,
            "whole_at": stamp(state.whole_at),
            "mac": state.mac.hex(),
            "examination": as_json(state.examination),
        }
        text = canonical(said).decode()
        if len(text) > MOST:
            return False
        values = {"seq": state.seq, "at": self._clock(), "state": text, "mac": self._mac(state.seq, text)}
        return put(self._engine, self._table, values)

    def _mac(self, seq: int, text: str) -> bytes:
        return self._ledger.tag(FORM, seq, {"state": text})
