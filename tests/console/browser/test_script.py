"""The script of ours in a real browser: it copies, follows and shows where to look; and it is small."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from flask import Blueprint, Flask, request
from jinja2 import DictLoader
from werkzeug.wrappers import Response

from syncer.console.access import public
from syncer.console.guardrails import HEADERS
from syncer.console.pages import page, static_content
from syncer.console.site import make_site
from tests.support.browser import Tab
from tests.support.console.served import ServedConsole, console

PAGE = """
{% extends "layout.html" %}
{% block title %}Trial{% endblock %}
{% block main %}<h1>Trial</h1>
<div data-follow aria-live="polite" id="standing"><p id="said">{{ said }}</p>
<details id="more"><summary>More</summary><p>x</p></details>
<p id="same">never changes</p>
</div>
<p id="following" data-follow>{% if follow %}<a href="/trial">Stop following</a>{% else %}
<a href="/trial?follow=10">Follow</a>{% endif %}</p>
<p id="outside">{{ said }}</p>
<p id="command">syncer status</p>
<button type="button" class="quiet" hidden data-copy="command" data-copied="Copied">Copy</button>
<div data-focus tabindex="-1" id="errors">wrong</div>{% endblock %}
"""


class Trial:
    """What a page says, and how often it was asked."""

    def __init__(self) -> None:
        self.said = "first"
        self.asked = 0
        self.status = 200


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedConsole]:
    """A console with one page more."""
    trial = Trial()

    @public
    def answer() -> Response:
        trial.asked += 1
        return page("trial.html", trial.status, said=trial.said, follow="follow" in request.args)

    with console(tmp_path_factory.mktemp("console"), lambda app: _with(make_site(app), answer, trial)) as served:
        yield served


def _with(site: Flask, view: Callable[[], Response], trial: Trial) -> Flask:
    views = Blueprint("trial", __name__)
    views.add_url_rule("/trial", view_func=view)
    views.jinja_loader = DictLoader({"trial.html": PAGE})  # type: ignore[assignment]
    site.register_blueprint(views)
    site.extensions["trial"] = trial
    return site


@pytest.fixture
def trial(here: ServedConsole) -> Trial:
    """The page's state, as it begins."""
    found: Trial = here.site.extensions["trial"]
    found.__init__()  # type: ignore[misc]
    return found


def until(tab: Tab, expression: str, seconds: float = 20) -> None:
    """Wait until something is true in the page."""
    end = time.monotonic() + seconds
    while not tab.value(f"(() => {{ try {{ return {expression} }} catch {{ return false }} }})()"):
        assert time.monotonic() < end, f"never: {expression}"
        time.sleep(0.05)


def hurried(tab: Tab) -> None:
    """Let the page's ten seconds pass in a tenth of one."""
    source = "(f => { window.setInterval = (g, ms) => f(g, ms / 100) })(window.setInterval)"
    tab.call("Page.addScriptToEvaluateOnNewDocument", source=source)


def test_the_script_is_small() -> None:
    assert sum(len(static_content(name)) for name in ("console.js", "passkeys.js")) < 6_144


def test_it_leads_to_what_was_not_taken(tab: Tab, here: ServedConsole, trial: Trial) -> None:
    tab.open(f"{here.origin}/trial")

    assert tab.value("document.activeElement.id") == "errors"
    assert tab.problems == []


