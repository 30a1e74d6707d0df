"""Signing in at an identity provider: there and back, and once with the code that binds an account to it."""

from __future__ import annotations

import hmac
import secrets
from datetime import timedelta

from flask import Blueprint, abort, current_app, g, redirect, request
from pydantic import Field
from werkzeug.wrappers import Response

from syncer.audit.transaction import Transaction
from syncer.console.access import let_in, public, trying
from syncer.console.desk import Desk, desk
from syncer.console.doors.oidc import LASTS, SignInElsewhere, begin, of_cookie
from syncer.console.forms import Form, UnfitForm, sent
from syncer.console.keeping.identities import Identities
from syncer.console.keeping.once import OnceStore
from syncer.console.pages import announce, oidc_label, page, seen_other
from syncer.console.sign_in.accounts import Account
from syncer.console.sign_in.housekeeping import tidy
from syncer.console.sign_in.person import OIDC
from syncer.console.ways import back
from syncer.database.failures import retry_on_conflict
from syncer.errors import SettingsProblem
from syncer.language.texts import N_, _
from syncer.log import get_logger
from syncer.oidc.id_token import Expected, subject_of
from syncer.oidc.provider import ConsoleClient, Provider
from syncer.oidc.refusals import BadToken, ProviderAway, ProviderRefuses, StillAway, UnknownKey
from syncer.settings.console.doors import OidcDoor
from syncer.settings.secret_file import read

views = Blueprint("oidc", __name__)

BOUND = announce("bound", N_("From now on you sign in there. You are signed in."))
#: how long the page waits for the code to begin with
WAITS = timedelta(minutes=15)
_NO_CODE = N_("This code is not right, was used, or is older than 24 hours. Ask whoever gave it to you for a new one.")
_STATE, _STRANGER = "oidc", "oidc-stranger"
_LONGEST_CODE = 4096


class BindingForm(Form):
    """The code that somebody was given."""

    enrolment: str = Field(min_length=1, max_length=100)


@views.get("/sign-in/oidc")
@public
def start() -> Response:
    """Send somebody to the provider; a link leads here, as the policy lets no form be sent on to elsewhere."""
    here = desk()
    door = _door(here)
    attempt = begin(here.app.keyring.console_key, back(request.args.get("next", "/")), here.app.clock())
    try:
        way = _provider(door).way_in(_client(here, door), attempt.state, attempt.nonce, attempt.verifier)
    except ProviderAway as away:
        return _away(door, away)
    return _with_cookie(here, redirect(way, 303), "", attempt.cookie, LASTS)


@views.get("/sign-in/oidc/back")
@public
def came_back() -> Response:
    """Let somebody in whom the provider sends back, ask for the code that binds an account to them, or refuse."""
    here = desk()
    door = _door(here)
    try:
        attempt = _attempt(here, door)
        subject = _subject(here, door, attempt)
    except BadToken as bad:
        return _refused(door, f"the identity provider's word: {bad}")
    except ProviderAway as away:
        return _away(door, away)
    account = Identities(here.app.transactions).of(door.issuer, subject)
    if account is None:
        entry = _kept(here, door, subject)
        return _with_cookie(here, seen_other("oidc.stranger"), "-bind", entry, WAITS)
    return _let_in(here, door, account, subject, redirect(back(attempt.to), 303))


@views.get("/sign-in/oidc/bind")
@public
def stranger() -> Response:
    """Ask somebody whom nobody here knows yet for the code that they were given."""
    _door(desk())
    return page("account/oidc_bind.html", label=oidc_label(), errors={})


@views.post("/sign-in/oidc/bind")
@public
def bind() -> Response:
    """Bind the account of a code to whoever the provider sent, and sign them in."""
    here = desk()
    door = _door(here)
    try:
        code = sent(BindingForm).enrolment
    except UnfitForm as unfit:
        return page("account/oidc_bind.html", 422, label=oidc_label(), errors=unfit.errors)
    account = here.accounts().of_code(code)
    if account is None:
        wait = trying().not_a_code()
        errors = {"enrolment": _(_NO_CODE)}
        return _waiting(page("account/oidc_bind.html", 429 if wait else 422, label=oidc_label(), errors=errors), wait)
    subject = _bound(here, door, account, code)
    if subject is None:
        return _refused(door, "whom to bind the account to was not known, or was bound already", account)
    answer = _let_in(here, door, account, subject, seen_other("me.me", said=BOUND), by_code=True)
    answer.delete_cookie(_cookie(here, "-bind"), path=here.path, secure=True, httponly=True, samesite="Lax")
    return answer


