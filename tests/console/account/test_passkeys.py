"""Passkeys: made, shown and taken away; and every lie that a browser could tell is refused alike."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from syncer.app import App
from syncer.console.sign_in.accounts import AccountBook
from syncer.console.sign_in.passkeys.keys import MOST, PasskeyBook
from syncer.console.site import make_site
from syncer.domain.permissions import Role
from syncer.log import configure
from syncer.settings.console.table import ConsoleSettings
from tests.conftest import Clock
from tests.support.console.authenticator import SoftKey, b64
from tests.support.console.signing_in import browser, enrolled, sign_in


@pytest.fixture
def anna(site: Flask, app: App, clock: Clock) -> FlaskClient:
    """The browser of anna, who signed in with password and app just now."""
    client = browser(site)
    assert sign_in(client, enrolled(app, "anna", Role.OPS), clock.now).status_code == 303
    return client


@pytest.fixture
def key(anna: FlaskClient) -> SoftKey:
    """A passkey of hers."""
    made = SoftKey()
    assert add(anna, made).headers["Location"] == "/me?said=passkey-added"
    return made


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What the process writes into its own log."""
    stream = io.StringIO()
    configure("info", stream=stream, json=True)
    yield stream
    configure("warning")


def asked(client: FlaskClient, where: str, **form: str) -> dict:
    answer = client.post(where, data=form)
    assert answer.status_code == 200, answer.text
    return json.loads(answer.text)


def add(client: FlaskClient, key: SoftKey, label: str = "blue key", **client_data: object) -> TestResponse:
    answer = key.make(asked(client, "/me/passkeys/ask"), **client_data)
    return client.post("/me/passkeys/new", data={"answer": answer, "label": label})


def come_in(client: FlaskClient, key: SoftKey, **form: str) -> TestResponse:
    return client.post("/sign-in/passkey", data={"answer": key.show(asked(client, "/sign-in/passkey/ask")), **form})


def whys(app: App) -> list[str]:
    return [entry.facts["why"] for entry in app.ledger.entries(("console:refused",))]


def changes(app: App) -> list[str]:
    return [entry.facts["changed"] for entry in app.ledger.entries(("user:changed",))]


def test_a_passkey_signs_in_with_both_factors_at_once_and_leads_where_one_wanted_to_go(
    site: Flask, app: App, key: SoftKey
) -> None:
    client = browser(site)

    answer = come_in(client, key, next="/requests/")

    assert (answer.status_code, answer.headers["Location"]) == (303, "/requests/")
    assert client.get("/me/passkeys/new").status_code == 200  # which asks for a second factor
    entry = list(app.ledger.entries(("console:signed_in",)))[-1]
    assert entry.actor == {"kind": "console", "user": "anna", "via": "passkey", "from": "127.0.0.0/24"}
    assert entry.facts["second_factor"] is True


def test_the_browser_is_asked_for_a_discoverable_key_that_verifies_its_owner_for_the_host_of_the_settings(
    anna: FlaskClient, key: SoftKey, site: Flask
) -> None:
    new = asked(anna, "/me/passkeys/ask")
    shown = asked(browser(site), "/sign-in/passkey/ask")
    elsewhere = browser(site).post("/sign-in/passkey/ask", headers={"Host": "127.0.0.1:8484"})

    assert new["rp"]["id"] == shown["rpId"] == json.loads(elsewhere.text)["rpId"] == "localhost"
    assert new["authenticatorSelection"]["residentKey"] == "required"
    assert new["authenticatorSelection"]["userVerification"] == shown["userVerification"] == "required"
    assert [each["id"] for each in new["excludeCredentials"]] == [b64(key.credential)]
    assert shown.get("allowCredentials", []) == []  # nobody learns here whose keys there are
    assert b"anna" not in key.handle


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lie", "client_data"),
    [
        ({"verifies": False}, {}),
        ({"rp_id": "example.org"}, {}),
        ({"origin": "http://localhost:8485"}, {}),
        ({"origin": "https://localhost.example.org"}, {}),
        ({"handle": b"somebody else"}, {}),
        ({"handle": b""}, {}),
        ({"credential": b"x" * 32}, {}),
        ({}, {"type": "webauthn.create"}),
        ({}, {"challenge": b64(b"mine" * 14)}),
        ({}, {"challenge": ""}),
    ],
)
def test_whatever_does_not_fit_is_refused_alike(
    site: Flask, app: App, key: SoftKey, lie: dict, client_data: dict
) -> None:
    for name, value in lie.items():
        setattr(key, name, value)
    client = browser(site)

    answer = client.post(
        "/sign-in/passkey", data={"answer": key.show(asked(client, "/sign-in/passkey/ask"), **client_data)}
    )

    assert answer.status_code == 422
    assert "This passkey was not taken" in answer.text
    assert "Location" not in answer.headers and client.get("/").status_code == 303
    assert len(whys(app)) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "answer",
    ["", "{", "[]", "null", "7" * 5000, "[" * 9000, '{"id":"\\ud800"}', '{"type":"public-key","id":1}', "{}" * 9000],
)
def test_what_is_no_answer_is_refused_in_words(site: Flask, anna: FlaskClient, answer: str) -> None:
    for client, where in ((browser(site), "/sign-in/passkey"), (anna, "/me/passkeys/new"), (anna, "/step-up/passkey")):
        assert client.post(where, data={"answer": answer}).status_code == 422


