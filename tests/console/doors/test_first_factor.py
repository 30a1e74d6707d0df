"""Whom a provider lets in chooses a second factor with the code to begin with, and with nothing a thief could have."""

from __future__ import annotations

import json
import re

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from syncer.app import App
from syncer.console.desk import furnish
from syncer.console.sign_in.accounts import AccountBook
from syncer.console.sign_in.passkeys.keys import PasskeyBook
from tests.conftest import Clock
from tests.support.console.authenticator import SoftKey
from tests.support.console.signing_in import browser
from tests.support.web.abroad import bound, refusals, there_and_back
from tests.support.web.issuer import Issuer

COOKIE = "__Host-syncer"
ASK, ADD, APP = "/me/passkeys/ask", "/me/passkeys/new", "/me/app"


@pytest.fixture
def anna(oidc_site: Flask, app: App, issuer: Issuer) -> FlaskClient:
    """The browser of anna, who came from the provider and gave her code just now."""
    return bound(oidc_site, app, issuer)


def asked(client: FlaskClient, where: str) -> dict:
    answer = client.post(where)
    assert answer.status_code == 200, answer.text
    return json.loads(answer.text)


def add_passkey(client: FlaskClient, key: SoftKey) -> TestResponse:
    return client.post(ADD, data={"answer": key.make(asked(client, ASK)), "label": "blue key"})


def add_app(client: FlaskClient, clock: Clock) -> tuple[TestResponse, str]:
    page = client.get(APP).text
    (sealed,) = re.findall(r'name="pairing" value="([^"]+)"', page)
    (secret,) = re.findall(r"<code>([A-Z2-7 ]+)</code>", page)
    code = pyotp.TOTP(secret.replace(" ", "")).at(clock.now)
    return client.post(APP, data={"pairing": sealed, "code": code}), secret.replace(" ", "")


def stepped_up(app: App, client: FlaskClient) -> bool:
    cookie = client.get_cookie(COOKIE)
    person = furnish(app).sessions.find(cookie.value) if cookie else None
    return person is not None and person.is_stepped_up(app.clock())


def factors(app: App) -> tuple[str, ...]:
    account = AccountBook(app.transactions).find("anna")
    assert account is not None
    return account.factors


def refused_everywhere(client: FlaskClient) -> bool:
    """Whether neither a passkey nor an app can be asked for or added."""
    seen = [client.get(ADD), client.get(APP), *(client.post(where, data={}) for where in (ASK, ADD, APP))]
    return all(answer.headers.get("Location", "").startswith("/step-up") for answer in seen)


def test_with_the_code_one_makes_a_passkey_at_once_and_may_decide(anna: FlaskClient, app: App) -> None:
    before = anna.get_cookie(COOKIE)
    assert "You have no second factor yet" in anna.get("/me").text
    assert not stepped_up(app, anna)

    assert add_passkey(anna, SoftKey()).headers["Location"] == "/me?said=passkey-to-show"

    assert factors(app) == ("passkey", "oidc")
    assert stepped_up(app, anna)
    assert before is not None and furnish(app).sessions.find(before.value) is None, "the session was not renewed"
    (changed,) = app.ledger.entries(("user:changed",))
    assert changed.facts == {"user": "anna", "changed": "a passkey was added"}


def test_or_an_app_whose_codes_are_then_the_second_factor_of_every_session(
    anna: FlaskClient, oidc_site: Flask, app: App, issuer: Issuer, clock: Clock
) -> None:
    answer, secret = add_app(anna, clock)
    assert answer.headers["Location"] == "/me?said=app-added"
    assert stepped_up(app, anna)

    clock.advance(minutes=11)
    client = browser(oidc_site)
    there_and_back(client, issuer)
    assert not stepped_up(app, client)
    assert client.post("/step-up", data={"code": pyotp.TOTP(secret).at(clock.now)}).status_code == 303
    assert stepped_up(app, client)
    assert add_passkey(client, SoftKey()).status_code == 303