def _attempt(here: Desk, door: OidcDoor) -> SignInElsewhere:
    """Return the sign-in that this browser began, and let nobody come back by it again. Raises BadToken."""
    cookie, now = request.cookies.get(_cookie(here), ""), here.app.clock()
    attempt, given = of_cookie(here.app.keyring.console_key, cookie, now), request.args.get("state", "")
    if attempt is None or not hmac.compare_digest(attempt.state.encode(), given.encode("utf-8", "replace")):
        raise BadToken("this browser began no such sign-in, or too long ago")
    if "error" in request.args or not 0 < len(request.args.get("code", "")) <= _LONGEST_CODE:
        raise BadToken("it signed nobody in")  # before anything is kept of it: whoever comes so fills no table
    said = request.args.getlist("iss")
    if said != [door.issuer] and (said or _provider(door).endpoints().says_issuer):
        raise BadToken("another issuer sent somebody back")
    if not OnceStore(here.app.transactions).use(_STATE, attempt.state, attempt.until + timedelta(minutes=1)):
        raise BadToken("it was used before")
    return attempt


def _subject(here: Desk, door: OidcDoor, attempt: SignInElsewhere) -> str:
    """Return whom the provider names for the code that came back. Raises BadToken, ProviderAway."""
    provider = _provider(door)
    try:
        token = provider.redeem(_client(here, door), request.args["code"], attempt.verifier)
    except ProviderRefuses:
        raise BadToken("it does not know the code that came back") from None
    expected = Expected(door.issuer, door.client_id, attempt.nonce)
    try:
        return subject_of(token, provider.keys(), expected, here.app.clock())
    except UnknownKey:  # it may have got a new one
        return subject_of(token, provider.keys(anew=True), expected, here.app.clock())
    except ImportError:
        raise ProviderAway("list-syncer[oidc] is not installed here") from None


@retry_on_conflict
def _kept(here: Desk, door: OidcDoor, subject: str) -> str:
    entry = secrets.token_urlsafe(32)
    with here.app.transactions.write() as tx:
        said = {"issuer": door.issuer, "subject": subject}
        OnceStore(here.app.transactions).keep(tx, _STRANGER, entry, tx.now + WAITS, said)
    return entry


@retry_on_conflict
def _bound(here: Desk, door: OidcDoor, account: Account, code: str) -> str | None:
    """Bind an account to whoever this browser came back as; return who that is, or None."""
    entry = request.cookies.get(_cookie(here, "-bind"), "")
    acting = trying().acting(account.name, OIDC).transactions
    with acting.write() as tx:
        said = OnceStore(acting).take(tx, _STRANGER, entry)
        if said is None or said["issuer"] != door.issuer:
            return None
        bound = Identities(acting).bind(tx, account, code, door.issuer, said["subject"])
        return said["subject"] if bound else None


def _let_in(
    here: Desk, door: OidcDoor, account: Account, subject: str, answer: Response, *, by_code: bool = False
) -> Response:
    before, bonds = g.person.session if g.person else None, Identities(here.app.transactions)

    def still(tx: Transaction) -> bool:
        return bonds.is_still(tx, account, door.issuer, subject)

    cookie = trying().recognised(account, OIDC, before, still, by_code=by_code)
    tidy(here)
    if cookie is None:
        return _refused(door, "the account is disabled, or changed meanwhile", account)
    answer.delete_cookie(_cookie(here), path=here.path, secure=True, httponly=True, samesite="Lax")
    return let_in(answer, cookie)


def _refused(door: OidcDoor, why: str, account: Account | None = None) -> Response:
    wait = trying().not_vouched(OIDC, why, account)
    return _waiting(page("account/oidc_refused.html", 429 if wait else 403, label=oidc_label(), away=False), wait)


def _away(door: OidcDoor, away: ProviderAway) -> Response:
    if not isinstance(away, StillAway):  # told already; whoever goes on asking fills no log
        get_logger("syncer.console").warning("oidc.away", reason=str(away))
    answer = page("account/oidc_refused.html", 503, label=oidc_label(), away=True)
    return _waiting(answer, 10)


def _waiting(answer: Response, seconds: int) -> Response:
    if seconds:
        answer.headers["Retry-After"] = str(seconds)
    return answer


def _with_cookie(here: Desk, answer: Response, kind: str, value: str, lasts: timedelta) -> Response:
    answer.set_cookie(
        _cookie(here, kind), value, max_age=lasts, path=here.path, secure=True, httponly=True, samesite="Lax"
    )
    return answer


def _cookie(here: Desk, kind: str = "") -> str:
    return f"{here.cookie}-oidc{kind}"


def _client(here: Desk, door: OidcDoor) -> ConsoleClient:
    try:
        secret = read("[console.oidc] secret_file", door.secret_file)
    except SettingsProblem:
        raise ProviderAway("the secret of [console.oidc] cannot be read; `syncer check` says more") from None
    return ConsoleClient(door.client_id, secret, f"{here.settings.url}sign-in/oidc/back")


def _provider(door: OidcDoor) -> Provider:
    found: Provider = current_app.extensions.setdefault("syncer oidc", Provider(door.issuer))
    return found


def _door(here: Desk) -> OidcDoor:
    door = here.settings.oidc
    if door is None:
        abort(404)
    return door
