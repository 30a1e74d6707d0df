"""A proxy that signs people in: believed on the unix socket or with its secret, about people who have an account."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from syncer.app import App
from syncer.console.sign_in.accounts import AccountBook
from syncer.console.site import make_site
from syncer.domain.permissions import Role
from syncer.settings.console.doors import ProxyDoor
from syncer.settings.console.table import ConsoleSettings
from tests.conftest import Clock
from tests.support.console.signing_in import browser, enrolled, sign_in

SECRET = "5f0e7f6f6d1d4b0a9f1c"
NAMED = "X-Remote-User"
SAID = {"X-Syncer-Proxy-Secret": SECRET}


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    """The file with what the proxy says, with a line's end as `openssl` writes one."""
    file = tmp_path / "proxy.secret"
    file.write_text(f"{SECRET}\n", encoding="utf-8")
    file.chmod(0o600)
    return file


@pytest.fixture
def site(app: App, secret_file: Path) -> Flask:
    """A console on a port of loopback, behind a proxy that knows the secret; anna and bert have accounts."""
    enrolled(app, "anna", Role.OPS)
    enrolled(app, "bert", Role.READER)
    return behind(app, ProxyDoor(user_header=NAMED, secret_file=secret_file))


def behind(app: App, door: ProxyDoor | None, **more: str) -> Flask:
    app.settings = replace(app.settings, console=ConsoleSettings(url="http://localhost:8484/", proxy=door, **more))
    return make_site(app)


def go_on(client: FlaskClient, name: str | None = "anna", **headers: str) -> int:
    named = {} if name is None else {NAMED: name}
    return client.post("/sign-in/proxy", headers=named | SAID | headers).status_code


def whys(app: App) -> list[str]:
    return [entry.facts["why"] for entry in app.ledger.entries(("console:refused",))]


def test_whom_the_proxy_names_goes_on_by_a_button_of_the_sign_in_page(site: Flask, app: App) -> None:
    client, told = browser(site), {NAMED: "anna"} | SAID
    shown = client.get("/sign-in?next=/requests/", headers=told).text
    assert "Continue as anna" in shown and 'action="/sign-in/proxy"' in shown
    assert client.get("/", headers=told).status_code == 303  # opening a page opens no session

    answer = client.post("/sign-in/proxy", headers=told, data={"next": "/requests/"})

    assert (answer.status_code, answer.headers["Location"]) == (303, "/requests/")
    assert client.get("/", headers=told).status_code == 200
    (entry,) = app.ledger.entries(("console:signed_in",))
    assert entry.actor == {"kind": "console", "user": "anna", "via": "proxy", "from": "127.0.0.0/24"}
    assert entry.facts["second_factor"] is False


def test_opening_the_sign_in_page_writes_nothing(site: Flask, app: App) -> None:
    head = app.ledger.head()
    for name in ("anna", "nobody", "anna, bert"):
        browser(site).get("/sign-in", headers={NAMED: name} | SAID)
        browser(site).get("/sign-in", headers={NAMED: name})

    assert app.ledger.head() == head


def test_what_needs_a_second_factor_asks_for_one_of_their_own(site: Flask, app: App, clock: Clock) -> None:
    client, told = browser(site), {NAMED: "anna"} | SAID
    go_on(client)

    assert client.get("/me/passkeys/new", headers=told).headers["Location"].startswith("/step-up")


def test_new_sessions_bring_no_new_tries_at_the_second_factor(site: Flask, app: App, clock: Clock) -> None:
    told, seen = {NAMED: "anna"} | SAID, []
    for _ in range(3):
        client = browser(site)
        go_on(client)
        seen += [client.post("/step-up", data={"code": "000000"}, headers=told).status_code for _ in range(3)]

    assert seen == [422] * 5 + [429] * 4
    assert len(whys(app)) == 1, "a stranger fills the log"


