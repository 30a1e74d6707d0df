"""`/requests/ID/`: what happened, and how that is known."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, url_for
from werkzeug.wrappers import Response

from syncer.app import App
from syncer.console.access import needs
from syncer.console.desk import desk
from syncer.console.pages import page
from syncer.console.reading.requests.names import ids_named, is_name
from syncer.console.reading.requests.rows import UNREADABLE, in_address
from syncer.console.reading.requests.story import story
from syncer.console.views.look import asked as asking
from syncer.console.views.look import words
from syncer.console.views.look.at_hand import names
from syncer.database.connections import reading
from syncer.domain.model import CLOSED
from syncer.domain.permissions import Permission
from syncer.reports.views import EventView

views = Blueprint("request", __name__)


@views.get("/requests/<event_id>/")
@needs(Permission.VIEW)
def request_page(event_id: str) -> Response:
    """Show one request; a case number or the beginning of an id leads to it, or to a list where it fits several."""
    asked = asking.read("follow")
    found = story(desk().app, event_id) if in_address(event_id) else None
    if found is None:
        return _elsewhere(event_id)
    view = found.view
    answer = page(
        "look/request.html",
        story=found,
        view=view,
        told=found.told,
        sentence=words.sentence(view) if view else "",
        lateness=words.lateness(view) if view else "",
        why_due=words.why_due(view) if view else "",
        held_for=words.held_for(view, found.entries) if view else "",
        closed=CLOSED,
        paused=_paused(view) if view else frozenset(),
        titles=names(),
        following="follow" in asked,
    )
    return asking.followed(answer, asked)


def _paused(view: EventView) -> frozenset[str]:
    """Return which of its recipients are paused, as far as their rows can be read."""
    app = desk().app
    return frozenset(each.destination for each in view.deliveries if _is_paused(app, each.destination))


def _is_paused(app: App, name: str) -> bool:
    if name not in app.settings.destinations:  # a name that somebody wrote may be one that no database can be asked for
        return False
    try:
        row = app.leases.get(name)
    except UNREADABLE:
        return False
    return row is not None and row.paused


def _elsewhere(text: str) -> Response:
    if not is_name(text):
        abort(404)
    app = desk().app
    with reading(app.engine) as connection:
        ids = [each for each in ids_named(connection, app.tables, text) if in_address(each)]
    if not ids:
        abort(404)
    if len(ids) > 1:
        return redirect(url_for("register.register", named=text))
    return redirect(url_for("request.request_page", event_id=ids[0]))
