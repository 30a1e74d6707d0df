"""Coming in by a proxy that signs people in: a button of the sign-in page, since opening a page changes nothing."""

from __future__ import annotations

from flask import Blueprint, abort, g, redirect, request
from werkzeug.wrappers import Response

from syncer.console.access import let_in, public, trying, trying_by
from syncer.console.desk import desk
from syncer.console.doors.proxy import BadProxyHeader, ProxyTries, whom_it_names
from syncer.console.pages import error_page
from syncer.console.sign_in.housekeeping import tidy
from syncer.console.sign_in.person import PROXY
from syncer.console.ways import back
from syncer.language.texts import _

views = Blueprint("proxy", __name__)


@views.post("/sign-in/proxy")
@public
def go_on() -> Response:
    """Open the session of whom the proxy names, where there is such a door."""
    here = desk()
    if here.settings.proxy is None:
        abort(404)
    try:
        account = whom_it_names(here, here.settings.proxy)
    except BadProxyHeader as bad:
        return _refused(str(bad))
    cookie = trying_by(ProxyTries).named(account, g.person.session if g.person else None)
    tidy(here)
    if cookie is None:
        return _refused("the account is disabled")
    return let_in(redirect(back(request.form.get("next", "/")), 303), cookie)


def _refused(why: str) -> Response:
    wait = trying().not_vouched(PROXY, why)
    said = _("The proxy in front of this console names nobody who may sign in here. Sign in in another way.")
    answer = error_page(429 if wait else 403, _("You are not signed in"), said)
    if wait:
        answer.headers["Retry-After"] = str(wait)
    return answer
