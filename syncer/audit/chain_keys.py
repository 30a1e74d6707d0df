"""Which chain key holds for which entry: at an entry that says a key was replaced, it changes to the next."""

from __future__ import annotations

import json
from collections.abc import Sequence

import sqlalchemy as sa

from syncer.audit.offline.on_record.rotations import Rotation
from syncer.database.connections import reading
from syncer.database.tables import Tables
from syncer.privacy.keyring import Keyring


class ChainKeys:
    """The chain keys of one installation's log.

    What the log says is no more than a hint here: the key that it names must have made the entries, that one included.
    A row that somebody invented makes the chain break, and whoever stole the old key cannot make the first entry under
    the new one, nor put another entry before it.
    """

    def __init__(self, engine: sa.Engine, tables: Tables, keyring: Keyring) -> None:
        self._engine = engine
        self._tables = tables
        self._keyring = keyring
        self._ends: Sequence[tuple[int, bytes]] | None = None

    def of(self, seq: int) -> bytes:
        """Return the key that entry `seq` is made with."""
        if self._ends is None:
            with reading(self._engine) as connection:
                self.read(connection)
        if not self._ends:
            return self._keyring.chain_key
        return next((key for last, key in self._ends if seq <= last), self._keyring.chain_key)

    def replaced_until(self) -> int:
        """Return the number of the last entry that a key before the present one made; 0 for none."""
        self.of(0)
        return max((last for last, _ in self._ends or ()), default=0)

    def read(self, connection: sa.Connection) -> None:
        """Read anew where keys end; once suffices for a process, since one that meets another key ends."""
        t = self._tables.audit.c
        within = sa.select(self._tables.head.c.seq).scalar_subquery()
        query = sa.select(t.seq, t.body).where(t.what == "key:rotated", t.seq <= within).order_by(t.seq)
        found = (_rotation(seq, body) for seq, body in connection.execute(query))
        versions = ((each.seq, self._keyring.version(each.old_key)) for each in found if each is not None)
        self._ends = [(seq, version.chain_key) for seq, version in versions if version is not None]


def _rotation(seq: int, body: str | None) -> Rotation | None:
    try:
        return Rotation.of(seq, json.loads(body or "")["facts"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None  # not ours: the chain will not hold there