def test_another_signature_is_not_believed(site: Flask, app: App, key: SoftKey) -> None:
    forged = SoftKey(credential=key.credential, handle=key.handle)

    assert come_in(browser(site), forged).status_code == 422


def test_an_answer_works_once(site: Flask, key: SoftKey) -> None:
    client = browser(site)
    answer = key.show(asked(client, "/sign-in/passkey/ask"))
    assert client.post("/sign-in/passkey", data={"answer": answer}).status_code == 303

    assert client.post("/sign-in/passkey", data={"answer": answer}).status_code == 422


def test_an_answer_is_another_browsers_for_nobody(site: Flask, key: SoftKey) -> None:
    hers, thief = browser(site), browser(site)
    answer = key.show(asked(hers, "/sign-in/passkey/ask"))
    asked(thief, "/sign-in/passkey/ask")

    assert thief.post("/sign-in/passkey", data={"answer": answer}).status_code == 422
    assert browser(site).post("/sign-in/passkey", data={"answer": answer}).status_code == 422  # without any cookie
    assert hers.post("/sign-in/passkey", data={"answer": answer}).status_code == 303


def test_an_answer_comes_within_five_minutes(site: Flask, key: SoftKey, clock: Clock) -> None:
    client = browser(site)
    answer = key.show(asked(client, "/sign-in/passkey/ask"))
    clock.advance(minutes=5, seconds=2)

    assert client.post("/sign-in/passkey", data={"answer": answer}).status_code == 422


def test_an_answer_to_one_question_is_none_to_another(anna: FlaskClient, key: SoftKey) -> None:
    to_sign_in = key.show(asked(anna, "/sign-in/passkey/ask"))
    to_step_up = key.show(asked(anna, "/step-up/passkey/ask"))

    assert anna.post("/step-up/passkey", data={"answer": to_sign_in}).status_code == 422
    assert anna.post("/sign-in/passkey", data={"answer": to_step_up}).status_code == 422


def test_asking_writes_nothing(site: Flask, app: App) -> None:
    client, head = browser(site), app.ledger.head()

    for _ in range(30):
        asked(client, "/sign-in/passkey/ask")

    assert app.ledger.head() == head
    with app.engine.connect() as connection:
        assert connection.execute(app.tables.once.select()).all() == []
        assert connection.execute(app.tables.bucket.select()).all() == []


def test_a_counter_that_goes_back_is_refused_and_told_even_after_other_refusals(
    site: Flask, app: App, key: SoftKey
) -> None:
    key.counter = 5
    assert come_in(browser(site), key).status_code == 303
    come_in(browser(site), SoftKey(credential=key.credential, handle=key.handle))
    for counter in (5, 4, 0):
        key.counter = counter
        assert come_in(browser(site), key).status_code == 422

    assert sum("the counter of a passkey went back" in why for why in whys(app)) == 1
    key.counter = 6
    assert come_in(browser(site), key).status_code == 303


