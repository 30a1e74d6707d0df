"""Rows of the console that somebody else wrote to: each lets nobody in, is called damaged, and breaks no page."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from syncer.app import App
from syncer.cli.output.people import listed, show_users
from syncer.console.keeping.once import OnceStore
from syncer.console.sign_in.accounts import Account, AccountBook
from syncer.database.connections import writing
from syncer.domain.permissions import Role
from tests.conftest import Clock
from tests.support.console.authenticator import SoftKey
from tests.support.console.signing_in import Somebody, browser, enrolled, sign_in

pytestmark = pytest.mark.slow

#: what SQLite keeps in a column of texts, of times and of numbers, and what none of ours holds
NO_TEXT = ("x'ff00'", "CAST(x'ffc3' AS TEXT)", "'a' || char(0) || 'b'")
NO_TIME = (
    *NO_TEXT, "'soon'", "9223372036854775807", "-1", "1e300", "'9999-12-31 23:59:59.0'", "'0001-01-01 00:00:00.0'",
)  # fmt: skip
NO_NUMBER = (*NO_TEXT, "'soon'", "-1", "1e300", "'2026-01-01 00:00:00.0'")
TABLES = ("user", "session", "passkey", "bucket", "once")
TIMES = {"at", "until"}
NUMBERS = {"totp_step", "sign_count", "tokens"}
COLUMNS = {
    "user": "name roles created_at disabled_at password totp_sealed totp_step enrol_hash enrol_until oidc_issuer"
    " oidc_subject language last_seen_at looked_at looked_before_at",
    "session": "hash user_name via network roles created_at seen_at stepped_up_at",
    "passkey": "id user_name label credential public_key sign_count created_at used_at",
    "bucket": "name tokens at told_at",
    "once": "id facts until",
}


def odd(column: str) -> tuple[str, ...]:
    """What a column never holds."""
    if column.endswith(("_at", "_until")) or column in TIMES:
        return NO_TIME
    # a float may be anything that is finite
    numbers = tuple(value for value in NO_NUMBER if column != "tokens" or value not in ("-1", "1e300"))
    return numbers if column in NUMBERS else NO_TEXT


def every(table: str) -> list[str]:
    return COLUMNS[table].split()


def write(app: App, table: str, column: str, value: str, where: str = "1 = 1") -> None:
    """Write to rows of a table with other means than syncer's."""
    with writing(app.engine) as connection:
        done = connection.execute(sa.text(f"UPDATE syncer_{table} SET {column} = {value} WHERE {where}"))
        assert done.rowcount


def account(app: App, name: str) -> Account:
    found = AccountBook(app.transactions).find(name)
    assert found is not None
    return found


@pytest.fixture
def admin(site: Flask, app: App, clock: Clock) -> FlaskClient:
    """The browser of anna, an administrator, whose own rows are sound."""
    client = browser(site, "203.0.113.9")
    assert sign_in(client, enrolled(app, "anna", Role.ADMIN), clock.now).status_code == 303
    return client


@pytest.fixture
def bert(app: App) -> Somebody:
    """Somebody to whose rows somebody else writes."""
    return enrolled(app, "bert", Role.OPS)


def is_in(client: FlaskClient) -> bool:
    answer = client.get("/me")
    assert answer.status_code in (200, 303)
    return answer.status_code == 200


def come_in(client: FlaskClient, who: Somebody, clock: Clock) -> TestResponse:
    clock.advance(minutes=1)
    answer = sign_in(client, who, clock.now)
    assert answer.status_code < 500
    return answer


def test_every_column_of_these_tables_is_tried(app: App) -> None:
    assert all(every(name) == [column.key for column in getattr(app.tables, name).c] for name in TABLES)


