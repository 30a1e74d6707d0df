"""The SQL of events and deliveries: every change of state carries its audit entry in the same transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from adapters.errors import Permanent
from syncer.audit.transaction import Transaction, Transactions
from syncer.database.bulk import BulkUpdate, in_list
from syncer.database.connections import reading
from syncer.database.derived import tally
from syncer.database.failures import retry_on_conflict
from syncer.domain.codes import GUARD_REFUSED, PARKED
from syncer.domain.model import Delivery, Lease, NewEvent, State
from syncer.domain.policy import Phase
from syncer.events import damaged
from syncer.events.claims import Claims
from syncer.events.guard.stops import end_if_over
from syncer.events.logged import Logged
from syncer.events.mapping import (
    Finished,
    audit_accepted,
    concerns_event,
    decided_row,
    delivery_rows,
    event_row,
    facts_of,
    is_reopened,
)
from syncer.events.settlement import NO_MORE, Settlement
from syncer.log import get_logger

#: deliveries that are held in one transaction
AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class AcceptedEvent:
    """What is kept of an accepted request: enough to tell whether another one with its key is the same."""

    id: str
    right: str | None
    subject: str | None
    email_sealed: str | None = field(repr=False)


class Store:
    """The events and deliveries of one installation; rechecks are due `recheck_days` after fulfilment."""

    def __init__(self, transactions: Transactions, recheck_days: tuple[int, ...]) -> None:
        self._transactions = transactions
        self._engine = transactions.engine
        self._tables = transactions.tables
        logged = Logged(self._tables, self._engine.dialect.name, transactions.key_of)
        self._claims = Claims(self._engine, self._tables, logged)
        d = self._tables.delivery.c
        over = sa.or_(
            d.state.in_((State.EXEMPT, State.ATTESTED)), sa.and_(d.state == State.HELD, d.code == GUARD_REFUSED)
        )
        self._closed = sa.select(d.id).where(in_list(d.id, "ids", self._engine.dialect.name), over)
        self._settlement = Settlement(self._tables, self._engine.dialect.name, recheck_days, logged)

    @property
    def last_recheck_day(self) -> int:
        """How many days after fulfilment the last recheck is due; 0 without rechecks."""
        return max(self._settlement.recheck_days, default=0)

    # -- intake ---------------------------------------------------------------------------------------------

    def known_keys(self, connection: sa.Connection, keys: Sequence[str]) -> set[str]:
        """Return those of the event keys that are events already."""
        return set(self.accepted(connection, keys))

    def accepted(self, connection: sa.Connection, keys: Sequence[str]) -> dict[str, AcceptedEvent]:
        """Return those of the event keys that are events already, each with its event."""
        t = self._tables.event.c
        query = sa.select(t.event_key, t.id, t.right, t.subject, t.email_sealed).where(t.event_key.in_(keys))
        return {key: AcceptedEvent(*event) for key, *event in connection.execute(query)}

    def accept(self, tx: Transaction, events: Sequence[NewEvent]) -> None:
        """Write new events with one delivery per destination."""
        if not events:
            return
        tx.connection.execute(self._tables.event.insert(), [event_row(event, tx.now) for event in events])
        rows = [row for event in events for row in delivery_rows(event, tx.now)]
        if rows:
            tx.connection.execute(self._tables.delivery.insert(), rows)
        numbers = Counter((tally.DELIVERY, row["destination"]) for row in rows)
        tally.add(tx.connection, self._tables, numbers + Counter({(tally.EVENT, ""): len(events)}))
        for event in events:
            audit_accepted(tx, event)

    # -- the walk -------------------------------------------------------------------------------------------

    def claim(self, destination: str, now: datetime, limit: int, leave: Collection[int] = ()) -> list[Delivery]:
        """Return the next due deliveries of a lane, objections and near due days first, without those in `leave`.

        `now` is UTC. Rows that nobody can read are held as damaged; they take nobody's place.
        """
        claim = self._claims.next(destination, now, limit, leave)
        while claim.damaged and self.hold_damaged(claim.damaged):
            claim = self._claims.next(destination, now, limit, leave)
        return claim.deliveries

    @retry_on_conflict
    def hold_damaged(self, ids: Sequence[int]) -> bool:
        """Hold deliveries whose rows nobody can act on; say whether any was due still."""
        with self._transactions.write() as tx:
            events = damaged.hold(tx, self._tables, ids)
            self.settle(tx, events)
        get_logger("syncer.events").error("delivery.damaged", count=len(ids))
        return bool(events)

    def due_now(self, destination: str) -> int:
        """Return how many deliveries of a lane could be taken up now."""
        return self._claims.count(destination, self._transactions.clock())

    def closed(self, tx: Transaction, ids: Collection[int]) -> set[int]:
        """Return those of a lane's deliveries that a person closed or refused since they were claimed.

        Whoever closes one holds the lane's row, as this transaction does: what is open now stays open until its end.
        """
        return set(tx.connection.execute(self._closed, {"ids": list(ids)}).scalars()) if ids else set()

    def begin(
        self, tx: Transaction, lease: Lease, deliveries: Sequence[Delivery], closed: Collection[int] = ()
    ) -> list[Delivery]:
        """Count and audit an attempt for each delivery BEFORE its call; return them as they are now.

        Those that are `closed` by now do not begin.
        """
        begun = [replace(each, attempts=each.attempts + 1) for each in deliveries if each.id not in closed]
        if not begun:
            return []
        changes = BulkUpdate(self._tables.delivery)
        for delivery in begun:
            first = {"first": True} if delivery.untried else {}
            began = {"untried": None, "begun_at": tx.now} if delivery.untried else {}
            changes.set(delivery.id, {"attempts": delivery.attempts, **began})
            tx.audit.add(
                "delivery:attempted",
                event=delivery.event_id,
                subject=delivery.subject,
                destination=delivery.destination,
                facts={"action": delivery.action, "attempt": delivery.attempts, "fence": lease.fence, **first},
            )
        changes.write(tx.connection)
        return begun

    def record(self, tx: Transaction, finished: Sequence[Finished], closed: Collection[int] = ()) -> None:
        """Write what was decided, then settle the events it concerns.

        Of a delivery that is `closed` by now only the log says what the destination answered: its row stays.
        """
        for item in finished:
            if item.delivery.id in closed:
                _audit_answer(tx, item)
        finished = [item for item in finished if item.delivery.id not in closed]
        if not finished:
            return
        rows: dict[int, dict[str, Any]] = {}
        for item in finished:
            # applied and read back within one transaction: two entries, one row
            rows.setdefault(item.delivery.id, {}).update(decided_row(item))
            tx.audit.add(
                item.decision.what,
                event=item.delivery.event_id,
                subject=item.delivery.subject,
                destination=item.delivery.destination,
                facts=facts_of(item),
            )
        changes = BulkUpdate(self._tables.delivery)
        for row_id, changed in rows.items():
            changes.set(row_id, changed)
        changes.write(tx.connection)
        if back := sorted({item.delivery.event_id for item in finished if is_reopened(item)}):
            e = self._tables.event
            tx.connection.execute(e.update().where(e.c.id.in_(back)).values(released_at=None))
        self.settle(tx, {item.delivery.event_id for item in finished if concerns_event(item)})

    def settle(self, tx: Transaction, event_ids: Iterable[str]) -> None:
        """Bring each event to where its deliveries put it; plan its recheck or shred its address."""
        self._settlement.settle(tx, event_ids)

    @retry_on_conflict
    def start_rechecks(self, limit: int = 500) -> int:
        """Send the deliveries of events whose recheck is due back to be read; return how many events.

        `limit` is the number of events taken up at most.
        """
        e, d = self._tables.event, self._tables.delivery
        with self._transactions.write() as tx:
            due = tx.connection.execute(
                sa.select(e.c.id)
                # only fulfilled events have one; were their state or id in the condition or the order, SQLite would
                # choose that index and read every event
                .where(e.c.next_recheck_at <= tx.now)
                .order_by(e.c.next_recheck_at)
                .limit(limit)
                .with_for_update()
            ).all()
            if not due:
                return 0
            ids = [row.id for row in due]
            # one row with a number that cannot grow would stop the rechecks of everybody
            counted = sa.case((e.c.rechecks_done.between(0, NO_MORE - 1), e.c.rechecks_done + 1), else_=NO_MORE)
            tx.connection.execute(
                d.update()
                .where(d.c.event_id.in_(ids), d.c.state == State.CONFIRMED, d.c.action.is_not(None))
                .values(state=State.APPLIED, next_attempt_at=tx.now, claim_rank=1, code=None)
            )
            tx.connection.execute(e.update().where(e.c.id.in_(ids)).values(rechecks_done=counted, next_recheck_at=None))
            # an event whose deliveries are all exempt has nothing to read back
            self.settle(tx, ids)
            return len(ids)

    def hold_removed(self, configured: Iterable[str]) -> int:
        """Hold the open deliveries of destinations that left the settings; return how many deliveries."""
        names, held = sorted(configured), 0
        while some := self._hold_removed(names):
            held += some
        return held

    @retry_on_conflict
    def _hold_removed(self, names: Sequence[str]) -> int:
        """Hold some of them in one transaction; a destination may leave with a backlog that no statement can name."""
        d, e, lane = self._tables.delivery, self._tables.event, self._tables.lane.c
        # what waits without a time has no rank; it stands where a lane is, and lanes are few
        left = sa.select(lane.destination).where(lane.destination.not_in(names))
        ways = (
            sa.and_(d.c.claim_rank.is_not(None), d.c.destination.not_in(names)),
            sa.and_(d.c.destination.in_(left), d.c.code.in_(sorted(PARKED))),
        )
        with reading(self._engine) as connection:
            lanes = list(connection.execute(left.where(lane.guard_since.is_not(None))).scalars())
            if not lanes and not any(connection.execute(sa.select(d.c.id).where(way).limit(1)).first() for way in ways):
                return 0
        gone = sa.or_(*ways)
        with self._transactions.write() as tx:
            rows = tx.connection.execute(
                sa.select(d.c.id, d.c.event_id, d.c.destination, e.c.subject)
                .select_from(d.join(e, d.c.event_id == e.c.id))
                .where(gone)
                .limit(AT_ONCE)
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
            end_if_over(tx, self._tables, lanes, "the destination is no longer in the settings")
            self.settle(tx, {row.event_id for row in rows})
            return len(rows)


def _audit_answer(tx: Transaction, late: Finished) -> None:
    if late.phase is Phase.PREVIEW or (isinstance(late.result, Permanent) and not late.result.steps):
        return  # nothing was asked of anybody
    facts = {key: value for key, value in facts_of(late).items() if key not in ("state", "next_attempt_at")}
    tx.audit.add(
        "delivery:answered",
        event=late.delivery.event_id,
        subject=late.delivery.subject,
        destination=late.delivery.destination,
        facts=facts | {"answer": late.decision.what.partition(":")[2]},
    )
