"""A decision that waits for a second person, as a value; and who counts as the same person."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from syncer.audit.ledger import Facts
from syncer.database.column_types import Moment, moment_of, raw
from syncer.decisions.four_eyes.wanted import (
    Prolongation,
    Release,
    StartOver,
    Wanted,
    WantedExemption,
    WantedWithdrawal,
    WantedWithdrawals,
    wanted_of,
)
from syncer.decisions.resync_plan import ResyncPlan, Selection
from syncer.domain.model import word
from syncer.errors import UserError
from syncer.language.texts import Sentence

#: when something was proposed, or lapses, whose row has no time there
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class ProposalOutcome(StrEnum):
    """How a proposal ended."""

    APPROVED = "approved"
    REJECTED = "rejected"
    LAPSED = "lapsed"


#: how it ended, as it stands in a sentence
_ENDED: dict[ProposalOutcome | None, Sentence] = {
    ProposalOutcome.APPROVED: Sentence("approved"),
    ProposalOutcome.REJECTED: Sentence("rejected"),
    ProposalOutcome.LAPSED: Sentence("lapsed"),
}


@dataclass(frozen=True, slots=True)
class Proposal:
    """A decision that waits for a second person, or waited. Times are UTC.

    `proposer` and `decider` are as the audit names who acts. `digest` stands for what it does and to what, as that was
    when it was proposed. `outcome` is None while it waits. `wanted` is None where nobody can read the row.
    """

    id: int
    kind: str
    wanted: Wanted | None
    digest: str
    reason: str
    proposer: Facts
    proposed_at: datetime
    until: datetime
    outcome: ProposalOutcome | None
    decided_at: datetime | None
    decider: Facts | None
    decision_reason: str | None


class NoSuchProposal(UserError):
    """Raised for a number that no proposal has."""


class AlreadyDecided(UserError):
    """Raised where somebody decided a proposal before, or it lapsed; nothing was done. `proposal` says which."""

    def __init__(self, proposal: Proposal) -> None:
        self.proposal = proposal
        decided = f"{proposal.decided_at:%Y-%m-%d %H:%MZ}" if proposal.decided_at else Sentence("before")
        super().__init__(
            Sentence(
                "proposal {number} was {outcome} {when}; nothing was done",
                number=proposal.id,
                outcome=_ENDED.get(proposal.outcome),
                when=decided,
            )
        )


class SamePerson(UserError):
    """Raised where whoever proposed something would approve it."""


class ProposalChanged(UserError):
    """Raised where what a proposal is about has changed since; nothing was done."""


def is_same(one: Facts, other: Facts) -> bool:
    """Say whether two who act may be one person, as far as the audit knows them.

    By name, whichever way they came: an account of the console and one of the machine that are called alike, and who
    sudo says it was. By the uid that logged in; by that of the process where no login is known of either.
    """
    if _names(one) & _names(other):
        return True
    logins = one.get("login_uid"), other.get("login_uid")
    if None not in logins:
        return logins[0] == logins[1]
    uids = one.get("uid"), other.get("uid")
    return None not in uids and uids[0] == uids[1]


def _names(who: Facts) -> set[str]:
    return {str(who[key]).casefold() for key in ("user", "sudo_user") if who.get(key) is not None}


def selection_of(wanted: StartOver, addresses: Sequence[tuple[str | None, str]] = ()) -> Selection:
    """Return what a resync is asked for; `addresses` are what a file brings."""
    conditions = wanted.destination, wanted.held, wanted.confirmed_since
    return Selection(wanted.events, *conditions, addresses=tuple(addresses), as_written=wanted.as_written)


def start_over(selection: Selection, plan: ResyncPlan) -> StartOver:
    """Return a resync as it is proposed: what the plan names, and nothing that comes to meet the conditions later."""
    return StartOver(
        tuple(dict.fromkeys(each.event for each in plan.deliveries)),
        selection.destination,
        selection.held,
        selection.confirmed_since,
        plan.deletions,
        bool(selection.addresses),
        selection.as_written,
    )


def events_of(proposal: Proposal) -> tuple[str, ...]:
    """Return the ids of the events that a proposal is about; none where nobody can read it."""
    match proposal.wanted:
        case WantedExemption(event_id=event) | WantedWithdrawal(event_id=event) | Prolongation(event_id=event):
            return (event,)
        case Release(events=events) | StartOver(events=events) | WantedWithdrawals(events=events):
            return events
    return ()


def about(wanted: Wanted | None) -> dict[str, str]:
    """Return what the entries about a proposal name besides it: its event and its destination, where it has one."""
    match wanted:
        case WantedExemption():
            return {"event": wanted.event_id, "destination": wanted.destination}
        case Prolongation() | WantedWithdrawal():
            return {"event": wanted.event_id}
    return {}


def told(number: int, kind: str, digest: str, reason: str) -> dict[str, Any]:
    """Return what the entries about a proposal say of it."""
    return {"proposal": number, "kind": str(kind), "digest": digest, "reason": reason}


def as_json(facts: Facts) -> str:
    """Return facts as a row keeps them."""
    return json.dumps(facts, sort_keys=True)


@contextmanager
def unless_changed(proposal: Proposal) -> Iterator[None]:
    """Turn what keeps a proposal from being carried out into a ProposalChanged that names it."""
    try:
        yield
    except UserError as error:
        raise ProposalChanged(
            Sentence(
                "proposal {number}: what it is about has changed since it was proposed ({why}); nothing was done,"
                " reject it and propose it anew",
                number=proposal.id,
                why=error.args[0],
            )
        ) from None


def columns(table: sa.Table) -> list[sa.ColumnElement[Any]]:
    """Return the columns of a proposal as the database holds them: SQLite holds anything where a time should be."""
    return [raw(each).label(each.name) if isinstance(each.type, Moment) else each for each in table.c]


def proposal_of(row: Any, now: datetime) -> Proposal:
    """Return what a row says; at a moment (UTC) after which it lapsed, that. So is one whose times nobody can read."""
    try:
        wanted = wanted_of(row.kind, _facts(row.facts))
    except (ValueError, KeyError, TypeError, OverflowError):  # what somebody else wrote there
        wanted = None
    proposed_at, until = (moment_of(held) or _NEVER for held in (row.proposed_at, row.until))
    outcome = word(ProposalOutcome, row.outcome) if row.outcome is not None else None
    if row.outcome is None and until <= now:
        outcome = ProposalOutcome.LAPSED
    elif row.outcome is not None and outcome is None:  # a word that syncer never writes: nothing is done with it
        outcome = ProposalOutcome.REJECTED
    return Proposal(
        row.id,
        str(row.kind),
        wanted,
        str(row.digest),
        str(row.reason),
        _facts(row.proposer),
        proposed_at,
        until,
        outcome,
        moment_of(row.decided_at),
        None if row.decider is None else _facts(row.decider),
        row.decision_reason,
    )


def _facts(text: Any) -> dict[str, Any]:
    try:
        found = json.loads(text)
        json.dumps(found, ensure_ascii=False).encode()  # half of a surrogate pair is what no entry could hold
    except (ValueError, TypeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
