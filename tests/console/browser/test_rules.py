"""The harness itself: a page that breaks a rule on purpose is found, and so is a site with a hole."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Blueprint, Flask
from werkzeug.wrappers import Response

from syncer.console.access import public
from syncer.console.site import make_site
from syncer.domain.permissions import Role
from tests.support.console.crawl import Crawler, contents
from tests.support.console.rules import faults
from tests.support.console.served import ServedConsole, console

SOUND = (
    """<!doctype html><html lang="en"><head><title>T</title></head><body><main><h1>One</h1>{}</main></body></html>"""
)
BROKEN = {
    '<p style="color:red">x</p>': "<p style=…>",
    '<p onclick="x()">x</p>': "<p onclick=…>",
    "<script>x()</script>": "<script> within the page",
    "<style>p{}</style>": "<style> within the page",
    '<a href="javascript:x()">x</a>': "<a href=javascript:x()…>",
    '<a href=" data:text/html,x">x</a>': "<a href= data:text/html,x…>",
    '<form><input name="a"></form>': "<input name=a> has no label",
    '<form><label for="b">x</label><input name="a" id="c"></form>': "<label for=b> names nothing",
    '<p id="a">x</p><p id="a">y</p>': "the id a stands 2 times",
    "<h3>deep</h3>": "h3 after h1",
    "<h1>Two</h1>": "has 2 h1",
    "<form><button></button></form>": "<button> says nothing",
    "<table><tbody><tr><th>a</th></tr></tbody></table>": "a table without a caption",
    "<table><caption>c</caption><tr><th>a</th></tr></table>": "<th>a</th> has no scope",
    '<table><caption>c</caption><thead><tr><th scope="col">a</th></tr></thead>'
    "<tbody><tr><td>b</td></tr></tbody></table>": ("<td>b</td> says no label on a narrow screen"),
    "<form><fieldset><p>x</p></fieldset></form>": "a fieldset without a legend",
    '<a href="/x"></a>': "<a href=/x> says nothing",
    "<p><b>x</p></b>": "</p> ends <b>",
    "<p>\u202egnp</p>": "shows 0x202e as it is",
    "<p>": "</main> ends <p>",
}


def test_a_sound_page_has_no_fault() -> None:
    form = (
        '<form><label for="a">A</label><input id="a" name="a"><input type="hidden" name="b"><button>Go</button></form>'
    )

    assert faults(SOUND.format(form)) == []


@pytest.mark.parametrize("part", BROKEN)
def test_a_page_that_breaks_a_rule_is_found(part: str) -> None:
    assert BROKEN[part] in faults(SOUND.format(part))


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedConsole]:
    """A console with pages that break rules."""
    with console(tmp_path_factory.mktemp("broken"), lambda app: _with_holes(make_site(app))) as served:
        yield served


def _with_holes(site: Flask) -> Flask:
    views = Blueprint("holes", __name__)
    body = SOUND.format('<a href="/nowhere">dead</a> <a href="/writing">writes</a>')
    views.add_url_rule("/linking", "linking", public(lambda: Response(body, mimetype="text/html")))
    views.add_url_rule("/writing", "writing", public(_writing))
    site.register_blueprint(views)
    return site


def _writing() -> Response:
    from syncer.console.desk import desk

    desk().app.access_log.looked_up(None, 0)
    return Response(SOUND.format(""), mimetype="text/html")


@pytest.mark.slow
def test_the_crawler_finds_dead_links_and_pages_that_write(here: ServedConsole) -> None:
    client = here.site.test_client()
    client.environ_base |= {"SERVER_PORT": here.origin.rpartition(":")[2]}
    client.set_cookie(here.desk.cookie, here.cookie(Role.READER), domain="localhost", secure=False)
    before = contents(here.app)

    found = {seen.url: seen for seen in Crawler(here.site, client).crawl()}

    assert (found["/nowhere"].status, found["/nowhere"].view, found["/nowhere"].source) == (404, "", "/linking")
    after = contents(here.app)
    assert {name for name in before if before[name] != after[name]} >= {"audit"}
