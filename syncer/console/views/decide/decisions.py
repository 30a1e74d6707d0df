"""`/decisions/`: what waits for a second person, and what became of it; `…/NUMBER`: one, and what it would do now.

The list says what is on record, at the cost of the rows that it shows: only the page of one asks whether it could still
be carried out.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, abort, url_for
from werkzeug.wrappers import Response

from syncer.console.access import needs
from syncer.console.desk import desk
from syncer.console.forms import UnfitForm, sent
from syncer.console.pages import BadInput, announce, page, seen_other
from syncer.console.reading.unreadable import readable
from syncer.console.views.decide import deciding
from syncer.console.views.decide.deciding import LastChange, PlanForm
from syncer.console.views.look.at_hand import recipient_name
from syncer.decisions.four_eyes.authority import NotAllowed
from syncer.decisions.four_eyes.proposal import (
    AlreadyDecided,
    NoSuchProposal,
    Proposal,
    ProposalOutcome,
    SamePerson,
    events_of,
)
from syncer.decisions.four_eyes.wanted import (
    Prolongation,
    Release,
    StartOver,
    WantedExemption,
    WantedWithdrawal,
    WantedWithdrawals,
)
from syncer.domain.codes import meaning
from syncer.domain.permissions import Permission
from syncer.errors import UserError
from syncer.language.texts import N_, _, plural, retold
from syncer.reports.views import EventView
from syncer.reports.wording.moments import in_short
from syncer.reports.wording.words import who

views = Blueprint("decisions", __name__)
APPROVED = announce("approved", N_("It is approved and carried out. Both names and reasons are in the audit."))
REJECTED = announce("rejected", N_("It is rejected. Nothing was changed."))
#: requests that a proposal shows, and proposals that wait on one page
SHOWN, WAITING = 20, 50
OUTCOMES = {
    ProposalOutcome.APPROVED: N_("approved and carried out"),
    ProposalOutcome.REJECTED: N_("rejected"),
    ProposalOutcome.LAPSED: N_("lapsed: nobody decided it in time"),
}


@dataclass(frozen=True, slots=True)
class ShownProposal:
    """A proposal as the pages show it."""

    it: Proposal
    what: str
    events: tuple[str, ...]
    more: int
    proposer: str
    decider: str
    outcome: str


@views.get("/decisions/")
@needs(Permission.VIEW)
def decisions() -> Response:
    """Show what waits for a second person, the oldest first."""
    after = deciding.one(deciding.query((), "after"), "after") or "0"
    if not (after.isascii() and after.isdecimal() and len(after) <= 18):
        raise BadInput(_("%(name)s: write a number.") % {"name": "after"})
    proposals = desk().app.proposals
    waiting = proposals.waiting(int(after), WAITING + 1)
    return page(
        "decide/decisions.html",
        waiting=[_shown(each) for each in waiting[:WAITING]],
        next=waiting[WAITING - 1].id if len(waiting) > WAITING else None,
        first=after == "0",
        over=[_shown(each) for each in proposals.over()] if after == "0" else [],
        now=desk().app.clock(),
        kinds=desk().app.authority.four_eyes,
    )


@views.get("/decisions/<int:number>")
@needs(Permission.VIEW)
def decision(number: int) -> Response:
    """Show one, whether it could still be carried out, and how it ended."""
    try:
        return _page(desk().acting().proposals.get(number), {})
    except NoSuchProposal:
        abort(404)


@views.post("/decisions/<int:number>/approve")
@needs(Permission.APPROVE)
def approve(number: int) -> Response:
    """Carry out what somebody else proposed."""
    return deciding.once(lambda: _decide(number, approves=True))


@views.post("/decisions/<int:number>/reject")
@needs(Permission.APPROVE)
def reject(number: int) -> Response:
    """Turn down what somebody proposed."""
    return deciding.once(lambda: _decide(number, approves=False))


def _decide(number: int, *, approves: bool) -> Response:
    proposals = desk().acting().proposals
    try:
        proposal = proposals.get(number)
        form = sent(PlanForm)
        if approves:
            with readable():
                proposals.approve(number, form.reason, digest=form.digest)
        else:
            proposals.reject(number, form.reason)
    except NoSuchProposal:
        abort(404)
    except UnfitForm as unfit:
        return _page(proposal, unfit.errors)
    except NotAllowed:
        raise
    except UserError as error:
        return _changed(number, error)
    return seen_other("decisions.decisions", said=APPROVED if approves else REJECTED)


def _changed(number: int, error: UserError) -> Response:
    changes: list[LastChange] = []
    title = _("It cannot be carried out")
    if isinstance(error, AlreadyDecided):
        title = _("It was decided before")
        decided = error.proposal
        by = who(decided.decider) if decided.decider is not None else _("syncer by itself")
        said = _(OUTCOMES[decided.outcome or ProposalOutcome.LAPSED])
        changes = [LastChange(said, by, f"{decided.decided_at or decided.until:%Y-%m-%dT%H:%M:%SZ}")]
    elif isinstance(error, SamePerson):
        title = _("Somebody else has to approve it")
    elif events := events_of(desk().app.proposals.get(number)):
        changes = deciding.last_change(events[0]) if len(events) == 1 else []
    back = url_for("decisions.decisions")
    return deciding.changed(title, error, changes, back, _("All that waits for a second person"))


def _page(proposal: Proposal, errors: dict[str, str]) -> Response:
    proposals, waits = desk().acting().proposals, proposal.outcome is None
    with readable():
        problem, event = proposals.problem(proposal) if waits else None, _only(proposal)
    return page(
        "decide/decision.html",
        422 if errors else 200,
        each=_shown(proposal),
        event=event,
        waits=waits,
        problem=retold(problem) if problem else None,
        own=not proposals.may_decide(proposal),
        by_file=isinstance(proposal.wanted, StartOver) and proposal.wanted.brought,
        errors=errors,
        typed=deciding.typed("reason"),
        new_key=deciding.new_key,
    )


def _only(proposal: Proposal) -> EventView | None:
    """Return the only request that it is about; None for several, and for one that is not here any more."""
    events = events_of(proposal)
    found = desk().app.reader.events(event_id=events[0]) if len(events) == 1 else []
    return found[0] if found else None


def _shown(proposal: Proposal) -> ShownProposal:
    events = events_of(proposal)
    return ShownProposal(
        proposal,
        _what(proposal),
        events[:SHOWN],
        max(0, len(events) - SHOWN),
        who(proposal.proposer),
        who(proposal.decider) if proposal.decider is not None else "",
        _(OUTCOMES[proposal.outcome]) if proposal.outcome is not None else "",
    )


def _what(proposal: Proposal) -> str:
    """Return what is proposed, as a sentence."""
    match proposal.wanted:
        case WantedExemption() as wanted:
            said = _("Exempt %(name)s: the recipient is not told. Ground: %(ground)s.")
            return said % {"name": recipient_name(wanted.destination), "ground": meaning(wanted.ground)}
        case WantedWithdrawal():
            return _("Withdraw the request: nobody is asked any further about it.")
        case WantedWithdrawals() as wanted:
            number = len(wanted.events)
            said = plural("Withdraw %(num)d refused request.", "Withdraw %(num)d refused requests.", number)
            return said % {"num": number}
        case Prolongation() as wanted:
            said = _("Extend the time to answer; the person was told on %(day)s.")
            return said % {"day": in_short(wanted.informed_on)}
        case Release() as wanted:
            number = wanted.deletions
            said = plural("Let %(num)d stopped deletion begin.", "Let %(num)d stopped deletions begin.", number)
            return said % {"num": number}
        case StartOver() as wanted:
            told = {"num": len(wanted.events), "deletions": wanted.deletions}
            if wanted.deletions:
                return _("Start over or read back, requests: %(num)d; of it deletions for good: %(deletions)d.") % told
            return _("Start over or read back, requests: %(num)d.") % told
    return _("Nobody can read what this proposal says: somebody wrote to the database.")
