"""Tries are counted: strangers are slowed down, and nobody is shut out."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from flask import Flask

from syncer.app import App
from syncer.console.desk import furnish
from syncer.database.connections import writing
from tests.conftest import Clock
from tests.support.console.signing_in import SECRET, Somebody, browser, enrolled, sign_in


def refusals(app: App) -> list[dict]:
    return [dict(entry.facts) for entry in app.ledger.entries(("console:refused",))]


def guess(site: Flask, clock: Clock, name: str, address: str = "203.0.113.7") -> int:
    wrong = Somebody(name, SECRET, "not this one, by far")
    return sign_in(browser(site, address), wrong, clock.now, code="000000").status_code


def test_five_wrong_passwords_then_one_a_minute(site: Flask, app: App, clock: Clock) -> None:
    enrolled(app)

    assert [guess(site, clock, "anna") for _ in range(6)] == [422] * 5 + [429]
    clock.advance(seconds=59)
    assert guess(site, clock, "anna") == 429
    clock.advance(seconds=1)
    assert guess(site, clock, "anna") == 422
    assert guess(site, clock, "anna") == 429


def test_how_long_to_wait_is_said_and_true(site: Flask, app: App, clock: Clock) -> None:
    anna, client = enrolled(app), browser(site, "203.0.113.7")
    for _ in range(5):
        guess(site, clock, "anna")

    answer = sign_in(client, anna, clock.now)

    assert answer.status_code == 429
    assert "Wait 60 seconds" in answer.text
    clock.advance(seconds=int(answer.headers["Retry-After"]))
    assert sign_in(client, anna, clock.now).status_code == 303


@pytest.mark.slow
def test_an_unknown_name_is_slowed_down_just_as_a_known_one(site: Flask, app: App, clock: Clock) -> None:
    enrolled(app)

    known = [guess(site, clock, "anna", "203.0.113.7") for _ in range(7)]
    unknown = [guess(site, clock, "bert", "198.51.100.7") for _ in range(7)]

    assert known == unknown


@pytest.mark.slow
def test_a_network_has_twenty_tries_in_a_quarter_of_an_hour_whatever_the_name(
    site: Flask, app: App, clock: Clock
) -> None:
    seen = [guess(site, clock, f"name{number}", f"203.0.113.{number}") for number in range(21)]

    assert seen == [422] * 20 + [429]
    assert "too many tries of everybody together" not in [each["why"] for each in refusals(app)]
    clock.advance(seconds=45)
    assert guess(site, clock, "another") == 422


@pytest.mark.slow
def test_whoever_has_no_tries_left_finds_out_no_name_and_fills_no_table(site: Flask, app: App, clock: Clock) -> None:
    for name in ("anna", "bert"):
        enrolled(app, name)
    for number in range(20):
        guess(site, clock, f"name{number}")
    guess(site, clock, "name0")
    with app.engine.connect() as connection:
        before = connection.execute(sa.select(app.tables.bucket)).all(), app.ledger.head()

    assert [guess(site, clock, name) for name in ("anna", "bert", "carl")] == [429] * 3

    with app.engine.connect() as connection:
        assert (connection.execute(sa.select(app.tables.bucket)).all(), app.ledger.head()) == before


@pytest.mark.slow
def test_all_networks_together_have_two_hundred(site: Flask, app: App, clock: Clock) -> None:
    seen = [guess(site, clock, f"name{n}", f"198.51.{n // 20}.1") for n in range(202)]

    assert seen.count(422) == 200
    assert seen[-2:] == [429, 429]
    # which is what an alert is made of; a single network that has to wait says something else
    assert [each["why"] for each in refusals(app)].count("too many tries of everybody together") == 1


@pytest.mark.slow
def test_whoever_empties_every_bucket_does_not_shut_the_officer_out(site: Flask, app: App, clock: Clock) -> None:
    anna, officer = enrolled(app), browser(site, "192.0.2.10")
    sign_in(officer, anna, clock.now)
    clock.advance(hours=12)
    for number in range(201):
        guess(site, clock, f"name{number}", f"198.51.{number // 20}.1")
    for _ in range(25):
        guess(site, clock, "anna", "203.0.113.7")

    assert guess(site, clock, "stranger", "100.64.0.1") == 429
    assert sign_in(browser(site, "192.0.2.99"), anna, clock.now).status_code == 303


def test_whoever_guesses_in_the_officers_own_network_does_not_shut_her_out(site: Flask, app: App, clock: Clock) -> None:
    anna, officer = enrolled(app), browser(site, "127.0.0.1")
    sign_in(officer, anna, clock.now)
    officer.post("/sign-out")
    clock.advance(minutes=1)

    for _ in range(10):  # another user of the same host
        guess(site, clock, "anna", "127.0.0.2")

    assert sign_in(browser(site, "127.0.0.1"), anna, clock.now).status_code == 429
    assert sign_in(officer, anna, clock.now).status_code == 303


def test_a_browser_that_is_known_for_one_account_has_no_tries_more_for_another(
    site: Flask, app: App, clock: Clock
) -> None:
    anna, client = enrolled(app), browser(site)
    enrolled(app, "bert")
    sign_in(client, anna, clock.now)
    wrong = Somebody("bert", SECRET, "not this one, by far")

    assert [sign_in(client, wrong, clock.now).status_code for _ in range(6)] == [422] * 5 + [429]
    own = [sign_in(client, anna, clock.now, password="wrong").status_code for _ in range(6)]
    assert own == [422] * 5 + [429]


@pytest.mark.slow
@pytest.mark.parametrize("cookie", ["", "x", "A" * 22, "A" * 4000, "../../", "ä" * 22])
def test_a_browser_that_only_says_that_it_is_known_is_a_strangers(
    site: Flask, app: App, clock: Clock, cookie: str
) -> None:
    enrolled(app)
    seen = []
    for _ in range(6):
        client = browser(site, "203.0.113.7")
        client.set_cookie("__Host-syncer-known", cookie, secure=True)
        seen.append(sign_in(client, Somebody("anna", SECRET, "wrong"), clock.now).status_code)

    assert seen == [422] * 5 + [429]


def test_signing_in_rightly_costs_no_try(site: Flask, app: App, clock: Clock) -> None:
    anna = enrolled(app)
    for _ in range(8):
        clock.advance(seconds=31)
        assert sign_in(browser(site), anna, clock.now).status_code == 303


def test_refusals_are_noted_once_in_a_quarter_of_an_hour_and_never_what_was_typed(
    site: Flask, app: App, clock: Clock
) -> None:
    enrolled(app)
    for _ in range(9):
        guess(site, clock, "anna")
        guess(site, clock, "hunter2-typed-as-name")
    assert refusals(app) == [{"why": "name or password", "user": "anna"}, {"why": "name or password"}]

    clock.advance(minutes=15)
    guess(site, clock, "anna")

    assert len(refusals(app)) == 3


def test_what_was_typed_stands_in_no_table(site: Flask, app: App, clock: Clock) -> None:
    guess(site, clock, "hunter2-typed-as-name")

    with app.engine.connect() as connection:
        buckets = connection.execute(app.tables.bucket.select()).all()
    assert buckets
    assert not any("hunter2" in str(row) or "203.0.113" in str(row) for row in buckets)


def test_a_flood_that_is_asked_to_wait_holds_up_nobodys_writing(site: Flask, app: App, clock: Clock) -> None:
    enrolled(app)
    for _ in range(6):
        guess(site, clock, "anna")
    before = app.ledger.head()

    with writing(app.engine):  # somebody writes, for as long as it takes
        assert guess(site, clock, "anna") == 429
    assert app.ledger.head() == before


def test_full_buckets_and_old_sessions_are_forgotten_and_known_networks_later(
    site: Flask, app: App, clock: Clock
) -> None:
    anna, here = enrolled(app), furnish(app)
    sign_in(browser(site), anna, clock.now)
    guess(site, clock, "bert")
    clock.advance(days=2)
    here.throttle.forget()
    here.sessions.forget()

    def names() -> list[str]:
        with app.engine.connect() as connection:
            return [row.name.partition(":")[0] for row in connection.execute(app.tables.bucket.select())]

    assert set(names()) == {"known"}
    with app.engine.connect() as connection:
        assert connection.execute(app.tables.session.select()).all() == []
    clock.advance(days=90)
    here.throttle.forget()
    assert names() == []