def test_a_counter_that_goes_back_leaves_one_entry_and_one_line_in_the_log(site: Flask, app: App, key: SoftKey) -> None:
    written = io.StringIO()
    configure("info", stream=written, json=True)
    key.counter = 5
    come_in(browser(site), key)
    key.counter = 5

    come_in(browser(site), key)

    assert whys(app) == ["the counter of a passkey went back: there may be two of it"]
    lines = [line for line in written.getvalue().splitlines() if "passkey.copied" in line]
    assert len(lines) == 1
    assert "anna" not in lines[0]


def test_a_key_that_never_counts_works_again_and_again(site: Flask, key: SoftKey) -> None:
    assert [come_in(browser(site), key).status_code for _ in range(3)] == [303, 303, 303]


def test_a_disabled_account_does_not_come_in_and_comes_in_again_once_it_is_enabled(
    site: Flask, app: App, key: SoftKey
) -> None:
    book = AccountBook(app.transactions)
    book.disable("anna")
    assert come_in(browser(site), key).status_code == 422
    assert whys(app) == ["the account is disabled"]

    book.enable("anna")
    assert come_in(browser(site), key).status_code == 303


def test_a_reset_takes_passkeys_away(site: Flask, app: App, key: SoftKey) -> None:
    AccountBook(app.transactions).reset("anna")

    assert come_in(browser(site), key).status_code == 422
    assert PasskeyBook(app.transactions).of("anna") == []


@pytest.mark.slow
def test_a_removed_passkey_signs_nobody_in_and_the_other_sessions_end(
    site: Flask, app: App, anna: FlaskClient, key: SoftKey
) -> None:
    there = browser(site)
    come_in(there, key)
    (held,) = PasskeyBook(app.transactions).of("anna")

    assert anna.post("/me/passkeys/remove", data={"passkey": held.id}).headers["Location"] == "/me?said=passkey-removed"

    assert (anna.get("/").status_code, there.get("/").status_code) == (200, 303)
    assert come_in(browser(site), key).status_code == 422
    assert changes(app) == ["a passkey was added", "a passkey was removed"]


def test_nobody_touches_the_passkey_of_somebody_else(site: Flask, app: App, key: SoftKey, clock: Clock) -> None:
    bert = browser(site, "203.0.113.9")
    sign_in(bert, enrolled(app, "bert", Role.ADMIN), clock.now)
    (hers,) = PasskeyBook(app.transactions).of("anna")

    assert bert.post("/me/passkeys/call", data={"passkey": hers.id, "label": "mine"}).status_code == 404
    assert bert.post("/me/passkeys/remove", data={"passkey": hers.id}).status_code == 400
    assert (
        bert.post("/step-up/passkey", data={"answer": key.show(asked(bert, "/step-up/passkey/ask"))}).status_code == 422
    )
    assert add(bert, SoftKey(credential=key.credential)).status_code == 422  # her credential under his name
    assert [each.label for each in PasskeyBook(app.transactions).of("anna")] == ["blue key"]
    assert come_in(browser(site), key).status_code == 303


def test_a_passkey_steps_up_under_a_new_cookie(anna: FlaskClient, app: App, key: SoftKey, clock: Clock) -> None:
    clock.advance(minutes=11)
    assert anna.get("/me/passkeys/new").headers["Location"].startswith("/step-up")
    assert anna.post("/me/passkeys/ask").headers["Location"].startswith("/step-up")
    before = anna.get_cookie("__Host-syncer").value
    options = asked(anna, "/step-up/passkey/ask")
    assert [each["id"] for each in options["allowCredentials"]] == [b64(key.credential)]

    key.handle = b""  # a security key that was asked for one of these need not say whose it is
    answer = anna.post("/step-up/passkey", data={"answer": key.show(options), "next": "/me/passkeys/new"})

    assert answer.headers["Location"] == "/me/passkeys/new"
    assert anna.get_cookie("__Host-syncer").value != before
    assert anna.get("/me/passkeys/new").status_code == 200


@pytest.mark.parametrize("lie", [{"verifies": False}, {"rp_id": "example.org"}, {"origin": "https://example.org"}])
def test_a_passkey_that_does_not_fit_is_not_kept(app: App, anna: FlaskClient, lie: dict) -> None:
    answer = add(anna, SoftKey(**lie))

    assert answer.status_code == 422
    assert PasskeyBook(app.transactions).of("anna") == []


