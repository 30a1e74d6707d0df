"""`syncer check` looks at the web console: its address, its place, its key, and who could sign in."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from adapters.contract import Check
from syncer.app import App
from syncer.settings.console.doors import ProxyDoor, WordPressDoor
from syncer.settings.console.table import ConsoleSettings
from syncer.setup.web.console_check import run
from tests.support.servers import free_port

Look = Callable[..., dict[str, Check]]


@pytest.fixture
def look(app: App, tmp_path: Path) -> Look:
    """What looks at an installation's console, with settings of [console] by name."""
    key = tmp_path / "console.key"
    key.write_text("syncer-console-key-v1:…", encoding="utf-8")

    def looked(**wanted: Any) -> dict[str, Check]:
        given = {"url": "https://privacy.example.org/", "listen": f"127.0.0.1:{free_port()}", "key_file": key} | wanted
        app.settings = replace(app.settings, console=ConsoleSettings(**given))
        return {found.name.removeprefix("console: "): found for found in run(app)}

    return looked


def account(app: App, name: str, roles: str = "ops", **has: Any) -> None:
    with app.transactions.write() as tx:
        tx.connection.execute(app.tables.user.insert().values(name=name, roles=roles, created_at=tx.now, **has))


def passkey(app: App, name: str) -> None:
    row = {"id": name, "user_name": name, "label": "key", "credential": "a", "public_key": "b", "sign_count": 0}
    with app.transactions.write() as tx:
        tx.connection.execute(app.tables.passkey.insert().values(**row, created_at=tx.now))


def test_without_the_table_nothing_is_said(app: App) -> None:
    assert run(app) == []


def test_a_console_that_is_ready_has_no_remedy(app: App, look: Look) -> None:
    account(app, "anna", password="$argon2id$…", totp_sealed="…")

    found = look()

    assert [check.remedy for check in found.values()] == [""] * 3
    assert found["people"].detail == "1 can sign in"


def test_plain_http_is_for_this_machine_alone(look: Look) -> None:
    found = look(url="http://localhost:8484/")["url"]

    assert found.warn
    assert "is for this machine, and for ssh -L, alone" in found.detail


def test_a_host_that_wordpress_shares_is_warned_of(look: Look) -> None:
    door = WordPressDoor(issuer="https://PRIVACY.example.org/shop", secret_file=Path("ticket"))

    assert look(wordpress=door)["host"].warn
    assert "host" not in look(wordpress=replace(door, issuer="https://example.org"))


@pytest.mark.slow
@pytest.mark.parametrize(("link", "shared"), [('<http://x/wp-json/>; rel="https://api.w.org/"', True), ("", False)])
@pytest.mark.parametrize("path", ["privacy/", ""])
def test_a_host_below_whose_root_wordpress_answers_is_warned_of(look: Look, link: str, shared: bool, path: str) -> None:
    class Site(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(200)
            self.send_header("Link", link)
            self.end_headers()

    with HTTPServer(("127.0.0.1", 0), Site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        found = look(url=f"http://127.0.0.1:{server.server_port}/{path}")
        server.shutdown()

    assert ("host" in found) is (shared and path != "")


@pytest.mark.parametrize(
    ("answer", "ok", "said"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Security-Policy: default-src 'none'; base-uri 'none'\r\n\r\n", True, "a console"),
        (b"HTTP/1.1 503 AWAY\r\ncontent-security-policy: default-src 'none'; a\r\n\r\n", True, "a console answers at"),
        (b"HTTP/1.1 200 OK\r\nServer: another\r\n\r\nok\n", False, "is in use, and what answers there is no console"),
        (b"SSH-2.0-OpenSSH\r\n", False, "is in use, and what answers there is no console"),
        (b"", False, "is in use, and what answers there is no console"),
    ],
)
@pytest.mark.parametrize("kind", ["port", "socket"])
def test_what_listens_already_is_told_from_a_console(
    look: Look, tmp_path: Path, answer: bytes, ok: bool, said: str, kind: str
) -> None:
    sock = socket.socket(socket.AF_UNIX) if kind == "socket" else socket.socket()
    with closing(sock):
        sock.bind(str(tmp_path / "s") if kind == "socket" else ("127.0.0.1", 0))
        sock.listen()

        def once() -> None:
            with closing(sock.accept()[0]) as client:
                client.recv(1000)
                client.sendall(answer)

        thread = threading.Thread(target=once)
        thread.start()
        place = f"unix:{tmp_path}/s" if kind == "socket" else f"127.0.0.1:{sock.getsockname()[1]}"
        found = look(listen=place)["listen"]
        thread.join()

    assert (found.ok, said in found.detail) == (ok, True)


def test_a_place_that_nothing_listens_at_is_free(look: Look, tmp_path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as left_behind:
        left_behind.bind(str(tmp_path / "s"))

    assert look(listen=f"unix:{tmp_path}/s")["listen"].detail.endswith("is free")
    assert look()["listen"].detail.endswith("is free")


@pytest.mark.slow
@pytest.mark.parametrize("listen", ["192.0.2.7:8484", "[2001:db8::7]:8484"])
def test_an_address_that_this_machine_does_not_have_is_no_place(look: Look, listen: str) -> None:
    found = look(listen=listen, public=True)["listen"]

    assert not found.ok
    assert "no place to listen at" in found.detail


def test_somebody_must_be_able_to_sign_in(app: App, look: Look) -> None:
    account(app, "anna", enrol_hash="0" * 64)
    account(app, "ben", password="…", totp_sealed="…", disabled_at=app.clock())

    found = look()["people"]

    assert found.warn
    assert "`syncer user add NAME" in found.remedy


def test_a_proxy_on_the_socket_is_named_with_what_it_means(look: Look) -> None:
    found = look(listen="unix:/nowhere/http.sock", proxy=ProxyDoor(user_header="X-Remote-User"))

    assert found["proxy"].detail == "whoever may open /nowhere/http.sock signs people in, by X-Remote-User"


@pytest.mark.parametrize(
    ("held", "mode", "said"),
    [
        (None, 0o600, "is missing"),
        ("short", 0o600, "its secret can be guessed"),
        ("x" * 32, 0o644, "everybody here can read it"),
        ("x" * 32, 0o600, ""),
    ],
)
def test_the_secret_of_a_proxy_is_there_long_enough_and_for_nobody_else(
    look: Look, tmp_path: Path, held: str | None, mode: int, said: str
) -> None:
    file = tmp_path / "proxy.secret"
    if held is not None:
        file.write_text(held, encoding="utf-8")
        file.chmod(mode)

    found = look(proxy=ProxyDoor(user_header="X-Remote-User", secret_file=file))["proxy"]

    assert found.ok is not bool(said)
    assert said in found.detail
    assert ("openssl rand" in found.remedy) is bool(said)
