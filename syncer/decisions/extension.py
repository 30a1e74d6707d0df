"""`syncer extend`: two further months for a request that is complex, once, while the person can still be told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from syncer.audit.transaction import Transactions
from syncer.domain.deadlines import Due, Rule, local_day
from syncer.domain.model import EventState
from syncer.domain.rights import Right
from syncer.errors import UserError


@dataclass(frozen=True, slots=True)
class Extension:
    """Which event is extended, why, and the local day on which the person was told of it (GDPR Art. 12(3))."""

    event_id: str
    reason: str
    informed_on: date


class Extensions:
    """Prolongs the period of single events."""

    def __init__(self, transactions: Transactions, rule: Rule) -> None:
        self._transactions = transactions
        self._rule = rule

    def extend(self, wanted: Extension) -> Due:
        """Move an event's due day to three months after receipt; return it. Raises UserError when it may not move."""
        e, d = self._transactions.tables.event, self._transactions.tables.delivery
        with self._transactions.write() as tx:
            row = tx.connection.execute(
                sa.select(e.c.right, e.c.subject, e.c.state, e.c.received_at, e.c.due_on, e.c.extended_at)
                .where(e.c.id == wanted.event_id)
                .with_for_update()
            ).one()
            self._require_extensible(row, tx.now)
            self._require_unanswered(tx.connection, wanted.event_id)
            self._require_informed(row.received_at, wanted.informed_on, tx.now)
            due = self._rule.extended(row.received_at)
            days = {"due_on": due.on, "legal_due_on": due.legal_on}
            told = {"extended_at": tx.now, "informed_on": wanted.informed_on}
            tx.connection.execute(e.update().where(e.c.id == wanted.event_id).values(days | told))
            tx.connection.execute(d.update().where(d.c.event_id == wanted.event_id).values(due_on=due.on))
            tx.audit.add(
                "event:extended",
                event=wanted.event_id,
                subject=row.subject,
                facts={
                    "reason": wanted.reason,
                    "informed_on": wanted.informed_on.isoformat(),
                    "due_on_before": row.due_on.isoformat(),
                    "due_on": due.on.isoformat(),
                    "due_rule": due.rule,
                    "legal_due_on": due.legal_on.isoformat(),
                },
            )
        return due

    def _require_extensible(self, row: Any, now: datetime) -> None:
        if row.right == Right.OBJECTION:
            raise UserError("extend: an objection to marketing is absolute (Art. 21(3)) and cannot be extended")
        if row.right is None:
            raise UserError("extend: the right of this event is not known; submit it again and `exempt` this one")
        if row.state == EventState.FULFILLED:
            raise UserError("extend: the event is closed; there is nothing to extend")
        if row.extended_at is not None:
            raise UserError("extend: the event was extended before; the law allows it once")
        last = self._rule.may_be_extended_until(row.received_at)
        if local_day(now, self._rule.zone) > last:
            raise UserError(f"extend: the first month ended on {last}; an extension is only possible within it")

    def _require_unanswered(self, connection: sa.Connection, event_id: str) -> None:
        # somebody who came back had the answer by then: a later day would make a late answer one in time
        t = self._transactions.tables.audit.c
        answered = sa.select(t.seq).where(t.event_id == event_id, t.what == "event:fulfilled").limit(1)
        if connection.execute(answered).first():
            raise UserError("extend: the request was answered before; there is nothing to extend")

    def _require_informed(self, received_at: datetime, informed_on: date, now: datetime) -> None:
        received, today = local_day(received_at, self._rule.zone), local_day(now, self._rule.zone)
        if informed_on < received:
            raise UserError(f"--informed: {informed_on} is before the request was received ({received}); correct it")
        if informed_on > today:
            raise UserError(f"--informed: {informed_on} is in the future; tell the person first, then extend")
