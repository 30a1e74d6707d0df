"""Coming over from WordPress: its administrators are signed in there already, and the plugin vouches for them."""

from __future__ import annotations

import secrets
from datetime import timedelta
from urllib.parse import urlsplit

from flask import Blueprint, abort, g, redirect, request
from werkzeug.wrappers import Response

from syncer.console.access import let_in, public, trying
from syncer.console.desk import Desk, desk
from syncer.console.doors.ticket import BadTicket, TicketHolder, read_ticket
from syncer.console.guardrails import cross_site
from syncer.console.keeping.once import OnceStore, Said
from syncer.console.pages import page
from syncer.console.sign_in.housekeeping import tidy
from syncer.console.sign_in.person import WORDPRESS
from syncer.console.ways import back
from syncer.database.failures import retry_on_conflict
from syncer.domain.permissions import FROM_WORDPRESS, permissions
from syncer.errors import SettingsProblem
from syncer.settings.console.doors import WordPressDoor
from syncer.settings.secret_file import read

views = Blueprint("wordpress", __name__)
#: how long the page waits for the click that goes on
WAITS = timedelta(minutes=5)
_TICKET, _ENTRY = "ticket", "entry"


@views.post("/sign-in/wordpress")
@public
@cross_site
def arrive() -> Response:
    """Take a ticket, and ask whether to go on: who was sent here by somebody else reads as whom."""
    here = desk()
    door = _door(here)
    try:
        holder = _believed(here, door, request.form.get("ticket", ""))
    except BadTicket as bad:
        return _refused(f"a ticket of WordPress: {bad}")
    entry = _kept(here, holder)
    site, user = urlsplit(door.issuer).hostname, holder.who.partition(":")[2]
    return page(
        "account/wordpress.html", site=site, user=user, entry=entry, may=permissions([door.role]) & FROM_WORDPRESS
    )


@views.post("/sign-in/wordpress/go-on")
@public
def go_on() -> Response:
    """Open the session of whoever came with a ticket, once."""
    here = desk()
    door = _door(here)
    said = _taken(here, request.form.get("entry", ""))
    if said is None:
        return _refused("a ticket of WordPress: nobody went on in time")
    before = g.person.session if g.person else None
    cookie = trying().vouched(f"wp:{said['who']}", WORDPRESS, [door.role], before)
    tidy(here)
    return let_in(redirect(back(said["to"]), 303), cookie)


def _believed(here: Desk, door: WordPressDoor, ticket: str) -> TicketHolder:
    """Return the holder of a ticket that was not used before. Raises BadTicket."""
    try:
        secret = read("[console.wordpress] secret_file", door.secret_file).encode()
    except SettingsProblem:  # whoever knocks learns nothing of it; the log and `syncer check` do
        raise BadTicket("our secret cannot be read; `syncer check` says more") from None
    holder = read_ticket(ticket, secret, door.issuer, here.settings.url, here.app.clock())
    if not OnceStore(here.app.transactions).use(_TICKET, holder.once, holder.until):
        raise BadTicket("it was used before")
    return holder


@retry_on_conflict
def _kept(here: Desk, holder: TicketHolder) -> str:
    entry = secrets.token_urlsafe(32)
    with here.app.transactions.write() as tx:
        said = {"who": holder.who, "to": holder.to}
        OnceStore(here.app.transactions).keep(tx, _ENTRY, entry, tx.now + WAITS, said)
    return entry


@retry_on_conflict
def _taken(here: Desk, entry: str) -> Said | None:
    if not OnceStore(here.app.transactions).holds(_ENTRY, entry):
        return None
    with here.app.transactions.write() as tx:
        return OnceStore(here.app.transactions).take(tx, _ENTRY, entry)


def _refused(why: str) -> Response:
    wait = trying().not_vouched(WORDPRESS, why)
    answer = page("account/wordpress_refused.html", 429 if wait else 403)
    if wait:
        answer.headers["Retry-After"] = str(wait)
    return answer


def _door(here: Desk) -> WordPressDoor:
    door = here.settings.wordpress
    if door is None:
        abort(404)
    return door
