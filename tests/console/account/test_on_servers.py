"""What several do at once to accounts ends alike on every database."""

from __future__ import annotations

import threading
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
from tests.support.console.signing_in import PASSWORD, SECRET, Somebody, browser, enrolled, sign_in
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
