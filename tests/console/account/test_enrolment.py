"""Beginning with a code: once, within a day, with a password that is not guessed and an app that works."""

from __future__ import annotations

import re
import threading
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
from tests.support.console.signing_in import PASSWORD, SECRET, Somebody, browser, enrolled, sign_in


def begun(client: FlaskClient, code: str) -> tuple[dict[str, str], str]:
    """Type the code; return the hidden fields of the next form, and the secret for the app."""
    page = client.post("/enrol", data={"enrolment": code})
    assert page.status_code == 200, page.text
    (sealed,) = re.findall(r'name="pairing" value="([^"]+)"', page.text)
    (secret,) = re.findall(r"<code>([A-Z2-7 ]+)</code>", page.text)
    return {"enrolment": code, "pairing": sealed}, secret.replace(" ", "")


def choose(client: FlaskClient, begins: str, clock: Clock, **other: str) -> tuple[TestResponse, str]:
    """Go through both forms with a good password and the app's code, or with something else."""
    hidden, secret = begun(client, begins)
    given = {"password": PASSWORD, "again": PASSWORD, "code": pyotp.TOTP(secret).at(clock.now)}
    return client.post("/enrol/choose", data=hidden | given | other), secret


@pytest.fixture
def code(app: App) -> str:
    return AccountBook(app.transactions).add("anna", [Role.COMPLIANCE])


def test_with_a_code_somebody_chooses_a_password_and_an_app_and_is_signed_in(
    site: Flask, app: App, clock: Clock, code: str
) -> None:
    client = browser(site)

    answer, secret = choose(client, code, clock)

    assert answer.status_code == 303, answer.text
    assert client.get(answer.headers["Location"]).status_code == 200
    clock.advance(minutes=1)
    assert sign_in(browser(site), Somebody("anna", secret), clock.now).status_code == 303
    entries = app.ledger.entries(("user:enrolled", "console:signed_in"))
    assert [(each.what, each.actor["user"], each.actor["via"]) for each in entries] == [
        ("user:enrolled", "anna", "code"),
        ("console:signed_in", "anna", "code"),
        ("console:signed_in", "anna", "password"),
    ]


@pytest.mark.parametrize("typed", ["{a}-{b}", "{a} {b}", "{low}", "  {a}{b}\n"])
def test_a_code_is_taken_however_it_is_written_down(site: Flask, code: str, typed: str) -> None:
    begun(browser(site), typed.format(a=code[:12], b=code[12:], low=code.lower()))


def test_a_code_works_once(site: Flask, clock: Clock, code: str) -> None:
    choose(browser(site), code, clock)

    again = browser(site).post("/enrol", data={"enrolment": code})

    assert again.status_code == 422
    assert "was used" in again.text


def test_a_code_is_good_for_a_day(site: Flask, clock: Clock, code: str) -> None:
    clock.advance(hours=24)
    begun(browser(site), code)
    clock.advance(seconds=1)

    assert browser(site).post("/enrol", data={"enrolment": code}).status_code == 422


def test_of_several_who_use_a_code_at_the_same_moment_one_gets_the_account(
    site: Flask, app: App, clock: Clock, code: str
) -> None:
    seen, ready = [], threading.Barrier(4)
    ways = [(client := browser(site), *begun(client, code)) for _ in range(4)]

    def try_it(client: FlaskClient, hidden: dict[str, str], secret: str) -> None:
        given = {"password": PASSWORD, "again": PASSWORD, "code": pyotp.TOTP(secret).at(clock.now)}
        ready.wait()
        seen.append(client.post("/enrol/choose", data=hidden | given).status_code)

    threads = [threading.Thread(target=try_it, args=way) for way in ways]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert sorted(seen) == [303, 422, 422, 422]
    assert len(app.ledger.entries(("user:enrolled",))) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("other", "field"),
    [
        ({"password": "short", "again": "short"}, "password"),
        ({"password": "x" * 129, "again": "x" * 129}, "password"),
        ({"password": "password1234", "again": "password1234"}, "password"),
        ({"password": "ANNA and her boots", "again": "ANNA and her boots"}, "password"),
        ({"password": "my Syncer password", "again": "my Syncer password"}, "password"),
        ({"again": "five wet boots"}, "again"),
        ({"code": "000000"}, "code"),
        ({"code": ""}, "code"),
    ],
)
def test_what_cannot_be_taken_is_said_beside_its_field_and_the_app_stays_the_same(
    site: Flask, clock: Clock, code: str, other: dict[str, str], field: str
) -> None:
    client = browser(site)
    answer, secret = choose(client, code, clock, **other)

    assert answer.status_code == 422
    assert f'id="e-{field}"' in answer.text
    assert secret in answer.text.replace(" ", "")
    assert PASSWORD not in answer.text and "boots" not in answer.text


