"""What must hold for every request and every answer, by its number in the list of security requirements (1, 3 to 7)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Blueprint, Flask, request
from flask.testing import FlaskClient

from syncer.app import App
from syncer.console import site as sites
from syncer.console.access import public
from syncer.console.desk import desk, furnish
from syncer.console.guardrails import HEADERS, network
from syncer.console.site import make_site
from syncer.database.connections import reading
from syncer.domain.permissions import Role
from syncer.settings.console.table import ConsoleSettings
from tests.conftest import Clock
from tests.console.conftest import ORIGIN, place

OWN, FOREIGN = {"Sec-Fetch-Site": "same-origin"}, "https://evil.example"


@pytest.fixture
def changing(app: App, monkeypatch: pytest.MonkeyPatch) -> Callable[..., FlaskClient]:
    """What returns a stranger's place, with settings of [console] by name.

    The site has a view that changes something, and one that may be posted to from elsewhere.
    """
    views = Blueprint("odd", __name__)
    views.post("/change")(public(lambda: "changed"))

    @views.post("/ticket")
    @public
    def ticket() -> str:
        return "taken"

    ticket.cross_site = True  # type: ignore[attr-defined]

    @views.get("/from")
    @public
    def origin() -> str:
        return network(request, desk().settings)

    monkeypatch.setattr(sites, "ALL", (*sites.ALL, views))

    def client(**wanted: Any) -> FlaskClient:
        app.settings = replace(app.settings, console=ConsoleSettings(**{"url": f"{ORIGIN}/"} | wanted))
        return make_site(app).test_client()

    return client


def paths(site: Flask) -> Iterator[str]:
    """Every address that can be read, with an id that nobody has where it takes one."""
    for rule in site.url_map.iter_rules():
        if "GET" in (rule.methods or ()):
            yield re.sub("<[^>]+>", "x", rule.rule)


@pytest.mark.slow
@pytest.mark.parametrize("role", [None, *Role])
def test_1_every_answer_carries_the_headers(site: Flask, filled: tuple[App, Clock], role: Role | None) -> None:
    client = site.test_client() if role is None else place(site, filled[0], role)
    seen = set()
    for path, method in product([*paths(site), "/nowhere", "/%00"], ("GET", "HEAD", "POST", "OPTIONS", "PUT")):
        answer = client.open(path, method=method)
        answer.close()  # a download holds a file and a slot until then
        seen.add(answer.status_code)
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS, (method, path)
        assert all(len(answer.headers.getlist(name)) == 1 for name in HEADERS)
        assert answer.headers["Cache-Control"] == "no-store" or "/static/" in path, (method, path)
        assert answer.status_code != 500, (method, path)

    assert {405, 404} <= seen


def test_3_https_is_asked_for_for_a_year_and_for_names_below_only_without_a_prefix(
    changing: Callable[..., FlaskClient],
) -> None:
    def asked_for(url: str, host: str = "privacy.example.org") -> str | None:
        return changing(url=url).get("/sign-in", headers={"Host": host}).headers.get("Strict-Transport-Security")

    assert asked_for("https://privacy.example.org/") == "max-age=31536000; includeSubDomains"
    assert asked_for("https://privacy.example.org/a/") == "max-age=31536000"
    assert asked_for("http://localhost:8484/", "localhost:8484") is None


@pytest.mark.parametrize(
    ("url", "name", "path"),
    [(f"{ORIGIN}/", "__Host-syncer", "/"), (f"{ORIGIN}/privacy/", "__Secure-syncer", "/privacy/")],
)
def test_4_the_cookie_is_bound_to_host_and_prefix(app: App, url: str, name: str, path: str) -> None:
    app.settings = replace(app.settings, console=ConsoleSettings(url=url))
    here = furnish(app)

    assert (here.cookie, here.path) == (name, path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (OWN, 200),
        (OWN | {"Origin": FOREIGN}, 200),  # the browser knows better than the page
        ({"Origin": ORIGIN}, 200),
        ({}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": FOREIGN}, 403),
        ({"Origin": f"{ORIGIN}/"}, 403),
        ({"Origin": ORIGIN.replace("8484", "8485")}, 403),
        ({"Origin": ORIGIN.upper()}, 403),
        ({"Sec-Fetch-Site": "same-site", "Origin": ORIGIN}, 403),
        ({"Sec-Fetch-Site": "none", "Origin": ORIGIN}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": ORIGIN}, 403),
        ({"Sec-Fetch-Site": "", "Origin": ORIGIN}, 403),
        ({"Sec-Fetch-Site": "same-origin, cross-site"}, 403),
        ({"Sec-Fetch-Site": "Same-Origin"}, 403),
        ({"Referer": f"{ORIGIN}/sign-in"}, 403),
    ],
)
def test_5_only_our_own_pages_change_something(
    changing: Callable[..., FlaskClient], headers: dict[str, str], status: int
) -> None:
    client = changing()

    assert client.post("/change", headers={"Host": "localhost:8484"} | headers).status_code == status
    assert client.post("/ticket", headers={"Host": "localhost:8484"} | headers).status_code == 200


@pytest.mark.slow
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
@pytest.mark.parametrize("path", ["/change", "/ticket", "/sign-in", "/nowhere"])
def test_5_no_other_method_reaches_a_view(changing: Callable[..., FlaskClient], method: str, path: str) -> None:
    assert changing().open(path, method=method, headers=OWN | {"Host": "localhost:8484"}).status_code == 405


def test_5_a_method_that_a_header_or_a_field_names_is_not_believed(changing: Callable[..., FlaskClient]) -> None:
    headers = {"Host": "localhost:8484", "X-HTTP-Method-Override": "POST"}

    assert changing().get("/change?_method=POST", headers=headers).status_code == 405


@pytest.mark.slow
def test_6_reading_changes_nothing_but_the_last_use_of_a_session(site: Flask, filled: tuple[App, Clock]) -> None:
    app, _ = filled
    client = place(site, app, Role.ADMIN)
    before = _rows(app)
    for path, method in product(paths(site), ("GET", "HEAD")):
        client.open(path, method=method)

    assert _rows(app) == before


def _rows(app: App) -> dict[str, list[Any]]:
    """Return every row of every table, without when somebody was last seen."""
    unseen = {"seen_at", "last_seen_at", "looked_at", "looked_before_at"}
    rows = {}
    with reading(app.engine) as connection:
        for table in app.tables.user.metadata.sorted_tables:
            columns = [column for column in table.c if column.name not in unseen]
            rows[table.name] = sorted(map(repr, connection.execute(sa.select(*columns))))
    return rows


@pytest.mark.slow
@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8484", "localhost.evil.example", "evillocalhost", "localhost@evil.example", "::1",
     "", "localhost:", "localhost:x", "localhost:123456", "localhost,evil.example", "localhost evil", "[::1", "127.1"],
)  # fmt: skip
def test_7_a_host_that_is_not_ours_is_refused(changing: Callable[..., FlaskClient], host: str) -> None:
    answer = changing().get("/sign-in", headers={"Host": host}, environ_overrides={"HTTP_HOST": host})

    assert answer.status_code == 400
    assert "evil" not in answer.text


def test_7_no_address_is_built_from_a_header(changing: Callable[..., FlaskClient]) -> None:
    forged = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "ftp", "X-Forwarded-Prefix": "/evil"}
    forged |= {"X-Original-URL": "/evil", "X-Rewrite-URL": "/evil", "Forwarded": "host=evil.example"}
    for url in ("https://privacy.example.org/", f"{ORIGIN}/"):
        for path in ("/", "/sign-in", "/nowhere", "//evil.example/%2e%2e"):
            answer = changing(url=url).get(path, headers=forged | {"Host": "localhost:1"})
            assert "evil" not in answer.text + answer.headers.get("Location", "").replace("next=", ""), path
            assert answer.headers.get("Location", "/").startswith("/")
            assert not answer.headers.get("Location", "/").startswith("//")


@pytest.mark.parametrize(
    "hops", ["x" * 8000, ",,,, ,", "203.0.113.9\x00", "203.0.113.9:80", "1.1.1.1, ½", "::ffff:1.2.3"]
)
def test_7_what_is_no_address_is_unknown(changing: Callable[..., FlaskClient], hops: str) -> None:
    client = changing(proxies=("127.0.0.1",))

    found = client.get("/from", headers={"Host": "localhost"}, environ_overrides={"HTTP_X_FORWARDED_FOR": hops}).text

    assert found in ("unknown", "127.0.0.0/24")
