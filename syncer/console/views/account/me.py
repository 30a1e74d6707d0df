"""`/me`: one's own account, the places where one is signed in, and what one signs in with."""

from __future__ import annotations

from flask import Blueprint, request
from pydantic import Field
from werkzeug.wrappers import Response

from syncer.console.access import first_factor, has_leave, let_out, person, signed_in, stepped_up, stepping_up, trying
from syncer.console.desk import desk
from syncer.console.forms import Form, UnfitForm, sent
from syncer.console.guardrails import network
from syncer.console.pages import announce, page, seen_other
from syncer.console.sign_in import passwords, totp
from syncer.console.sign_in.accounts import Account
from syncer.console.views.account.app import paired_step, pairing
from syncer.console.views.account.choosing import DIFFERENT, WRONG_CODE, PasswordAndAppForm, choice
from syncer.console.views.account.passkeys import own_passkeys
from syncer.console.views.account.wording import factor, language_name, via
from syncer.language.texts import LANGUAGES, N_, _

views = Blueprint("me", __name__)

ENDED = announce("session-ended", N_("The session was ended."))
OTHERS_ENDED = announce("sessions-ended", N_("All your other sessions were ended."))
PASSWORD_CHANGED = announce("password-changed", N_("Your password was changed, and your other sessions were ended."))
PASSWORD_ADDED = announce("password-added", N_("You can sign in with a password, too. Your other sessions were ended."))
APP_ADDED = announce("app-added", N_("Your app was added. Its codes are your second factor from now on."))
APP_CHANGED = announce("app-changed", N_("Your app was changed, and your other sessions were ended."))
SPOKEN = announce("language-set", N_("The language was set."))
_WRONG_PASSWORD = N_("This is not your present password.")
_TOO_OFTEN = N_("There were too many tries. Wait a minute, then try it again.")
_UNREADABLE = N_("Choose from what stands on this page.")
#: characters of a session's hash by which a form names it: nothing is opened with them
_SHORT = 16


class SessionForm(Form):
    """Which session is to end."""

    session: str = Field(pattern=r"^[0-9a-f]{16}$")


class LanguageForm(Form):
    """The language that somebody reads; empty for that of their browser."""

    language: str = Field(max_length=16)


class PasswordForm(Form):
    """The present password and the next one."""

    present: str = Field(min_length=1)
    password: str = Field(min_length=1)
    again: str = ""


class AppForm(Form):
    """The first code of another app."""

    pairing: str = ""
    code: str = Field(min_length=1, max_length=32)


@views.get("/me")
@signed_in
def me() -> Response:
    """Show one's own account."""
    return _me({})


@views.post("/me/sessions/end")
@signed_in
def end_session() -> Response:
    """End one of one's own sessions."""
    here, form, own = desk(), sent(SessionForm), person()
    hashes = [each.hash for each in here.sessions.of(own.name) if each.hash.startswith(form.session)]
    with here.acting().transactions.write() as tx:
        if here.sessions.end(tx, *hashes):
            tx.audit.add("console:signed_out", facts={"user": own.name, "sessions": len(hashes)})
    if own.session in hashes:
        return let_out(seen_other("sign_in.sign_in", said="signed-out"))
    return seen_other("me.me", said=ENDED)


@views.post("/me/sessions/end-others")
@signed_in
def end_others() -> Response:
    """End all of one's own sessions but this one."""
    here, own = desk(), person()
    with here.acting().transactions.write() as tx:
        if ended := here.sessions.end_all(tx, own.name, but=own.session):
            tx.audit.add("console:signed_out", facts={"user": own.name, "sessions": ended})
    return seen_other("me.me", said=OTHERS_ENDED)


@views.post("/me/language")
@signed_in
def language() -> Response:
    """Choose the language of the pages."""
    wanted = sent(LanguageForm).language
    desk().accounts().speak(person().name, wanted if wanted in LANGUAGES else None)
    return seen_other("me.me", said=SPOKEN)


