"""The SQL of the purge: bodies past their time are removed, in pieces and on record."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from syncer.audit.proof.checkpoints import Checkpoints
from syncer.audit.transaction import Transactions
from syncer.clock import stamp
from syncer.database.connections import reading, writing
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

    def __init__(self, transactions: Transactions, checkpoints: Checkpoints, months: int, piece: int = PIECE) -> None:
        self._transactions = transactions
        self._engine = transactions.engine
        self._tables = transactions.tables
        self._checkpoints = checkpoints
        self._months = months
        self._piece = piece

    def due(self) -> PurgeDue:
        """Return what would be removed now. Read only."""
        with reading(self._engine) as connection:
            # the triggers ask the server's clock: a host whose clock is ahead must not ask for more than they allow
            now = min(self._transactions.clock(), server_time(connection))
            before = months_before(now, self._months)
            unfinished, first = None, 1
            purged = self._last_purge(connection)
            if purged is not None:
                unfinished = self._span(connection, purged.before, purged.first, purged.last)
                if unfinished is not None:
                    first = purged.last + 1  # the rest of that purge is its own
            return PurgeDue(bodies=self._span(connection, before, first, None), unfinished=unfinished)

    def carry_out(self) -> PurgeDue:
        """Finish what an earlier purge left behind, then purge what is due; return what was due."""
        self._transactions.require_writable()
        due = self.due()
        if due.unfinished:
            self._take(due.unfinished)
        if due.bodies:
            self._record(due.bodies)
            self._take(due.bodies)
        return due

    def _record(self, span: BodySpan) -> None:
        """Write the purge entry: committed before the first body goes, for the triggers and for the verifier."""
        facts: dict[str, Any] = {
            "from": span.first,
            "to": span.last,
            "count": span.count,
            "before": stamp(span.before),
            "months": self._months,
        }
        self._checkpoints.record("audit:purged", facts)

    @retry_on_conflict
    def _take(self, span: BodySpan) -> None:
        t, after = self._tables.audit, span.first - 1
        while True:
            with writing(self._engine) as connection:
                query = sa.select(t.c.seq).where(*self._past(span.before), t.c.seq > after, t.c.seq <= span.last)
                seqs = connection.execute(query.order_by(t.c.seq).limit(self._piece)).scalars().all()
                if not seqs:
                    return
                connection.execute(t.update().where(t.c.seq.in_(seqs)).values(body=None))
                after = seqs[-1]

    def _past(self, before: datetime) -> list[sa.ColumnElement[bool]]:
        """Return the conditions of a purge: older than the moment; those of an event all together, once it is over."""
        t, e = self._tables.audit.c, self._tables.event.c
        later = self._tables.audit.alias("later")
        younger = sa.select(later.c.seq).where(later.c.event_id == t.event_id, later.c.at >= stamp(before)).exists()
        # one column by name: the account for purges may not read them all
        unfinished = sa.select(e.id).where(e.id == t.event_id, e.state != EventState.FULFILLED).exists()
        return [
            *self._old(before),
            t.what.not_like("audit:%"),  # what was signed and purged stays readable
            t.what != "key:rotated",  # without it nobody knows which key made the entries before
            sa.or_(t.event_id.is_(None), sa.and_(~younger, ~unfinished)),
        ]

    def _old(self, before: datetime) -> list[sa.ColumnElement[bool]]:
        """Return the conditions of a body that is older than a moment, as an index holds those that are there still."""
        t = self._tables.audit.c
        old = [t.body.is_not(None), t.at < stamp(before)]
        if self._engine.dialect.name == "mysql":  # its index is on a column that is empty where the body is gone
            old.append(sa.literal_column(f"{self._tables.audit.name}.body_at", sa.String) < stamp(before))
        return old

    def _span(self, connection: sa.Connection, before: datetime, first: int, last: int | None) -> BodySpan | None:
        t = self._tables.audit.c
        conditions = [*self._past(before), t.seq >= first]
        if last is not None:
            conditions.append(t.seq <= last)
        query = sa.select(sa.func.min(t.seq), sa.func.max(t.seq), sa.func.count()).where(*conditions)
        index = f"ix_{self._tables.prefix}audit_body"
        query = query.with_hint(self._tables.audit, f"INDEXED BY {index}", "sqlite")
        query = query.with_hint(self._tables.audit, f"FORCE INDEX ({index})", "mysql")
        low, high, count = connection.execute(query).one()
        return BodySpan(int(low), int(high), int(count), before) if count else None

    def _last_purge(self, connection: sa.Connection) -> BodySpan | None:
        """Return what the last purge on record set out to remove; None before the first."""
        t = self._tables.audit.c
        query = sa.select(t.body).where(t.what == "audit:purged").order_by(t.seq.desc()).limit(1)
        body = connection.execute(query).scalar()
        if body is None:
            return None
        facts = json.loads(body)["facts"]
        return BodySpan(facts["from"], facts["to"], facts["count"], datetime.fromisoformat(facts["before"]))
