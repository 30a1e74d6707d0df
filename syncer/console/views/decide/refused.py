"""`/guard/refused`: requests that were refused at the guard, which are held until they are closed, all together."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from flask import Blueprint
from werkzeug.wrappers import Response

from syncer.console.access import needs
from syncer.console.desk import desk
from syncer.console.pages import announce, page, seen_other
from syncer.console.reading.unreadable import readable
from syncer.console.views.decide import deciding
from syncer.console.views.decide.guard import SHOWN, choice_of, chosen, last_of, link
from syncer.console.views.decide.planned import CountedForm, PlannedDecision
from syncer.decisions.four_eyes.wanted import ProposalKind, WantedWithdrawals
from syncer.decisions.guarded import GuardPlan, StoppedChoice
from syncer.domain.permissions import Permission
from syncer.language.texts import N_

if TYPE_CHECKING:
    from syncer.app import App

views = Blueprint("refused", __name__)
CLOSED = announce("refused-closed", N_("These requests are withdrawn: nobody is asked any further."))
#: what changes which requests are held since they were refused
_CHANGES = ("guard:refused", "event:withdrawn", "delivery:reopened", "delivery:exempt")


@views.get("/guard/refused")
@needs(Permission.VIEW)
def refused() -> Response:
    """Show what was refused, and is held."""
    return _page(_plan(choice_of()), {}, 200)


@views.post("/guard/refused")
@needs(Permission.DECIDE)
def withdraw() -> Response:
    """Withdraw the requests, or propose it."""
    choice = choice_of()

    def close(app: App, found: GuardPlan, form: CountedForm) -> None:
        app.refused.withdraw(choice, form.reason, form.digest, len(found.requests))

    decision = PlannedDecision(
        lambda: _plan(choice),
        _page,
        lambda found: bool(found.requests),
        close,
        lambda _found: seen_other("refused.refused", said=CLOSED),
        wanted=lambda found: WantedWithdrawals(tuple(each.event for each in found.requests)),
        number=lambda found: len(found.requests),
        count=N_("Type how many requests are withdrawn: %(number)s."),
        counted="requests",
    )
    return deciding.once(decision.taken)


def _plan(choice: StoppedChoice) -> GuardPlan:
    with readable():
        return desk().app.refused.plan(choice)


def _page(found: GuardPlan, errors: dict[str, str], status: int) -> Response:
    by_source = Counter(each.source for each in found.requests)
    given = chosen()
    return page(
        "decide/refused.html",
        status,
        plan=found,
        sources=sorted(by_source.most_common(SHOWN)),
        more_sources=max(0, len(by_source) - SHOWN),
        requests=found.requests[:SHOWN],
        chosen=given,
        action=link("refused.withdraw", given),
        errors=errors,
        changes=last_of(_CHANGES) if status == 409 else None,
        typed=deciding.typed("reason", "requests") if status == 422 else {"reason": "", "requests": ""},
        key=deciding.new_key(),
        asks=deciding.needs_another(ProposalKind.EXEMPT),
        now=desk().app.clock(),
    )