def test_a_button_copies_what_it_names_and_says_so(tab: Tab, here: ServedConsole, trial: Trial) -> None:
    tab.call("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    tab.open(f"{here.origin}/trial")

    tab.click("[data-copy]")

    until(tab, "document.querySelector('[role=status]').textContent === 'Copied'")
    assert tab.value("navigator.clipboard.readText()") == "syncer status"
    until(tab, "document.querySelector('[data-copy]').textContent === 'Copy'")


def test_following_reads_the_region_alone_and_leaves_what_did_not_change(
    tab: Tab, here: ServedConsole, trial: Trial
) -> None:
    hurried(tab)
    tab.open(f"{here.origin}/trial")
    tab.value("window.kept = document.getElementById('same').firstChild; document.getElementById('more').open = true")
    changed = (
        "window.changes = 0; new MutationObserver(list => window.changes += list.length)"
        ".observe(document.getElementById('same'), {subtree: true, childList: true, characterData: true})"
    )
    tab.value(changed)

    tab.click("[href='/trial?follow=10']")
    trial.said = "second"

    until(tab, "document.getElementById('said').innerText === 'second'")
    assert tab.value("document.getElementById('outside').innerText") == "first"
    assert tab.value("document.getElementById('same').firstChild === window.kept")
    assert tab.value("[document.getElementById('more').open, window.changes]") == [True, 0]
    assert tab.value("location.search") == ""  # no page was loaded
    until(tab, "document.querySelector('#following a').innerText === 'Stop following'")

    tab.click("#following a")
    until(tab, "document.querySelector('#following a').innerText === 'Follow'")
    asked = trial.asked
    time.sleep(0.5)
    assert trial.asked == asked
    assert tab.problems == []


def test_a_followed_address_is_followed_by_the_script_and_not_loaded_again(
    tab: Tab, here: ServedConsole, trial: Trial
) -> None:
    hurried(tab)
    tab.open(f"{here.origin}/trial?follow=10")

    until(tab, "location.search === '' && document.readyState === 'complete'")
    trial.said = "second"

    until(tab, "document.getElementById('said').innerText === 'second'")
    assert tab.value("document.getElementById('outside').innerText") == "first"


def test_nothing_is_read_while_nobody_can_see_it(tab: Tab, here: ServedConsole, trial: Trial) -> None:
    hurried(tab)
    tab.open(f"{here.origin}/trial")
    tab.click("[href='/trial?follow=10']")
    until(tab, "document.querySelector('#following a').innerText === 'Stop following'")
    hide = "Object.defineProperty(document, 'visibilityState', {{value: {!r}, configurable: true}})"
    tab.value(f"{hide.format('hidden')};0")
    time.sleep(0.3)
    asked = trial.asked

    time.sleep(0.6)
    assert trial.asked == asked
    tab.value(f"{hide.format('visible')}; document.dispatchEvent(new Event('visibilitychange'));0")
    time.sleep(0.3)
    assert trial.asked > asked


def test_a_session_that_is_over_is_said_by_the_page_itself(tab: Tab, here: ServedConsole, trial: Trial) -> None:
    hurried(tab)
    tab.open(f"{here.origin}/trial")
    tab.click("[href='/trial?follow=10']")
    trial.status = 403
    trial.said = "over"

    until(tab, "document.getElementById('outside').innerText === 'over'")


def test_without_script_the_button_is_not_shown_and_the_link_works(tab: Tab, here: ServedConsole, trial: Trial) -> None:
    tab.script(False)
    tab.open(f"{here.origin}/trial")

    assert tab.value("getComputedStyle(document.querySelector('[data-copy]')).display") == "none"
    tab.led(lambda: tab.click("[href='/trial?follow=10']"))
    assert tab.value("location.search") == "?follow=10"


def test_the_policy_lets_no_other_script_run(tab: Tab, here: ServedConsole, trial: Trial) -> None:
    tab.open(f"{here.origin}/trial")

    tab.value(
        "(s => { s.textContent = 'window.ran = 1'; document.body.append(s) })(document.createElement('script'));0"
    )

    assert tab.value("window.ran") is None
    assert any("Content Security Policy" in said for said in tab.problems)
    assert "script-src 'self'" in HEADERS["Content-Security-Policy"]


def test_the_headers_let_a_passkey_be_made(tab: Tab, here: ServedConsole, trial: Trial) -> None:
    tab.add_authenticator()
    tab.open(f"{here.origin}/trial")
    asked = (
        "{publicKey: {challenge: new Uint8Array(32), rp: {id: 'localhost', name: 'syncer'},"
        " user: {id: new Uint8Array(16), name: 'anna', displayName: 'anna'},"
        " pubKeyCredParams: [{type: 'public-key', alg: -7}, {type: 'public-key', alg: -257}],"
        " authenticatorSelection: {userVerification: 'required'}}}"
    )

    assert tab.value(f"navigator.credentials.create({asked}).then(made => made.type)") == "public-key"
    assert tab.problems == []
