"""`/me`: one's own sessions, factors and language."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient

from syncer.app import App
from syncer.console.desk import furnish
from syncer.console.sign_in.person import WORDPRESS
from syncer.console.site import make_site
from syncer.domain.permissions import Role
from syncer.settings.console.doors import WordPressDoor
from syncer.settings.console.table import ConsoleSettings
from tests.conftest import Clock
from tests.support.console.signing_in import PASSWORD, Somebody, browser, enrolled, sign_in

NEW = "seven dry socks in a drawer"


@pytest.fixture
def two(site: Flask, app: App, clock: Clock) -> tuple[FlaskClient, FlaskClient, Somebody]:
    """Two browsers of one person, who signed in to both within the last minute, and that person."""
    anna, here, there = enrolled(app), browser(site), browser(site, "203.0.113.9")
    sign_in(there, anna, clock.now)
    clock.advance(minutes=1)
    sign_in(here, anna, clock.now)
    return here, there, anna


def kinds(app: App) -> list[str]:
    entries = app.ledger.entries(("console:signed_out", "user:changed"))
    return [f"{entry.what} {entry.facts.get('changed', '')}".strip() for entry in entries]


def test_ones_own_sessions_are_listed_with_network_and_way(two: tuple[FlaskClient, FlaskClient, Somebody]) -> None:
    here, _, _ = two
    page = here.get("/me")

    assert page.status_code == 200
    assert "127.0.0.0/24" in page.text and "203.0.113.0/24" in page.text
    assert page.text.count("this session") == 1
    assert "codes of an authenticator app" in page.text


@pytest.mark.slow
def test_another_session_is_ended_from_here(app: App, two: tuple[FlaskClient, FlaskClient, Somebody]) -> None:
    here, there, _ = two
    other = min(furnish(app).sessions.of("anna"), key=lambda each: each.created_at)

    answer = here.post("/me/sessions/end", data={"session": other.hash[:16]})

    assert answer.headers["Location"] == "/me?said=session-ended"
    assert there.get("/").status_code == 303
    assert here.get("/").status_code == 200
    assert kinds(app) == ["console:signed_out"]


def test_all_others_are_ended_at_once(app: App, two: tuple[FlaskClient, FlaskClient, Somebody]) -> None:
    here, there, _ = two
    here.post("/me/sessions/end-others")

    assert (here.get("/").status_code, there.get("/").status_code) == (200, 303)


def test_ending_this_session_signs_out(app: App, two: tuple[FlaskClient, FlaskClient, Somebody]) -> None:
    here, _, _ = two
    own = max(furnish(app).sessions.of("anna"), key=lambda each: each.created_at)

    answer = here.post("/me/sessions/end", data={"session": own.hash[:16]})

    assert "Clear-Site-Data" in answer.headers
    assert here.get("/").status_code == 303


def test_nobody_ends_a_session_of_somebody_else(site: Flask, app: App, clock: Clock) -> None:
    bert, client = enrolled(app, "bert", Role.ADMIN), browser(site)
    sign_in(client, bert, clock.now)
    hers = furnish(app).sessions.of("bert")[0]
    anna, other = enrolled(app), browser(site)
    sign_in(other, anna, clock.now)

    other.post("/me/sessions/end", data={"session": hers.hash[:16]})

    assert client.get("/").status_code == 200
    assert kinds(app) == []


@pytest.mark.slow
@pytest.mark.parametrize("session", ["", "%", "0" * 15, "Z" * 16, "0" * 64])
def test_what_is_no_session_is_refused_in_words(two: tuple[FlaskClient, FlaskClient, Somebody], session: str) -> None:
    assert two[0].post("/me/sessions/end", data={"session": session}).status_code == 422


@pytest.mark.slow
def test_a_new_password_needs_the_present_one_and_ends_the_other_sessions(
    app: App, site: Flask, clock: Clock, two: tuple[FlaskClient, FlaskClient, Somebody]
) -> None:
    here, there, anna = two
    good = {"present": PASSWORD, "password": NEW, "again": NEW}
    for wrong, field in (
        ({"present": "something else"}, "present"),
        ({"password": "short"}, "password"),
        ({"again": "other"}, "again"),
        ({"password": ""}, "password"),
    ):
        answer = here.post("/me/password", data=good | wrong)
        assert answer.status_code == 422
        assert f'id="e-{field}"' in answer.text
        assert PASSWORD not in answer.text and NEW not in answer.text

    assert here.post("/me/password", data=good).headers["Location"] == "/me?said=password-changed"

    assert (here.get("/").status_code, there.get("/").status_code) == (200, 303)
    clock.advance(minutes=1)
    assert sign_in(browser(site), anna, clock.now).status_code == 422
    assert sign_in(browser(site), Somebody("anna", anna.secret, NEW), clock.now).status_code == 303
    assert kinds(app) == ["user:changed the password"]


def test_a_present_password_is_not_guessed_here_without_end(two: tuple[FlaskClient, FlaskClient, Somebody]) -> None:
    given = {"present": "guess", "password": NEW, "again": NEW}
    for _ in range(5):
        two[0].post("/me/password", data=given)

    assert "too many tries" in two[0].post("/me/password", data=given | {"present": PASSWORD}).text


def test_a_guess_at_the_present_password_is_on_record_once_and_what_was_typed_is_not(
    app: App, two: tuple[FlaskClient, FlaskClient, Somebody]
) -> None:
    for _ in range(7):
        two[0].post("/me/password", data={"present": "guess", "password": NEW, "again": NEW})

    (entry,) = app.ledger.entries(("console:refused",))
    assert dict(entry.facts) == {"why": "the present password", "user": "anna"}


def test_another_app_takes_the_place_of_the_one_before(
    app: App, site: Flask, clock: Clock, two: tuple[FlaskClient, FlaskClient, Somebody]
) -> None:
    here, there, anna = two
    page = here.get("/me/app").text
    (sealed,) = re.findall(r'name="pairing" value="([^"]+)"', page)
    (secret,) = re.findall(r"<code>([A-Z2-7 ]+)</code>", page)
    new = Somebody("anna", secret.replace(" ", ""))
    assert here.post("/me/app", data={"pairing": sealed, "code": "000000"}).status_code == 422

    answer = here.post("/me/app", data={"pairing": sealed, "code": new.code(clock.now)})

    assert answer.headers["Location"] == "/me?said=app-changed"
    assert there.get("/").status_code == 303
    clock.advance(minutes=1)
    assert sign_in(browser(site), anna, clock.now).status_code == 422
    assert sign_in(browser(site), new, clock.now, code=pyotp.TOTP(new.secret).at(clock.now)).status_code == 303


def test_factors_are_changed_only_soon_after_a_second_factor(
    clock: Clock, two: tuple[FlaskClient, FlaskClient, Somebody]
) -> None:
    here, _, _ = two
    clock.advance(minutes=11)

    assert here.get("/me/app").headers["Location"].startswith("/step-up")
    assert here.post("/me/password", data={}).headers["Location"].startswith("/step-up")
    assert here.get("/me").status_code == 200


def test_the_language_is_ones_own_choice_and_no_other_word_is_taken(
    app: App, two: tuple[FlaskClient, FlaskClient, Somebody]
) -> None:
    here, there, _ = two
    here.post("/me/language", data={"language": "fr"})
    assert '<html lang="fr">' in there.get("/me").text

    here.post("/me/language", data={"language": "xx"})
    assert '<html lang="en">' in here.get("/me").text
    here.post("/me/language", data={"language": ""})
    assert '<html lang="de">' in here.get("/me", headers={"Accept-Language": "de-AT,de;q=0.9"}).text


def test_who_came_from_wordpress_sees_their_session_and_nothing_to_set(app: App, console: ConsoleSettings) -> None:
    door = WordPressDoor(issuer="https://shop.example.org", secret_file=Path("ticket"))
    app.settings = replace(app.settings, console=replace(console, wordpress=door))
    here, client = furnish(app), browser(make_site(app))
    with app.transactions.write() as tx:
        cookie = here.sessions.open(tx, "wp:1:7", WORDPRESS, "127.0.0.0/24", stepped_up=False, roles=[Role.COMPLIANCE])
    client.set_cookie("__Host-syncer", cookie, secure=True)

    page = client.get("/me")

    assert page.status_code == 200
    assert "wp:1:7" in page.text and "Another site vouches for you" in page.text
    assert client.get("/users/").status_code == 403
    assert "You have no second factor" in client.get("/step-up").text
