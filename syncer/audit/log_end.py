"""The end of the log, and whether the key made it: asked before anything is built on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from syncer.audit.chain import ZERO, KeyOf, digest, verify
from syncer.database.tables import Tables
from syncer.errors import ChainBroken, KeyReplaced
from syncer.language.texts import Sentence


@dataclass(frozen=True, slots=True)
class KeySetting:
    """Where the settings name a key file, and what to do about it once the log goes on with another key."""

    name: str
    anew: str


WHOLE_KEY = KeySetting("[identity] key_file", "copy the new key file to this host, then start again")
CONSOLE_KEY = KeySetting(
    "[console] key_file",
    "make the console's key anew with `syncer console key --out FILE`, put it there, and start the console again",
)


class LogEnd:
    """The last entry and the head of one installation's log.

    `key_check` is of the key that this process writes with, `setting` where that key came from.
    """

    def __init__(self, tables: Tables, key_of: KeyOf, key_check: str, setting: KeySetting) -> None:
        self._tables = tables
        self._key_of = key_of
        self._key_check = key_check
        self._setting = setting
        self._seen = 0, ZERO  # the last entry that this process knows to be committed
        self._texts: dict[str, str] = {}

    def lock(self, connection: sa.Connection) -> tuple[int, bytes]:
        """Lock the head and return the last entry's number and mac. Raises ChainBroken.

        One indexed read of two rows: their link suffices, since nobody makes one without the key, and nobody moves one
        to another number. What this process saw committed before must still be there: also a roll-back that no note
        shows yet is found.
        """
        ((seq, last, check),) = self._ask("locked head", connection)
        self._require_key(check)
        end = self._require(seq, last, self._ask("last two", connection))
        before, its = self._seen
        if end[0] < before or (end[0] == before and end[1] != its):
            raise ChainBroken(
                f"the log ends at entry {end[0]}, but entry {before} was there before: it was rolled back"
            )
        self._seen = end
        return end

    def read(self, connection: sa.Connection) -> tuple[int, bytes]:
        """Return the last entry's number and mac. Raises ChainBroken, but not for entries beyond the head."""
        seq, last = self.head(connection)
        rows = connection.execute(self._links().where(self._tables.audit.c.seq <= seq)).all()
        return self._require(seq, last, rows)

    def head(self, connection: sa.Connection) -> tuple[int, bytes]:
        """Return what the head says of the last entry: its number and its mac. Raises ChainBroken for no such thing."""
        head = self._tables.head.c
        seq, last, check = connection.execute(sa.select(head.seq, untyped(head.mac), head.key_check)).one()
        self._require_key(check)
        mac = digest(last)
        if type(seq) is not int or mac is None:
            raise ChainBroken("the head was altered: it holds no number and no mac")
        return seq, mac

    def _require_key(self, check: Any) -> None:
        if check != self._key_check:
            raise KeyReplaced(
                Sentence(
                    "settings.toml: {setting}: the log goes on with another key than this process began with,"
                    " and nothing was written: `syncer key rotate` replaced it; {anew}",
                    setting=self._setting.name,
                    anew=self._setting.anew,
                )
            )

    def _require(self, seq: Any, last: Any, newest: Sequence[Any]) -> tuple[int, bytes]:
        rows = [(row[0], "", "", None, None, None, row[1], row[2]) for row in reversed(newest)]
        end = link(rows, self._key_of)
        if end is None or end != (seq, digest(last)):
            at = rows[-1][0] if rows else 1
            raise ChainBroken(f"entry {at}, the last, was not made with this log's key, or the head was moved")
        return end

    def _ask(self, name: str, connection: sa.Connection) -> list[Any]:
        # every transaction asks: to compose the statements anew takes longer than to answer them
        if name not in self._texts:
            head = self._tables.head.c
            locked = sa.select(head.seq, untyped(head.mac), head.key_check).with_for_update()
            for key, query in (("locked head", locked), ("last two", self._links())):
                plain = query.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
                self._texts[key] = str(plain)
        return list(connection.exec_driver_sql(self._texts[name]))

    def _links(self) -> sa.Select[Any]:
        """Return the query of what the macs of the last two entries are made of, the newest first."""
        t = self._tables.audit.c
        return sa.select(t.seq, untyped(t.leaf), untyped(t.mac)).order_by(t.seq.desc()).limit(2)


def link(rows: Sequence[Any], key_of: KeyOf) -> tuple[int, bytes] | None:
    """Return number and mac of the last of one or two rows, None unless the key made it after the one before.

    No rows are the start of a log. Rows are as `chain.verify` takes them; one without a body is asked for its mac only.
    """
    if not rows:
        return 0, ZERO
    *before, row = rows
    previous = digest(before[0][7]) if before else ZERO
    if type(row[0]) is not int or previous is None or bool(before) != (row[0] > 1):
        return None
    verdict = verify([row], key_of, None, (row[0] - 1, previous))
    return (verdict.entries, verdict.mac) if verdict.ok else None


def untyped(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Return a column whose values come as the driver gives them.

    SQLAlchemy would raise for what is no bytes, and make bytes of a number.
    """
    return sa.type_coerce(column, sa.types.NullType())


def octets(stored: Any) -> bytes:
    """Return what a column of bytes holds. Raises TypeError for anything else: of a number, Python makes that many."""
    if not isinstance(stored, (bytes, bytearray, memoryview)):
        raise TypeError("a column of bytes holds none")
    return bytes(stored)
