"""Whoever began with a passkey alone adds a password and an app later: another way in, after showing the passkey."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from syncer.app import App
from syncer.console.desk import furnish
from syncer.console.sign_in.accounts import AccountBook
from syncer.console.sign_in.factors import Factors
from syncer.console.site import make_site
from syncer.domain.permissions import Role
from syncer.settings.console.table import ConsoleSettings
from tests.conftest import Clock
from tests.support.console.authenticator import SoftKey
from tests.support.console.signing_in import PASSWORD, SECRET, Somebody, browser, enrolled, sign_in

NEW = "/me/password/new"


def began_with_a_passkey(site: Flask, app: App, role: Role = Role.OPS) -> FlaskClient:
    """The browser of carl, who chose a passkey with his code just now."""
    code, client = AccountBook(app.transactions).add("carl", [role]), browser(site)
    options = json.loads(client.post("/enrol/passkey/ask", data={"enrolment": code}).text)
    answer = client.post("/enrol/passkey", data={"enrolment": code, "answer": SoftKey().make(options)})
    assert answer.status_code == 303, answer.text
    return client


@pytest.fixture
def carl(site: Flask, app: App) -> FlaskClient:
    return began_with_a_passkey(site, app)


def add(client: FlaskClient, clock: Clock, **other: str) -> tuple[TestResponse, str]:
    page = client.get(NEW).text
    (sealed,) = re.findall(r'name="pairing" value="([^"]+)"', page)
    (spaced,) = re.findall(r"<code>([A-Z2-7 ]+)</code>", page)
    secret = spaced.replace(" ", "")
    given = {"password": PASSWORD, "again": PASSWORD, "code": pyotp.TOTP(secret).at(clock.now), "pairing": sealed}
    return client.post(NEW, data=given | other), secret


def changes(app: App) -> list[str]:
    return [entry.facts["changed"] for entry in app.ledger.entries(("user:changed",))]


def test_both_work_afterwards_and_the_other_sessions_end(
    carl: FlaskClient, site: Flask, app: App, clock: Clock
) -> None:
    here = furnish(app)
    with app.transactions.write() as tx:
        there = here.sessions.open(tx, "carl", "passkey", "203.0.113.0/24", stepped_up=False)
    assert NEW in carl.get("/me").text

    answer, secret = add(carl, clock)

    assert answer.headers["Location"] == "/me?said=password-added"
    assert (carl.get("/me").status_code, here.sessions.find(there)) == (200, None)
    clock.advance(minutes=1)
    assert sign_in(browser(site), Somebody("carl", secret), clock.now).status_code == 303
    account = AccountBook(app.transactions).find("carl")
    assert account is not None and account.factors == ("password", "totp", "passkey")
    assert changes(app) == ["a password and an app were added"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("other", "field"),
    [
        ({"password": "short", "again": "short"}, "password"),
        ({"password": "", "again": ""}, "password"),
        ({"again": "five wet boots"}, "again"),
        ({"code": "000000"}, "code"),
        ({"code": ""}, "code"),
    ],
)
def test_what_cannot_be_taken_is_said_beside_its_field_and_the_app_stays_the_same(
    carl: FlaskClient, app: App, clock: Clock, other: dict[str, str], field: str
) -> None:
    answer, secret = add(carl, clock, **other)

    assert answer.status_code == 422
    assert f'id="e-{field}"' in answer.text
    assert secret in answer.text.replace(" ", "") and PASSWORD not in answer.text
    assert changes(app) == []


def test_a_stolen_session_adds_none(carl: FlaskClient, app: App, clock: Clock) -> None:
    clock.advance(minutes=11)

    assert carl.get(NEW).headers["Location"].startswith("/step-up")
    assert carl.post(NEW, data={}).headers["Location"].startswith("/step-up")
    assert changes(app) == []


def test_who_has_a_password_adds_no_second_one(site: Flask, app: App, clock: Clock) -> None:
    client = browser(site)
    sign_in(client, enrolled(app), clock.now)

    assert client.get(NEW).headers["Location"] == "/me"
    assert client.post(NEW, data={}).headers["Location"] == "/me"
    assert NEW not in client.get("/me").text


@pytest.mark.slow
def test_readers_may_do_without_an_app_where_only_actions_ask_for_one(app: App, clock: Clock) -> None:
    app.settings = replace(app.settings, console=ConsoleSettings(url="http://localhost:8484/", second_factor="actions"))
    site = make_site(app)

    assert add(began_with_a_passkey(site, app, Role.READER), clock, code="")[0].status_code == 303

    assert sign_in(browser(site), Somebody("carl", SECRET), clock.now, code="").status_code == 303
    assert changes(app) == ["a password was added"]


def test_nothing_is_added_beside_a_reset(carl: FlaskClient, app: App) -> None:
    book, factors = AccountBook(app.transactions), Factors(app.transactions, app.keyring)
    account, (session,) = book.find("carl"), furnish(app).sessions.of("carl")
    assert account is not None
    book.reset("carl")

    assert not factors.add_password(account, PASSWORD, SECRET, 1, session.hash)
    assert not factors.change_app(account, SECRET, 1, session.hash)
    assert not any(each.is_enrolled for each in book.all())
