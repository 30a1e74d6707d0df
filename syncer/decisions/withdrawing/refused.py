"""Requests whose deletions the guard stopped and a person refused: closed together, each as one that is withdrawn."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from syncer.audit.chain import canonical
from syncer.audit.ledger import Facts
from syncer.audit.transaction import Transaction, Transactions
from syncer.database.connections import snapshot
from syncer.database.failures import retry_on_conflict
from syncer.decisions.four_eyes.authority import Authority
from syncer.decisions.four_eyes.wanted import ProposalKind
from syncer.decisions.guarded import (
    GuardPlan,
    StoppedChoice,
    StoppedPlanChanged,
    StoppedRequest,
    request_columns,
    request_of,
)
from syncer.decisions.withdrawing.withdrawal import Withdrawals
from syncer.domain.codes import GUARD_REFUSED
from syncer.domain.model import State
from syncer.domain.permissions import Permission
from syncer.errors import UserError
from syncer.language.texts import Sentence


class RefusedRequests:
    """Plans and withdraws the refused requests of one installation."""

    def __init__(self, transactions: Transactions, withdrawals: Withdrawals, authority: Authority) -> None:
        self._transactions = transactions
        self._withdrawals = withdrawals
        self._authority = authority

    def number(self) -> int:
        """Return how many requests are held since a person refused them."""
        d = self._transactions.tables.delivery.c
        query = sa.select(sa.func.count(sa.distinct(d.event_id))).where(d.state == State.HELD, d.code == GUARD_REFUSED)
        with snapshot(self._transactions.engine) as connection:
            return int(connection.execute(query).scalar_one())

    def plan(self, choice: StoppedChoice) -> GuardPlan:
        """Return the chosen requests that are held since a person refused them, and where. Changes nothing."""
        with snapshot(self._transactions.engine) as connection:
            return self._planned(connection, choice, self._transactions.clock(), lock=False)

    def required(self, choice: StoppedChoice, digest: str, requests: int) -> GuardPlan:
        """Return the plan that a digest stands for. Raises as `withdraw` does for another plan or number."""
        with snapshot(self._transactions.engine) as connection:
            return self._required(connection, choice, digest, requests, self._transactions.clock(), lock=False)

    @retry_on_conflict
    def withdraw(self, choice: StoppedChoice, reason: str, digest: str, requests: int) -> GuardPlan:
        """Withdraw exactly these requests, all or none; return what was done.

        Raises StoppedPlanChanged where this would not be what `digest` stands for, UserError for another number, and
        NeedsSecondPerson where the settings ask for one to exempt a recipient.
        """
        self._authority.require(Permission.DECIDE)
        self._authority.require_alone(ProposalKind.EXEMPT)  # it does to all recipients what that does to one
        with self._transactions.write() as tx:
            return self.withdraw_within(tx, choice, reason, digest, requests)

    def withdraw_within(
        self,
        tx: Transaction,
        choice: StoppedChoice,
        reason: str,
        digest: str,
        requests: int,
        more: Facts | None = None,
    ) -> GuardPlan:
        """Do so within a transaction, for whoever asked who may; `more` stands in the audit beside the reason.

        Raises as `withdraw` does.
        """
        plan = self._required(tx.connection, choice, digest, requests, tx.now, lock=True)
        for request in plan.requests:
            self._withdrawals.withdraw_within(tx, request.event, reason, None, {"plan": plan.digest, **(more or {})})
        return plan

    def digest(
        self, connection: sa.Connection, choice: StoppedChoice, requests: int, now: datetime, *, lock: bool
    ) -> str:
        """Return what stands for withdrawing these requests at a moment (UTC); `lock` keeps it so.

        Raises UserError where none of them is held so any more, and for another number.
        """
        plan = self._planned(connection, choice, now, lock=lock)
        _require(plan, requests)
        return plan.digest

    def _required(
        self, connection: sa.Connection, choice: StoppedChoice, digest: str, requests: int, now: datetime, *, lock: bool
    ) -> GuardPlan:
        plan = self._planned(connection, choice, now, lock=lock)
        if digest != plan.digest:
            raise StoppedPlanChanged(
                Sentence("the plan has changed since that digest; run `syncer guard withdraw` again, and look at it")
            )
        _require(plan, requests)
        return plan

    def _planned(self, connection: sa.Connection, choice: StoppedChoice, now: datetime, *, lock: bool) -> GuardPlan:
        if lock:  # every lane, in one order: each request locks its own again
            lane = self._transactions.tables.lane.c.destination
            connection.execute(sa.select(lane).order_by(lane).with_for_update()).all()
        requests, content = [], []
        for request in self._refused(connection, choice):
            try:
                what = self._withdrawals.digest(connection, request.event, now, lock=lock)
            except UserError:  # the log does not bear its rows out: its own page says so
                continue
            requests.append(request)
            content.append([request.event, what])
        digest = hashlib.sha256(canonical({"refused": sorted(content)})).hexdigest()
        return GuardPlan(digest, tuple(sorted(requests, key=lambda each: (str(each.received_at), each.event))))

    def _refused(self, connection: sa.Connection, choice: StoppedChoice) -> Iterator[StoppedRequest]:
        """Yield the chosen requests of which a delivery is held since a person refused it, with all of these."""
        tables = self._transactions.tables
        d, named = tables.delivery.c, set(choice.events)
        where: dict[str, list[str]] = {}
        both = tables.delivery.join(tables.event, d.event_id == tables.event.c.id)
        query = sa.select(*request_columns(tables), d.destination).select_from(both)
        found: dict[str, StoppedRequest] = {}
        for *row, destination in connection.execute(query.where(d.state == State.HELD, d.code == GUARD_REFUSED)):
            request = request_of(row)
            if choice.includes(request) and (not named or request.event in named):
                found[request.event] = request
                where.setdefault(request.event, []).append(destination)
        for event, request in sorted(found.items()):
            yield replace(request, destinations=tuple(sorted(where[event])))


def _require(plan: GuardPlan, requests: int) -> None:
    if not plan.requests:
        none = "nothing of that is held since it was refused; `syncer guard withdraw` shows what is"
        raise UserError(Sentence(none, "guard: "))
    if requests != len(plan.requests):
        before = f"guard: --requests {requests}: "
        raise UserError(
            Sentence("the plan has {number}; look at it again, and type that", before, number=len(plan.requests))
        )
