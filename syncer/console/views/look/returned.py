"""`/returned/`: who came back, where, when, and what became of it."""

from __future__ import annotations

from flask import Blueprint
from werkzeug.wrappers import Response

from syncer.console.access import needs
from syncer.console.desk import desk
from syncer.console.pages import page
from syncer.console.reading.requests.people import returns
from syncer.console.reading.requests.rows import ListedRequest
from syncer.console.views.look import asked as asking
from syncer.console.views.look.at_hand import names
from syncer.domain.permissions import Permission
from syncer.reports.views import DeliveryView

views = Blueprint("returned", __name__)


@views.get("/returned/")
@needs(Permission.VIEW)
def returned() -> Response:
    """Show who was found again, the last first."""
    asked = asking.read("older")
    before = asking.number(asked, "older")
    return page("look/returned.html", found=returns(desk().app, before), first=before is None, titles=names(), at=_at)


def _at(request: ListedRequest | None, destination: str | None) -> DeliveryView | None:
    """Return how a request stands at the recipient where the person was found again."""
    deliveries = request.view.deliveries if request is not None and request.view is not None else ()
    return next((each for each in deliveries if each.destination == destination), None)
