"""`/requests/ID/extend`: two further months for a request that is complex, after the person was told why."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

from flask import Blueprint
from pydantic import BeforeValidator
from werkzeug.wrappers import Response

from syncer.console.access import needs
from syncer.console.desk import desk
from syncer.console.pages import announce
from syncer.console.views.decide.deciding import ReasonForm
from syncer.console.views.decide.single import DecisionPage
from syncer.decisions.extension import Extension
from syncer.decisions.four_eyes.wanted import Prolongation, ProposalKind
from syncer.domain.permissions import Permission
from syncer.domain.rights import Right
from syncer.language.texts import N_
from syncer.reports.views import EventView

if TYPE_CHECKING:
    from syncer.app import App

views = Blueprint("extend", __name__)
EXTENDED = announce("extended", N_("The time to answer is extended. Day and reason are in the audit."))
_NO_DAY = N_("Write a day like 2026-11-28.")


def _day(typed: object) -> date:
    try:
        return date.fromisoformat(str(typed).strip())
    except ValueError:
        raise ValueError(_NO_DAY) from None


#: a day as a date field sends it
Day = Annotated[date, BeforeValidator(_day)]


class ExtendForm(ReasonForm):
    """What an extension asks for."""

    informed: Day


@views.get("/requests/<event_id>/extend")
@needs(Permission.DECIDE)
def extend(event_id: str) -> Response:
    """Show what an extension means, and ask for the day on which the person was told."""
    return _EXTENSION.show(event_id)


@views.post("/requests/<event_id>/extend")
@needs(Permission.DECIDE)
def decide(event_id: str) -> Response:
    """Extend the time to answer, or propose it."""
    return _EXTENSION.take(event_id)


def _wanted(event: EventView, form: ExtendForm) -> Prolongation:
    return Prolongation(event.id, form.informed)


def _decide(app: App, event: EventView, form: ExtendForm) -> None:
    app.extensions.extend(Extension(event.id, form.reason, form.informed))


def _values(event: EventView) -> dict[str, Any]:
    rule = desk().app.rule
    return {
        "possible": event.right is Right.ERASURE and event.extended_at is None and event.ending is None,
        "until": rule.may_be_extended_until(event.received_at),
        "due": rule.extended(event.received_at).on,
        "today": desk().app.clock().astimezone(desk().zone).date(),
    }


_EXTENSION = DecisionPage(
    "extend",
    ExtendForm,
    ProposalKind.EXTEND,
    _wanted,
    _decide,
    _values,
    done=EXTENDED,
    changed=N_("It cannot be extended"),
    back=N_("Back to the request's time"),
    beside={"--informed: ": "informed"},
)