def test_a_wrong_code_is_noted_and_slowed_down(site: Flask, app: App, clock: Clock, code: str) -> None:
    client = browser(site)
    seen = [client.post("/enrol", data={"enrolment": "A" * 24}).status_code for _ in range(21)]

    assert seen == [422] * 20 + [429]
    begun(client, code)  # whoever has one is not shut out
    (entry,) = app.ledger.entries(("console:refused",))
    assert dict(entry.facts) == {"why": "the code to begin with"}


def test_a_secret_that_somebody_made_for_another_is_not_taken(site: Flask, app: App, clock: Clock, code: str) -> None:
    other = AccountBook(app.transactions).add("bert", [Role.READER])
    hidden, secret = begun(browser(site), other)
    given = {"password": PASSWORD, "again": PASSWORD, "code": pyotp.TOTP(secret).at(clock.now)}

    answer = browser(site).post("/enrol/choose", data={**hidden, **given, "enrolment": code})

    assert answer.status_code == 422
    assert secret not in answer.text.replace(" ", "")


def test_a_reset_ends_what_was_before_and_its_code_begins_anew(site: Flask, app: App, clock: Clock) -> None:
    anna, client = enrolled(app), browser(site)
    sign_in(client, anna, clock.now)
    code = AccountBook(app.transactions).reset("anna")

    assert client.get("/").status_code == 303
    clock.advance(minutes=1)
    assert sign_in(client, anna, clock.now).status_code == 422
    assert choose(client, code, clock)[0].status_code == 303


def test_a_code_that_another_took_the_place_of_meanwhile_is_not_taken(app: App, code: str) -> None:
    book = AccountBook(app.transactions)
    account = book.of_code(code)
    assert account is not None
    newer = book.reset("anna")

    factors = Factors(app.transactions, app.keyring)
    assert not factors.enrol(account, code, PASSWORD, SECRET, 1)
    assert factors.enrol(account, newer, PASSWORD, SECRET, 1)


def test_readers_may_do_without_an_app_where_only_actions_ask_for_one(app: App, clock: Clock) -> None:
    app.settings = replace(app.settings, console=ConsoleSettings(url="http://localhost:8484/", second_factor="actions"))
    site, book = make_site(app), AccountBook(app.transactions)
    reader, ops = book.add("anna", [Role.READER]), book.add("bert", [Role.OPS])

    assert choose(browser(site), reader, clock, code="")[0].status_code == 303
    assert choose(browser(site), ops, clock, code="")[0].status_code == 422
    assert sign_in(browser(site), Somebody("anna", SECRET), clock.now, code="").status_code == 303

    book.set_roles("anna", [Role.READER, Role.OPS])
    assert sign_in(browser(site), Somebody("anna", SECRET), clock.now, code="").status_code == 422


def test_where_everybody_needs_a_second_factor_a_reader_without_is_refused(site: Flask, app: App, clock: Clock) -> None:
    anna = enrolled(app, with_app=False)

    assert sign_in(browser(site), anna, clock.now, code="").status_code == 422
    (entry,) = app.ledger.entries(("console:refused",))
    assert entry.facts["why"] == "the account has no second factor"
    assert furnish(app).sessions.of("anna") == []
