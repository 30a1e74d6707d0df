"""People who sign in to the console: an account with a password and an app, and a browser that asks as its pages do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pyotp
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from syncer.app import App
from syncer.console.sign_in import totp
from syncer.console.sign_in.accounts import AccountBook
from syncer.console.sign_in.factors import Factors
from syncer.domain.permissions import Role

PASSWORD = "four wet boots by the door"
#: the secret of nobody's app
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@dataclass(frozen=True)
class Somebody:
    """Somebody with an account, a password and an app."""

    name: str
    secret: str
    password: str = PASSWORD

    def code(self, now: datetime, steps: int = 0) -> str:
        """What the app shows, or showed so many steps later or before."""
        return pyotp.TOTP(self.secret).at(now, counter_offset=steps)


def enrolled(app: App, name: str = "anna", *roles: Role, with_app: bool = True) -> Somebody:
    """Make an account whose owner chose their factors an hour ago."""
    book, secret = AccountBook(app.transactions), totp.new_secret()
    code = book.add(name, roles or (Role.READER,))
    account = book.find(name)
    assert account is not None
    step = int(app.clock().timestamp()) // totp.STEP_SECONDS - 120
    factors = Factors(app.transactions, app.keyring)
    assert factors.enrol(account, code, PASSWORD, secret if with_app else None, step if with_app else None)
    return Somebody(name, secret)


def browser(site: Flask, address: str = "127.0.0.1") -> FlaskClient:
    """A browser without a cookie that asks as a page of the console does, from an address."""
    client = site.test_client()
    client.environ_base |= {"HTTP_SEC_FETCH_SITE": "same-origin", "SERVER_PORT": "8484", "REMOTE_ADDR": address}
    return client


def sign_in(client: FlaskClient, who: Somebody, now: datetime, **other: str) -> TestResponse:
    """Fill the form in, with what somebody knows or with something else."""
    given = {"name": who.name, "password": who.password, "code": who.code(now), **other}
    return client.post("/sign-in", data=given)
