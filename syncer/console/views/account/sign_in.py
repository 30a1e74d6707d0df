"""Signing in and out, and the second factor."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, g, redirect, request
from pydantic import Field
from werkzeug.wrappers import Response

from syncer.console.access import has_leave, let_in, let_out, person, public, signed_in, trying, trying_by
from syncer.console.desk import desk
from syncer.console.doors.proxy import proxied
from syncer.console.forms import Form, UnfitForm, sent
from syncer.console.pages import announce, page, seen_other
from syncer.console.sign_in.flow import SignInAnswer
from syncer.console.sign_in.housekeeping import tidy
from syncer.console.sign_in.passkeys.tries import PasskeyTries
from syncer.console.views.account import passkeys
from syncer.console.ways import back
from syncer.language.texts import N_, _, plural
from syncer.settings.console.table import LOCAL_HOSTS

views = Blueprint("sign_in", __name__)

announce("session-over", N_("Your session is over. Nothing was changed; sign in and do it again."))
announce("step-up-first", N_("Nothing was changed yet. Show your second factor, then do it again."))
SIGNED_OUT = announce("signed-out", N_("You are signed out."))
_WRONG = N_("This was not right: the name, the password or the code. Each code of the app works once.")
_WRONG_CODE = N_("This code is not right, or was used already. Wait for the next one.")


class SignInForm(Form):
    """Who wants to come in. What is too long is wrong, and is answered like everything wrong."""

    name: str = ""
    password: str = ""
    code: str = ""
    next: str = "/"


class StepUpForm(Form):
    """A code of the app of somebody who is signed in."""

    code: str = Field(min_length=1, max_length=32)
    next: str = "/"


@views.get("/sign-in")
@public
def sign_in() -> Response:
    """Show how to sign in."""
    return _sign_in(request.args.get("next", "/"))


@views.post("/sign-in")
@public
def sign_in_sent() -> Response:
    """Let somebody in, or say that something was not right."""
    form, here = sent(SignInForm), desk()
    before = g.person.session if g.person else None
    answer = trying().sign_in(form.name.strip().lower(), form.password, form.code, before)
    tidy(here)
    if answer.cookie is None:
        return (
            _asked_to_wait(_sign_in(form.next, 429, form.name, _waiting(answer)), answer)
            if answer.wait
            else (_sign_in(form.next, 422, form.name, _(_WRONG)))
        )
    return let_in(redirect(back(form.next), 303), answer.cookie, answer.browser)


@views.post("/sign-in/passkey")
@public
def by_passkey() -> Response:
    """Let somebody in who shows a passkey, or say that it was not taken."""
    here, wanted = desk(), request.form.get("next", "/")
    try:
        form = sent(passkeys.AnswerForm)
    except UnfitForm:
        return _sign_in(wanted, 422, wrong=_(passkeys.WRONG))
    bound = request.cookies.get(passkeys.asking_cookie(), "")
    before = g.person.session if g.person else None
    answer = trying_by(PasskeyTries).sign_in_by_passkey(passkeys.party(), form.answer, bound, before)
    tidy(here)
    if answer.wait:
        return _asked_to_wait(_sign_in(wanted, 429, wrong=_waiting(answer)), answer)
    if answer.cookie is None:
        return _sign_in(wanted, 422, wrong=_(passkeys.WRONG))
    return let_in(redirect(back(wanted), 303), answer.cookie, answer.browser)


@views.post("/sign-out")
@public
def sign_out() -> Response:
    """End the session that the request came with, if it came with one."""
    if g.person is not None:
        here = desk()
        with here.acting().transactions.write() as tx:
            here.sessions.end(tx, person().session)
            tx.audit.add("console:signed_out", facts={"user": person().name, "sessions": 1})
    return let_out(seen_other("sign_in.sign_in", said=SIGNED_OUT))


@views.get("/step-up")
@signed_in
def step_up() -> Response:
    """Ask for a second factor again."""
    return _step_up(request.args.get("next", "/"))


@views.post("/step-up")
@signed_in
def step_up_sent() -> Response:
    """Go on under a new cookie, or say that the code was not right."""
    wanted = request.form.get("next", "/")
    try:
        form = sent(StepUpForm)
    except UnfitForm:
        return _step_up(wanted, 422, _(_WRONG_CODE))
    answer = trying().step_up(person(), form.code)
    if answer.wait:
        return _asked_to_wait(_step_up(wanted, 429, _waiting(answer)), answer)
    if answer.cookie is None:
        return _step_up(wanted, 422, _(_WRONG_CODE))
    return let_in(redirect(back(form.next), 303), answer.cookie)


@views.post("/step-up/passkey")
@signed_in
def step_up_by_passkey() -> Response:
    """Go on under a new cookie, or say that the passkey was not taken."""
    wanted = request.form.get("next", "/")
    try:
        form = sent(passkeys.AnswerForm)
    except UnfitForm:
        return _step_up(wanted, 422, _(passkeys.WRONG))
    answer = trying_by(PasskeyTries).step_up_by_passkey(passkeys.party(), person(), form.answer)
    if answer.wait:
        return _asked_to_wait(_step_up(wanted, 429, _waiting(answer)), answer)
    if answer.cookie is None:
        return _step_up(wanted, 422, _(passkeys.WRONG))
    return let_in(redirect(back(wanted), 303), answer.cookie)


def _sign_in(wanted: str, status: int = 200, name: str = "", wrong: str = "") -> Response:
    errors = {"name": wrong} if wrong else {}
    # over plain http browsers do not say from where a request comes, on this machine alone they do
    unsafe = "Sec-Fetch-Site" not in request.headers and urlsplit(f"//{request.host}").hostname not in LOCAL_HOSTS
    return page(
        "account/sign_in.html",
        status,
        wanted=back(wanted),
        name=name,
        errors=errors,
        unsafe=unsafe,
        address=desk().settings.url,
        passkey=passkeys.to_sign_in(back(wanted)),
        proxied=proxied(),
    )


def _step_up(wanted: str, status: int = 200, wrong: str = "") -> Response:
    account = desk().accounts().find(person().name)
    errors = {"code": wrong} if wrong else {}
    passkey = passkeys.to_step_up(account, back(wanted))
    shown = {"account": account, "errors": errors, "passkey": passkey, "may_begin": has_leave()}
    return page("account/step_up.html", status, wanted=back(wanted), **shown)


def _waiting(answer: SignInAnswer) -> str:
    said = plural(
        "There were too many tries. Wait %(num)d second, then try it again.",
        "There were too many tries. Wait %(num)d seconds, then try it again.",
        answer.wait,
    )
    return said % {"num": answer.wait}


def _asked_to_wait(shown: Response, answer: SignInAnswer) -> Response:
    shown.headers["Retry-After"] = str(answer.wait)
    return shown
