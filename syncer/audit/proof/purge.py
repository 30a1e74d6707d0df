"""The SQL of the purge: bodies past their time are removed, in pieces and on record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from syncer.audit.ledger import Ledger
from syncer.audit.proof.checkpoints import Checkpoints
from syncer.audit.proof.purgeable import Purgeable
from syncer.audit.transaction import Transactions
from syncer.clock import stamp
from syncer.database.connections import reading, snapshot, writing
from syncer.database.engines import server_time
from syncer.database.failures import retry_on_conflict
from syncer.domain.deadlines import months_before
from syncer.domain.model import EventState

#: bodies per transaction: short enough that nobody waits for it
PIECE = 500


@dataclass(frozen=True, slots=True)
class BodySpan:
    """Bodies to remove: from and to which entry, how many, and the moment (UTC) before which they were written."""

    first: int
    last: int
    count: int
    before: datetime


@dataclass(frozen=True, slots=True)
class PurgeDue:
    """The bodies that are past their time, and those that an earlier purge left behind."""

    bodies: BodySpan | None
    unfinished: BodySpan | None


class Purge:
    """Purges the bodies of one installation's log once they are `months` old; `piece` bodies in each transaction."""

    def __init__(
        self,
        transactions: Transactions,
        checkpoints: Checkpoints,
        ledger: Ledger,
        months: int,
        piece: int = PIECE,
    ) -> None:
        self._transactions = transactions
        self._engine = transactions.engine
        self._tables = transactions.tables
        self._checkpoints = checkpoints
        self._ledger = ledger
        self._purgeable = Purgeable(transactions.tables, ledger)
        self._months = months
        self._piece = piece

    def due(self) -> PurgeDue:
        """Return what would be removed now. Read only."""
        with reading(self._engine) as connection:
            # the triggers ask the server's clock: a host whose clock is ahead must not ask for more than they allow
            now = min(self._transactions.clock(), server_time(connection))
            before = months_before(now, self._months)
            purged = self._last_purge(connection)
            if purged is None:
                return PurgeDue(bodies=self._span(connection, self._past(before), before), unfinished=None)
            rest = self._within(purged)
            # what that purge takes is its own, and the new one has the others, wherever they stand: all of an event
            bodies = self._span(connection, [*self._past(before), sa.not_(sa.and_(*rest))], before)
            return PurgeDue(bodies, unfinished=self._span(connection, rest, purged.before))

    def carry_out(self) -> PurgeDue:
        """Finish what an earlier purge left behind, then purge what is due; return what was due.

        Raises ChainBroken, before anything goes, for what the log itself does not call past its time.
        """
        self._transactions.require_writable()
        due = self.due()
        for span in (due.unfinished, due.bodies):
            if span is not None:
                self._require_purgeable(span)
        if due.unfinished:
            self._take(due.unfinished)
        if due.bodies:
            self._record(due.bodies)
            self._take(due.bodies)
        return due

    def _record(self, span: BodySpan) -> None:
        """Write the purge entry: committed before the first body goes, for the triggers and for the verifier."""
        with reading(self._engine) as connection:
            purged = self._last_purge(connection)
        facts: dict[str, Any] = {
            "from": span.first,
            # never less than the one before: whoever reads the log gives each missing body to the purge that ends first
            "to": max(span.last, purged.last if purged else 0),
            "count": span.count,
            "before": stamp(span.before),
            "months": self._months,
        }
        self._checkpoints.record("audit:purged", facts)

    def _require_purgeable(self, span: BodySpan) -> None:
        after = span.first - 1
        while True:
            with snapshot(self._engine) as connection:
                seqs = self._piece_of(connection, span, after)
                if not seqs:
                    return
                self._purgeable.require(connection, seqs)
                after = seqs[-1]

    @retry_on_conflict
    def _take(self, span: BodySpan) -> None:
        t, after = self._tables.audit, span.first - 1
        while True:
            with writing(self._engine) as connection:
                seqs = self._piece_of(connection, span, after)
                if not seqs:
                    return
                connection.execute(t.update().where(t.c.seq.in_(seqs)).values(body=None))
                after = seqs[-1]

    def _piece_of(self, connection: sa.Connection, span: BodySpan, after: int) -> Sequence[int]:
        """Return the next entries of a span that lose their bodies together."""
        seq = self._tables.audit.c.seq
        query = sa.select(seq).where(*self._within(span), seq > after).order_by(seq)
        return connection.execute(query.limit(self._piece)).scalars().all()

    def _within(self, span: BodySpan) -> list[sa.ColumnElement[bool]]:
        seq = self._tables.audit.c.seq
        return [*self._past(span.before), seq >= span.first, seq <= span.last]

    def _past(self, before: datetime) -> list[sa.ColumnElement[bool]]:
        """Return the conditions of a purge: older than the moment; those of an event all together, once it is over."""
        t, e = self._tables.audit.c, self._tables.event.c
        later = self._tables.audit.alias("later")
        younger = sa.select(later.c.seq).where(later.c.event_id == t.event_id, later.c.at >= stamp(before)).exists()
        # one column by name: the account for purges may not read them all
        over = sa.select(e.id).where(e.id == t.event_id, e.state == EventState.FULFILLED).exists()
        return [
            *self._old(before),
            t.what.not_like("audit:%"),  # what was signed and purged stays readable
            t.what != "key:rotated",  # without it nobody knows which key made the entries before
            sa.or_(t.event_id.is_(None), sa.and_(~younger, over)),
        ]

    def _old(self, before: datetime) -> list[sa.ColumnElement[bool]]:
        """Return the conditions of a body that is older than a moment, as an index holds those that are there still."""
        t = self._tables.audit.c
        old = [t.body.is_not(None), t.at < stamp(before)]
        if self._engine.dialect.name == "mysql":  # its index is on a column that is empty where the body is gone
            old.append(sa.literal_column(f"{self._tables.audit.name}.body_at", sa.String) < stamp(before))
        return old

    def _span(
        self, connection: sa.Connection, conditions: Iterable[sa.ColumnElement[bool]], before: datetime
    ) -> BodySpan | None:
        t = self._tables.audit.c
        query = sa.select(sa.func.min(t.seq), sa.func.max(t.seq), sa.func.count()).where(*conditions)
        index = f"ix_{self._tables.prefix}audit_body"
        query = query.with_hint(self._tables.audit, f"INDEXED BY {index}", "sqlite")
        query = query.with_hint(self._tables.audit, f"FORCE INDEX ({index})", "mysql")
        low, high, count = connection.execute(query).one()
        return BodySpan(int(low), int(high), int(count), before) if count else None

    def _last_purge(self, connection: sa.Connection) -> BodySpan | None:
        """Return what the last purge on record set out to remove; None before the first."""
        purges = self._ledger.genuine(connection, "audit:purged")
        if not purges or purges[-1].facts is None:
            return None
        facts = purges[-1].facts
        return BodySpan(facts["from"], facts["to"], facts["count"], datetime.fromisoformat(facts["before"]))
