"""The SQL of retention: bodies past their time go, in pieces and on record; addresses that outlived theirs too."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from syncer.audit.proof.checkpoints import Checkpoints
from syncer.clock import stamp
from syncer.database.connections import reading, writing
from syncer.database.failures import retry_on_conflict
from syncer.database.tables import Tables
from syncer.domain.deadlines import months_before
from syncer.domain.model import EventState
from syncer.events.store import Store

#: bodies per transaction: short enough that nobody waits for it
PIECE = 500
#: an address may outlive its last recheck by so much before somebody should know
GRACE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Span:
    """Bodies that go: from and to which entry, how many, and the moment (UTC) before which they were written."""

    first: int
    last: int
    count: int
    before: datetime


@dataclass(frozen=True, slots=True)
class PurgeDue:
    """What is past its time: bodies, what an earlier purge left undone, and events whose address should be gone."""

    bodies: Span | None
    unfinished: Span | None
    addresses: tuple[str, ...]


class Retention:
    """What one installation keeps no longer."""

    def __init__(
        self,
        store: Store,
        tables: Tables,
        checkpoints: Checkpoints,
        months: int,
        recheck_days: tuple[int, ...],
        piece: int = PIECE,
    ) -> None:
        self._store = store
        self._tables = tables
        self._checkpoints = checkpoints
        self._months = months
        self._recheck_days = recheck_days
        self._piece = piece

    def due(self) -> PurgeDue:
        """Return what would go now. Changes nothing."""
        now = self._store.clock()
        with reading(self._store.engine) as connection:
            unfinished = self._unfinished(connection)
            left = self._span(connection, unfinished.before, unfinished.first, unfinished.last) if unfinished else None
            after = unfinished.last if left and unfinished else 0
            return PurgeDue(
                bodies=self._span(connection, months_before(now, self._months), after + 1, None),
                unfinished=left,
                addresses=self._addresses(),
            )

    def carry_out(self) -> PurgeDue:
        """Finish what an earlier purge left, purge what is due, and shred what should be; return what was due."""
        self._store.guard()
        found = self.due()
        if found.unfinished:
            self._take(found.unfinished)
        if found.bodies:
            self._record(found.bodies)
            self._take(found.bodies)
        self.shred()
        return found

    @retry_on_conflict
    def shred(self) -> tuple[str, ...]:
        """Shred addresses that outlived their rechecks; return the events whose address is still there.

        Those wait for a recheck that could not be made yet: their lane is paused, or the daemon does not run.
        """
        ids = self._addresses()
        if not ids:
            return ()
        with self._store.write() as tx:
            self._store.settle(tx, ids, self._recheck_days)
        return self._addresses()

    # -- bodies ---------------------------------------------------------------------------------------------

    def _record(self, span: Span) -> None:
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
    def _take(self, span: Span) -> None:
        t, after = self._tables.audit, span.first - 1
        while True:
            with writing(self._store.engine) as connection:
                query = sa.select(t.c.seq).where(*self._past(span.before), t.c.seq > after, t.c.seq <= span.last)
                seqs = connection.execute(query.order_by(t.c.seq).limit(self._piece)).scalars().all()
                if not seqs:
                    return
                connection.execute(t.update().where(t.c.seq.in_(seqs)).values(body=None))
                after = seqs[-1]

    def _past(self, before: datetime) -> list[sa.ColumnElement[bool]]:
        """What goes: entries before the moment, and those of an event only all together and once it is over."""
        t, e = self._tables.audit.c, self._tables.event.c
        later = self._tables.audit.alias("later")
        younger = sa.select(later.c.seq).where(later.c.event_id == t.event_id, later.c.at >= stamp(before)).exists()
        # one column by name: the account for purges may not read them all
        open_one = sa.select(e.id).where(e.id == t.event_id, e.state != EventState.FULFILLED).exists()
        return [
            t.body.is_not(None),
            t.at < stamp(before),
            t.what.not_like("audit:%"),  # what was signed and purged stays readable
            sa.or_(t.event_id.is_(None), sa.and_(~younger, ~open_one)),
        ]

    def _span(self, connection: sa.Connection, before: datetime, first: int, last: int | None) -> Span | None:
        t = self._tables.audit.c
        conditions = [*self._past(before), t.seq >= first]
        if last is not None:
            conditions.append(t.seq <= last)
        query = sa.select(sa.func.min(t.seq), sa.func.max(t.seq), sa.func.count()).where(*conditions)
        low, high, count = connection.execute(query).one()
        return Span(int(low), int(high), int(count), before) if count else None

    def _unfinished(self, connection: sa.Connection) -> Span | None:
        t = self._tables.audit.c
        query = sa.select(t.body).where(t.what == "audit:purged").order_by(t.seq.desc()).limit(1)
        body = connection.execute(query).scalar()
        if body is None:
            return None
        facts = json.loads(body)["facts"]
        return Span(facts["from"], facts["to"], facts["count"], datetime.fromisoformat(facts["before"]))

    # -- addresses ------------------------------------------------------------------------------------------

    def _addresses(self) -> tuple[str, ...]:
        e = self._tables.event.c
        latest = self._store.clock() - timedelta(days=max(self._recheck_days, default=0)) - GRACE
        past = (e.email_sealed.is_not(None), e.state == EventState.FULFILLED, e.fulfilled_at < latest)
        query = sa.select(e.id).where(*past).order_by(e.id).limit(self._piece)
        try:
            with reading(self._store.engine) as connection:
                return tuple(connection.execute(query).scalars())
        except (sa.exc.ProgrammingError, sa.exc.OperationalError):
            return ()  # the account for purges does not see addresses; the daemon looks after them
