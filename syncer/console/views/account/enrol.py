"""`/enrol`: with the code that they were given somebody chooses how they sign in from now on."""

from __future__ import annotations

from flask import Blueprint, g, request
from pydantic import Field
from werkzeug.wrappers import Response

from syncer.console.access import let_in, public, trying, trying_by
from syncer.console.desk import desk
from syncer.console.forms import Form, UnfitForm, sent
from syncer.console.pages import announce, page, seen_other
from syncer.console.sign_in import totp
from syncer.console.sign_in.accounts import Account
from syncer.console.sign_in.passkeys.ceremony import UnbelievedPasskey
from syncer.console.sign_in.passkeys.tries import PasskeyTries
from syncer.console.views.account import passkeys
from syncer.console.views.account.app import PairingApp, pairing
from syncer.console.views.account.choosing import ChosenFactors, PasswordAndAppForm, choice
from syncer.language.texts import N_, _

views = Blueprint("enrol", __name__)

ENROLLED = announce("enrolled", N_("From now on you sign in with what you chose. You are signed in."))
_NO_CODE = N_("This code is not right, was used, or is older than 24 hours. Ask whoever gave it to you for a new one.")


class CodeForm(Form):
    """The code that somebody was given."""

    enrolment: str = Field(min_length=1, max_length=100)


class PasskeyChoiceForm(passkeys.NewPasskeyForm, CodeForm):
    """A passkey with which somebody begins."""


class ChoiceForm(PasswordAndAppForm, CodeForm):
    """A password and an app with which somebody begins."""


@views.get("/enrol")
@public
def enrol() -> Response:
    """Ask for the code."""
    return page("account/enrol.html", errors={})


@views.post("/enrol")
@public
def enrol_sent() -> Response:
    """Show what there is to choose, to whoever has a code."""
    try:
        account = _whose(sent(CodeForm).enrolment)
    except UnfitForm as unfit:
        return page("account/enrol.html", 422, errors=unfit.errors)
    return _refused() if account is None else _choice(account, pairing(account.name), {})


@views.post("/enrol/choose")
@public
def choose() -> Response:
    """Keep what was chosen, once for each code, and sign its owner in."""
    try:
        form = sent(ChoiceForm)
    except UnfitForm as unfit:
        account = _whose(request.form.get("enrolment", ""))
        return _refused() if account is None else _choice(account, pairing(account.name), unfit.errors)
    account = _whose(form.enrolment)
    if account is None:
        return _refused()
    chosen = choice(account, form)
    return _choice(account, chosen.app, chosen.errors) if chosen.errors else _keep(account, form, chosen)


@views.post("/enrol/passkey")
@public
def choose_passkey() -> Response:
    """Begin with a passkey instead of password and app, once for each code, and sign its owner in."""
    account = _whose(request.form.get("enrolment", ""))
    if account is None:
        return _refused()
    signing_in, before = trying_by(PasskeyTries), g.person.session if g.person else None
    try:
        form = sent(PasskeyChoiceForm)
        label = passkeys.named(form.label)
        begun = signing_in.enrol_with_passkey(passkeys.party(), account, form.enrolment, form.answer, label)
    except UnfitForm as unfit:
        return _choice(account, pairing(account.name), unfit.errors)
    except UnbelievedPasskey:
        return _choice(account, pairing(account.name), {"label": _(passkeys.WRONG)})
    if not begun:
        return _refused()
    answer = signing_in.enrolled(account, stepped_up=True, before=before)
    return let_in(seen_other("overview.overview", said=ENROLLED), answer.cookie or "", answer.browser)


def _keep(account: Account, form: ChoiceForm, chosen: ChosenFactors) -> Response:
    before, signing_in = g.person.session if g.person else None, trying()
    if not signing_in.enrol(account, form.enrolment, form.password, chosen.secret, chosen.step):
        return _refused()
    answer = signing_in.enrolled(account, stepped_up=chosen.secret is not None, before=before)
    return let_in(seen_other("overview.overview", said=ENROLLED), answer.cookie or "", answer.browser)


def _whose(code: str) -> Account | None:
    return desk().accounts().of_code(code)


def _choice(account: Account, app: PairingApp, errors: dict[str, str]) -> Response:
    optional = not account.needs_second_factor(desk().settings.second_factor)
    enrolment = request.form.get("enrolment", "")
    return page(
        "account/choose.html", 422 if errors else 200, account=account, enrolment=enrolment, app=app,
        qr=totp.drawn(app.address), optional=optional, errors=errors,
        passkey=passkeys.to_enrol(enrolment, request.form.get("label", "")),
    )  # fmt: skip


def _refused() -> Response:
    wait = trying().not_a_code()
    answer = page("account/enrol.html", 429 if wait else 422, errors={"enrolment": _(_NO_CODE)})
    if wait:
        answer.headers["Retry-After"] = str(wait)
    return answer
