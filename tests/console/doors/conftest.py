"""A small installation whose console other sites vouch for people at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from syncer.app import App
from syncer.console.site import make_site
from syncer.settings.console.doors import OidcDoor, WordPressDoor
from syncer.settings.console.table import ConsoleSettings
from tests.conftest import Clock
from tests.support.web.issuer import CLIENT, Issuer, running
from tests.support.web.issuer import SECRET as CLIENT_SECRET
from tests.support.web.tickets import AUDIENCE, ISSUER, SECRET


@pytest.fixture
def door(tmp_path: Path) -> WordPressDoor:
    """The door of WordPress; its secret lies where nobody else reads it. A test may replace it."""
    secret = tmp_path / "ticket"
    secret.write_text(f"{SECRET}\n", encoding="utf-8")
    secret.chmod(0o600)
    return WordPressDoor(issuer=ISSUER, secret_file=secret)


@pytest.fixture
def wordpress_site(app: App, door: WordPressDoor) -> Flask:
    """The pages of an installation where administrators of WordPress come over."""
    app.settings = replace(app.settings, console=ConsoleSettings(url=AUDIENCE, wordpress=door))
    return make_site(app)


@pytest.fixture
def issuer(clock: Clock) -> Iterator[Issuer]:
    """An identity provider whose clock is the test's."""
    with running() as found:
        found.now = clock
        yield found


@pytest.fixture
def oidc_site(app: App, issuer: Issuer, tmp_path: Path) -> Flask:
    """The pages of an installation where people sign in at that provider."""
    secret = tmp_path / "oidc"
    secret.write_text(CLIENT_SECRET, encoding="utf-8")
    secret.chmod(0o600)
    door = OidcDoor(issuer=issuer.url, client_id=CLIENT, secret_file=secret, label="Example ID")
    app.settings = replace(app.settings, console=ConsoleSettings(url=AUDIENCE, oidc=door))
    return make_site(app)
