"""Decisions that wait for a second person: as values for --json, and as lines for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from syncer.cli.output.console import console
from syncer.decisions.four_eyes.proposal import Proposal, ProposalOutcome, events_of
from syncer.decisions.four_eyes.wanted import (
    Prolongation,
    Release,
    StartOver,
    WantedExemption,
    WantedWithdrawal,
    WantedWithdrawals,
)
from syncer.domain.rights import Ground
from syncer.reports.wording.words import day_time, who


@dataclass(frozen=True, slots=True)
class ProposalView:
    """A proposal. Times are UTC; `outcome` is None while it waits, and `problem` says why it could not be carried out.

    `kind` is exempt, extend, release or resync; `withdraws` says of an exempt that it withdraws whole requests.
    `events` are what it is about, by their ids; `deletions` how many begin, None where it deletes nothing.
    `proposer` and `decider` are names as the audit has them.
    """

    id: int
    kind: str
    withdraws: bool
    events: tuple[str, ...]
    destination: str | None
    ground: Ground | None
    informed_on: date | None
    deletions: int | None
    digest: str
    reason: str
    proposer: str
    proposed_at: datetime
    until: datetime
    outcome: ProposalOutcome | None
    decider: str | None
    decided_at: datetime | None
    decision_reason: str | None
    problem: str | None


def proposal_view(proposal: Proposal, problem: str | None) -> ProposalView:
    """Return a proposal as it is shown."""
    wanted = proposal.wanted
    return ProposalView(
        id=proposal.id,
        kind=proposal.kind,
        withdraws=isinstance(wanted, (WantedWithdrawal, WantedWithdrawals)),
        events=events_of(proposal),
        destination=wanted.destination if isinstance(wanted, (WantedExemption, StartOver)) else None,
        ground=wanted.ground if isinstance(wanted, WantedExemption) else None,
        informed_on=wanted.informed_on if isinstance(wanted, Prolongation) else None,
        deletions=wanted.deletions if isinstance(wanted, (Release, StartOver)) else None,
        digest=proposal.digest,
        reason=proposal.reason,
        proposer=who(proposal.proposer),
        proposed_at=proposal.proposed_at,
        until=proposal.until,
        outcome=proposal.outcome,
        decider=None if proposal.decider is None else who(proposal.decider),
        decided_at=proposal.decided_at,
        decision_reason=proposal.decision_reason,
        problem=problem,
    )


def show_proposals(views: Sequence[ProposalView]) -> None:
    """Print proposals."""
    out = console()
    for view in views:
        where = f" at {view.destination}" if view.destination is not None else ""
        number = f", {view.deletions} deletions" if view.deletions else ""
        out.print(f"{view.id}  {'withdrawal' if view.withdraws else view.kind} of {_named(view.events)}{where}{number}")
        if view.ground is not None:
            out.print(f"   ground: {view.ground}")
        if view.informed_on is not None:
            out.print(f"   the person was told on {view.informed_on}")
        out.print(f"   proposed {day_time(view.proposed_at)} by {view.proposer}: {view.reason}")
        if view.outcome is None:
            out.print(f"   WAITS until {day_time(view.until)}")
        else:
            by = f" by {view.decider}" if view.decider is not None else ""
            why = f": {view.decision_reason}" if view.decision_reason is not None else ""
            out.print(f"   {view.outcome} {day_time(view.decided_at or view.until)}{by}{why}")
        if view.problem is not None:
            out.print(f"   CANNOT BE CARRIED OUT: {view.problem}")
    if not views:
        out.print("nothing waits for a second person")


def _named(events: Sequence[str]) -> str:
    more = f" and {len(events) - 1} more" if len(events) > 1 else ""
    return f"{events[0]}{more}" if events else "something that nobody can read"
