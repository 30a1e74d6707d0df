"""The SQL of checkpoints: when one is due, its root from the last compact range, its note, and proofs under it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from syncer.audit.chain import digest
from syncer.audit.ledger import Ledger, Pending
from syncer.audit.log_end import octets, untyped
from syncer.audit.offline.inclusion import FORMAT, InclusionProof
from syncer.audit.offline.merkle import Frontier, RangeRoot, prove_inclusion
from syncer.audit.offline.notes import Checkpoint, Signer
from syncer.audit.proof.origins import Origins
from syncer.audit.proof.recomputation import Reached, Recomputation
from syncer.audit.proof.subtrees import Subtrees, leaves
from syncer.audit.proof.wish import SigningWish
from syncer.audit.transaction import Clock
from syncer.database.connections import reading, writing
from syncer.database.failures import retry_on_conflict
from syncer.database.tables import Tables
from syncer.errors import ChainBroken, UserError
from syncer.privacy.keyring import Keyring


@dataclass(frozen=True, slots=True)
class Sealed:
    """A stored checkpoint: what was signed, when (UTC), and the signed note."""

    checkpoint: Checkpoint
    at: datetime
    note: str

    @property
    def size(self) -> int:
        """How many entries it covers."""
        return self.checkpoint.size


@dataclass(frozen=True, slots=True)
class Schedule:
    """How often the log is signed: whichever comes first."""

    every: timedelta
    entries: int

    def why_due(self, entries: int, last: Sealed | None, now: datetime) -> str | None:
        """Return why a checkpoint is due, in one word, `entries` or `time`; None while none is."""
        if last is None:
            return "entries" if entries else None
        if entries - last.size >= self.entries:
            return "entries"
        # also when nothing happened: silence must be visible. A clock that ran backwards does not put it off
        return "time" if abs(now - last.at) >= self.every else None


class Checkpoints:
    """The signed states of one installation's log."""

    def __init__(
        self,
        engine: sa.Engine,
        tables: Tables,
        ledger: Ledger,
        keyring: Keyring,
        clock: Clock,
        origins: Origins,
        schedule: Schedule,
    ) -> None:
        self._engine = engine
        self._tables = tables
        self._ledger = ledger
        self._keyring = keyring
        self._clock = clock
        self._origins = origins
        self._recomputation = Recomputation(engine, tables, ledger, origins)
        self.schedule = schedule
        self._wish = SigningWish(engine, tables)

    # -- making one -----------------------------------------------------------------------------------------

    def newest(self) -> Sealed | None:
        """Return the last checkpoint, None before the first."""
        with reading(self._engine) as connection:
            return self._newest(connection)

    def _newest(self, connection: sa.Connection) -> Sealed | None:
        c = self._tables.checkpoint.c
        newest = self._read(connection, sa.select(c.size).order_by(c.size.desc()).limit(1))
        return newest[0] if newest else None

    def all(self, beyond: int = 0) -> list[Sealed]:
        """Return every checkpoint of more than `beyond` entries, oldest first. Raises ChainBroken."""
        c = self._tables.checkpoint.c
        with reading(self._engine) as connection:
            return self._read(connection, sa.select(c.size).where(c.size > beyond).order_by(c.size))

    def _read(self, connection: sa.Connection, query: sa.Select[Any]) -> list[Sealed]:
        c = self._tables.checkpoint.c
        query = query.add_columns(c.at, untyped(c.origin), untyped(c.root), untyped(c.note))
        try:
            return [_sealed(row) for row in connection.execute(query)]
        except (TypeError, ValueError, sa.exc.DataError):  # a time of which Python has none
            raise ChainBroken("a checkpoint was altered: its time cannot be read") from None

    def require_intact(self, moved: Callable[[float], None] | None = None) -> None:
        """Raise ChainBroken unless everything since the last checkpoint was made with the key, the head included.

        `moved` is called after each slice; after an update from before revision 0009 there are many, once.
        """
        self._recomputation.catch_up(moved)

    def tick(self) -> Sealed | None:
        """Make a checkpoint and return it if one is due. Raises ChainBroken, also while none is due."""
        self.require_intact()
        with reading(self._engine) as connection:
            reason = self._why_due(connection, self._size(connection), self._newest(connection), self._clock())
        return self._make(reason, due=True) if reason else None

    def wish(self) -> None:
        """Let who can sign the log do so at its next look, some seconds from now: for who cannot."""
        self._wish.make(self._clock())

    def _why_due(self, connection: sa.Connection, entries: int, last: Sealed | None, now: datetime) -> str | None:
        if reason := self.schedule.why_due(entries, last, now):
            return reason
        new = entries > (last.size if last else 0)
        return "wished" if new and self._wish.is_open(connection, last.at if last else None, now) else None

    def make(self, reason: str, *, only_new: bool = False) -> Sealed | None:
        """Make a checkpoint now and return it; with `only_new` none when nothing was written since the last one.

        Raises ChainBroken.
        """
        self.require_intact()
        with reading(self._engine) as connection:
            last = self._newest(connection)
            if only_new and self._size(connection) == (last.size if last else 0):
                return None
        return self._make(reason, due=False)

    @retry_on_conflict
    def _make(self, reason: str, *, due: bool) -> Sealed | None:
        self.require_intact()  # before the head is locked: the first time a million entries may have to be recomputed
        now = self._clock()
        with writing(self._engine) as connection:
            reached, last = self._recomputation.at_head(connection), self._newest(connection)
            if due and self._why_due(connection, reached.seq, last, now) is None:
                return None  # another daemon was first
            return self._sign(connection, reached, reason, last.size if last else 0, now)

    def _sign(self, connection: sa.Connection, reached: Reached, reason: str, previous: int, now: datetime) -> Sealed:
        facts = {
            "reason": reason,
            "origin": self._origins.current_in(connection),
            "previous": previous,
            "every_minutes": int(self.schedule.every.total_seconds() // 60),
        }
        return self._seal(connection, reached, ("audit:checkpoint", facts), now)[0]

    def _seal(
        self, connection: sa.Connection, reached: Reached, told: tuple[str, Mapping[str, Any]], now: datetime
    ) -> tuple[Sealed, Reached]:
        """Write one entry and sign the log up to it; return the checkpoint and how far the log then reaches."""
        origin, entry = self._origins.current_in(connection), Pending()
        entry.add(told[0], facts=told[1])
        (made,) = self._ledger.append(connection, entry, now)
        frontier = reached.frontier()
        frontier.add(made.leaf)
        checkpoint = Checkpoint(origin, made.seq, frontier.root())
        note = Signer(origin, self._keyring.signing_seed).sign(checkpoint.text())
        connection.execute(
            self._tables.checkpoint.insert().values(
                size=checkpoint.size,
                at=now,
                origin=origin,
                root=checkpoint.root,
                frontier=frontier.pack(),
                note=note,
                mac=self._recomputation.seal(checkpoint, now, made.mac),
            )
        )
        return Sealed(checkpoint, now, note), Reached(made.seq, made.mac, frontier.pack())

    @retry_on_conflict
    def hand_over(self, to: Checkpoints, facts: Mapping[str, Any]) -> tuple[Sealed, Sealed]:
        """Let the log go on with another key, in one transaction; return the last checkpoint of this and its first.

        The last entry of the old key says which key follows, and its last note covers that entry. The next entry, the
        first of the new key, has the mac of that one in its own: nobody who has the old key can put another log before
        it, or another entry after it. Raises ChainBroken.
        """
        self.require_intact()
        now = self._clock()
        with writing(self._engine) as connection:
            reached = self._recomputation.at_head(connection)
            facts = {**facts, "size": reached.seq, "root": reached.frontier().root().hex()}
            last, reached = self._seal(connection, reached, ("key:rotated", facts), now)
            to._ledger.take_over(connection)
            return last, to._sign(connection, reached, "rotation", last.size, now)

    @retry_on_conflict
    def record(self, what: str, facts: Mapping[str, Any]) -> int:
        """Write an entry of the log about itself, with its `size` and `root` before the entry; return its seq.

        Raises ChainBroken.
        """
        self.require_intact()
        with writing(self._engine) as connection:
            reached = self._recomputation.at_head(connection)
            root = reached.frontier().root()
            entry = Pending()
            entry.add(what, facts={**facts, "size": reached.seq, "root": root.hex()})
            self._ledger.append(connection, entry, self._clock())
        return reached.seq + 1

    # -- roots and proofs -----------------------------------------------------------------------------------

    def size(self) -> int:
        """Return the number of entries. Raises ChainBroken where the head says none."""
        with reading(self._engine) as connection:
            return self._size(connection)

    def root_at(self, size: int) -> bytes | None:
        """Return the root over the first `size` entries; None when there are fewer.

        Reads the entries since the last compact range below `size`, not all of them.
        """
        with reading(self._engine) as connection:
            frontier = self._frontier(connection, size)
            return frontier.root() if frontier.size == size else None

    def time_of(self, seq: int) -> datetime:
        """Return when an entry was written (UTC)."""
        t = self._tables.audit.c
        with reading(self._engine) as connection:
            at = connection.execute(sa.select(t.at).where(t.seq == seq)).scalar_one()
        return datetime.fromisoformat(at)

    def prove(self, seq: int) -> InclusionProof:
        """Return an inclusion proof of entry `seq` under the newest checkpoint.

        Raises UserError when there is no such entry, or no checkpoint covers it yet.
        """
        return self.prove_all([seq])[0]

    def prove_all(self, seqs: Sequence[int]) -> list[InclusionProof]:
        """Return the proofs of several entries, in their order, under one checkpoint. Raises UserError as `prove`."""
        with reading(self._engine) as connection:
            last = self._newest(connection)
            # neighbours share nearly all of their paths
            subtrees = Subtrees(connection, self._tables, self._origins)
            return [self._proof(connection, last, seq, subtrees.root) for seq in seqs]

    def _proof(self, connection: sa.Connection, last: Sealed | None, seq: int, range_root: RangeRoot) -> InclusionProof:
        t = self._tables.audit.c
        row = connection.execute(sa.select(t.body, t.leaf).where(t.seq == seq)).first()
        if row is None:
            raise UserError(f"audit prove: there is no entry {seq}; `syncer audit export` lists them")
        if last is None or last.size < seq:
            raise UserError(
                f"audit prove: no checkpoint covers entry {seq} yet; make one with `syncer audit checkpoint`"
            )
        return InclusionProof(
            format=FORMAT,
            seq=seq,
            body=row.body,
            leaf=bytes(row.leaf).hex(),
            size=last.size,
            proof=tuple(sibling.hex() for sibling in prove_inclusion(seq - 1, last.size, range_root)),
            note=last.note,
        )

    def _frontier(self, connection: sa.Connection, size: int) -> Frontier:
        c = self._tables.checkpoint.c
        query = sa.select(c.size, c.origin, untyped(c.root), c.note, untyped(c.frontier))
        row = connection.execute(query.where(c.size < size).order_by(c.size.desc()).limit(1)).first()
        signed = self._origins.signed(row) if row else None
        try:
            frontier = Frontier.unpack(row.size, octets(row.frontier)) if row else Frontier()
        except (TypeError, ValueError):
            frontier = Frontier()
        if signed is None or frontier.root() != signed.root:
            frontier = Frontier()  # somebody changed it: the entries themselves decide
        frontier.extend(leaves(connection, self._tables, frontier.size, size))
        return frontier

    def _size(self, connection: sa.Connection) -> int:
        size = connection.execute(sa.select(untyped(self._tables.head.c.seq))).scalar()
        if type(size) is not int and size is not None:
            raise ChainBroken("the head was altered: it holds no number")
        return size or 0

    def unsigned_since(self) -> datetime | None:
        """Return when the first entry that no checkpoint covers was written (UTC); None when all are covered."""
        t = self._tables.audit.c
        with reading(self._engine) as connection:
            last = self._newest(connection)
            query = sa.select(t.at).where(t.seq == (last.size if last else 0) + 1)
            at = connection.execute(query).scalar()
        return datetime.fromisoformat(at) if at else None


def _sealed(row: Any) -> Sealed:
    root = digest(row.root)
    if root is None or type(row.origin) is not str or type(row.note) is not str:
        raise ChainBroken(f"the checkpoint of {row.size} entries was altered: it holds no name, root and note")
    return Sealed(Checkpoint(row.origin, row.size, root), row.at, row.note)
