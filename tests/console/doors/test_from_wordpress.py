"""Coming over from WordPress: a ticket, a page that asks, a session that decides nothing."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from syncer.app import App
from syncer.console.desk import furnish
from syncer.console.site import make_site
from syncer.database.connections import writing
from syncer.domain.permissions import FROM_WORDPRESS, Role
from syncer.settings.console.doors import WordPressDoor
from syncer.settings.console.table import ConsoleSettings
from tests.conftest import Clock
from tests.support.console.signing_in import browser
from tests.support.web.tickets import AUDIENCE, ISSUER, said, signed, ticket

ARRIVE, GO_ON = "/sign-in/wordpress", "/sign-in/wordpress/go-on"
FROM_ELSEWHERE = {"Sec-Fetch-Site": "cross-site", "Origin": ISSUER.rstrip("/")}


def arrive(client: FlaskClient, text: str) -> TestResponse:
    """Click the button of WordPress' page."""
    return client.post(ARRIVE, data={"ticket": text}, headers=FROM_ELSEWHERE)


def entry_of(answer: TestResponse) -> str:
    assert answer.status_code == 200, answer.text
    (found,) = re.findall(r'name="entry" value="([\w-]{43})"', answer.text)
    return str(found)


def come_over(site: Flask, clock: Clock, **lies: str) -> tuple[FlaskClient, TestResponse]:
    client = browser(site)
    entry = entry_of(arrive(client, ticket(clock.now, **lies)))
    return client, client.post(GO_ON, data={"entry": entry})


def refusals(app: App) -> list[dict]:
    return [dict(each.facts) for each in app.ledger.entries(("console:refused",))]


def test_a_ticket_and_a_click_open_a_session_where_one_wanted_to_go(
    wordpress_site: Flask, app: App, clock: Clock
) -> None:
    client, answer = come_over(wordpress_site, clock, to="/requests/?state=held")

    assert (answer.status_code, answer.headers["Location"]) == (303, "/requests/?state=held")
    assert "__Host-syncer=" in answer.headers["Set-Cookie"]
    assert client.get("/requests/").status_code == 200
    (entry,) = app.ledger.entries(("console:signed_in",))
    assert entry.actor == {"kind": "console", "user": "wp:1:7", "via": "wordpress", "from": "127.0.0.0/24"}
    assert entry.facts["second_factor"] is False


def test_the_ticket_alone_opens_nothing_and_says_in_whose_name_one_would_go_on(
    wordpress_site: Flask, app: App, clock: Clock
) -> None:
    client = browser(wordpress_site)

    answer = arrive(client, ticket(clock.now))

    assert "Continue as WordPress user 7 of shop.example.org" in answer.text
    assert "Set-Cookie" not in answer.headers
    assert client.get("/").status_code == 303
    assert not list(app.ledger.entries(("console:signed_in",)))


@pytest.mark.slow
@pytest.mark.parametrize(
    "to",
    [
        "https://evil.example.org/",
        "//evil.example.org/",
        "/\\evil.example.org",
        "evil",
        "",
        "/sign-out",
        "/sign-in?next=//evil.example.org",
        "/nowhere",
        "/requests/\n",
        "\ud800",
    ],
)
def test_a_way_that_is_none_of_ours_leads_to_the_overview(wordpress_site: Flask, clock: Clock, to: str) -> None:
    assert come_over(wordpress_site, clock, to=to)[1].headers["Location"] == "/"


def test_a_ticket_works_once(wordpress_site: Flask, app: App, clock: Clock) -> None:
    once = ticket(clock.now)
    assert arrive(browser(wordpress_site), once).status_code == 200

    assert arrive(browser(wordpress_site), once).status_code == 403
    assert refusals(app) == [{"why": "a ticket of WordPress: it was used before"}]


def test_another_ticket_with_the_same_number_works_no_more(wordpress_site: Flask, clock: Clock) -> None:
    arrive(browser(wordpress_site), ticket(clock.now, jti="ab" * 16))

    assert arrive(browser(wordpress_site), ticket(clock.now, jti="ab" * 16, sub="1:8")).status_code == 403


def test_two_clicks_at_once_with_one_ticket_get_one_page(wordpress_site: Flask, clock: Clock) -> None:
    once = ticket(clock.now)

    with ThreadPoolExecutor(4) as pool:
        found = sorted(pool.map(lambda _: arrive(browser(wordpress_site), once).status_code, range(4)))

    assert found == [200, 403, 403, 403]


def test_two_clicks_at_once_on_continue_open_one_session(wordpress_site: Flask, app: App, clock: Clock) -> None:
    entry = entry_of(arrive(browser(wordpress_site), ticket(clock.now)))

    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(lambda _: browser(wordpress_site).post(GO_ON, data={"entry": entry}), range(4))
        found = sorted(each.status_code for each in answers)

    assert found == [303, 403, 403, 403]
    assert len(furnish(app).sessions.of("wp:1:7")) == 1


def test_whoever_waits_too_long_begins_again(wordpress_site: Flask, clock: Clock) -> None:
    client = browser(wordpress_site)
    entry = entry_of(arrive(client, ticket(clock.now)))
    clock.advance(minutes=5, seconds=1)

    assert client.post(GO_ON, data={"entry": entry}).status_code == 403


@pytest.mark.slow
@pytest.mark.parametrize("entry", ["", "x", "../", "\x00", "é" * 100])
def test_nobody_goes_on_without_a_ticket(wordpress_site: Flask, entry: str) -> None:
    assert browser(wordpress_site).post(GO_ON, data={"entry": entry}).status_code == 403


