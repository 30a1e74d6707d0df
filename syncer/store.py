"""The SQL of events and deliveries: every change of state carries its audit entry in the same transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from syncer.database import reading, writing
from syncer.errors import StaleFence
from syncer.ledger import Ledger, Pending
from syncer.model import Delivery, EventState, Lease, NewEvent, State, move_event
from syncer.outages import repeated
from syncer.policy import next_recheck, settle
from syncer.rows import (
    Finished,
    Tx,
    audit_accepted,
    decided_row,
    delivery_of,
    delivery_rows,
    event_row,
    facts_of,
)
from syncer.schema import Tables

Clock = Callable[[], datetime]


class Store:
    """Events and deliveries of one installation."""

    def __init__(self, engine: sa.Engine, tables: Tables, ledger: Ledger, clock: Clock) -> None:
        self.engine = engine
        self.tables = tables
        self.ledger = ledger
        self.clock = clock
        #: asked before every write; raises when this database must not be written to
        self.guard: Callable[[], None] = _writable

    @contextmanager
    def write(self) -> Iterator[Tx]:
        """Open a transaction; the audit entries are chained and written at its end, the head row locked last."""
        self.guard()
        with writing(self.engine) as connection:
            tx = Tx(connection, self.clock(), Pending())
            yield tx
            self.ledger.append(connection, tx.audit, tx.now)

    # -- intake ---------------------------------------------------------------------------------------------

    def known_keys(self, tx: Tx, keys: Sequence[str]) -> set[str]:
        """Return which of the event keys are events already."""
        t = self.tables.event.c
        return set(tx.connection.execute(sa.select(t.event_key).where(t.event_key.in_(keys))).scalars())

    def accept(self, tx: Tx, events: Sequence[NewEvent]) -> None:
        """Write new events with one delivery per destination."""
        if not events:
            return
        tx.connection.execute(self.tables.event.insert(), [event_row(event, tx.now) for event in events])
        rows = [row for event in events for row in delivery_rows(event, tx.now)]
        if rows:
            tx.connection.execute(self.tables.delivery.insert(), rows)
        for event in events:
            audit_accepted(tx, event)

    # -- the walk -------------------------------------------------------------------------------------------

    def claim(self, destination: str, now: datetime, limit: int) -> list[Delivery]:
        """Return the next due deliveries of a lane: objections first, then the nearest due day."""
        d = self.tables.delivery.c
        query = (
            self._deliveries()
            .where(d.destination == destination, d.claim_rank.is_not(None), d.next_attempt_at <= now)
            .order_by(d.claim_rank, d.due_on, d.id)
            .limit(limit)
        )
        with reading(self.engine) as connection:
            return [delivery_of(row) for row in connection.execute(query)]

    def _deliveries(self) -> sa.Select[Any]:
        d, e = self.tables.delivery, self.tables.event
        return sa.select(
            d.c.id,
            d.c.event_id,
            d.c.destination,
            d.c.action,
            d.c.state,
            d.c.outcome,
            d.c.code,
            d.c.attempts,
            d.c.applied_at,
            d.c.confirmed_at,
            e.c.right,
            e.c.subject,
            e.c.received_at,
            e.c.email_sealed,
        ).select_from(d.join(e, d.c.event_id == e.c.id))

    def begin(self, tx: Tx, lease: Lease, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """Count and audit an attempt for each delivery BEFORE its call; return them as they now stand."""
        if not deliveries:
            return []
        d = self.tables.delivery
        tx.connection.execute(
            d.update().where(d.c.id == sa.bindparam("d_id")).values(attempts=sa.bindparam("n")),
            [{"d_id": item.id, "n": item.attempts + 1} for item in deliveries],
        )
        begun = []
        for item in deliveries:
            values = {name: getattr(item, name) for name in item.__slots__}
            begun.append(Delivery(**values | {"attempts": item.attempts + 1}))
            facts = {"action": item.action, "attempt": item.attempts + 1, "fence": lease.fence}
            tx.audit.add(
                "delivery:attempted",
                event=item.event_id,
                subject=item.subject,
                destination=item.destination,
                facts=facts,
            )
        return begun

    def record(self, tx: Tx, finished: Sequence[Finished], recheck_days: tuple[int, ...]) -> None:
        """Write what was decided, then settle the events it concerns."""
        if not finished:
            return
        d = self.tables.delivery
        rows = []
        for item in finished:
            rows.append(decided_row(item))
            tx.audit.add(
                item.decision.what,
                event=item.delivery.event_id,
                subject=item.delivery.subject,
                destination=item.delivery.destination,
                facts=facts_of(item),
            )
        names = [name for name in rows[0] if name != "d_id"]
        tx.connection.execute(
            d.update()
            .where(d.c.id == sa.bindparam("d_id"))
            .values({name: sa.bindparam(f"v_{name}") for name in names}),
            [{"d_id": row["d_id"]} | {f"v_{name}": row[name] for name in names} for row in rows],
        )
        moved = {item.delivery.event_id for item in finished if item.decision.state is not item.delivery.state}
        self.settle(tx, moved, recheck_days)

    def settle(self, tx: Tx, event_ids: Iterable[str], recheck_days: tuple[int, ...]) -> None:
        """Bring each event to where its deliveries put it; plan its recheck or shred its address."""
        ids = sorted(event_ids)
        if not ids:
            return
        e, d = self.tables.event, self.tables.delivery
        # the event rows are locked before the states are read: two lanes that finish at once must not both
        # see the other as still open
        events = tx.connection.execute(
            sa.select(
                e.c.id,
                e.c.state,
                e.c.code,
                e.c.subject,
                e.c.fulfilled_at,
                e.c.rechecks_done,
                e.c.next_recheck_at,
                e.c.email_sealed.is_not(None).label("sealed"),
            )
            .where(e.c.id.in_(ids))
            .order_by(e.c.id)
            .with_for_update()
        ).all()
        found: dict[str, list[Any]] = {event_id: [] for event_id in ids}
        for row in tx.connection.execute(
            sa.select(d.c.event_id, d.c.state, d.c.code, d.c.confirmed_at).where(d.c.event_id.in_(ids))
        ):
            found[row.event_id].append(row)
        for event in events:
            self._settle_one(tx, event, found[event.id], recheck_days)

    def _settle_one(self, tx: Tx, event: Any, rows: list[Any], recheck_days: tuple[int, ...]) -> None:
        current = EventState(event.state)
        after = settle(current, [(State(row.state), row.confirmed_at is not None) for row in rows])
        code = next((row.code for row in rows if row.state == State.HELD), None)
        values: dict[str, Any] = {"state": move_event(current, after), "code": code}
        if after is EventState.FULFILLED:
            values |= self._fulfilled(tx, event, rows, current, recheck_days)
        elif after is not current:
            values |= {"fulfilled_at": None, "next_recheck_at": None}
            if any(row.code == "reappeared" for row in rows):
                values["rechecks_done"] = 0  # somebody brings the person back: watch as long as after the first time
        if after is EventState.HELD and (current is not after or event.code != code):
            tx.audit.add("event:held", event=event.id, subject=event.subject, facts={"code": code})
        tx.connection.execute(self.tables.event.update().where(self.tables.event.c.id == event.id).values(values))

    def _fulfilled(
        self, tx: Tx, event: Any, rows: list[Any], current: EventState, recheck_days: tuple[int, ...]
    ) -> dict[str, Any]:
        values: dict[str, Any] = {}
        fulfilled_at, done = event.fulfilled_at, event.rechecks_done
        if current is not EventState.FULFILLED:
            fulfilled_at = tx.now
            values = {"fulfilled_at": fulfilled_at}
            tx.audit.add("event:fulfilled", event=event.id, subject=event.subject)
        if any(row.state == State.APPLIED for row in rows):
            return values  # still being read back again
        upcoming = next_recheck(fulfilled_at, done, recheck_days)
        values["next_recheck_at"] = upcoming
        if upcoming is None and event.sealed:
            values |= {"email_sealed": None, "shredded_at": tx.now}
            tx.audit.add("identity:shredded", event=event.id, subject=event.subject)
        return values

    @repeated
    def start_rechecks(self, recheck_days: tuple[int, ...], limit: int = 500) -> int:
        """Send the deliveries of events whose recheck is due back to be read again; return how many events."""
        e, d = self.tables.event, self.tables.delivery
        with self.write() as tx:
            due = tx.connection.execute(
                sa.select(e.c.id, e.c.rechecks_done)
                .where(e.c.next_recheck_at <= tx.now, e.c.state == EventState.FULFILLED)
                .order_by(e.c.id)
                .limit(limit)
                .with_for_update()
            ).all()
            if not due:
                return 0
            ids = [row.id for row in due]
            tx.connection.execute(
                d.update()
                .where(d.c.event_id.in_(ids), d.c.state == State.CONFIRMED, d.c.action.is_not(None))
                .values(state=State.APPLIED, next_attempt_at=tx.now, claim_rank=1, code=None)
            )
            tx.connection.execute(
                e.update().where(e.c.id.in_(ids)).values(rechecks_done=e.c.rechecks_done + 1, next_recheck_at=None)
            )
            # an event whose deliveries are all exempt has nothing to read back
            self.settle(tx, ids, recheck_days)
            return len(ids)

    @repeated
    def hold_removed(self, configured: Iterable[str], recheck_days: tuple[int, ...]) -> int:
        """Hold the open deliveries of destinations that left the settings; return how many."""
        d, e = self.tables.delivery, self.tables.event
        gone = sa.and_(d.c.claim_rank.is_not(None), d.c.destination.not_in(sorted(configured)))
        with reading(self.engine) as connection:
            if connection.execute(sa.select(d.c.id).where(gone).limit(1)).first() is None:
                return 0
        with self.write() as tx:
            rows = tx.connection.execute(
                sa.select(d.c.id, d.c.event_id, d.c.destination, e.c.subject)
                .select_from(d.join(e, d.c.event_id == e.c.id))
                .where(gone)
                .with_for_update()
            ).all()
            tx.connection.execute(
                d.update()
                .where(d.c.id.in_([row.id for row in rows]))
                .values(state=State.HELD, code="destination_removed", next_attempt_at=None, claim_rank=None)
            )
            for row in rows:
                tx.audit.add(
                    "delivery:held",
                    event=row.event_id,
                    subject=row.subject,
                    destination=row.destination,
                    facts={"code": "destination_removed"},
                )
            self.settle(tx, {row.event_id for row in rows}, recheck_days)
            return len(rows)

    def due_now(self, destination: str) -> int:
        """Return how many deliveries of a lane could be taken up now."""
        d = self.tables.delivery.c
        query = sa.select(sa.func.count()).where(
            d.destination == destination, d.claim_rank.is_not(None), d.next_attempt_at <= self.clock()
        )
        with reading(self.engine) as connection:
            return int(connection.execute(query).scalar_one())


def _writable() -> None:
    return


def check_fence(tx: Tx, tables: Tables, lease: Lease) -> bool:
    """Lock the lane's row for this transaction and say whether it is paused.

    Raises StaleFence when the lane has another owner by now.
    """
    lane = tables.lane.c
    row = tx.connection.execute(
        sa.select(lane.fence, lane.paused).where(lane.destination == lease.destination).with_for_update()
    ).first()
    if row is None or row.fence != lease.fence:
        raise StaleFence(f"the lane {lease.destination} was taken over by another daemon")
    return bool(row.paused)
