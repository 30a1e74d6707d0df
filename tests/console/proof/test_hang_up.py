"""A browser that goes away in the middle of a download, over a real server: what it held is free again."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from waitress.server import create_server

from syncer.console.desk import furnish
from syncer.domain.permissions import Role
from tests.console.proof.conftest import Filled, SignedIn, take

#: octets that the kernel keeps of an answer for somebody who does not read
SMALL = 4096


@pytest.fixture
def port(site: Flask) -> Iterator[int]:
    """The port of a server that hands on no more than the kernel takes."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL)  # those that it accepts inherit that
    listening.bind(("127.0.0.1", 0))
    server = create_server(site, sockets=[listening], outbuf_high_watermark=1, threads=2)
    thread = threading.Thread(target=server.run, name="server")
    thread.start()
    yield listening.getsockname()[1]
    server.trigger.pull_trigger(server.close)
    server.task_dispatcher.shutdown()
    thread.join(20)


def ask(port: int, cookie: str) -> socket.socket:
    """Send the request for an export and return the connection, of which nothing was read."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
    connection.connect(("127.0.0.1", port))
    head = f"POST /audit/export HTTP/1.1\r\nHost: localhost:{port}\r\nCookie: {cookie}\r\nSec-Fetch-Site: same-origin"
    connection.sendall(f"{head}\r\nContent-Length: 0\r\n\r\n".encode())
    return connection


def status_soon(client: FlaskClient, wanted: int) -> int:
    """Ask until the answer is what is wanted, for some seconds at most; return the last."""
    for _ in range(100):
        if (status := take(client, "/audit/1/proof").status) == wanted:
            return status
        time.sleep(0.1)
    return status


def test_whoever_goes_away_in_the_middle_gives_the_slot_back(filled: Filled, signed_in: SignedIn, port: int) -> None:
    app, _ = filled
    anna, here = signed_in(Role.COMPLIANCE), furnish(app)
    with app.transactions.write() as tx:
        cookie = here.sessions.open(tx, "anna", "passkey", "127.0.0.0/24", stepped_up=True)
    with ask(port, f"{here.cookie}={cookie}") as connection:
        assert connection.recv(12) == b"HTTP/1.1 200"
        assert status_soon(anna, 429) == 429, "as long as it is read"

    assert status_soon(anna, 200) == 200
    assert len(app.ledger.entries(("report:exported",))) >= 2, "it is on record all the same"
