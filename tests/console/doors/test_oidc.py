"""Signing in at an identity provider: there and back, bound once by a code; a stranger may lie."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa
from flask import Flask

from syncer.app import App
from syncer.console.desk import furnish
from syncer.console.keeping.identities import Identities
from syncer.console.sign_in.accounts import Account, AccountBook
from syncer.console.site import make_site
from syncer.domain.permissions import Role
from syncer.settings.console.table import ConsoleSettings
from tests.conftest import Clock
from tests.support.console.signing_in import browser
from tests.support.web.abroad import BACK, BIND, bound, come_back, refusals, set_out, there_and_back, why
from tests.support.web.issuer import CLIENT, Issuer
from tests.support.web.tickets import AUDIENCE


def test_a_code_binds_an_account_once_and_from_then_on_the_provider_is_enough(
    oidc_site: Flask, app: App, issuer: Issuer
) -> None:
    bound(oidc_site, app, issuer)
    client = browser(oidc_site)

    answer = there_and_back(client, issuer, wanted="/requests/?state=held")

    assert (answer.status_code, answer.headers["Location"]) == (303, "/requests/?state=held")
    assert client.get("/requests/").status_code == 200
    entries = list(app.ledger.entries(("console:signed_in",)))
    assert entries[-1].actor == {"kind": "console", "user": "anna", "via": "oidc", "from": "127.0.0.0/24"}
    assert entries[-1].facts["second_factor"] is False
    (enrolled,) = app.ledger.entries(("user:enrolled",))
    assert enrolled.facts == {"user": "anna", "factors": "an identity provider"}
    assert enrolled.actor["user"] == "anna"


def test_the_sign_in_page_links_to_it_and_says_whose_it_is(oidc_site: Flask) -> None:
    text = browser(oidc_site).get("/sign-in?next=/requests/").text

    assert 'href="/sign-in/oidc?next=/requests/"' in text
    assert "Sign in at Example ID" in text


def test_without_the_table_there_is_no_link_and_no_page(app: App, oidc_site: Flask, issuer: Issuer) -> None:
    client = bound(oidc_site, app, issuer)
    cookie = client.get_cookie("__Host-syncer")
    app.settings = replace(app.settings, console=ConsoleSettings(url=AUDIENCE))
    closed = browser(make_site(app))

    assert "/sign-in/oidc" not in closed.get("/sign-in").text
    assert [closed.get(path).status_code for path in ("/sign-in/oidc", BACK, BIND)] == [404] * 3
    assert closed.post(BIND, data={"enrolment": "x"}).status_code == 404
    assert cookie is not None
    closed.set_cookie("__Host-syncer", cookie.value, domain="localhost", secure=True)
    assert closed.get("/").status_code == 303, "a session outlived the door that it came in by"


def test_the_way_there_asks_for_a_code_with_proof_and_writes_nothing(
    oidc_site: Flask, app: App, issuer: Issuer
) -> None:
    client = browser(oidc_site)

    ways = [parse_qs(urlsplit(set_out(client)).query) for _ in range(2)]

    assert ways[0]["client_id"] == [CLIENT]
    assert ways[0]["redirect_uri"] == [f"{AUDIENCE}sign-in/oidc/back"]
    assert ways[0]["scope"] == ["openid"]
    for name in ("state", "nonce", "code_challenge"):
        assert ways[0][name] != ways[1][name]
    assert issuer.asked == ["/.well-known/openid-configuration"], "what it says of itself is asked for once"
    with app.engine.connect() as connection:
        assert connection.execute(app.tables.once.select()).all() == []


def test_the_cookie_of_a_sign_in_is_for_this_host_alone_and_short(oidc_site: Flask) -> None:
    answer = browser(oidc_site).get("/sign-in/oidc")

    parts = answer.headers["Set-Cookie"].split("; ")
    assert parts[0].startswith("__Host-syncer-oidc=")
    assert {"Max-Age=600", "Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(parts)


def test_an_account_is_never_found_by_mail_or_name(oidc_site: Flask, app: App, issuer: Issuer) -> None:
    AccountBook(app.transactions).add("anna", [Role.ADMIN])
    issuer.lies = {"email": "anna", "email_verified": True, "preferred_username": "anna", "name": "anna"}
    client = browser(oidc_site)

    assert there_and_back(client, issuer, subject="anna").headers["Location"] == BIND
    assert client.get("/").status_code == 303


@pytest.mark.slow
@pytest.mark.parametrize("subject", ["Anna@id", "anna@id ", "anna@i", "anna@idd"])
def test_a_name_that_is_almost_the_same_is_somebody_else(
    oidc_site: Flask, app: App, issuer: Issuer, subject: str
) -> None:
    bound(oidc_site, app, issuer)

    assert there_and_back(browser(oidc_site), issuer, subject).headers["Location"] == BIND


def test_who_comes_back_with_a_state_of_another_browser_is_refused(oidc_site: Flask, app: App, issuer: Issuer) -> None:
    bound(oidc_site, app, issuer)
    attacker, victim = browser(oidc_site), browser(oidc_site)
    query = issuer.sign_in(set_out(attacker))
    set_out(victim)

    assert come_back(victim, query).status_code == 403
    assert come_back(browser(oidc_site), query).status_code == 403
    assert "this browser began no such sign-in" in why(app)
    assert issuer.asked.count("/token") == 1, "the code of somebody else was sent on"


@pytest.mark.slow
@pytest.mark.parametrize("said", ["error=access_denied", "code=", f"code={'x' * 5000}"])
def test_whoever_comes_back_without_a_code_fills_no_table(
    oidc_site: Flask, app: App, issuer: Issuer, said: str
) -> None:
    client = browser(oidc_site)
    kept = [each for each in issuer.sign_in(set_out(client)).split("&") if not each.startswith("code=")]

    answer = come_back(client, "&".join([*kept, said]))

    assert answer.status_code == 403
    with app.engine.connect() as connection:
        assert connection.execute(sa.select(app.tables.once)).all() == []
    assert "it signed nobody in" in why(app)


def test_one_comes_back_once(oidc_site: Flask, app: App, issuer: Issuer) -> None:
    bound(oidc_site, app, issuer)
    client = browser(oidc_site)
    query = issuer.sign_in(set_out(client))
    cookie = client.get_cookie("__Host-syncer-oidc")
    assert come_back(client, query).status_code == 303

    assert cookie is not None
    again = browser(oidc_site)
    again.set_cookie("__Host-syncer-oidc", cookie.value, domain="localhost", secure=True)
    assert come_back(again, query).status_code == 403
    assert "used before" in why(app)


def test_a_code_that_the_provider_does_not_know_lets_nobody_in(oidc_site: Flask, app: App, issuer: Issuer) -> None:
    client = browser(oidc_site)
    query = issuer.sign_in(set_out(client))
    issuer.codes.clear()

    assert come_back(client, query).status_code == 403
    assert "does not know the code" in why(app)


def test_one_may_be_away_for_ten_minutes(oidc_site: Flask, app: App, issuer: Issuer, clock: Clock) -> None:
    bound(oidc_site, app, issuer)
    client = browser(oidc_site)
    query = issuer.sign_in(set_out(client))
    clock.advance(minutes=10, seconds=1)

    assert come_back(client, query).status_code == 403


@pytest.mark.slow
@pytest.mark.parametrize(
    "query", ["", "code=x", "state=x&code=x", "error=access_denied&state=x", "state=%ff", "state=é"]
)
def test_whoever_never_set_out_does_not_come_back(oidc_site: Flask, query: str) -> None:
    assert come_back(browser(oidc_site), query).status_code == 403


@pytest.mark.slow
@pytest.mark.parametrize(
    "cookie", ["", "x", "9999999999.a.b", f"0000000000.{'a' * 43}.", f"9999999999.{'a' * 43}.", "a" * 3000]
)
def test_an_invented_cookie_begins_nothing(oidc_site: Flask, cookie: str) -> None:
    client = browser(oidc_site)
    client.set_cookie("__Host-syncer-oidc", cookie, domain="localhost", secure=True)

    assert come_back(client, "code=x&state=x").status_code == 403


def test_a_disabled_account_is_refused(oidc_site: Flask, app: App, issuer: Issuer) -> None:
    bound(oidc_site, app, issuer)
    AccountBook(app.transactions).disable("anna")
    client = browser(oidc_site)

    assert there_and_back(client, issuer).status_code == 403
    assert client.get("/").status_code == 303
    assert refusals(app) == [{"why": "the account is disabled, or changed meanwhile", "user": "anna"}]


def test_a_reset_ends_the_bond(oidc_site: Flask, app: App, issuer: Issuer) -> None:
    bound(oidc_site, app, issuer)
    AccountBook(app.transactions).reset("anna")

    assert there_and_back(browser(oidc_site), issuer).headers["Location"] == BIND


def test_a_code_binds_once_and_one_person_has_one_account(oidc_site: Flask, app: App, issuer: Issuer) -> None:
    book = AccountBook(app.transactions)
    code, other = book.add("anna", [Role.READER]), book.add("bert", [Role.ADMIN])
    first, second, same = (browser(oidc_site) for _ in range(3))
    for client, subject in ((first, "anna@id"), (second, "carl@id"), (same, "anna@id")):
        there_and_back(client, issuer, subject)

    assert first.post(BIND, data={"enrolment": code.lower()}).status_code == 303
    assert second.post(BIND, data={"enrolment": code}).status_code == 422
    assert same.post(BIND, data={"enrolment": other}).status_code == 403, "anna became bert as well"
    assert book.of_code(other) is not None


def test_nobody_binds_without_having_been_at_the_provider(oidc_site: Flask, app: App) -> None:
    code = AccountBook(app.transactions).add("anna", [Role.ADMIN])

    assert browser(oidc_site).post(BIND, data={"enrolment": code}).status_code == 403
    account = AccountBook(app.transactions).find("anna")
    assert account is not None
    assert account.oidc_subject is None


def test_wrong_codes_are_slowed_down_and_told_once(oidc_site: Flask, app: App, issuer: Issuer) -> None:
    client = browser(oidc_site)
    there_and_back(client, issuer)

    found = [client.post(BIND, data={"enrolment": "A" * 24}).status_code for _ in range(22)]

    assert found == [422] * 20 + [429] * 2
    assert refusals(app) == [{"why": "the code to begin with"}]
    code = AccountBook(app.transactions).add("anna", [Role.ADMIN])
    assert client.post(BIND, data={"enrolment": code}).status_code == 303, "its owner was shut out"


def test_the_provider_alone_is_no_second_factor(oidc_site: Flask, app: App, issuer: Issuer) -> None:
    client = bound(oidc_site, app, issuer)
    cookie = client.get_cookie("__Host-syncer")
    assert cookie is not None

    person = furnish(app).sessions.find(cookie.value)

    assert person is not None
    assert (person.via, person.stepped_up_at) == ("oidc", None)


def test_nothing_of_what_came_back_is_shown_or_written(oidc_site: Flask, app: App) -> None:
    answer = come_back(browser(oidc_site), "code=canary&state=canary&error=canary&error_description=canary")

    assert "canary" not in answer.text
    assert "canary" not in str(refusals(app))


def test_nobody_comes_in_beside_a_reset(oidc_site: Flask, app: App, issuer: Issuer) -> None:
    bound(oidc_site, app, issuer)
    client, book = browser(oidc_site), AccountBook(app.transactions)
    query = issuer.sign_in(set_out(client))
    found = Identities.of

    def found_then_reset(self: Identities, *who: str) -> Account | None:
        account = found(self, *who)
        book.reset("anna")
        return account

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Identities, "of", found_then_reset)
        answer = come_back(client, query)

    assert answer.status_code == 403
    assert furnish(app).sessions.of("anna") == []