def test_a_passkey_is_kept_once_and_nobody_has_more_than_ten(app: App, anna: FlaskClient, key: SoftKey) -> None:
    assert add(anna, key).status_code == 422
    for _ in range(MOST - 1):
        assert add(anna, SoftKey()).status_code == 303
    assert add(anna, SoftKey()).status_code == 422
    assert len(PasskeyBook(app.transactions).of("anna")) == MOST


def test_a_label_is_one_line_which_a_page_shows_as_it_is(app: App, anna: FlaskClient) -> None:
    for label in ("x" * 65, "two\nlines", "bell\a"):
        assert add(anna, SoftKey(), label).status_code == 422
    assert add(anna, SoftKey(), "<b>my ☎</b>").status_code == 303
    assert "&lt;b&gt;my ☎&lt;/b&gt;" in anna.get("/me").text
    (held,) = PasskeyBook(app.transactions).of("anna")

    assert anna.post("/me/passkeys/call", data={"passkey": held.id, "label": "red"}).status_code == 303
    assert anna.post("/me/passkeys/call", data={"passkey": held.id, "label": " "}).status_code == 422
    assert [each.label for each in PasskeyBook(app.transactions).of("anna")] == ["red"]


def test_with_a_code_somebody_begins_with_a_passkey_alone_and_it_is_never_taken_away(site: Flask, app: App) -> None:
    code, client, key = AccountBook(app.transactions).add("carl", [Role.ADMIN]), browser(site), SoftKey()
    assert "/enrol/passkey/ask" in client.post("/enrol", data={"enrolment": code}).text
    answer = key.make(asked(client, "/enrol/passkey/ask", enrolment=code))

    begun = client.post("/enrol/passkey", data={"enrolment": code, "answer": answer, "label": ""})

    assert begun.headers["Location"] == "/?said=enrolled"
    assert client.get("/users/").status_code == 200
    account = AccountBook(app.transactions).find("carl")
    assert account is not None and account.factors == ("passkey",)
    assert client.post("/enrol/passkey/ask", data={"enrolment": code}).status_code == 403
    assert come_in(browser(site), key).status_code == 303

    (held,) = PasskeyBook(app.transactions).of("carl")
    assert held.label == "Passkey"
    assert "the only thing you sign in with" in client.get("/me").text
    assert client.post("/me/passkeys/remove", data={"passkey": held.id}).status_code == 400
    assert add(client, SoftKey()).status_code == 303
    assert client.post("/me/passkeys/remove", data={"passkey": held.id}).status_code == 303


def test_a_passkey_for_one_code_begins_nothing_with_another(site: Flask, app: App) -> None:
    book, client = AccountBook(app.transactions), browser(site)
    one, other = book.add("carl", [Role.READER]), book.add("dora", [Role.ADMIN])
    answer = SoftKey().make(asked(client, "/enrol/passkey/ask", enrolment=one))

    assert client.post("/enrol/passkey", data={"enrolment": other, "answer": answer}).status_code == 422
    assert client.post("/enrol/passkey", data={"enrolment": "x" * 24, "answer": answer}).status_code == 422
    assert all(not each.is_enrolled for each in book.all())


def test_whoever_shows_wrong_passkeys_is_asked_to_wait_and_their_owner_is_not(
    site: Flask, app: App, anna: FlaskClient, key: SoftKey
) -> None:
    stranger, known = browser(site, "203.0.113.9"), browser(site)
    assert come_in(known, key).status_code == 303
    forged = SoftKey(credential=key.credential, handle=key.handle)
    codes = [come_in(stranger, forged).status_code for _ in range(7)]

    assert codes == [422] * 5 + [429] * 2
    assert come_in(known, key).status_code == 303


def test_a_console_at_an_address_of_numbers_offers_no_passkeys(site: Flask, app: App) -> None:
    app.settings = replace(app.settings, console=ConsoleSettings(url="http://127.0.0.1:8484/"))
    client = browser(make_site(app))

    assert "passkey" not in client.get("/sign-in").text.lower()
    assert client.post("/sign-in/passkey/ask").status_code == 404