@pytest.mark.slow
@pytest.mark.parametrize("secret", [None, "", "wrong", SECRET[:-1], f"{SECRET}x", f"{SECRET}, {SECRET}", "ü" * 20])
def test_without_the_secret_nobody_is_believed(site: Flask, app: App, secret: str | None) -> None:
    client = browser(site)
    sent = {NAMED: "anna"} | ({} if secret is None else {"X-Syncer-Proxy-Secret": secret})

    assert client.post("/sign-in/proxy", headers=sent).status_code == 403
    assert "Continue as" not in client.get("/sign-in", headers=sent).text
    assert whys(app) == ["a proxy without the secret"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [None, "", "carl", "Anna", " anna", "anna, bert", "anna,anna", "anna\x00", "ann\xe4", "a" * 99],
)
def test_a_name_that_no_account_has_is_refused_and_makes_none(site: Flask, app: App, name: str | None) -> None:
    client = browser(site)
    environ = {"HTTP_X_SYNCER_PROXY_SECRET": SECRET} | ({} if name is None else {"HTTP_X_REMOTE_USER": name})

    answer = client.post("/sign-in/proxy", environ_overrides=environ)

    assert answer.status_code == 403
    assert "Continue as" not in client.get("/sign-in", environ_overrides=environ).text
    assert [each.name for each in AccountBook(app.transactions).all()] == ["anna", "bert"]
    assert whys(app) == ["a proxy that names nobody who has an account"]


def test_a_header_that_is_sent_twice_names_nobody(site: Flask) -> None:
    sent = [(NAMED, "anna"), (NAMED, "anna"), *SAID.items()]

    assert browser(site).post("/sign-in/proxy", headers=sent).status_code == 403


def test_a_disabled_account_is_refused_and_its_session_ends(site: Flask, app: App) -> None:
    client, told = browser(site), {NAMED: "anna"} | SAID
    go_on(client)
    AccountBook(app.transactions).disable("anna")

    assert client.get("/", headers=told).status_code == 303
    assert go_on(client) == 403
    assert whys(app) == ["the account is disabled"]


def test_the_session_holds_for_as_long_as_the_proxy_names_the_same_person(site: Flask) -> None:
    client = browser(site)
    go_on(client)

    assert client.get("/", headers={NAMED: "bert"} | SAID).status_code == 303
    assert client.get("/", headers=SAID).status_code == 303
    assert client.get("/", headers={NAMED: "anna"}).status_code == 303
    assert client.get("/", headers={NAMED: "anna"} | SAID).status_code == 200


def test_a_session_of_their_own_does_not_depend_on_the_proxy(site: Flask, app: App, clock: Clock) -> None:
    client, carl = browser(site), enrolled(app, "carl")
    sign_in(client, carl, clock.now)

    assert client.get("/").status_code == 200


@pytest.mark.slow
def test_another_page_cannot_make_a_browser_go_on(site: Flask) -> None:
    client = browser(site)
    client.environ_base["HTTP_SEC_FETCH_SITE"] = "cross-site"

    assert go_on(client) == 403


def test_without_the_door_there_is_none(app: App) -> None:
    enrolled(app)
    client = browser(behind(app, None))

    assert go_on(client) == 404
    assert "Continue as" not in client.get("/sign-in", headers={NAMED: "anna"} | SAID).text


def test_on_the_unix_socket_the_name_alone_is_believed(app: App) -> None:
    enrolled(app)
    client = browser(behind(app, ProxyDoor(user_header=NAMED), listen="unix:/run/syncer-console/http.sock"))

    assert client.post("/sign-in/proxy", headers={NAMED: "anna"}).status_code == 303


def test_on_a_port_the_name_alone_is_not_believed_whatever_the_settings_let_through(app: App) -> None:
    enrolled(app)

    assert go_on(browser(behind(app, ProxyDoor(user_header=NAMED)))) == 403


@pytest.mark.slow
@pytest.mark.parametrize("held", ["", "short", None])
def test_a_secret_that_is_missing_or_can_be_guessed_lets_nobody_in(
    site: Flask, secret_file: Path, held: str | None
) -> None:
    secret_file.unlink() if held is None else secret_file.write_text(held, encoding="utf-8")
    client = browser(site)

    for secret in ("", held or ""):
        assert go_on(client, **{"X-Syncer-Proxy-Secret": secret}) == 500
    assert client.get("/sign-in", headers={NAMED: "anna"} | SAID).status_code == 200  # the other doors stand


def test_whoever_tries_without_end_is_asked_to_wait_and_the_proxy_is_not(site: Flask) -> None:
    client = browser(site)

    assert [go_on(client, "nobody") for _ in range(21)][-1] == 429
    assert go_on(client) == 303
