"""What several do at once to accounts ends alike on every database."""

from __future__ import annotations

import json
import threading
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask

from syncer.app import App
from syncer.console.desk import furnish
from syncer.console.sign_in.accounts import AccountBook, LastAdmin
from syncer.console.sign_in.factors import Factors
from syncer.console.site import make_site
from syncer.domain.permissions import Role
from syncer.settings.console.table import ConsoleSettings
from tests.conftest import Clock
from tests.console.conftest import place
from tests.support.console.signing_in import PASSWORD, SECRET, Somebody, browser, enrolled, sign_in
from tests.support.looking.requests import add_request
from tests.support.servers import SERVERS

pytestmark = pytest.mark.parametrize("engine", SERVERS, indirect=True)


@pytest.fixture
def pages(app: App) -> Flask:
    app.settings = replace(app.settings, console=ConsoleSettings(url="http://localhost:8484/"))
    return make_site(app)


def at_once(times: int, act: Callable[[int], object]) -> list[object]:
    """Do something so many times at the same moment; return what came of it."""
    ready, found = threading.Barrier(times), []

    def one(number: int) -> None:
        ready.wait()
        try:
            found.append(act(number))
        except Exception as error:
            found.append(error)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(times)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return found


def test_a_code_of_an_app_is_taken_once(pages: Flask, app: App, clock: Clock) -> None:
    anna = enrolled(app)

    seen = at_once(4, lambda _: sign_in(browser(pages), anna, clock.now).status_code)

    assert sorted(map(str, seen)) == ["303", "422", "422", "422"]


#: places of the register that PostgreSQL cannot be asked for: of a time that is none, of an id that is none
NO_PLACES = (
    ("moment", "2026-01-01T00:00:00", "text", "6100"), ("moment", "2026-01-01T00:00:00", "octets", "00"),
    ("text", "736f6f6e", "text", "61"), ("number", 5, "number", 7), ("text", "ff", "text", "61"),
)  # fmt: skip


def test_what_no_database_can_be_asked_for_is_bad_input(pages: Flask, app: App) -> None:
    add_request(app, 1)
    admin, found = place(pages, app, *Role), {}
    for kind, moment, other, event_id in NO_PLACES:
        held = json.dumps([[kind, moment], [other, event_id]]).encode()
        path = f"/requests/?older={urlsafe_b64encode(held).decode().rstrip('=')}"
        found[path] = admin.get(path).status_code
    found["source"] = admin.get("/requests/?source=a%00b").status_code

    refused = (400,) if app.engine.dialect.name == "postgresql" else (200, 400)
    assert {path: status for path, status in found.items() if status not in refused} == {}
    assert found["source"] == 400
    assert admin.post("/users/sign-out", data={"name": "a\0b"}).status_code == 404


def test_a_code_to_begin_with_is_taken_once(app: App) -> None:
    book = AccountBook(app.transactions)
    code = book.add("anna", [Role.READER])
    account = book.find("anna")
    assert account is not None
    factors = Factors(app.transactions, app.keyring)

    seen = at_once(3, lambda _: factors.enrol(account, code, PASSWORD, SECRET, 1))

    assert sorted(map(str, seen)) == ["False", "False", "True"]


def test_of_two_administrators_who_disable_each_other_one_stays(app: App) -> None:
    names = ("anna", "bert")
    for name in names:
        enrolled(app, name, Role.ADMIN)

    seen = at_once(2, lambda number: AccountBook(app.transactions).disable(names[number], keep_an_admin=True))

    assert [type(each) for each in seen].count(LastAdmin) == 1, seen


def test_tries_are_counted_however_many_come_at_once(pages: Flask, app: App, clock: Clock) -> None:
    app.settings = replace(app.settings, console=ConsoleSettings(url="http://localhost:8484/"))
    stranger = Somebody("nobody", SECRET, "not this one, by far")
    answers = at_once(6, lambda _: sign_in(browser(pages), stranger, clock.now).status_code)

    assert sorted(map(str, answers)) == ["422"] * 5 + ["429"]
    here = furnish(app)
    here.throttle.forget()
    here.sessions.forget()
