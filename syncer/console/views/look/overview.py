"""`/`: what needs somebody, and what is new since one last looked."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, request
from flask.blueprints import BlueprintSetupState
from werkzeug.wrappers import Response

from syncer.console.access import needs, person
from syncer.console.desk import desk
from syncer.console.pages import BadInput, page, seen_other
from syncer.console.reading.standing import news
from syncer.console.reading.standing import overview as standing
from syncer.console.views.look import asked as asking
from syncer.console.views.look import at_hand, plots, words
from syncer.domain.codes import GUARDED
from syncer.domain.permissions import Permission
from syncer.language.texts import _
from syncer.reports.wording.account import account

views = Blueprint("overview", __name__)
BEFORE = "before"


@views.record_once
def _furnish(state: BlueprintSetupState) -> None:
    at_hand.furnish(state.app)
    words.furnish(state.app)


@views.get("/")
@needs(Permission.VIEW)
def overview() -> Response:
    """Show what needs somebody."""
    asked = asking.read("follow", "since")
    if asked.get("since", BEFORE) != BEFORE:
        raise BadInput(_("What is new is told since you last looked, or since the time before that."))
    app, stands, figures = desk().app, at_hand.how_it_stands(), at_hand.weekly()
    lanes, titles = stands.status.destinations, at_hand.names()
    marks = news.marks(app, person().name)
    since = marks and (marks.before if "since" in asked else marks.last)
    shown = [plots.received(figures), plots.confirmed(figures), plots.open_by_age(figures)]
    answer = page(
        "look/overview.html",
        stands=stands,
        sentence=account(stands.summary, stands.stopped) if stands.summary.requests else "",
        needs=standing.needs(app, stands),
        titles=titles,
        causes=asking.CAUSES,
        guarded_code=GUARDED,
        marks=marks,
        news=news.news(app, since) if since else None,
        now=app.clock(),
        plots=[*shown, plots.deletions(lanes, titles)],
        following="follow" in asked,
    )
    return asking.followed(answer, asked)


@views.post("/seen")
@needs(Permission.VIEW)
def seen() -> Response:
    """Note that who is signed in has seen all that the overview showed them until then."""
    app, given = desk().app, request.form.getlist("until")
    try:
        until = datetime.fromisoformat(given[0]) if len(given) == 1 else None
        until = until.astimezone(UTC) if until is not None and until.tzinfo is not None else None
    except (ValueError, OverflowError):  # also a moment that UTC does not have
        until = None
    if until is None:
        raise BadInput(_("Until when you have seen everything was not said. Open the overview again."))
    news.looked(app, person().name, min(until, app.clock()))
    return seen_other("overview.overview")
