"""The names that one installation's log has had, and its public keys under them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from syncer.audit.anchors.folder import read
from syncer.audit.ledger import Ledger
from syncer.audit.log_end import octets, untyped
from syncer.audit.offline.notes import (
    Checkpoint,
    NoteError,
    VerifierKey,
    names,
    open_checkpoint,
    signers,
    without_traces,
)
from syncer.audit.offline.on_record.rotations import KeySpans, Rotation
from syncer.database.connections import reading
from syncer.database.tables import Tables
from syncer.errors import UserError
from syncer.privacy.keyring import Keyring

ROTATED = "key:rotated"


@dataclass(frozen=True, slots=True)
class ForkRecord:
    """A fork on record: the log's name after and before it, and how many entries the database held (`size`)."""

    origin: str
    old_origin: str
    size: int


class Origins:
    """The origins of one installation's log. `first` is the name that a new log is signed under.

    A fork counts only where the key made its entry: whoever has only the database cannot excuse a loss with a row. An
    entry of an earlier copy, put back at its own number, excuses nothing either: the log then bears the fork's name,
    and the notes under that name, which the state folder holds, must agree with it.
    """

    def __init__(self, engine: sa.Engine, tables: Tables, keyring: Keyring, first: str | None, ledger: Ledger) -> None:
        self._engine = engine
        self._tables = tables
        self._keyring = keyring
        self._ledger = ledger
        self._first = first or f"syncer/{keyring.key_id}"

    def current(self) -> str:
        """Return the log's present name; each fork gives it a new one."""
        with reading(self._engine) as connection:
            return self.current_in(connection)

    def current_in(self, connection: sa.Connection) -> str:
        """Return the log's present name as a transaction sees it."""
        if forks := self._forks(connection):
            return forks[-1].origin
        c = self._tables.checkpoint.c
        query = sa.select(c.size, c.origin, untyped(c.root), c.note).order_by(c.size.desc()).limit(1)
        row = connection.execute(query).first()
        while row is not None:  # nearly always the first is ours
            if self.signed(row) is not None:
                return str(row.origin)
            row = connection.execute(query.where(c.size < row.size)).first()
        return self._first

    def signed(self, row: Any) -> Checkpoint | None:
        """Return what a stored checkpoint (size, origin, root, note) states, None unless its note, of ours, says so."""
        try:
            stated = Checkpoint(row.origin, row.size, octets(row.root))
            return stated if open_checkpoint(row.note, self.keys(row.origin)) == stated else None
        except (TypeError, ValueError, AttributeError):  # whatever somebody wrote there
            return None

    def forks(self) -> list[ForkRecord]:
        """Return every fork on record, oldest first."""
        with reading(self._engine) as connection:
            return self._forks(connection)

    def _forks(self, connection: sa.Connection) -> list[ForkRecord]:
        recorded = (entry.facts for entry in self._ledger.genuine(connection, "audit:forked"))
        return [
            ForkRecord(str(facts["origin"]), str(facts["old_origin"]), int(facts["size"]))
            for facts in recorded
            if facts is not None
        ]

    def public_keys(self) -> list[VerifierKey]:
        """Return the public keys of this log under every name it has had, the present one last."""
        with reading(self._engine) as connection:
            old = [fork.old_origin for fork in self._forks(connection)]
            all_names = [*old, self.current_in(connection)]
            publics = {public for each in self._rotations(connection) for public in (each.old_public, each.new_public)}
        return [
            key
            for name in dict.fromkeys(all_names)
            for key in self.keys(name)
            if key == self.key(name) or key.public in publics
        ]

    def key(self, origin: str) -> VerifierKey:
        """Return the public key under a name that is signed with now."""
        return VerifierKey.under(origin, self._keyring.versions[-1].public_key)

    def keys(self, origin: str) -> list[VerifierKey]:
        """Return every public key that the key file has for a name, the present one last."""
        return [VerifierKey.under(origin, version.public_key) for version in self._keyring.versions]

    def _rotations(self, connection: sa.Connection) -> list[Rotation]:
        recorded = (Rotation.of(entry.seq, entry.facts or {}) for entry in self._ledger.genuine(connection, ROTATED))
        return [rotation for rotation in recorded if rotation is not None]

    def ours(self, note: str) -> Checkpoint:
        """Return the checkpoint of a note that a key of ours signed, under whatever name. Raises NoteError.

        Also for a note with a key that was replaced before: whoever stole that key may have signed it. Only the keys of
        its own name are made: a file with thousands of signatures would cost as many.
        """
        origin = without_traces(note).partition("\n")[0]
        keys = self.keys(origin) if origin in names(note) else []
        checkpoint = open_checkpoint(note, keys)
        with reading(self._engine) as connection:
            spans = KeySpans(self._rotations(connection))
        problem = spans.problem(signers(note, keys), checkpoint.size)
        if problem:
            raise NoteError(problem)
        return checkpoint

    def open(self, note: str) -> Checkpoint:
        """Return the checkpoint of a note that this log signed under any of its names. Raises NoteError."""
        checkpoint = self.ours(note)
        if checkpoint.origin not in {key.name for key in self.public_keys()}:
            raise NoteError(f"of another log ({checkpoint.origin})")
        return checkpoint

    def read(self, path: Path) -> Checkpoint:
        """Return the checkpoint of a note's file. Raises UserError unless it can be read and is this log's."""
        try:
            return self.open(read(path))
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror}); give the path of a note") from None
        except ValueError as error:
            raise UserError(f"{path}: not a note of this log: {error}; give one that was anchored") from None
