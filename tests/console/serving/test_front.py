"""The prefix, the proxies, the database that is away, the last resort."""

from __future__ import annotations

import io
import json
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Blueprint, Flask, request

from syncer.app import App
from syncer.console import server, site
from syncer.console.access import public
from syncer.console.desk import desk
from syncer.console.guardrails import HEADERS, network
from syncer.errors import UserError
from syncer.settings.console.table import ConsoleSettings
from tests.console.serving.conftest import Place, listening
from tests.support.processes import until

Serve = Callable[..., Place]
AWAY = sa.exc.OperationalError("SELECT 1", {}, sa.exc.TimeoutError("away"))


@pytest.fixture
def more_views(monkeypatch: pytest.MonkeyPatch) -> None:
    """Views that the site does not have: where one comes from, one that fails, and one that fails half-way."""
    views = Blueprint("odd", __name__)

    @views.get("/from")
    @public
    def origin() -> str:
        return network(request, desk().settings)

    @views.get("/heard")
    @public
    def heard() -> str:
        return " ".join(name for name, _ in request.headers if "forwarded" in name.lower())

    @views.get("/astray")
    @public
    def astray() -> str:
        raise LookupError

    @views.errorhandler(LookupError)
    def lost(_error: LookupError) -> str:
        raise AWAY if "away" in request.args else RuntimeError("canary")

    @views.get("/fails")
    @public
    def fails() -> str:
        raise RuntimeError("canary")

    @views.get("/breaks")
    @public
    def breaks() -> Flask.response_class:
        def parts():  # type: ignore[no-untyped-def]
            yield b"first" * 1000
            raise RuntimeError("canary")

        return Flask.response_class(parts())

    @views.get("/waits")
    @public
    def waits() -> str:
        WAITING.set()
        ENOUGH.wait(20)
        return "done"

    monkeypatch.setattr(site, "ALL", (*site.ALL, views))


WAITING, ENOUGH = threading.Event(), threading.Event()


@pytest.mark.parametrize(
    "path", ["/", "/sign-in", "/healthz", "/privacyx/sign-in", "/Privacy/", "/%2fprivacyx/", "/x/../privacy/"]
)
def test_nothing_is_answered_beside_the_prefix(served: Serve, path: str) -> None:
    place = served(url="http://localhost:8484/privacy/")

    answer = place.ask(path)

    assert answer.status == 404, path
    assert {name: answer.headers[name.lower()] for name in HEADERS} == HEADERS


def test_every_address_has_the_prefix(served: Serve) -> None:
    place = served(url="http://localhost:8484/privacy/")

    page, first, bare = place.ask("/privacy/sign-in"), place.ask("/privacy/"), place.ask("/privacy")

    assert page.status == 200
    assert set(re.findall(r'(?:href|src|action)="([^#][^"]*)"', page.body)) >= {"/privacy/"}
    assert all(found.startswith("/privacy/") for found in re.findall(r'(?:href|src|action)="([^#"]+)"', page.body))
    assert (first.status, first.headers["location"]) == (303, "/privacy/sign-in?next=%2F")
    assert (bare.status, bare.headers["location"], bare.body) == (308, "/privacy/", "")


@pytest.mark.usefixtures("more_views")
@pytest.mark.parametrize(
    ("proxies", "forwarded", "found"),
    [
        ((), "203.0.113.9", "127.0.0.0/24"),
        (("10.0.0.0/8",), "203.0.113.9", "127.0.0.0/24"),
        (("127.0.0.1",), "203.0.113.9", "203.0.113.0/24"),
        (("127.0.0.1",), "6.6.6.6, 203.0.113.9", "203.0.113.0/24"),
        (("127.0.0.1", "10.0.0.0/8"), "6.6.6.6, 203.0.113.9, 10.1.2.3", "203.0.113.0/24"),
        (("127.0.0.1",), "2001:db8:1:2::3", "2001:db8:1::/48"),
        (("127.0.0.1",), "::ffff:203.0.113.9", "203.0.113.0/24"),
        (("127.0.0.1",), "203.0.113.9, nonsense", "unknown"),
        (("127.0.0.1",), "127.0.0.1, 127.0.0.1", "127.0.0.0/24"),
        (("127.0.0.1",), "", "127.0.0.0/24"),
    ],
)
def test_what_a_proxy_of_ours_wrote_last_counts_and_nothing_else(
    served: Serve, proxies: tuple[str, ...], forwarded: str, found: str
) -> None:
    assert served(proxies=proxies).ask("/from", X_Forwarded_For=forwarded, Forwarded="for=6.6.6.6").body == found


@pytest.mark.usefixtures("more_views")
@pytest.mark.parametrize(("proxies", "heard"), [((), ""), (("127.0.0.1",), "X-Forwarded-For")])
def test_of_what_proxies_write_no_view_hears_more_than_one_header_and_that_of_ours_alone(
    served: Serve, proxies: tuple[str, ...], heard: str
) -> None:
    names = ("Forwarded", *(f"X_Forwarded_{name}" for name in ("For", "Host", "Proto", "Port", "By", "Prefix")))

    assert served(proxies=proxies).ask("/heard", **dict.fromkeys(names, "203.0.113.9")).body == heard


