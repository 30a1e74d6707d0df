"""`/requests/ID/withdraw`: nobody is asked any further about a request that was made by mistake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint
from werkzeug.wrappers import Response

from syncer.console.access import needs
from syncer.console.desk import desk
from syncer.console.pages import announce
from syncer.console.views.decide.deciding import PlanForm
from syncer.console.views.decide.single import DecisionPage
from syncer.decisions.four_eyes.wanted import ProposalKind, WantedWithdrawal
from syncer.decisions.withdrawing.withdrawal import Happened
from syncer.domain.permissions import Permission
from syncer.errors import UserError
from syncer.language.texts import N_
from syncer.reports.views import EventView

if TYPE_CHECKING:
    from syncer.app import App

views = Blueprint("withdraw", __name__)
WITHDRAWN = announce("withdrawn", N_("The request is withdrawn: nobody is asked any further."))
HAPPENED = {
    Happened.NEVER_ASKED: N_("never asked, and will not be"),
    Happened.ASKED: N_("asked, and not through: it may have been carried out in part"),
    Happened.UNANSWERED: N_("asked just now; what became of it is not known yet"),
    Happened.CARRIED_OUT: N_("carried out, which cannot be called back"),
    Happened.NOT_HELD: N_("did not hold the person"),
    Happened.EXEMPT: N_("exempt before"),
    Happened.PASSED_ON: N_("passed on, which cannot be called back or checked"),
    Happened.SETTLED: N_("settled before by a person"),
    Happened.NOT_APPLICABLE: N_("could not be asked"),
}


@views.get("/requests/<event_id>/withdraw")
@needs(Permission.DECIDE)
def withdraw(event_id: str) -> Response:
    """Show what a withdrawal would do."""
    return _WITHDRAWAL.show(event_id)


@views.post("/requests/<event_id>/withdraw")
@needs(Permission.DECIDE)
def decide(event_id: str) -> Response:
    """Withdraw the request, or propose it."""
    return _WITHDRAWAL.take(event_id)


def _wanted(event: EventView, _form: PlanForm) -> WantedWithdrawal:
    return WantedWithdrawal(event.id)


def _decide(app: App, event: EventView, form: PlanForm) -> None:
    app.withdrawals.withdraw(event.id, form.reason, form.digest)


def _values(event: EventView) -> dict[str, Any]:
    try:
        plan = desk().app.withdrawals.plan(event.id)
    except UserError:
        plan = None
    return {"plan": plan if plan is not None and plan.closes else None, "happened": HAPPENED}


_WITHDRAWAL = DecisionPage(
    "withdraw",
    PlanForm,
    ProposalKind.EXEMPT,
    _wanted,
    _decide,
    _values,
    done=WITHDRAWN,
    changed=N_("This has changed meanwhile"),
    back=N_("See what it would do now"),
)
