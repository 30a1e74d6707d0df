"""`/users/`: what an administrator changes, and what nobody does by accident."""

from __future__ import annotations

import re
import threading
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from syncer.app import App
from syncer.console.sign_in.accounts import Account, AccountBook, LastAdmin
from syncer.console.site import make_site
from syncer.domain.permissions import Role
from syncer.settings.console.table import ConsoleSettings
from tests.conftest import Clock
from tests.console.conftest import ORIGIN
from tests.support.console.signing_in import browser, enrolled, sign_in


@pytest.fixture
def admin(site: Flask, app: App, clock: Clock) -> FlaskClient:
    """The browser of anna, an administrator."""
    client = browser(site)
    assert sign_in(client, enrolled(app, "anna", Role.ADMIN), clock.now).status_code == 303
    return client


def account(app: App, name: str) -> Account:
    found = AccountBook(app.transactions).find(name)
    assert found is not None
    return found


def test_everybody_is_listed_with_roles_factors_and_last_use(app: App, admin: FlaskClient) -> None:
    enrolled(app, "bert", Role.OPS, Role.READER)
    AccountBook(app.transactions).add("carl", [Role.COMPLIANCE])

    page = admin.get("/users/").text

    for name in ("anna", "bert", "carl"):
        assert re.search(rf'<th scope="row">{name}', page)
    assert "this is you" in page and "nothing yet; the code works until" in page


def test_roles_are_changed_and_the_sessions_end(site: Flask, app: App, clock: Clock, admin: FlaskClient) -> None:
    bert, his = enrolled(app, "bert", Role.OPS), browser(site)
    sign_in(his, bert, clock.now)

    answer = admin.post("/users/roles", data={"name": "bert", "roles": ["reader", "compliance"]})

    assert answer.headers["Location"] == "/users/?said=roles-set"
    assert account(app, "bert").roles == {Role.READER, Role.COMPLIANCE}
    assert his.get("/").status_code == 303
    (entry,) = app.ledger.entries(("user:changed",))
    assert entry.actor["user"] == "anna"
    assert dict(entry.facts) == {"user": "bert", "changed": "roles from ops to reader compliance"}


@pytest.mark.slow
def test_an_account_is_disabled_enabled_and_signed_out(site: Flask, app: App, clock: Clock, admin: FlaskClient) -> None:
    bert, his = enrolled(app, "bert"), browser(site)
    sign_in(his, bert, clock.now)

    admin.post("/users/sign-out", data={"name": "bert"})
    assert his.get("/").status_code == 303
    admin.post("/users/disable", data={"name": "bert"})
    assert account(app, "bert").disabled_at == clock.now
    admin.post("/users/enable", data={"name": "bert"})
    assert account(app, "bert").disabled_at is None


def test_a_reset_shows_a_code_once_and_in_no_address(app: App, admin: FlaskClient) -> None:
    enrolled(app, "bert")

    answer = admin.post("/users/reset", data={"name": "bert"})

    (code,) = re.findall(r"<code>([A-Z2-7]{24})</code>", answer.text)
    assert answer.status_code == 200 and "Location" not in answer.headers
    found = AccountBook(app.transactions).of_code(code)
    assert found is not None and found.name == "bert" and found.factors == ()
    assert code not in admin.get("/users/").text


def test_where_decisions_need_a_second_person_no_administrator_gets_anothers_code(app: App, clock: Clock) -> None:
    app.settings = replace(app.settings, console=ConsoleSettings(url=f"{ORIGIN}/", four_eyes=("exempt",)))
    client = browser(make_site(app))
    sign_in(client, enrolled(app, "anna", Role.ADMIN), clock.now)
    enrolled(app, "bert", Role.COMPLIANCE)
    before = account(app, "bert")

    answer = client.post("/users/reset", data={"name": "bert"})

    assert answer.status_code == 409
    assert "syncer user reset" in answer.text
    assert account(app, "bert") == before
    assert "/users/reset" not in client.get("/users/").text


def test_roles_that_somebody_had_already_end_nothing_and_it_says_so(
    site: Flask, app: App, clock: Clock, admin: FlaskClient
) -> None:
    bert, his = enrolled(app, "bert", Role.OPS), browser(site)
    sign_in(his, bert, clock.now)

    answer = admin.post("/users/roles", data={"name": "bert", "roles": ["ops"]}, follow_redirects=True)

    assert "had these roles already. Nothing was changed." in answer.text
    assert his.get("/").status_code == 200


@pytest.mark.slow
@pytest.mark.parametrize("what", ["roles", "disable", "enable", "sign-out", "reset"])
def test_nobody_changes_their_own_account_here(app: App, admin: FlaskClient, what: str) -> None:
    enrolled(app, "zoe", Role.ADMIN)
    before = account(app, "anna")

    answer = admin.post(f"/users/{what}", data={"name": "anna", "roles": ["reader"]})

    assert answer.status_code == 409
    assert "your own account" in answer.text
    assert account(app, "anna") == before


@pytest.mark.parametrize("what", ["roles", "disable", "reset"])
def test_the_last_administrator_keeps_their_rights(app: App, what: str) -> None:
    enrolled(app, "anna", Role.ADMIN)
    enrolled(app, "bert", Role.OPS)
    book = AccountBook(app.transactions)
    book.add("carl", [Role.ADMIN])  # who never chose how to sign in
    enrolled(app, "dora", Role.ADMIN)
    book.disable("dora")

    with pytest.raises(LastAdmin):
        if what == "roles":
            book.set_roles("anna", [Role.OPS], keep_an_admin=True)
        else:
            getattr(book, what)("anna", keep_an_admin=True)


def test_of_two_administrators_who_disable_each_other_one_stays(app: App) -> None:
    for name in ("anna", "bert"):
        enrolled(app, name, Role.ADMIN)
    ready, failed = threading.Barrier(2), []

    def disable(name: str) -> None:
        ready.wait()
        try:
            AccountBook(app.transactions).disable(name, keep_an_admin=True)
        except LastAdmin:
            failed.append(name)

    threads = [threading.Thread(target=disable, args=(name,)) for name in ("anna", "bert")]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert len(failed) == 1
    assert account(app, failed[0]).disabled_at is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("what", "data", "status"),
    [
        ("roles", {"name": "bert"}, 422),
        ("roles", {"name": "bert", "roles": ["root"]}, 422),
        ("roles", {"roles": ["reader"]}, 422),
        ("disable", {"name": "nobody"}, 404),
        ("disable", {"name": "x" * 4000}, 422),
        ("disable", {"name": "bert'; DROP TABLE syncer_user; --"}, 422),
        ("disable", {"name": "' OR 1=1 --"}, 404),
        ("disable", {}, 422),
        ("disable", {"name": ["bert", "anna"]}, 400),
    ],
)
def test_what_cannot_be_read_changes_nothing(
    app: App, admin: FlaskClient, what: str, data: dict[str, object], status: int
) -> None:
    enrolled(app, "bert", Role.OPS)
    before = account(app, "bert")

    assert admin.post(f"/users/{what}", data=data).status_code == status
    assert account(app, "bert") == before


@pytest.mark.slow
@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
def test_only_an_administrator_comes_here(site: Flask, app: App, clock: Clock, role: Role) -> None:
    client = browser(site)
    sign_in(client, enrolled(app, "bert", role), clock.now)
    before = account(app, "bert")

    assert client.get("/users/").status_code == 403
    for what in ("roles", "disable", "enable", "sign-out", "reset"):
        assert client.post(f"/users/{what}", data={"name": "bert", "roles": ["admin"]}).status_code == 403
    assert account(app, "bert") == before
