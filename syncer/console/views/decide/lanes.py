"""`/recipients/NAME/pause` and `…/resume`: the work at a recipient rests, or goes on."""

from __future__ import annotations

from flask import Blueprint, abort, url_for
from werkzeug.wrappers import Response

from syncer.console.access import needs
from syncer.console.desk import desk
from syncer.console.forms import UnfitForm, sent
from syncer.console.pages import announce, has_endpoint, page, seen_other
from syncer.console.views.decide import deciding
from syncer.console.views.decide.deciding import ReasonForm
from syncer.decisions.four_eyes.authority import NotAllowed
from syncer.domain.permissions import Permission
from syncer.language.texts import N_

views = Blueprint("lanes", __name__)
PAUSED = announce("paused", N_("The recipient is paused: nothing is carried out there until somebody resumes it."))
RESUMED = announce("resumed", N_("The work at the recipient goes on."))


@views.post("/recipients/<name>/pause")
@needs(Permission.WORK)
def pause(name: str) -> Response:
    """Let the work at a recipient rest until somebody resumes it."""
    return _change(name, pauses=True)


@views.post("/recipients/<name>/resume")
@needs(Permission.WORK)
def resume(name: str) -> Response:
    """Let the work at a recipient go on."""
    return _change(name, pauses=False)


def _change(name: str, *, pauses: bool) -> Response:
    app = desk().acting()
    if not name.isprintable() or app.leases.get(name) is None:
        abort(404)
    try:
        form = sent(ReasonForm)
    except UnfitForm as unfit:
        return _page(name, pauses, unfit.errors)
    try:
        # the second of two forms finds it done, and changes nothing
        if pauses:
            app.interventions.pause(name, form.reason, once=True)
        else:
            app.interventions.resume(name, form.reason, once=True)
    except NotAllowed:
        abort(403)
    return _to_lane(name, PAUSED if pauses else RESUMED)


def _to_lane(name: str, said: str) -> Response:
    if has_endpoint("recipients.recipient"):
        return seen_other("recipients.recipient", name=name, said=said)
    return seen_other("overview.overview", said=said)


def _page(name: str, pauses: bool, errors: dict[str, str]) -> Response:
    where = "lanes.pause" if pauses else "lanes.resume"
    values = {"name": name, "pauses": pauses, "errors": errors, "typed": deciding.typed("reason")}
    return page("decide/lane.html", 422, action=url_for(where, name=name), **values)
