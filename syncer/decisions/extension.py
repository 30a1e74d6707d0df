"""`syncer extend`: two further months for a request that is complex, once, while the person can still be told."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from syncer.audit.chain import canonical
from syncer.audit.ledger import Facts
from syncer.audit.transaction import Transaction, Transactions
from syncer.database.failures import retry_on_conflict
from syncer.decisions.four_eyes.authority import Authority
from syncer.decisions.four_eyes.wanted import ProposalKind
from syncer.domain.deadlines import Due, Rule, local_day
from syncer.domain.model import EventState
from syncer.domain.permissions import Permission
from syncer.domain.rights import Right
from syncer.errors import UserError
from syncer.language.texts import Sentence

#: what stands before a refusal at the command line
_EXTEND, _INFORMED = "extend: ", "--informed: "


@dataclass(frozen=True, slots=True)
class Extension:
    """Which event is extended, why, and the local day on which the person was told of it (GDPR Art. 12(3))."""

    event_id: str
    reason: str
    informed_on: date


class Extensions:
    """Prolongs the period of single events."""

    def __init__(self, transactions: Transactions, rule: Rule, authority: Authority) -> None:
        self._transactions = transactions
        self._authority = authority
        self._rule = rule

    @retry_on_conflict
    def extend(self, wanted: Extension) -> Due:
        """Move an event's due day to three months after receipt; return it.

        Raises UserError when it may not move, NeedsSecondPerson where the settings ask for one.
        """
        self._authority.require(Permission.DECIDE)
        self._authority.require_alone(ProposalKind.EXTEND)
        with self._transactions.write() as tx:
            return self.extend_within(tx, wanted)

    def extend_within(self, tx: Transaction, wanted: Extension, more: Facts | None = None) -> Due:
        """Do so within a transaction, for whoever asked who may; `more` stands in the audit beside the rest.

        Raises UserError as `extend` does.
        """
        e, d = self._transactions.tables.event, self._transactions.tables.delivery
        row = self._extensible(tx.connection, wanted, tx.now, lock=True)
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
                **(more or {}),
            },
        )
        return due

    def digest(self, connection: sa.Connection, wanted: Extension, now: datetime, *, lock: bool) -> str:
        """Return what stands for this extension of the event as it is now; `lock` keeps it so.

        Raises UserError as `extend` does."""
        row = self._extensible(connection, wanted, now, lock=lock)
        content = {"extend": [wanted.event_id, wanted.informed_on.isoformat(), row.due_on.isoformat(), str(row.right)]}
        return hashlib.sha256(canonical(content)).hexdigest()

    def _extensible(self, connection: sa.Connection, wanted: Extension, now: datetime, *, lock: bool) -> Any:
        e = self._transactions.tables.event
        columns = (e.c.right, e.c.subject, e.c.state, e.c.received_at, e.c.due_on, e.c.extended_at)
        query = sa.select(*columns).where(e.c.id == wanted.event_id)
        row = connection.execute(query.with_for_update() if lock else query).first()
        if row is None:
            raise UserError(
                Sentence("there is no event {event}; `syncer events` lists them", _EXTEND, event=wanted.event_id)
            )
        self._require_extensible(row, now)
        self._require_unanswered(connection, wanted.event_id)
        self._require_informed(row.received_at, wanted.informed_on, now)
        return row

    def _require_extensible(self, row: Any, now: datetime) -> None:
        if row.right == Right.OBJECTION:
            raise UserError(
                Sentence("an objection to marketing is absolute (Art. 21(3)) and cannot be extended", _EXTEND)
            )
        if row.right is None:
            raise UserError(
                Sentence("the right of this event is not known; submit it again and `exempt` this one", _EXTEND)
            )
        if row.state == EventState.FULFILLED:
            raise UserError(Sentence("the event is closed; there is nothing to extend", _EXTEND))
        if row.extended_at is not None:
            raise UserError(Sentence("the event was extended before; the law allows it once", _EXTEND))
        last = self._rule.may_be_extended_until(row.received_at)
        if local_day(now, self._rule.zone) > last:
            raise UserError(
                Sentence("the first month ended on {day}; an extension is only possible within it", _EXTEND, day=last)
            )

    def _require_unanswered(self, connection: sa.Connection, event_id: str) -> None:
        # somebody who came back had the answer by then: a later day would make a late answer one in time
        t = self._transactions.tables.audit.c
        answered = sa.select(t.seq).where(t.event_id == event_id, t.what == "event:fulfilled").limit(1)
        if connection.execute(answered).first():
            raise UserError(Sentence("the request was answered before; there is nothing to extend", _EXTEND))

    def _require_informed(self, received_at: datetime, informed_on: date, now: datetime) -> None:
        received, today = local_day(received_at, self._rule.zone), local_day(now, self._rule.zone)
        if informed_on < received:
            raise UserError(
                Sentence(
                    "{day} is before the request was received ({received}); correct it",
                    _INFORMED,
                    day=informed_on,
                    received=received,
                )
            )
        if informed_on > today:
            raise UserError(
                Sentence("{day} is in the future; tell the person first, then extend", _INFORMED, day=informed_on)
            )