@pytest.mark.parametrize("column", every("user"))
def test_an_account_with_a_damaged_row_lets_nobody_in_and_is_called_so_until_it_is_reset(
    site: Flask,
    app: App,
    clock: Clock,
    admin: FlaskClient,
    bert: Somebody,
    column: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    his, book = browser(site), AccountBook(app.transactions)
    assert come_in(his, bert, clock).status_code == 303
    assert is_in(his)
    rows = "name = 'bert'" if column != "name" else "name <> 'anna'"

    for value in odd(column):
        write(app, "user", column, value, rows)

        assert not is_in(his)
        assert come_in(browser(site), bert, clock).status_code == 422
        assert "damaged" in admin.get("/users/").text
        assert is_in(admin)
        (damaged,) = [each for each in book.all() if each.damaged]
        assert damaged.damaged == (column,)
        show_users([listed(each) for each in book.all()])
        assert f"damaged ({column})" in " ".join(capsys.readouterr().out.split())

    if column != "name":
        assert admin.post("/users/reset", data={"name": "bert"}).status_code == 200
        assert account(app, "bert").damaged == ()


@pytest.mark.parametrize("column", every("session"))
def test_a_session_with_a_damaged_row_is_over_and_the_others_go_on(
    site: Flask, app: App, clock: Clock, admin: FlaskClient, bert: Somebody, column: str
) -> None:
    his, other = browser(site), browser(site)
    come_in(other, bert, clock)
    come_in(his, bert, clock)
    with app.engine.connect() as connection:
        newest = connection.execute(sa.text("SELECT max(rowid) FROM syncer_session")).scalar_one()

    for value in odd(column):
        write(app, "session", column, value, f"rowid = {newest}")

        assert not is_in(his)
        assert is_in(other) and is_in(admin)
        assert other.get("/me").text.count('name="session"') == 1


@pytest.mark.parametrize("column", every("passkey"))
def test_a_passkey_with_a_damaged_row_signs_nobody_in_and_stands_in_the_list(
    site: Flask, app: App, clock: Clock, admin: FlaskClient, bert: Somebody, column: str
) -> None:
    his, key = browser(site), SoftKey()
    come_in(his, bert, clock)
    options = json.loads(his.post("/me/passkeys/ask").text)
    assert his.post("/me/passkeys/new", data={"answer": key.make(options), "label": "blue"}).status_code == 303
    assert [each.passkeys for each in AccountBook(app.transactions).all()] == [0, 1]

    for value in odd(column):
        write(app, "passkey", column, value)
        clock.advance(minutes=1)
        client = browser(site)
        shown = key.show(json.loads(client.post("/sign-in/passkey/ask").text))
        answer = client.post("/sign-in/passkey", data={"answer": shown})

        assert answer.status_code == 422
        assert is_in(his) and is_in(admin)
        assert his.post("/me/passkeys/ask").status_code == 200
        if column != "user_name":  # or it is nobody's
            assert "damaged passkey" in admin.get("/users/").text
            assert (account(app, "bert").passkeys, account(app, "bert").damaged_passkeys) == (0, 1)


@pytest.mark.parametrize("column", every("bucket"))
def test_a_damaged_bucket_is_empty_and_fills_again_by_itself(
    site: Flask, app: App, clock: Clock, bert: Somebody, column: str
) -> None:
    for value in odd(column):
        assert come_in(browser(site), bert, clock).status_code == 303
        where = "rowid = (SELECT max(rowid) FROM syncer_bucket)" if column == "name" else "1 = 1"
        write(app, "bucket", column, value, where)

        first = sign_in(browser(site), bert, clock.now, password="not this one at all")
        assert first.status_code in (422, 429)
        if column == "name":
            with writing(app.engine) as connection:
                connection.execute(app.tables.bucket.delete())


@pytest.mark.parametrize("column", every("once"))
def test_what_is_damaged_may_be_used_not_even_once(app: App, column: str) -> None:
    store = OnceStore(app.transactions)
    for number, value in enumerate(("'soon'", *odd(column))):
        with app.transactions.write() as tx:
            store.keep(tx, "kind", str(number), tx.now + timedelta(hours=1), {"who": "x"})
        assert store.holds("kind", str(number))
        write(app, "once", column, value)

        assert not store.holds("kind", str(number))
        with app.transactions.write() as tx:
            assert store.take(tx, "kind", str(number)) is None
            tx.connection.execute(app.tables.once.delete())
