"""Who is let through to a page: origins, ways back, rights that end at once, second factors, refusals on record."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Blueprint, Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncer.app import App
from syncer.console import ways
from syncer.console.access import needs
from syncer.console.sign_in.accounts import AccountBook
from syncer.console.site import make_site
from syncer.domain.permissions import Permission, Role
from syncer.settings.console.table import ConsoleSettings
from tests.conftest import Clock
from tests.support.console.signing_in import Somebody, browser, enrolled, sign_in

OWN, OTHER = "https://privacy.example.org", "https://evil.example"
FETCHED = ("same-origin", "same-site", "cross-site", "none", None, "Same-Origin")
ORIGINS = (OWN, OTHER, "null", None)


@pytest.fixture
def signed(site: Flask, app: App, clock: Clock) -> Callable[..., tuple[FlaskClient, Somebody]]:
    """Sign somebody in, in a browser of their own."""

    def go(name: str = "anna", *roles: Role) -> tuple[FlaskClient, Somebody]:
        who, client = enrolled(app, name, *roles), browser(site)
        assert sign_in(client, who, clock.now).status_code == 303
        return client, who

    return go


@pytest.mark.slow
@pytest.mark.parametrize(("fetched", "origin"), [*itertools.product(FETCHED, ORIGINS)])
def test_a_form_is_taken_from_our_own_pages_alone(app: App, fetched: str | None, origin: str | None) -> None:
    app.settings = replace(app.settings, console=ConsoleSettings(url=f"{OWN}/"))
    client = make_site(app).test_client()
    headers = {"Host": "privacy.example.org"}
    headers |= {"Sec-Fetch-Site": fetched} if fetched else {}
    headers |= {"Origin": origin} if origin else {}

    status = client.post("/sign-in", headers=headers, data={"name": "anna"}).status_code

    ours = fetched == "same-origin" if fetched else origin == OWN
    assert status == (422 if ours else 403)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("/users/", "/users/"),
        ("/me?x=1&said=gone&next=//evil.example", "/me?x=1"),
        ("/", "/"),
        ("", "/"),
        ("users/", "/"),
        ("//evil.example", "/"),
        ("//evil.example/users/", "/"),
        ("///users/", "/"),
        ("/\\evil.example", "/"),
        ("\\\\evil.example", "/"),
        ("/%5cevil.example", "/"),
        ("/%2f%2fevil.example", "/"),
        ("https://evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("/users/\r\nSet-Cookie: a=b", "/"),
        ("/users/%0d%0aSet-Cookie:a=b", "/"),
        ("/me?a=\nb", "/"),
        ("/\t/evil.example", "/"),
        ("/nowhere", "/"),
        ("/users", "/"),
        ("/sign-in", "/"),
        ("/sign-out", "/"),
        ("/step-up", "/"),
        ("/enrol", "/"),
        ("/healthz", "/"),
        ("/static/0/console.css", "/"),
        ("/users/disable", "/"),
        ("/me@evil.example", "/"),
        ("/." + "x" * 5000, "/"),
        ("/me?q=%F0%9F%92%A9#//evil.example", "/me?q=%F0%9F%92%A9"),
    ],
)
def test_the_way_back_is_a_page_of_ours_or_the_overview(
    site: Flask, app: App, clock: Clock, wanted: str, found: str
) -> None:
    answer = sign_in(browser(site), enrolled(app), clock.now, next=wanted)

    assert answer.headers["Location"] == found


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.text(), st.from_regex(r"[/\\]{1,3}[a-z./@:%0-9?#]{0,30}"), st.builds("/me{}".format, st.text())))
def test_no_way_back_leads_out_of_the_console(site: Flask, wanted: str) -> None:
    with site.test_request_context("/"):
        found = ways.back(wanted)

    parts = urlsplit(found)
    assert (parts.scheme, parts.netloc) == ("", "")
    assert found.startswith("/") and not found.startswith("//")
    assert found.isascii() and found.isprintable() and "\\" not in found
    assert parts.path in ("/", "/me", "/me/app", "/users/")


def test_the_way_back_keeps_the_prefix_once(app: App, clock: Clock) -> None:
    app.settings = replace(app.settings, console=ConsoleSettings(url="https://example.org/privacy/"))
    client, there = browser(make_site(app)), "https://example.org/privacy"

    sent = client.get("/users/", base_url=there).headers["Location"]
    page = client.get("/sign-in?next=/users/", base_url=there).text
    anna = enrolled(app, "anna", Role.ADMIN)
    given = {"name": "anna", "password": anna.password, "code": anna.code(clock.now), "next": "/privacy/users/"}
    answer = client.post("/sign-in", base_url=there, data=given)

    assert sent == "/privacy/sign-in?next=%2Fusers%2F"
    assert 'name="next" value="/privacy/users/"' in page
    assert answer.headers["Location"] == "/privacy/users/"


def test_a_form_sent_after_the_session_ended_leads_to_the_sign_in_and_back_to_the_form(site: Flask) -> None:
    answer = browser(site).post("/me/language", headers={"Referer": "http://localhost:8484/me?x=1"}, data={})

    assert answer.status_code == 303
    assert parse_qs(urlsplit(answer.headers["Location"]).query) == {"next": ["/me?x=1"], "said": ["session-over"]}
    assert "Nothing was changed" in browser(site).get(answer.headers["Location"]).text


@pytest.mark.parametrize("referrer", ["https://evil.example/x", "http://localhost:8484.evil.example/x", "nonsense", ""])
def test_a_referrer_of_another_site_leads_nowhere(site: Flask, referrer: str) -> None:
    answer = browser(site).post("/me/language", headers={"Referer": referrer}, data={})

    assert parse_qs(urlsplit(answer.headers["Location"]).query)["next"] == ["/me/language"]


def test_a_role_taken_away_ends_its_rights_at_once(
    app: App, signed: Callable[..., tuple[FlaskClient, Somebody]]
) -> None:
    client, _ = signed("anna", Role.ADMIN)
    assert client.get("/users/").status_code == 200

    AccountBook(app.transactions).set_roles("anna", [Role.READER])

    assert client.get("/users/").headers["Location"].startswith("/sign-in")


def test_a_role_taken_away_behind_our_back_ends_its_rights_too(
    app: App, signed: Callable[..., tuple[FlaskClient, Somebody]]
) -> None:
    client, _ = signed("anna", Role.ADMIN)
    with app.transactions.write() as tx:
        tx.connection.execute(app.tables.user.update().values(roles="reader"))

    assert client.get("/users/").status_code == 403


def test_disabling_an_account_ends_its_sessions_and_lets_nobody_in(
    site: Flask, app: App, clock: Clock, signed: Callable[..., tuple[FlaskClient, Somebody]]
) -> None:
    client, anna = signed()
    book = AccountBook(app.transactions)
    assert book.disable("anna") == 1

    assert client.get("/").headers["Location"].startswith("/sign-in")
    clock.advance(minutes=1)
    assert sign_in(browser(site), anna, clock.now).status_code == 422
    (entry,) = app.ledger.entries(("console:refused",))
    assert entry.facts["why"] == "the account is disabled"
    book.enable("anna")
    assert sign_in(browser(site), anna, clock.now).status_code == 303
    assert client.get("/").headers["Location"].startswith("/sign-in")


def test_an_account_that_was_disabled_behind_our_back_has_no_session_either(
    app: App, clock: Clock, signed: Callable[..., tuple[FlaskClient, Somebody]]
) -> None:
    client, _ = signed()
    with app.transactions.write() as tx:
        tx.connection.execute(app.tables.user.update().values(disabled_at=tx.now))

    assert client.get("/").headers["Location"].startswith("/sign-in")


def test_a_session_ends_by_rest_and_by_age(clock: Clock, signed: Callable[..., tuple[FlaskClient, Somebody]]) -> None:
    client, _ = signed()
    clock.advance(minutes=30)
    assert client.get("/").status_code == 200
    clock.advance(minutes=31)
    assert client.get("/").status_code == 303

    client, _ = signed("bert")
    for _ in range(21):
        clock.advance(minutes=29)
        client.get("/")
    assert client.get("/").status_code == 303


def test_after_ten_minutes_a_second_factor_is_asked_for_again_and_changes_the_cookie(
    app: App, clock: Clock, signed: Callable[..., tuple[FlaskClient, Somebody]]
) -> None:
    client, anna = signed("anna", Role.ADMIN)
    before = client.get_cookie("__Host-syncer")
    clock.advance(minutes=10)
    assert client.get("/users/").status_code == 200
    clock.advance(seconds=1)

    asked = client.get("/users/")
    assert asked.headers["Location"] == "/step-up?next=%2Fusers%2F"
    wrong = client.post("/step-up", data={"code": "000000", "next": "/users/"})
    assert (wrong.status_code, "not right" in wrong.text) == (422, True)
    right = client.post("/step-up", data={"code": anna.code(clock.now), "next": "/users/"})

    assert (right.status_code, right.headers["Location"]) == (303, "/users/")
    assert client.get("/users/").status_code == 200
    assert before is not None and before.value not in right.headers["Set-Cookie"]
    client.set_cookie("__Host-syncer", before.value, secure=True)
    assert client.get("/").status_code == 303


def test_a_form_that_asks_for_a_second_factor_changes_nothing_and_leads_back_to_itself(
    app: App, clock: Clock, signed: Callable[..., tuple[FlaskClient, Somebody]]
) -> None:
    client, _ = signed("anna", Role.ADMIN)
    enrolled(app, "bert")
    clock.advance(minutes=11)

    answer = client.post("/users/disable", data={"name": "bert"}, headers={"Referer": "http://localhost:8484/users/"})

    assert parse_qs(urlsplit(answer.headers["Location"]).query) == {"next": ["/users/"], "said": ["step-up-first"]}
    bert = AccountBook(app.transactions).find("bert")
    assert bert is not None and bert.disabled_at is None


def test_codes_at_a_step_up_are_counted_too(
    app: App, clock: Clock, signed: Callable[..., tuple[FlaskClient, Somebody]]
) -> None:
    client, anna = signed()
    clock.advance(minutes=2)

    seen = [client.post("/step-up", data={"code": "000000"}).status_code for _ in range(6)]

    assert seen == [422] * 5 + [429]
    assert client.post("/step-up", data={"code": anna.code(clock.now)}).status_code == 429
    (entry,) = app.ledger.entries(("console:refused",))
    assert dict(entry.facts) == {"why": "the code of the app", "user": "anna"}


def test_a_page_that_roles_do_not_allow_is_refused_before_it_is_known_to_exist_and_noted_once(
    app: App, clock: Clock, signed: Callable[..., tuple[FlaskClient, Somebody]]
) -> None:
    client, _ = signed("anna", Role.READER)
    for _ in range(5):
        assert client.get("/users/").status_code == 403
        assert client.post("/users/disable", data={"name": "nobody"}).status_code == 403

    def denied() -> list[tuple[str, str]]:
        entries = app.ledger.entries(("console:denied",))
        return [(entry.actor["user"], entry.facts["page"]) for entry in entries]

    assert denied() == [("anna", "users.users"), ("anna", "users.disable")]
    clock.advance(minutes=15)
    client.get("/users/")
    assert len(denied()) == 3


def test_where_actions_are_off_nobody_may_do_more_than_read(app: App, clock: Clock) -> None:
    app.settings = replace(app.settings, console=ConsoleSettings(url="http://localhost:8484/", actions=False))
    client = browser(make_site(app))
    sign_in(client, enrolled(app, "anna", Role.ADMIN), clock.now)

    assert client.get("/").status_code == 200
    assert client.get("/users/").status_code == 403


def test_a_view_that_names_nobody_is_opened_by_nobody(app: App, clock: Clock) -> None:
    app.settings = replace(app.settings, console=ConsoleSettings(url="http://localhost:8484/"))
    site, stray = make_site(app), Blueprint("stray", __name__)
    stray.add_url_rule("/stray", "stray", lambda: "secret")
    stray.add_url_rule("/marked", "marked", needs(Permission.VIEW)(lambda: "seen"))
    site.register_blueprint(stray)
    client = browser(site)
    sign_in(client, enrolled(app, "anna", Role.ADMIN), clock.now)

    assert client.get("/marked").text == "seen"
    assert client.get("/stray").status_code == 403


def test_over_plain_http_elsewhere_the_sign_in_says_that_cookies_are_not_kept(app: App) -> None:
    app.settings = replace(app.settings, console=ConsoleSettings(url="https://privacy.example.org/"))
    client = make_site(app).test_client()
    warning = "nobody stays signed in: use https://privacy.example.org/ instead"

    assert warning in client.get("/sign-in", headers={"Host": "privacy.example.org"}).text
    fetched = {"Host": "privacy.example.org", "Sec-Fetch-Site": "none"}
    assert warning not in client.get("/sign-in", headers=fetched).text
    assert warning not in client.get("/sign-in", headers={"Host": "localhost:8484"}).text


@pytest.mark.parametrize("status", ["cross-origin", "too long"])
def test_what_is_refused_before_anybody_is_looked_up_is_answered_in_words(site: Flask, status: str) -> None:
    client = browser(site)
    if status == "cross-origin":
        answer = client.post("/sign-in", headers={"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 403
    else:
        answer = client.post("/sign-in", data={"name": "x" * 70_000})
        assert answer.status_code == 413
    assert "<h1>" in answer.text