@views.post("/me/password")
@stepped_up
def change_password() -> Response:
    """Replace the password, for whoever knows the present one."""
    account = _own()
    if account is None or account.password is None:
        return seen_other("me.me")
    try:
        form = sent(PasswordForm)
    except UnfitForm as unfit:
        return _me(unfit.errors)
    here, own = desk(), person()
    bucket = here.throttle.of_account("password", own.name, network(request, here.settings))
    often = here.throttle.take([bucket]) > 0
    if often or not passwords.is_right(form.present, account.password):
        trying().not_the_password(account, bucket, own.via)
        return _me({"present": _(_TOO_OFTEN if often else _WRONG_PASSWORD)})
    if objection := passwords.objection(form.password, account.name):
        return _me({"password": _(objection)})
    if form.password != form.again:
        return _me({"again": _(DIFFERENT)})
    if not here.factors().change_password(account, form.password, own.session):
        return seen_other("me.me")
    return seen_other("me.me", said=PASSWORD_CHANGED)


@views.get("/me/password/new")
@stepped_up
def new_password() -> Response:
    """Show how to add a password and an app to one's passkeys."""
    account = _own()
    return _password(account, "", {}) if account is not None and account.may_add_password else seen_other("me.me")


@views.post("/me/password/new")
@stepped_up
def add_password() -> Response:
    """Add a password and an app that shows its first code: another way to sign in beside one's passkeys."""
    account = _own()
    if account is None or not account.may_add_password:
        return seen_other("me.me")
    try:
        form = sent(PasswordAndAppForm)
    except UnfitForm as unfit:
        return _password(account, request.form.get("pairing", ""), unfit.errors)
    chosen = choice(account, form)
    if chosen.errors:
        return _password(account, form.pairing, chosen.errors)
    if not desk().factors().add_password(account, form.password, chosen.secret, chosen.step, person().session):
        return seen_other("me.me")
    return seen_other("me.me", said=PASSWORD_ADDED)


@views.get("/me/app")
@first_factor
def new_app() -> Response:
    """Show the secret of an app: the first one, or another."""
    return _app("", {}) if _may_have_app(_own()) else seen_other("me.me")


@views.post("/me/app")
@first_factor
def change_app() -> Response:
    """Go on with this app, once it shows its first code."""
    account, is_first = _own(), has_leave()
    if account is None or not _may_have_app(account):
        return seen_other("me.me")
    try:
        form = sent(AppForm)
    except UnfitForm as unfit:
        return _app(request.form.get("pairing", ""), unfit.errors)
    app = pairing(account.name, form.pairing)
    step = paired_step(app, form.code)
    if step is None:
        return _app(form.pairing, {"code": _(WRONG_CODE)})
    if not desk().factors().change_app(account, app.secret, step, person().session, is_first=is_first):
        return seen_other("me.me")
    answer = seen_other("me.me", said=APP_CHANGED if account.totp_sealed else APP_ADDED)
    return stepping_up(answer) if is_first else answer


@views.errorhandler(UnfitForm)
def _unfit(_error: UnfitForm) -> Response:
    return _me({"sessions": _(_UNREADABLE)})


def _app(sealed: str, errors: dict[str, str]) -> Response:
    app, account = pairing(person().name, sealed), _own()
    has_one = account is not None and account.totp_sealed is not None
    shown = {"app": app, "qr": totp.drawn(app.address), "has_one": has_one, "errors": errors}
    return page("account/app.html", 422 if errors else 200, **shown)


def _password(account: Account, sealed: str, errors: dict[str, str]) -> Response:
    app, optional = pairing(account.name, sealed), not account.needs_second_factor(desk().settings.second_factor)
    shown = {"account": account, "app": app, "qr": totp.drawn(app.address), "optional": optional, "errors": errors}
    return page("account/new_password.html", 422 if errors else 200, **shown)


def _may_have_app(account: Account | None) -> bool:
    """Say whether an app is of use to somebody: beside a password, or beside an identity provider."""
    return account is not None and bool(account.password or account.oidc_subject)


def _me(errors: dict[str, str]) -> Response:
    own, account = person(), _own()
    return page(
        "account/me.html", 422 if errors else 200, account=account, sessions=desk().sessions.of(own.name),
        short=_SHORT, languages=LANGUAGES, errors=errors, may_begin=has_leave(), may_have_app=_may_have_app(account),
        via=via, factor=factor, language_name=language_name, **own_passkeys(account),
    )  # fmt: skip


def _own() -> Account | None:
    """Return one's own account; None for somebody who came without one."""
    return desk().accounts().find(person().name)