def test_a_session_that_was_stolen_gains_no_second_factor(
    anna: FlaskClient, oidc_site: Flask, app: App, issuer: Issuer
) -> None:
    thief = browser(oidc_site)
    there_and_back(thief, issuer)  # even one that the provider opened just now: without the code

    assert refused_everywhere(thief)
    assert "Ask an administrator to reset your account" in thief.get("/step-up").text
    assert factors(app) == ("oidc",)
    assert not stepped_up(app, thief)
    assert not refused_everywhere(anna)


def test_ten_minutes_after_the_code_it_leads_to_nothing_any_more(anna: FlaskClient, app: App, clock: Clock) -> None:
    challenge = asked(anna, ASK)
    clock.advance(minutes=10, seconds=1)

    assert refused_everywhere(anna)
    assert anna.post(ADD, data={"answer": SoftKey().make(challenge)}).headers["Location"].startswith("/step-up")
    assert factors(app) == ("oidc",)


def test_it_is_chosen_once_and_the_next_one_asks_for_the_first(anna: FlaskClient, app: App, clock: Clock) -> None:
    add_passkey(anna, SoftKey())
    clock.advance(minutes=10, seconds=1)

    assert refused_everywhere(anna)


def test_an_answer_that_is_not_believed_leaves_the_choice(anna: FlaskClient, app: App) -> None:
    assert add_passkey(anna, SoftKey(verifies=False)).status_code == 422
    assert add_passkey(anna, SoftKey()).status_code == 303


def test_a_reset_ends_the_leave_and_the_new_code_gives_another(
    anna: FlaskClient, oidc_site: Flask, app: App, issuer: Issuer
) -> None:
    code = AccountBook(app.transactions).reset("anna")
    assert anna.get(ADD).headers["Location"].startswith("/sign-in")

    client = browser(oidc_site)
    there_and_back(client, issuer)
    client.post("/sign-in/oidc/bind", data={"enrolment": code})
    assert add_passkey(client, SoftKey()).status_code == 303


@pytest.mark.slow
def test_such_a_passkey_opens_no_way_round_the_provider(
    anna: FlaskClient, oidc_site: Flask, app: App, issuer: Issuer, clock: Clock
) -> None:
    key, stranger = SoftKey(), browser(oidc_site)
    add_passkey(anna, key)

    answer = stranger.post("/sign-in/passkey", data={"answer": key.show(asked(stranger, "/sign-in/passkey/ask"))})

    assert answer.status_code == 422
    assert refusals(app) == [{"why": "the account signs in at its identity provider", "user": "anna"}]
    clock.advance(minutes=11)
    there_and_back(anna, issuer)
    assert (
        anna.post("/step-up/passkey", data={"answer": key.show(asked(anna, "/step-up/passkey/ask"))}).status_code == 303
    )
    assert stepped_up(app, anna)


def test_nobody_adds_a_password_to_go_round_the_provider(anna: FlaskClient, app: App) -> None:
    add_passkey(anna, SoftKey())

    assert anna.get("/me/password/new").headers["Location"] == "/me"
    assert anna.post("/me/password/new", data={}).headers["Location"] == "/me"
    assert "/me/password/new" not in anna.get("/me").text


def test_the_only_second_factor_stays_until_there_is_another(anna: FlaskClient, app: App, clock: Clock) -> None:
    add_passkey(anna, SoftKey())
    (held,) = PasskeyBook(app.transactions).of("anna")
    assert "your only second factor" in anna.get("/me").text
    assert anna.post("/me/passkeys/remove", data={"passkey": held.id}).status_code == 400

    assert add_app(anna, clock)[0].status_code == 303
    assert anna.post("/me/passkeys/remove", data={"passkey": held.id}).status_code == 303
    assert factors(app) == ("totp", "oidc")
