"""A password and an app that somebody chooses: with the code to begin with, or later beside their passkeys."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from syncer.console.desk import desk
from syncer.console.forms import Form
from syncer.console.sign_in import passwords
from syncer.console.sign_in.accounts import Account
from syncer.console.views.account.app import PairingApp, paired_step, pairing
from syncer.language.texts import N_, _

DIFFERENT = N_("This is not what you typed above.")
WRONG_CODE = N_("This code is not right. Take the one that the app shows now.")


class PasswordAndAppForm(Form):
    """A password, and an authenticator app that shows its first code."""

    password: str = Field(min_length=1)
    again: str = ""
    pairing: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class ChosenFactors:
    """What somebody chose, or why it cannot be taken; without an app `secret` and `step` are None."""

    app: PairingApp
    secret: str | None
    step: int | None
    errors: dict[str, str]


def choice(account: Account, form: PasswordAndAppForm) -> ChosenFactors:
    """Return what somebody chose, with what is wrong with it by the name of its field."""
    app = pairing(account.name, form.pairing)
    without_app = not form.code.strip() and not account.needs_second_factor(desk().settings.second_factor)
    step = None if without_app else paired_step(app, form.code)
    errors = {}
    if objection := passwords.objection(form.password, account.name):
        errors["password"] = _(objection)
    elif form.password != form.again:
        errors["again"] = _(DIFFERENT)
    if step is None and not without_app:
        errors["code"] = _(WRONG_CODE)
    return ChosenFactors(app, None if without_app else app.secret, step, errors)
