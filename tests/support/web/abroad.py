"""A browser that goes to an identity provider and comes back."""

from __future__ import annotations

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from syncer.app import App
from syncer.console.sign_in.accounts import AccountBook
from syncer.domain.permissions import Role
from tests.support.console.signing_in import browser
from tests.support.web.issuer import Issuer

BACK, BIND = "/sign-in/oidc/back", "/sign-in/oidc/bind"


def set_out(client: FlaskClient, wanted: str = "/") -> str:
    """Follow the link of the sign-in page and return the address that it leads to."""
    answer = client.get("/sign-in/oidc", query_string={"next": wanted}, headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def come_back(client: FlaskClient, query: str) -> TestResponse:
    return client.get(f"{BACK}?{query}", headers={"Sec-Fetch-Site": "cross-site"})


def there_and_back(client: FlaskClient, issuer: Issuer, subject: str = "anna@id", wanted: str = "/") -> TestResponse:
    return come_back(client, issuer.sign_in(set_out(client, wanted), subject))


def bound(site: Flask, app: App, issuer: Issuer, name: str = "anna", subject: str = "anna@id") -> FlaskClient:
    """Somebody with an account that is theirs at the provider, too; they are signed in."""
    code, client = AccountBook(app.transactions).add(name, [Role.COMPLIANCE]), browser(site)
    assert there_and_back(client, issuer, subject).headers["Location"] == BIND
    answer = client.post(BIND, data={"enrolment": code})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/me?said=bound"), answer.text
    return client


def refusals(app: App) -> list[dict]:
    return [dict(each.facts) for each in app.ledger.entries(("console:refused",))]


def why(app: App) -> str:
    (found,) = refusals(app)
    return str(found["why"])
