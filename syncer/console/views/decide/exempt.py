"""`/requests/ID/exempt`: a recipient is not told, on a ground of the law, by a person's decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from flask import Blueprint
from pydantic import Field
from werkzeug.wrappers import Response

from syncer.console.access import needs
from syncer.console.forms import UnfitForm
from syncer.console.pages import announce
from syncer.console.views.decide.deciding import ReasonForm
from syncer.console.views.decide.single import DecisionPage
from syncer.decisions.four_eyes.wanted import ProposalKind, WantedExemption
from syncer.domain.model import State
from syncer.domain.permissions import Permission
from syncer.domain.rights import Ground, fitting
from syncer.language.texts import N_, _
from syncer.reports.views import EventView

if TYPE_CHECKING:
    from syncer.app import App

views = Blueprint("exempt", __name__)
EXEMPT = announce("exempt", N_("It is exempt now: the recipient is not told. The decision stands in the report."))


class ExemptForm(ReasonForm):
    """What an exemption asks for."""

    destination: Annotated[str, Field(min_length=1, max_length=191)]
    ground: Ground


@views.get("/requests/<event_id>/exempt")
@needs(Permission.DECIDE)
def exempt(event_id: str) -> Response:
    """Show what an exemption means, and ask for its ground and reason."""
    return _EXEMPTION.show(event_id)


@views.post("/requests/<event_id>/exempt")
@needs(Permission.DECIDE)
def decide(event_id: str) -> Response:
    """Exempt a recipient, or propose it."""
    return _EXEMPTION.take(event_id)


def _wanted(event: EventView, form: ExemptForm) -> WantedExemption:
    if form.ground not in fitting(event.right):
        raise UnfitForm({"ground": _("This ground does not fit this request.")})
    if form.destination not in {each.destination for each in event.deliveries}:
        raise UnfitForm({"destination": _("Choose one of the list.")})
    return WantedExemption(event.id, form.destination, form.ground)


def _decide(app: App, event: EventView, form: ExemptForm) -> None:
    app.interventions.exempt(event.id, form.destination, form.ground, form.reason)


def _values(event: EventView) -> dict[str, Any]:
    held = [each for each in event.deliveries if each.state is State.HELD]
    return {"held": held, "grounds": fitting(event.right)}


_EXEMPTION = DecisionPage(
    "exempt",
    ExemptForm,
    ProposalKind.EXEMPT,
    _wanted,
    _decide,
    _values,
    done=EXEMPT,
    changed=N_("It is not held any more"),
    back=N_("See what is held of it now"),
)
