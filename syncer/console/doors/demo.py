"""The door of `syncer demo --console`: a link that opens one session, and a click that stands for a second factor.

No other site has it.
"""

from __future__ import annotations

import secrets
from threading import Lock
from typing import TYPE_CHECKING

from flask import Blueprint, abort, current_app, g, redirect, request
from werkzeug.wrappers import Response

from syncer.console.access import let_in, public, signed_in
from syncer.console.desk import desk
from syncer.console.guardrails import network
from syncer.console.pages import page, seen_other
from syncer.console.sign_in.demo_people import DEMO_PEOPLE
from syncer.console.sign_in.sessions import hashed
from syncer.console.ways import back

if TYPE_CHECKING:
    from flask import Flask

    from syncer.domain.permissions import Role

#: how the sessions of the demo were opened
VIA = "demo"
_DOOR = "syncer demo"


class DemoDoor:
    """The links that are out: each opens one session of the person of its role."""

    def __init__(self) -> None:
        self._open: dict[str, Role] = {}
        self._lock = Lock()

    def install(self, site: Flask) -> None:
        """Give a site this door, and let a click be the second factor there."""
        site.extensions[_DOOR] = self
        site.register_blueprint(_views())
        site.view_functions["sign_in.step_up"] = _ask_again

    def link(self, role: Role) -> str:
        """Return the path of a new link for the person of a role."""
        token = secrets.token_urlsafe(24)
        with self._lock:
            self._open[hashed(token)] = role
        return f"/demo/{token}"

    def of(self, token: str) -> Role | None:
        """Return whose link this is; None for one that is used up, or is none."""
        return self._open.get(hashed(token))

    def use(self, token: str) -> Role | None:
        """Return whose link this is, and let it be used up."""
        with self._lock:
            return self._open.pop(hashed(token), None)


def _views() -> Blueprint:
    views = Blueprint("demo", __name__)
    views.add_url_rule("/demo/<token>", view_func=_knock, endpoint="knock", methods=["GET"])
    views.add_url_rule("/demo/<token>", view_func=_enter, endpoint="enter", methods=["POST"])
    views.add_url_rule("/demo", view_func=_step_up, endpoint="step_up", methods=["POST"])
    return views


def _door() -> DemoDoor:
    door: DemoDoor = current_app.extensions[_DOOR]
    return door


@public
def _knock(token: str) -> Response:
    """Show who would go in; opens nothing, so that whatever looks at links ahead does not use this one up."""
    role = _door().of(token)
    if role is None:
        abort(404)
    return page("demo/enter.html", name=DEMO_PEOPLE[role], role=role, token=token)


@public
def _enter(token: str) -> Response:
    """Open the session."""
    role = _door().use(token)
    if role is None:
        abort(404)
    here = desk()
    with here.app.transactions.write() as tx:
        name, of = DEMO_PEOPLE[role], network(request, here.settings)
        cookie = here.sessions.open(tx, name, VIA, of, stepped_up=True)
    return let_in(seen_other("overview.overview"), cookie)


@signed_in
def _ask_again() -> Response:
    """Ask for a second factor, which is a click here."""
    return page("demo/again.html", wanted=request.args.get("next", "/"))


@signed_in
def _step_up() -> Response:
    """Take the click for a second factor."""
    here = desk()
    with here.app.transactions.write() as tx:
        cookie = here.sessions.step_up(tx, g.person)
    return let_in(redirect(back(request.form.get("next", "/")), 303), cookie)
