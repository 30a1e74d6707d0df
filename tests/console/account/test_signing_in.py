"""Signing in and out with a password and an app: what is believed, what a cookie is, and what the log says."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from flask import Flask

from syncer.app import App
from syncer.console.site import make_site
from syncer.domain.permissions import Role
from syncer.settings.console.table import ConsoleSettings
from tests.conftest import Clock
from tests.support.console.signing_in import browser, enrolled, sign_in


def whats(app: App) -> list[tuple[str, str, dict]]:
    """Kind, person and facts of every entry about the console."""
    kinds = ("console:signed_in", "console:signed_out", "console:refused", "console:denied")
    return [(each.what, each.actor["user"], dict(each.facts)) for each in app.ledger.entries(kinds)]


def test_name_password_and_code_sign_in_and_lead_to_where_one_wanted_to_go(site: Flask, app: App, clock: Clock) -> None:
    anna, client = enrolled(app, "anna", Role.ADMIN), browser(site)

    answer = sign_in(client, anna, clock.now, next="/users/")

    assert (answer.status_code, answer.headers["Location"]) == (303, "/users/")
    assert client.get("/users/").status_code == 200
    (entry,) = app.ledger.entries(("console:signed_in",))
    assert entry.actor == {"kind": "console", "user": "anna", "via": "password", "from": "127.0.0.0/24"}


@pytest.mark.slow
@pytest.mark.parametrize("wrong", [{"password": "wrong"}, {"code": "000000"}, {"code": ""}, {"name": "bert"}])
def test_whatever_is_wrong_is_answered_alike(site: Flask, app: App, clock: Clock, wrong: dict[str, str]) -> None:
    anna = enrolled(app)

    answer = sign_in(browser(site), anna, clock.now, **wrong)
    reference = sign_in(browser(site), anna, clock.now, password="also wrong", name=wrong.get("name", "anna"))

    assert answer.status_code == 422
    assert "Set-Cookie" not in answer.headers
    assert answer.text == reference.text


def test_signing_out_ends_the_session_and_clears_what_the_browser_keeps(site: Flask, app: App, clock: Clock) -> None:
    anna, client = enrolled(app), browser(site)
    sign_in(client, anna, clock.now)
    cookie = client.get_cookie("__Host-syncer")
    assert cookie is not None

    answer = client.post("/sign-out")

    assert answer.status_code == 303
    assert answer.headers["Clear-Site-Data"] == '"storage"'
    client.set_cookie("__Host-syncer", cookie.value, secure=True)
    assert client.get("/").headers["Location"].startswith("/sign-in")
    assert [what for what, *_ in whats(app)] == ["console:signed_in", "console:signed_out"]


@pytest.mark.parametrize(
    ("url", "name", "path"),
    [
        ("http://localhost:8484/", "__Host-syncer", "/"),
        ("https://privacy.example.org/", "__Host-syncer", "/"),
        ("https://example.org/privacy/", "__Secure-syncer", "/privacy/"),
    ],
)
def test_the_cookie_is_for_this_host_and_path_alone_and_for_no_script(
    app: App, clock: Clock, url: str, name: str, path: str
) -> None:
    app.settings = replace(app.settings, console=ConsoleSettings(url=url))
    anna, client = enrolled(app), browser(make_site(app))

    session, known = sign_in(client, anna, clock.now).headers.getlist("Set-Cookie")

    assert re.fullmatch(rf"{name}=[\w-]{{43}}; Secure; HttpOnly; Path={path}; SameSite=Lax", session)
    assert re.fullmatch(
        rf"{name}-known=[\w-]{{22}}; Expires=[^;]+; Max-Age=7776000; Secure; HttpOnly; Path={path}; SameSite=Lax", known
    )


def test_a_session_from_before_the_sign_in_is_worth_nothing_afterwards(site: Flask, app: App, clock: Clock) -> None:
    anna, client = enrolled(app), browser(site)
    client.set_cookie("__Host-syncer", "chosen-by-somebody-else", secure=True)
    sign_in(client, anna, clock.now)
    first = client.get_cookie("__Host-syncer")
    clock.advance(minutes=1)
    sign_in(client, anna, clock.now)
    second = client.get_cookie("__Host-syncer")
    assert first is not None and second is not None

    for value in ("chosen-by-somebody-else", first.value):
        client.set_cookie("__Host-syncer", value, secure=True)
        assert client.get("/").status_code == 303
    client.set_cookie("__Host-syncer", second.value, secure=True)
    assert client.get("/").status_code == 200
