"""Passkeys: what a browser is asked, the forms that it fills in, and `/me/passkeys`, where one keeps one's own."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from flask import Blueprint, abort, request, url_for
from pydantic import AfterValidator, Field
from werkzeug.wrappers import Response

from syncer.console.access import first_factor, has_leave, person, public, signed_in, stepped_up, stepping_up, trying_by
from syncer.console.desk import desk
from syncer.console.forms import Form, UnfitForm, sent
from syncer.console.pages import BadInput, announce, error_page, page, seen_other
from syncer.console.sign_in.accounts import Account, code_hash
from syncer.console.sign_in.passkeys import ceremony
from syncer.console.sign_in.passkeys.ceremony import RelyingParty, UnbelievedPasskey
from syncer.console.sign_in.passkeys.challenges import LASTS, Purpose
from syncer.console.sign_in.passkeys.keys import Passkey, PasskeyBook
from syncer.console.sign_in.passkeys.tries import PasskeyTries
from syncer.language.texts import N_, _

views = Blueprint("passkeys", __name__)

ADDED = announce("passkey-added", N_("The passkey was added. You can sign in with it from now on."))
ADDED_TO_SHOW = announce("passkey-to-show", N_("The passkey was added. Show it where a second factor is asked for."))
CALLED = announce("passkey-called", N_("The passkey is called so now."))
REMOVED = announce("passkey-removed", N_("The passkey was removed, and your other sessions were ended."))
WRONG = N_("This passkey was not taken. Try it again, within five minutes of the browser's asking.")
_STAYS = N_("Nothing was removed: it is the last thing that you sign in with, or it was removed already.")
_NO_LABEL = N_("Write one line of up to 64 characters.")
_LABEL = 64
#: what a passkey is called that nobody gave a name
_UNNAMED = N_("Passkey")


@dataclass(frozen=True, slots=True)
class PasskeyForm:
    """A form that a passkey fills in: where it is sent, where its script asks, and what its button says.

    `makes` is for a form that makes a passkey, which has a `label`; `hidden` are fields that go along.
    """

    action: str
    asks: str
    said: str
    hidden: Mapping[str, str] = field(default_factory=dict)
    makes: bool = False
    label: str = ""


def _line(given: str) -> str:
    """Return a label as it is kept. Raises ValueError for more than a line."""
    if len(given) > _LABEL or not given.isprintable():
        raise ValueError(_NO_LABEL)
    return given.strip()


class AnswerForm(Form):
    """What a browser answered, as its script wrote it."""

    answer: str = Field(default="", max_length=ceremony.LONGEST_ANSWER)
    next: str = "/"


class NewPasskeyForm(AnswerForm):
    """A passkey that was made, and what it is to be called."""

    label: Annotated[str, AfterValidator(_line)] = ""


class LabelForm(Form):
    """Which of one's own passkeys is to be called what."""

    passkey: str = Field(pattern=r"^[0-9a-f]{64}$")
    label: Annotated[str, AfterValidator(_line)]


class RemovalForm(Form):
    """Which of one's own passkeys is to go."""

    passkey: str = Field(pattern=r"^[0-9a-f]{64}$")


# -- forms of other pages ---------------------------------------------------------------------------------------


def to_sign_in(wanted: str) -> PasskeyForm | None:
    """Return the form that signs in; None where browsers keep no passkeys for the console's address."""
    said, hidden = _("Sign in with a passkey"), {"next": wanted}
    where = url_for("sign_in.by_passkey"), url_for("passkeys.ask_to_sign_in")
    return PasskeyForm(*where, said, hidden) if ceremony.relying_party(desk().settings) else None


def to_step_up(account: Account | None, wanted: str) -> PasskeyForm | None:
    """Return the form that shows a passkey again, for whoever has one."""
    if account is None or not account.passkeys or ceremony.relying_party(desk().settings) is None:
        return None
    where = url_for("sign_in.step_up_by_passkey"), url_for("passkeys.ask_again")
    return PasskeyForm(*where, _("Show a passkey"), {"next": wanted})


def to_enrol(code: str, label: str = "") -> PasskeyForm | None:
    """Return the form that begins with a passkey, for whoever has a code."""
    if ceremony.relying_party(desk().settings) is None:
        return None
    where = url_for("enrol.choose_passkey"), url_for("passkeys.ask_to_enrol")
    return PasskeyForm(*where, _("Make a passkey, and sign in"), {"enrolment": code}, makes=True, label=label)


def own_passkeys(account: Account | None) -> dict[str, list[Passkey] | bool]:
    """Return what the list of one's own passkeys shows: them, and whether one could do without any."""
    held = PasskeyBook(desk().app.transactions).of(account.name) if account else []
    fit = ceremony.relying_party(desk().settings) is not None
    return {"passkeys": held, "works_without": account is not None and _works_without(account), "passkeys_fit": fit}


