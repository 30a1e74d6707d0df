"""The site over a filled installation, and a browser's place for each role."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from syncer.app import App
from syncer.console.desk import furnish
from syncer.console.sign_in.person import as_text
from syncer.console.site import make_site
from syncer.domain.permissions import Role
from syncer.settings.console.table import ConsoleSettings
from tests.conftest import Clock
from tests.support import eventful

ORIGIN = "http://localhost:8484"


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an installation in which everything happened."""
    folder = tmp_path_factory.mktemp("eventful")
    with eventful.installation(folder):
        return folder


@pytest.fixture
def filled(made: Path, tmp_path: Path) -> Iterator[tuple[App, Clock]]:
    """An installation in which everything happened, with a console."""
    with eventful.copied(made, tmp_path) as (app, clock):
        app.settings = replace(app.settings, console=ConsoleSettings(url=f"{ORIGIN}/"))
        yield app, clock


@pytest.fixture
def site(filled: tuple[App, Clock]) -> Flask:
    """The pages of that installation."""
    return make_site(filled[0])


@pytest.fixture
def signed_in(site: Flask, filled: tuple[App, Clock]) -> Callable[..., FlaskClient]:
    """What signs somebody in with roles, by a session of their own, and returns their place."""
    return lambda *roles, name="anna", **how: place(site, filled[0], *roles, name=name, **how)


def place(
    site: Flask, app: App, *roles: Role, name: str = "anna", via: str = "passkey", stepped_up: bool = True
) -> FlaskClient:
    """Sign somebody in and return a client that holds the cookie and asks as a page of the console does."""
    here = furnish(app)
    user = app.tables.user
    with app.transactions.write() as tx:
        tx.connection.execute(user.delete().where(user.c.name == name))
        tx.connection.execute(user.insert().values(name=name, roles=as_text(roles), created_at=tx.now))
        cookie = here.sessions.open(tx, name, via, "127.0.0.0/24", stepped_up=stepped_up)
    client = site.test_client()
    client.environ_base |= {"HTTP_SEC_FETCH_SITE": "same-origin", "SERVER_PORT": "8484"}
    client.set_cookie(here.cookie, cookie, domain="localhost", path=here.path, secure=False)
    return client
