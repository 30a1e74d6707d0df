"""What carries a proposal out: each kind by the decision that one person would make alone, within one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from syncer.audit.transaction import Transaction
from syncer.decisions.extension import Extension, Extensions
from syncer.decisions.four_eyes.proposal import Proposal, selection_of, unless_changed
from syncer.decisions.four_eyes.wanted import (
    Prolongation,
    Release,
    StartOver,
    Wanted,
    WantedExemption,
    WantedWithdrawal,
    WantedWithdrawals,
)
from syncer.decisions.guarded import GuardDecisions, StoppedChoice
from syncer.decisions.interventions import Interventions
from syncer.decisions.resync import Resync
from syncer.decisions.resync_plan import ResyncPlan
from syncer.decisions.withdrawing.refused import RefusedRequests
from syncer.decisions.withdrawing.withdrawal import Withdrawals
from syncer.errors import UserError
from syncer.language.texts import Sentence


@dataclass(frozen=True, slots=True)
class Carriers:
    """The decisions of one installation that may need a second person."""

    interventions: Interventions
    withdrawals: Withdrawals
    refused: RefusedRequests
    extensions: Extensions
    guard: GuardDecisions
    resync: Resync

    def allowed_plan(self, wanted: StartOver, addresses: Sequence[tuple[str | None, str]]) -> ResyncPlan:
        """Return what would start over. Raises NotAllowed unless whoever acts may do that."""
        plan = self.resync.plan(selection_of(wanted, addresses))
        self.resync.require_allowed(plan)
        return plan

    def plan(self, proposal: Proposal, addresses: Sequence[tuple[str | None, str]]) -> ResyncPlan | None:
        """Return the plan of a proposal that starts deliveries over; None for every other, and for one that is over."""
        wanted = proposal.wanted
        if not isinstance(wanted, StartOver) or proposal.outcome is not None:
            return None
        if wanted.brought and not addresses:
            raise UserError(
                Sentence(
                    "proposal {number}: it came with a file of addresses, which is not kept: bring the same one with"
                    " `syncer approve --file`",
                    number=proposal.id,
                )
            )
        with unless_changed(proposal):
            return self.resync.plan(selection_of(wanted, addresses))

    def carry_out(self, tx: Transaction, proposal: Proposal, plan: ResyncPlan | None) -> None:
        """Do what is proposed, within a transaction. Raises UserError where it would not do what it did then."""
        wanted, reason, more = proposal.wanted, proposal.reason, {"proposal": proposal.id}
        now = plan.digest if plan is not None else self.digest(tx.connection, proposal, tx.now, lock=True)
        if now != proposal.digest or wanted is None:
            raise UserError(Sentence("it would not do any more what it did then"))
        match wanted:
            case WantedExemption():
                self.interventions.exempt_within(tx, wanted, reason, more)
            case WantedWithdrawal():
                self.withdrawals.withdraw_within(tx, wanted.event_id, reason, now, more)
            case WantedWithdrawals(events=events):
                self.refused.withdraw_within(tx, StoppedChoice(events=events), reason, now, len(events), more)
            case Prolongation():
                self.extensions.extend_within(tx, Extension(wanted.event_id, reason, wanted.informed_on), more)
            case Release():
                choice = StoppedChoice(events=wanted.events)
                self.guard.release_within(tx, choice, reason, now, wanted.deletions, more)
            case StartOver():
                assert plan is not None
                plan.require_deletions(wanted.deletions)
                self.resync.apply_within(tx, plan, reason, exactly=True, more=more)

    def digest(self, connection: sa.Connection, proposal: Proposal, now: datetime, *, lock: bool) -> str:
        """Return what stands for what a proposal would do now; `lock` keeps it so. Raises UserError as `digest_of`."""
        if proposal.wanted is None:
            raise UserError(Sentence("nobody can read it: somebody wrote to the database; reject it"))
        return self.digest_of(connection, proposal.wanted, proposal.reason, now, lock=lock)

    def digest_of(self, connection: sa.Connection, wanted: Wanted, reason: str, now: datetime, *, lock: bool) -> str:
        """Return what stands for what would be done now. Raises UserError where nothing can be."""
        match wanted:
            case WantedExemption():
                return self.interventions.digest(connection, wanted, lock=lock)
            case WantedWithdrawal():
                return self.withdrawals.digest(connection, wanted.event_id, now, lock=lock)
            case WantedWithdrawals(events=events):
                return self.refused.digest(connection, StoppedChoice(events=events), len(events), now, lock=lock)
            case Prolongation():
                extension = Extension(wanted.event_id, reason, wanted.informed_on)
                return self.extensions.digest(connection, extension, now, lock=lock)
            case Release():
                return self.guard.digest(connection, StoppedChoice(events=wanted.events), wanted.deletions)
            case StartOver():
                return self.resync.plan(selection_of(wanted)).digest
