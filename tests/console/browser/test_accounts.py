"""Accounts in a real browser: beginning with a code, signing in and out, a second factor; axe looks at each page."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pyotp
import pytest
from waitress.server import create_server

from syncer.app import App
from syncer.console.sign_in.accounts import AccountBook
from syncer.console.site import make_site
from syncer.domain.permissions import Role
from syncer.settings.console.table import ConsoleSettings
from tests.conftest import Clock
from tests.support.browser import RULES, Tab, axe_or_skip, chromium
from tests.support.console.signing_in import PASSWORD, enrolled

pytestmark = pytest.mark.slow


@pytest.fixture
def tab() -> Iterator[Tab]:
    with chromium() as found:
        yield found


@contextmanager
def served(app: App) -> Iterator[str]:
    """Serve the console on a free port of this machine; yields its address without the slash."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"http://localhost:{listening.getsockname()[1]}"
        app.settings = replace(app.settings, console=ConsoleSettings(url=f"{address}/"))
        server = create_server(make_site(app), sockets=[listening], threads=4, clear_untrusted_proxy_headers=True)
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            yield address
        finally:
            server.trigger.pull_trigger(lambda: [each.close() for each in list(server._map.values())])
            thread.join(20)
            server.task_dispatcher.shutdown()


@dataclass
class Visitor:
    """Somebody at the browser, who looks at every page with axe at two widths, light and dark."""

    tab: Tab
    shots: Path
    address: str
    script: bool

    def sound(self, name: str) -> None:
        for width, dark in ((1280, False), (320, True)):
            self.tab.look(width=width, dark=dark)
            self.tab.picture(self.shots / f"{name}-{width}.png")
            if self.script:
                self.tab.value(f"{axe_or_skip()};0")
                found = self.tab.value(f"{RULES}.then(r => r.violations.map(v => [v.id, v.nodes[0].html]))")
                assert found == [], name
            assert self.tab.value("document.documentElement.scrollWidth") <= width, name
        said = [event["params"]["entry"] for event in self.tab.events if event.get("method") == "Log.entryAdded"]
        expected = (f"{self.address}/favicon.ico", f"{self.address}/enrol/choose")
        assert [each["text"] for each in said if each.get("url") not in expected] == [], name

    def fill(self, button: str = "main form button", **values: str) -> None:
        for name, value in values.items():
            self.tab.value(f"document.querySelector('main [name={name}]').value = {value!r}; 0")
        self.tab.follow(f"document.querySelector({button!r}).click()")

    def says(self, text: str) -> bool:
        return text in str(self.tab.value("document.body.innerText"))

    def path(self) -> str:
        return str(self.tab.value("location.pathname + location.search"))


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without"])
def test_somebody_begins_with_a_code_looks_at_their_account_and_signs_out(
    app: App, clock: Clock, tab: Tab, tmp_path: Path, script: bool
) -> None:
    code, chosen = AccountBook(app.transactions).add("anna", [Role.ADMIN]), "form[action='/enrol/choose'] button"
    enrolled(app, "bert", Role.OPS)
    tab.call("Emulation.setScriptExecutionDisabled", value=not script)
    with served(app) as address:
        visitor = Visitor(tab, tmp_path, address, script)
        tab.open(f"{address}/users/")
        visitor.sound("sign-in")
        tab.open(f"{address}/enrol")
        visitor.sound("enrol")
        visitor.fill(enrolment=code)
        secret = str(tab.value("document.querySelector('.pairing code').innerText")).replace(" ", "")
        visitor.fill(chosen, password="short", again="short", code="000000")
        visitor.sound("choose-wrong")
        visitor.fill(chosen, password=PASSWORD, again=PASSWORD, code=pyotp.TOTP(secret).at(clock.now))
        assert visitor.says("You are signed in.")
        visitor.sound("begun")

        for path, name in (("/me", "me"), ("/me/app", "app"), ("/users/", "users"), ("/step-up", "step-up")):
            tab.open(f"{address}{path}")
            visitor.sound(name)
        tab.open(f"{address}/users/")
        visitor.fill("form[action='/users/reset'] button")
        visitor.sound("code")

        clock.advance(minutes=11)
        tab.open(f"{address}/users/")
        assert visitor.path() == "/step-up?next=%2Fusers%2F"
        visitor.fill(code=pyotp.TOTP(secret).at(clock.now))
        assert visitor.path() == "/users/"
        visitor.fill("form[action='/sign-out'] button")
        assert visitor.path() == "/sign-in?said=signed-out"
        tab.open(f"{address}/me")
        clock.advance(minutes=1)
        visitor.fill(name="anna", password=PASSWORD, code=pyotp.TOTP(secret).at(clock.now))
        assert visitor.path() == "/me"
