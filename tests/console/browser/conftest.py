"""A served console and one browser for each module: both take seconds to start."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask.testing import FlaskClient

from syncer.domain.permissions import Role
from tests.support.browser import Tab, chromium
from tests.support.console.served import ServedConsole, console


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedConsole]:
    """The console of an installation in which everything happened, on a port of localhost."""
    with console(tmp_path_factory.mktemp("console")) as served:
        yield served


@pytest.fixture
def client(here: ServedConsole) -> Callable[..., FlaskClient]:
    """What asks as somebody with a role would, without a browser; as nobody where none is named."""

    def made(*roles: Role, **how: bool) -> FlaskClient:
        client = here.site.test_client()
        port = here.origin.rpartition(":")[2]
        client.environ_base |= {"HTTP_SEC_FETCH_SITE": "same-origin", "SERVER_PORT": port}
        if roles:
            client.set_cookie(here.desk.cookie, here.cookie(*roles, **how), domain="localhost", secure=False)
        return client

    return made


@pytest.fixture(scope="module")
def browser() -> Iterator[Tab]:
    """The browser of a module."""
    with chromium() as tab:
        yield tab


@pytest.fixture
def tab(browser: Tab, here: ServedConsole) -> Tab:
    """The browser as a person meets it who never was here: scripts run, nobody is signed in."""
    browser.script(True)
    browser.forget_cookies()
    browser.look(width=1280)
    browser.open(f"{here.origin}/sign-in")
    browser.problems.clear()
    return browser
