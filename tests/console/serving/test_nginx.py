"""Behind a real nginx: under a prefix, by a port and over the unix socket, nothing leads out of the prefix."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Blueprint, request

from syncer.app import App
from syncer.console import site
from syncer.console.access import public
from syncer.console.desk import Desk, desk, furnish
from syncer.console.guardrails import HEADERS, network
from syncer.domain.permissions import Role
from tests.console.conftest import place as signed_in_place
from tests.console.serving.conftest import Place
from tests.support.servers import free_port
from tests.support.web.proxy import Proxied, Proxy, nginx

pytestmark = pytest.mark.slow
LEADS = re.compile(r'(?:href|src|action)="([^"#]+)"')


@pytest.fixture(params=["port", "socket"])
def behind(
    request: pytest.FixtureRequest, served: Callable[..., Place], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Proxy, Place]]:
    """nginx, and a console behind it that says where its visitors come from at /from."""
    views = Blueprint("odd", __name__)
    views.get("/from")(public(_from))
    monkeypatch.setattr(site, "ALL", (*site.ALL, views))
    port = free_port()
    wanted = {"url": f"http://localhost:{port}/privacy/"}
    if request.param == "socket":
        place = served(**wanted, listen=f"unix:{tmp_path}/http.sock")
        upstream = f"http://unix:{tmp_path}/http.sock:"
    else:
        place = served(**wanted, proxies=("127.0.0.1",))
        upstream = "http://" + place.settings.listen
    with nginx(tmp_path, "/privacy/", upstream, port) as proxy:
        yield proxy, place


def _from() -> str:
    return network(request, desk().settings)


def cookie(app: App, *roles: Role) -> str:
    """Return the cookie of somebody who is signed in."""
    here = furnish(app)
    client = signed_in_place(site.make_site(app), app, *roles)
    held = client.get_cookie(here.cookie, domain="localhost", path=here.path)
    assert held is not None
    return f"{here.cookie}={held.value}"


def test_every_page_that_a_link_leads_to_lies_below_the_prefix(behind: tuple[Proxy, Place], app: App) -> None:
    proxy, _ = behind
    session = cookie(app, Role.ADMIN)
    waiting, seen = ["/privacy/"], dict[str, Proxied]()
    while waiting and len(seen) < 200:
        path = waiting.pop()
        if path in seen:
            continue
        seen[path] = answer = proxy.ask(path, Cookie=session)
        assert answer.status not in (418, 502, 504), path
        leads = [*LEADS.findall(answer.body), *filter(None, [answer.header("Location")])]
        assert [lead for lead in leads if not lead.startswith("/privacy/")] == [], path
        waiting += [lead.replace("&amp;", "&") for lead in leads]

    assert seen["/privacy/"].status == 200
    assert any("/static/" in path for path in seen)


def test_whoever_is_not_signed_in_is_led_to_the_sign_in_below_the_prefix(behind: tuple[Proxy, Place]) -> None:
    proxy, _ = behind

    bare, first = proxy.ask("/privacy"), proxy.ask("/privacy/?a=b")

    assert bare.status in (301, 418)  # nginx' own, which names the prefix with its slash, or nothing of ours
    assert (first.status, first.header("Location")) == (303, "/privacy/sign-in?next=%2F%3Fa%3Db")
    assert proxy.ask("/privacy/sign-in").status == 200
    assert proxy.ask("/sign-in").status == 418


def test_the_headers_come_through_and_nothing_says_what_answers(behind: tuple[Proxy, Place]) -> None:
    answer = behind[0].ask("/privacy/sign-in")

    assert {name: answer.header(name) for name in HEADERS} == HEADERS
    assert "waitress" not in str(answer.headers).lower()


def test_what_a_visitor_writes_into_x_forwarded_for_does_not_count(behind: tuple[Proxy, Place]) -> None:
    proxy, _ = behind
    forged = {"X_Forwarded_For": "6.6.6.6, 203.0.113.9", "X_Real_IP": "6.6.6.6", "Forwarded": "for=6.6.6.6"}

    # the browser is on this machine here, as the proxy on a port is: right-most that is none of ours is a forged hop
    found = proxy.ask("/privacy/from", **forged).body

    assert found == ("203.0.113.0/24" if isinstance(behind[1].settings.place, tuple) else "127.0.0.0/24")


def test_a_form_of_another_page_is_refused(behind: tuple[Proxy, Place]) -> None:
    proxy, place = behind

    for headers in ({}, {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec_Fetch_Site": "same-site"}):
        assert proxy.ask("/privacy/sign-in", "POST", **headers).status == 403, headers
    assert proxy.ask("/privacy/sign-in", "POST", Origin=place.settings.origin).status != 403


def test_the_cookie_is_named_and_bound_as_its_prefix_asks_for(behind: tuple[Proxy, Place], app: App) -> None:
    here: Desk = furnish(app)

    assert (here.cookie, here.path) == ("__Secure-syncer", "/privacy/")
