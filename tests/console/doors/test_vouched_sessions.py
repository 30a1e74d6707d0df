"""A session for which another site vouched lasts an hour, however busy: who is locked out there is soon out here."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from syncer.app import App
from syncer.console.desk import furnish
from syncer.console.sign_in.sessions import VOUCHED_FOR
from syncer.domain.permissions import Role
from tests.conftest import Clock
from tests.support.console.signing_in import browser
from tests.support.walk import rows
from tests.support.web.abroad import bound, there_and_back
from tests.support.web.issuer import Issuer


def visitor(site: Flask, app: App, via: str) -> FlaskClient:
    """A browser of somebody who came in this way."""
    here, client = furnish(app), browser(site)
    with app.transactions.write() as tx:
        cookie = here.sessions.open(tx, "wp:1:7", via, "127.0.0.0/24", stepped_up=False, roles=[Role.COMPLIANCE])
    client.set_cookie(here.cookie, cookie, domain="localhost", secure=True)
    return client


def busy(client: FlaskClient, clock: Clock, lasts: timedelta) -> list[int]:
    """Look at a page every ten minutes, and once more a second after the end."""
    found = []
    for _ in range(int(lasts / timedelta(minutes=10))):
        clock.advance(minutes=10)
        found.append(client.get("/me").status_code)
    clock.advance(seconds=1)
    return [*found, client.get("/me").status_code]


def test_a_session_from_wordpress_ends_an_hour_after_it_began(wordpress_site: Flask, app: App, clock: Clock) -> None:
    client = visitor(wordpress_site, app, "wordpress")

    assert busy(client, clock, VOUCHED_FOR) == [200] * 6 + [303]


def test_a_session_from_an_identity_provider_does_so_too_and_goes_on_by_its_link(
    oidc_site: Flask, app: App, issuer: Issuer, clock: Clock
) -> None:
    client = bound(oidc_site, app, issuer)

    assert busy(client, clock, VOUCHED_FOR) == [200] * 6 + [303]
    assert 'href="/sign-in/oidc?next=/me"' in client.get("/me", follow_redirects=True).text
    assert there_and_back(client, issuer, wanted="/me").headers["Location"] == "/me"
    assert client.get("/me").status_code == 200


def test_a_session_that_nobody_vouched_for_lasts_on(wordpress_site: Flask, app: App, clock: Clock) -> None:
    client = visitor(wordpress_site, app, "passkey")

    assert busy(client, clock, VOUCHED_FOR) == [200] * 7


@pytest.mark.parametrize(("via", "left"), [("wordpress", 0), ("oidc", 0), ("passkey", 1)])
def test_what_is_over_is_listed_no_more_and_forgotten(
    oidc_site: Flask, app: App, clock: Clock, via: str, left: int
) -> None:
    client, here = visitor(oidc_site, app, via), furnish(app)
    busy(client, clock, VOUCHED_FOR)

    assert len(here.sessions.of("wp:1:7")) == left
    here.sessions.forget()
    assert len(rows(app, app.tables.session)) == left
