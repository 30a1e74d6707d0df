"""2, 5: what a real browser says of where a form came from, with our headers, under a prefix behind a real proxy."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from flask import Blueprint, request

from syncer.console import site
from syncer.console.access import public
from tests.console.serving.conftest import Place
from tests.support.browser import Tab, chromium
from tests.support.servers import free_port
from tests.support.web.proxy import nginx

pytestmark = pytest.mark.slow
FORM = '<form id="f" method="post" action="{url}"><button>go</button></form>'
SEND, SAID = "document.getElementById('f').submit()", "document.body.innerText"


@pytest.fixture(scope="module")
def tab() -> Iterator[Tab]:
    with chromium() as found:
        yield found


@pytest.fixture
def url(served: Callable[..., Place], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a console whose page /form sends to /change, which says what the browser said."""
    port = free_port()
    url = f"http://localhost:{port}/privacy/"
    views = Blueprint("odd", __name__)
    views.get("/form")(public(lambda: FORM.format(url=f"{url}change")))

    @views.post("/change")
    @public
    def change() -> str:
        return f"{request.headers.get('Sec-Fetch-Site')} {request.headers.get('Origin')}"

    monkeypatch.setattr(site, "ALL", (*site.ALL, views))
    place = served(url=url, listen=f"unix:{tmp_path}/http.sock")
    with nginx(tmp_path, "/privacy/", f"http://unix:{place.settings.place}:", port):
        yield url


def test_our_own_form_names_its_origin(tab: Tab, url: str) -> None:
    tab.open(f"{url}form")
    tab.follow(SEND)

    assert tab.value(SAID) == f"same-origin {url.removesuffix('/privacy/')}"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])  # the same site, and another one
def test_a_form_of_another_place_is_refused(tab: Tab, url: str, host: str) -> None:
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(FORM.format(url=f"{url}change").encode())

        def log_message(self, *_: object) -> None:
            """Be silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as other:
        thread = threading.Thread(target=other.serve_forever)
        thread.start()
        try:
            tab.open(f"http://{host}:{other.server_port}/")
            tab.follow(SEND)
        finally:
            other.shutdown()
            thread.join()

    assert tab.value("document.title").startswith("You may not do this")


def test_a_page_on_disk_is_refused_with_its_form_too(tab: Tab, url: str, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(FORM.format(url=f"{url}change"), encoding="utf-8")
    tab.open(page)
    tab.follow(SEND)

    assert tab.value("document.title").startswith("You may not do this")
