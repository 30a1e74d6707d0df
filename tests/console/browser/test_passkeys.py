"""Passkeys in a real browser with a virtual authenticator: made, shown, shown again; and refused where they must be."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from flask.testing import FlaskClient
from werkzeug.serving import make_server
from werkzeug.wrappers import Response

from syncer.console.sign_in.accounts import AccountBook
from syncer.console.sign_in.passkeys.keys import PasskeyBook
from syncer.domain.permissions import Role
from tests.support.browser import RULES, Tab, axe_or_skip
from tests.support.console.served import ServedConsole

pytestmark = pytest.mark.slow

PRESSED = "document.querySelector('[data-passkey] button').click()"
FAILED = "document.querySelector('[data-failed]').textContent"

#: shows a passkey on whatever page it runs
SHOWN = """async asked => {
  const bytes = t => Uint8Array.from(atob(t.replace(/-/g, '+').replace(/_/g, '/')), c => c.charCodeAt(0));
  const text = b => btoa(String.fromCharCode(...new Uint8Array(b))).replace(/[+]/g, '-').replace(/[/]/g, '_')
    .replace(/=/g, '');
  const got = await navigator.credentials.get({publicKey: {...asked, challenge: bytes(asked.challenge)}});
  const response = {};
  for (const name of ['clientDataJSON', 'authenticatorData', 'signature', 'userHandle'])
    response[name] = text(got.response[name]);
  return JSON.stringify({id: got.id, rawId: got.id, type: got.type, response});
}"""


def refusals(here: ServedConsole) -> list[str]:
    return [entry.facts["why"] for entry in here.app.ledger.entries(("console:refused",))]


def sound(tab: Tab) -> None:
    """Assert that axe finds nothing, that nothing overflows, and that the policy hinders nothing."""
    for width, dark in ((1280, False), (320, True)):
        tab.look(width=width, dark=dark)
        tab.value(f"{axe_or_skip()};0")
        assert tab.value(f"{RULES}.then(r => r.violations.map(v => [v.id, v.nodes[0].html]))") == []
        assert tab.value("document.documentElement.scrollWidth") <= width
    assert [each for each in tab.events if each.get("method") == "Log.entryAdded"] == []


def until_it_failed(tab: Tab) -> str:
    """Press the button, and wait for what is said of a passkey that the browser does not give."""
    tab.value(PRESSED)
    return str(tab.value(f"new Promise(r => setInterval(() => {FAILED} && r({FAILED}), 50))"))


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """Somebody else's page, at another port of the same host."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        page = Response("<!doctype html><title>Prizes</title>", mimetype="text/html")
        server = make_server("127.0.0.1", 0, page, fd=listening.fileno(), threaded=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://localhost:{listening.getsockname()[1]}/"
        finally:
            server.shutdown()
            thread.join(20)
            server.server_close()


@pytest.fixture
def authenticator(tab: Tab) -> str:
    """An authenticator that verifies its owner, and is pulled out afterwards."""
    tab.call("WebAuthn.disable")
    return tab.add_authenticator()


@pytest.fixture
def begun(tab: Tab, here: ServedConsole, authenticator: str, request: pytest.FixtureRequest) -> str:
    """The name of somebody who began with a code and a passkey in the browser, and is signed in there."""
    name = f"p{abs(hash(request.node.name)) % 10**9}"
    code = AccountBook(here.app.transactions).add(name, [Role.ADMIN])
    tab.open(f"{here.origin}/enrol")
    tab.value(f"document.querySelector('[name=enrolment]').value = {code!r}; 0")
    tab.follow("document.querySelector('main form button').click()")
    sound(tab)
    tab.value("document.querySelector('[data-passkey] [name=label]').value = 'this laptop'; 0")
    tab.follow(PRESSED)
    assert tab.value("location.pathname + location.search") == "/?said=enrolled"
    return name


def test_somebody_begins_with_a_passkey_signs_in_with_it_and_shows_it_again(
    tab: Tab, here: ServedConsole, begun: str
) -> None:
    account = AccountBook(here.app.transactions).find(begun)
    assert account is not None and account.factors == ("passkey",)

    tab.follow("document.querySelector('form[action=\"/sign-out\"] button').click()")
    tab.open(f"{here.origin}/sign-in?next=/users/")
    sound(tab)
    tab.follow(PRESSED)
    assert tab.value("location.pathname") == "/users/"
    (held,) = PasskeyBook(here.app.transactions).of(begun)
    assert held.label == "this laptop" and held.sign_count > 0 and held.used_at is not None

    here.clock.advance(minutes=11)
    tab.open(f"{here.origin}/me/passkeys/new")
    assert tab.value("location.pathname") == "/step-up"
    sound(tab)
    tab.follow(PRESSED)
    assert tab.value("location.pathname") == "/me/passkeys/new"
    sound(tab)
    assert "has none for this address" in until_it_failed(tab)  # this authenticator has one of theirs already
    tab.open(f"{here.origin}/me")
    sound(tab)


def test_another_authenticator_adds_another_passkey_and_the_first_can_go(
    tab: Tab, here: ServedConsole, begun: str, authenticator: str
) -> None:
    here.clock.advance(minutes=1)
    tab.call("WebAuthn.removeVirtualAuthenticator", authenticatorId=authenticator)
    tab.add_authenticator()
    tab.open(f"{here.origin}/me/passkeys/new")
    tab.follow(PRESSED)
    assert tab.value("location.pathname + location.search") == "/me?said=passkey-added"

    tab.value("document.querySelector('main table:last-of-type details').open = true; 0")
    tab.follow("document.querySelector('form[action=\"/me/passkeys/remove\"] button').click()")

    assert tab.value("location.pathname + location.search") == "/me?said=passkey-removed"
    (held,) = PasskeyBook(here.app.transactions).of(begun)
    assert held.label == "Passkey"


def test_without_asking_for_its_owner_the_browser_gives_no_passkey(
    tab: Tab, here: ServedConsole, begun: str, authenticator: str
) -> None:
    tab.call("WebAuthn.setUserVerified", authenticatorId=authenticator, isUserVerified=False)
    tab.forget_cookies()
    tab.open(f"{here.origin}/sign-in")

    assert until_it_failed(tab) != ""
    assert tab.value("location.pathname") == "/sign-in"


def test_an_answer_without_its_owner_is_refused_here_too(
    tab: Tab, here: ServedConsole, begun: str, authenticator: str
) -> None:
    tab.call("WebAuthn.setUserVerified", authenticatorId=authenticator, isUserVerified=False)
    tab.forget_cookies()
    tab.open(f"{here.origin}/sign-in")
    # a page that somebody bent asks for less than ours does
    tab.value(
        "(get => { navigator.credentials.get = asked => { asked.publicKey.userVerification = 'discouraged';"
        " return get.call(navigator.credentials, asked); } })(navigator.credentials.get); 0"
    )
    tab.follow(PRESSED)

    assert tab.value("location.pathname") == "/sign-in/passkey"
    assert "This passkey was not taken" in str(tab.value("document.body.innerText"))
    assert refusals(here)[-1] == "a passkey that was not shown to us, or without asking for its owner"


def test_a_passkey_of_another_origin_is_not_even_asked_for(tab: Tab, here: ServedConsole, begun: str) -> None:
    tab.forget_cookies()
    tab.open(f"{here.origin.replace('localhost', '127.0.0.1')}/sign-in")

    assert until_it_failed(tab) != ""


def test_what_another_port_of_the_same_host_was_given_is_refused(
    tab: Tab, here: ServedConsole, begun: str, client: Callable[..., FlaskClient], elsewhere: str
) -> None:
    """Browsers bind passkeys to the host alone: a page at another port of it is told apart by its origin."""
    lured = client()
    asked = lured.post("/sign-in/passkey/ask").text
    tab.open(elsewhere)
    answer = str(tab.value(f"({SHOWN})({asked})"))

    assert "clientDataJSON" in answer
    assert lured.post("/sign-in/passkey", data={"answer": answer}).status_code == 422
    tab.open(f"{here.origin}/sign-in")
    asked = lured.post("/sign-in/passkey/ask").text
    answer = str(tab.value(f"({SHOWN})({asked})"))
    assert lured.post("/sign-in/passkey", data={"answer": answer}).status_code == 303


def test_without_script_the_page_says_that_a_passkey_needs_it(tab: Tab, here: ServedConsole) -> None:
    tab.script(False)
    tab.open(f"{here.origin}/sign-in")

    shown = str(tab.value("document.querySelector('main').innerText"))
    assert "A passkey needs a script of this page" in shown
    assert "Sign in with a passkey" not in shown
    tab.script(True)
    tab.open(f"{here.origin}/sign-in")
    shown = str(tab.value("document.querySelector('main').innerText"))
    assert "A passkey needs" not in shown and "Sign in with a passkey" in shown