@pytest.mark.parametrize("lies", [{"aud": "http://localhost:1/"}, {"iss": "https://a.test/"}, {"sub": "0:0"}])
def test_a_ticket_that_lies_opens_nothing(wordpress_site: Flask, clock: Clock, lies: dict[str, str]) -> None:
    answer = arrive(browser(wordpress_site), ticket(clock.now, **lies))

    assert answer.status_code == 403
    assert "entry" not in answer.text


@pytest.mark.slow
@pytest.mark.parametrize("role", Role)
def test_whatever_the_role_such_a_session_decides_nothing(
    app: App, clock: Clock, door: WordPressDoor, role: Role
) -> None:
    app.settings = replace(app.settings, console=ConsoleSettings(url=AUDIENCE, wordpress=replace(door, role=role)))
    site = make_site(app)
    client, _ = come_over(site, clock)
    cookie = client.get_cookie("__Host-syncer")
    assert cookie is not None

    person = furnish(app).sessions.find(cookie.value)

    assert person is not None
    assert person.allowed <= FROM_WORDPRESS
    assert client.get("/users/").status_code == 403
    assert client.post("/guard/", data={}).status_code in (403, 404, 405)


@pytest.mark.parametrize(
    ("role", "said"),
    [
        (Role.READER, "You may look at requests. Whatever"),
        (Role.OPS, "You may look at requests and look people up. Whatever"),
        (Role.ADMIN, "You may look at requests, look people up and take reports out. Whatever"),
    ],
)
def test_the_page_before_it_promises_what_the_role_may_and_no_more(
    app: App, clock: Clock, door: WordPressDoor, role: Role, said: str
) -> None:
    app.settings = replace(app.settings, console=ConsoleSettings(url=AUDIENCE, wordpress=replace(door, role=role)))

    assert said in arrive(browser(make_site(app)), ticket(clock.now)).text


def test_an_administrator_of_wordpress_shows_no_second_factor(app: App, clock: Clock, door: WordPressDoor) -> None:
    console = ConsoleSettings(url=AUDIENCE, wordpress=replace(door, role=Role.ADMIN))
    app.settings = replace(app.settings, console=console)
    client, _ = come_over(make_site(app), clock)

    assert client.get("/step-up").status_code == 200
    assert client.post("/step-up", data={"code": "123456"}).status_code == 422


def test_whoever_was_signed_in_here_is_so_no_more(wordpress_site: Flask, app: App, clock: Clock) -> None:
    client, _ = come_over(wordpress_site, clock)
    first = client.get_cookie("__Host-syncer")
    entry = entry_of(arrive(client, ticket(clock.now, sub="2:9")))

    client.post(GO_ON, data={"entry": entry})

    assert first is not None
    assert furnish(app).sessions.find(first.value) is None


def test_refusals_are_slowed_down_and_told_once(wordpress_site: Flask, app: App, clock: Clock) -> None:
    client = browser(wordpress_site)

    found = [arrive(client, "forged").status_code for _ in range(25)]

    assert found == [403] * 20 + [429] * 5
    assert refusals(app) == [{"why": "a ticket of WordPress: it was not made with our secret"}]
    assert int(arrive(client, "forged").headers["Retry-After"]) > 0
    assert arrive(client, ticket(clock.now)).status_code == 200, "a stranger shut an administrator out"


def test_a_flood_of_invented_entries_holds_up_nobodys_writing(wordpress_site: Flask, app: App) -> None:
    client = browser(wordpress_site)
    for _ in range(21):
        client.post(GO_ON, data={"entry": "invented"})

    with writing(app.engine):  # somebody writes, for as long as it takes
        assert client.post(GO_ON, data={"entry": "invented"}).status_code == 429


def test_nothing_of_a_forged_ticket_is_shown_or_written(wordpress_site: Flask, app: App, clock: Clock) -> None:
    answer = arrive(browser(wordpress_site), signed(said(clock.now, to="/canary"), secret="f" * 32))

    assert "canary" not in answer.text
    assert "canary" not in str(refusals(app))


def test_other_sites_post_tickets_and_nothing_else(wordpress_site: Flask, clock: Clock) -> None:
    client = browser(wordpress_site)
    entry = entry_of(arrive(client, ticket(clock.now)))

    assert client.post(GO_ON, data={"entry": entry}, headers=FROM_ELSEWHERE).status_code == 403
    views = wordpress_site.view_functions
    assert [name for name, view in views.items() if getattr(view, "cross_site", False)] == ["wordpress.arrive"]


def test_without_the_table_there_is_no_such_page(app: App, wordpress_site: Flask, clock: Clock) -> None:
    client, _ = come_over(wordpress_site, clock)
    cookie = client.get_cookie("__Host-syncer")
    app.settings = replace(app.settings, console=ConsoleSettings(url=AUDIENCE))
    closed = browser(make_site(app))

    assert arrive(closed, ticket(clock.now)).status_code == 404
    assert closed.post(GO_ON, data={"entry": "x"}).status_code == 404
    assert cookie is not None
    closed.set_cookie("__Host-syncer", cookie.value, domain="localhost", secure=True)
    assert closed.get("/").status_code == 303, "a session outlived the door that it came in by"


@pytest.mark.slow
@pytest.mark.parametrize("content", ["", "short", None])
def test_a_secret_that_is_missing_or_short_opens_nothing_and_is_no_crash(
    wordpress_site: Flask, app: App, clock: Clock, door: WordPressDoor, content: str | None
) -> None:
    _put(door.secret_file, content)

    answer = arrive(browser(wordpress_site), signed(said(clock.now), secret=content or ""))

    assert answer.status_code == 403
    assert "syncer check" in refusals(app)[0]["why"]


def _put(file: Path, content: str | None) -> None:
    file.unlink()
    if content is not None:
        file.write_text(content, encoding="utf-8")
        file.chmod(0o600)
