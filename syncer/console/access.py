"""Who may open which page: each view names its permission, and is asked for it before it is asked for anything else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import abort, current_app, g, redirect, request
from werkzeug.wrappers import Response

from syncer.console.desk import Desk, desk
from syncer.console.doors.proxy import proxied
from syncer.console.guardrails import network
from syncer.console.keeping.first_factor import FirstFactorLeave
from syncer.console.sign_in.flow import SigningIn
from syncer.console.sign_in.person import PROXY, Person
from syncer.console.sign_in.throttle import KNOWN, made_meanwhile
from syncer.console.ways import beside
from syncer.database.failures import retry_on_conflict
from syncer.domain.permissions import STEP_UP, Permission

View = TypeVar("View", bound=Callable[..., Any])
Tries = TypeVar("Tries", bound=SigningIn)


def needs(permission: Permission, *, step_up: bool = False) -> Callable[[View], View]:
    """Name the permission that a view asks for; `step_up` asks for a second factor even where that permission does not.

    Every view has this or `public`: a view without is a bug, and nobody may open it.
    """

    def mark(view: View) -> View:
        view.permission = permission  # type: ignore[attr-defined]
        view.step_up = step_up or permission in STEP_UP  # type: ignore[attr-defined]
        return view

    return mark


def public(view: View) -> View:
    """Mark a view that everybody may open."""
    view.public = True  # type: ignore[attr-defined]
    return view


def for_machines(view: View) -> View:
    """Mark a view that everybody may open and that is the same for all: nobody is asked who they are."""
    view.public = view.for_machines = True  # type: ignore[attr-defined]
    return view


def signed_in(view: View) -> View:
    """Mark a view that everybody who is signed in may open: one's own account."""
    view.for_all = True  # type: ignore[attr-defined]
    return view


def stepped_up(view: View) -> View:
    """Mark a view as `signed_in` does, for what asks for a second factor that is not older than ten minutes."""
    view.for_all = view.step_up = True  # type: ignore[attr-defined]
    return view


def first_factor(view: View) -> View:
    """Mark a view as `stepped_up` does, for choosing what one signs in with: open, too, to whoever may choose a first.

    Such a view has to use that leave up when it changes something: see `has_leave`.
    """
    view.for_all = view.step_up = view.first_factor = True  # type: ignore[attr-defined]
    return view


def person() -> Person:
    """Return who is signed in; for views that ask for a permission."""
    found: Person = g.person
    return found


def allowed() -> frozenset[Permission]:
    """Return what who is signed in may do here; nothing for nobody."""
    who: Person | None = g.get("person")
    if who is None:
        return frozenset()
    return desk().allowed_to(who)


def admit() -> Response | None:
    """Let the request pass, send it to the sign-in or to a second factor, or refuse it: 403.

    Permission comes before existence: whoever may not see a page does not learn whether it is there.
    """
    here, view = desk(), current_app.view_functions.get(request.endpoint or "")
    g.person = None
    if getattr(view, "for_machines", False):
        return None
    cookie = request.cookies.get(here.cookie)
    g.person = here.sessions.find(cookie) if cookie else None
    if g.person is not None and g.person.via == PROXY and proxied() != g.person.name:
        g.person = None  # the proxy signed them out, or somebody else in: its word holds for as long as it says it
    if view is None or getattr(view, "public", False):
        return None
    if g.person is None:
        return redirect(beside("sign_in.sign_in", "session-over"), 303)
    if not getattr(view, "for_all", False):
        permission = getattr(view, "permission", None)
        if permission is None or permission not in allowed():
            _note_refusal(here, request.endpoint or "")
            abort(403)
    if not getattr(view, "step_up", False) or g.person.is_stepped_up(here.app.clock()):
        return None
    if getattr(view, "first_factor", False) and has_leave():
        return None
    return redirect(beside("sign_in.step_up", "step-up-first"), 303)


def has_leave() -> bool:
    """Say whether who is signed in may choose a first factor of their own, and has shown none."""
    here, who = desk(), person()
    return not who.is_stepped_up(here.app.clock()) and FirstFactorLeave(here.app.transactions).is_given(who.session)


def trying() -> SigningIn:
    """Return what believes whoever sent the request, or does not."""
    return trying_by(SigningIn)


def trying_by(kind: type[Tries]) -> Tries:
    """Return what believes whoever sent the request, or does not, by another door than name and password."""
    here = desk()
    known = request.cookies.get(here.known_cookie, "")
    return kind(
        here.app, here.sessions, here.throttle, here.settings.second_factor, network(request, here.settings), known
    )


def let_in(answer: Response, cookie: str, browser: str = "") -> Response:
    """Give a browser the cookie of a session, which ends with the browser or before, and one by which it is known."""
    here = desk()
    answer.set_cookie(here.cookie, cookie, path=here.path, secure=True, httponly=True, samesite="Lax")
    if browser:
        answer.set_cookie(
            here.known_cookie, browser, max_age=KNOWN, path=here.path, secure=True, httponly=True, samesite="Lax"
        )
    return answer


@retry_on_conflict
def stepping_up(answer: Response) -> Response:
    """Let who is signed in go on under a new cookie: they showed a second factor just now."""
    here = desk()
    with here.acting().transactions.write() as tx:
        cookie = here.sessions.step_up(tx, person())
    return let_in(answer, cookie)


def let_out(answer: Response) -> Response:
    """Take the session's cookie away, and what a browser kept of these pages. It stays known: that opens nothing.

    Never `"cookies"`: that goes for the whole registered domain, WordPress beside us included. Nor `"cache"`: no page
    is ever stored, and it holds Chromium up for seconds. Below a prefix, what is stored may be another program's.
    """
    here = desk()
    answer.delete_cookie(here.cookie, path=here.path, secure=True, httponly=True, samesite="Lax")
    answer.headers["Clear-Site-Data"] = '"prefetchCache", "prerenderCache"' if here.settings.prefix else '"storage"'
    return answer


def _note_refusal(here: Desk, endpoint: str) -> None:
    """Note that somebody was refused a page, once in 15 minutes for each of them: reloading writes no second."""
    name = here.throttle.of_denial(person().name, endpoint)
    if not here.throttle.is_told(name):
        _tell(here, name, endpoint)


@made_meanwhile
@retry_on_conflict
def _tell(here: Desk, name: str, endpoint: str) -> None:
    with here.acting().transactions.write() as tx:
        if here.throttle.is_untold(tx, name):
            tx.audit.add("console:denied", facts={"page": endpoint})
