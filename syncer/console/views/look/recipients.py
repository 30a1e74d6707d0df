"""`/recipients/`: whether they work, and what waits at each."""

from __future__ import annotations

from flask import Blueprint, abort
from werkzeug.wrappers import Response

from syncer.console.access import needs
from syncer.console.desk import desk
from syncer.console.pages import page
from syncer.console.reading.standing.destinations import last_confirmation
from syncer.console.reading.unreadable import Uncountable, readable
from syncer.console.views.look import asked as asking
from syncer.console.views.look.at_hand import how_it_stands, names
from syncer.console.views.look.plots import deletions, health
from syncer.console.views.look.words import closed_otherwise
from syncer.domain.permissions import Permission
from syncer.reports.wording.needs import BY_OPERATOR, pause_reason

views = Blueprint("recipients", __name__)


@views.get("/recipients/")
@needs(Permission.VIEW)
def recipients() -> Response:
    """Show how every recipient stands."""
    asked = asking.read("follow")
    stands, titles = how_it_stands(), names()
    lanes = stands.status.destinations
    with readable(Uncountable):
        why_paused = {each: pause_reason(lane) for each, lane in lanes.items()}
    answer = page(
        "look/recipients.html",
        lanes=lanes,
        some_unseen=any(map(closed_otherwise, lanes.values())),
        titles=titles,
        last=last_confirmation(desk().app, list(lanes)),
        plots=[deletions(lanes, titles), health(lanes, titles)],
        now=stands.at,
        following="follow" in asked,
        why_paused=why_paused,
    )
    return asking.followed(answer, asked)


@views.get("/recipients/<name>/")
@needs(Permission.VIEW)
def recipient(name: str) -> Response:
    """Show how one recipient stands."""
    asked = asking.read("follow")
    stands, app = how_it_stands(), desk().app
    lane = stands.status.destinations.get(name)
    if lane is None:
        abort(404)
    with readable(Uncountable):
        why_paused = pause_reason(lane)
    answer = page(
        "look/recipient.html",
        name=name,
        lane=lane,
        row=app.leases.get(name),
        title=names().get(name, name),
        last=last_confirmation(app, [name])[name],
        now=stands.at,
        by_a_person=lane.paused_by == BY_OPERATOR,
        why_paused=why_paused,
        following="follow" in asked,
    )
    return asking.followed(answer, asked)