@pytest.mark.usefixtures("more_views")
def test_on_a_unix_socket_the_peer_is_the_proxy(served: Serve, tmp_path: Path) -> None:
    place = served(url="http://localhost:8484/", listen=f"unix:{tmp_path}/http.sock")

    assert place.ask("/from", X_Forwarded_For="6.6.6.6, 203.0.113.9").body == "203.0.113.0/24"
    assert place.ask("/from").body == "unknown"


def test_no_address_is_made_of_what_a_proxy_says(served: Serve) -> None:
    place = served(proxies=("127.0.0.1",))
    forged = {"X_Forwarded_Host": "evil.example", "X_Forwarded_Proto": "ftp", "X_Forwarded_Prefix": "/evil"}

    answer = place.ask("/", **forged, X_Forwarded_Port="6", Forwarded="host=evil.example")

    assert answer.headers["location"] == "/sign-in?next=%2F"
    assert "evil" not in place.ask("/sign-in", **forged).body


@pytest.mark.usefixtures("more_views")
@pytest.mark.parametrize("path", ["/fails", "/astray", "/sign-in"])
def test_the_last_resort_has_a_number_that_the_log_has_too_and_nothing_else(
    served: Serve, log: io.StringIO, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    if path == "/sign-in":  # the page that says so fails as well

        def broken(*_: object, **__: object) -> None:
            raise KeyError("canary")

        monkeypatch.setattr("syncer.console.pages.render_template", broken)
    answer = served().ask(path)
    lines = [json.loads(line) for line in log.getvalue().splitlines()]

    (number,) = re.findall(r"\b[0-9a-f]{12}\b", answer.body)
    assert answer.status == 500
    assert number in {line.get("reason") for line in lines if line["event"] == "page.failed"}
    assert {name: answer.headers[name.lower()] for name in HEADERS} == HEADERS
    for word in ("canary", "RuntimeError", "KeyError", "Traceback", ".py"):
        assert word not in answer.body
    assert "canary" not in json.dumps(lines)


@pytest.mark.usefixtures("more_views")
def test_a_database_that_goes_away_while_an_error_is_answered_is_away_and_no_failure(served: Serve) -> None:
    answer = served().ask("/astray?away=1")

    assert (answer.status, answer.headers["retry-after"]) == (503, "10")


@pytest.mark.usefixtures("more_views")
def test_an_answer_that_fails_half_way_ends_with_its_connection_and_is_logged(served: Serve, log: io.StringIO) -> None:
    answer = served().ask("/breaks")
    said = log.getvalue()

    assert not answer.body.endswith("0\r\n\r\n")  # so the browser sees that something is missing
    assert "page.failed" in said
    assert "canary" not in said


def test_until_the_database_is_there_every_page_asks_to_come_back(
    served: Serve, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "EVERY", 0.1)
    tries: list[int] = []

    def opened() -> App:
        tries.append(1)
        if len(tries) < 8:
            raise AWAY
        return app.acting_as({"kind": "console"})

    place = served(opened)
    before = place.ask("/", Accept_Language="de-CH, fr;q=0.5")
    health = place.ask("/healthz")
    deadline = time.monotonic() + 20
    while (after := place.ask("/healthz")).status != 200 and time.monotonic() < deadline:
        time.sleep(0.1)

    assert (before.status, before.headers["retry-after"], health.status) == (503, "10", 503)
    assert 'lang="de"' in before.body
    assert {name: before.headers[name.lower()] for name in HEADERS} == HEADERS
    assert (after.status, after.body) == (200, "ok\n")


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/", "/sign-in", "/healthz", "/nowhere"])
def test_while_the_database_is_away_pages_say_so(
    served: Serve, app: App, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    place = served()
    cookie = "__Host-syncer=" + "x" * 43
    assert place.ask("/healthz").status == 200

    def away(*_: object, **__: object) -> None:
        raise AWAY

    monkeypatch.setattr(sa.engine.Engine, "connect", away)
    answer = place.ask(path, Cookie=cookie)

    assert (answer.status, answer.headers["retry-after"]) == (503, "10")


def test_what_only_a_person_can_mend_ends_it(tmp_path: Path) -> None:
    def newer() -> App:
        raise UserError("the database is of a newer version")

    settings = ConsoleSettings(url="http://localhost/", listen=f"unix:{tmp_path}/http.sock")
    with pytest.raises(UserError, match="newer"), listening(settings, newer) as place:
        until(lambda: not place.thread.is_alive(), 20)


@pytest.mark.slow
def test_a_server_that_never_answers_does_not_keep_it_from_ending(tmp_path: Path) -> None:
    asked, enough = threading.Event(), threading.Event()

    def hangs() -> App:
        asked.set()
        enough.wait(60)
        raise AWAY

    settings = ConsoleSettings(url="http://localhost/", listen=f"unix:{tmp_path}/http.sock")
    with listening(settings, hangs) as place:
        assert asked.wait(10)
        began = time.monotonic()
        place.serving.end()
        place.thread.join(20)
        took = time.monotonic() - began
    enough.set()

    assert took < 10


@pytest.mark.usefixtures("more_views")
def test_a_request_in_hand_is_answered_before_the_end(served: Serve) -> None:
    WAITING.clear()
    ENOUGH.clear()
    place, answers = served(), []
    asking = threading.Thread(target=lambda: answers.append(place.ask("/waits")))
    asking.start()
    assert WAITING.wait(10)
    place.serving.end()
    time.sleep(0.3)
    ENOUGH.set()
    asking.join(10)

    assert [answer.body for answer in answers] == ["done"]