def named(label: str) -> str:
    """Return what a new passkey is called."""
    return label or _(_UNNAMED)


def party() -> RelyingParty:
    """Return who asks for passkeys here; there is no such page where nobody can."""
    found = ceremony.relying_party(desk().settings)
    if found is None:
        abort(404)
    return found


# -- what the script asks ---------------------------------------------------------------------------------------


@views.post("/sign-in/passkey/ask")
@public
def ask_to_sign_in() -> Response:
    """Say what to ask the browser of somebody who is nobody yet, which gets a cookie by which its answer is known."""
    here, bound = desk(), secrets.token_urlsafe(32)
    answer = _options(trying_by(PasskeyTries).ask_to_sign_in(party(), bound))
    answer.set_cookie(
        asking_cookie(), bound, max_age=LASTS, path=here.path, secure=True, httponly=True, samesite="Strict"
    )
    return answer


@views.post("/step-up/passkey/ask")
@signed_in
def ask_again() -> Response:
    """Say what to ask the browser of somebody who is signed in."""
    return _options(trying_by(PasskeyTries).ask_again(party(), person()))


@views.post("/enrol/passkey/ask")
@public
def ask_to_enrol() -> Response:
    """Say what to ask the browser of somebody who begins with a code."""
    code = request.form.get("enrolment", "")
    account = desk().accounts().of_code(code)
    if account is None:
        abort(403)
    return _options(trying_by(PasskeyTries).ask_for_new(party(), account, Purpose.ENROL, code_hash(code)))


@views.post("/me/passkeys/ask")
@first_factor
def ask_for_new() -> Response:
    """Say what to ask the browser of somebody who wants another passkey."""
    account = _own()
    return _options(trying_by(PasskeyTries).ask_for_new(party(), account, Purpose.REGISTER, person().session))


# -- one's own --------------------------------------------------------------------------------------------------


@views.get("/me/passkeys/new")
@first_factor
def new() -> Response:
    """Show how to add a passkey."""
    party()
    return _new({})


@views.post("/me/passkeys/new")
@first_factor
def add() -> Response:
    """Keep another passkey."""
    account, is_first, tries = _own(), has_leave(), trying_by(PasskeyTries)
    try:
        form = sent(NewPasskeyForm)
        tries.register(party(), person(), account, form.answer, named(form.label), is_first=is_first)
    except UnfitForm as unfit:
        return _new(unfit.errors)
    except UnbelievedPasskey:
        return _new({"label": _(WRONG)})
    answer = seen_other("me.me", said=ADDED_TO_SHOW if account.oidc_subject else ADDED)
    return stepping_up(answer) if is_first else answer


@views.post("/me/passkeys/call")
@stepped_up
def call() -> Response:
    """Give one of one's own passkeys another label."""
    form, own = sent(LabelForm), _own()
    if not form.label:
        raise UnfitForm({"label": _(_NO_LABEL)})
    if not PasskeyBook(desk().acting().transactions).call(own.name, form.passkey, form.label):
        abort(404)
    return seen_other("me.me", said=CALLED)


@views.post("/me/passkeys/remove")
@stepped_up
def remove() -> Response:
    """Take one of one's own passkeys away, and never the last thing that one signs in with."""
    form, own = sent(RemovalForm), _own()
    book = PasskeyBook(desk().acting().transactions)
    if not book.remove(own.name, form.passkey, person().session, may_be_last=_works_without(own)):
        raise BadInput(_(_STAYS))
    return seen_other("me.me", said=REMOVED)


@views.errorhandler(UnfitForm)
def _unfit(_error: UnfitForm) -> Response:
    return error_page(422, _("Nothing was changed"), _(_NO_LABEL))


def asking_cookie() -> str:
    """Return the name of the cookie of a browser that is being asked for a passkey."""
    return f"{desk().cookie}-asked"


def _new(errors: dict[str, str]) -> Response:
    where = url_for("passkeys.add"), url_for("passkeys.ask_for_new")
    form = PasskeyForm(*where, _("Make a passkey"), makes=True, label=request.form.get("label", ""))
    return page("account/passkey.html", 422 if errors else 200, passkey=form, errors=errors)


def _own() -> Account:
    account = desk().accounts().find(person().name)
    if account is None:  # somebody who came without one
        abort(404)
    return account


def _works_without(account: Account) -> bool:
    """Say whether somebody can sign in without any passkey, and do as much."""
    has_app = account.totp_sealed is not None or not account.needs_second_factor(desk().settings.second_factor)
    return bool(has_app and (account.password or account.oidc_subject))


def _options(text: str) -> Response:
    return Response(text, mimetype="application/json")
