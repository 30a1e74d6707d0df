"""What a stranger sends over a socket, and what comes back: every answer is one of ours, with our headers."""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Callable
from contextlib import closing

import pytest

from syncer.console import wire
from syncer.console.guardrails import HEADERS
from tests.console.serving.conftest import Answer, Place, read

Serve = Callable[..., Place]
CHUNKED = b"POST /sign-in HTTP/%s\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n"


def is_ours(answer: Answer) -> bool:
    """Say whether an answer has the headers of every answer, and says nothing of what serves it."""
    named = {name: answer.headers.get(name.lower()) for name in HEADERS}
    silent = "server" not in answer.headers and "waitress" not in answer.body.lower()
    return named == HEADERS and answer.headers["cache-control"] == "no-store" and silent


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: {host}\r\nX-Long: " + b"x" * 17_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"x" * 17_000 + b" HTTP/1.1\r\nHost: {host}\r\n\r\n", 431),
        (b"POST /sign-in HTTP/1.1\r\nHost: {host}\r\nContent-Length: 65536\r\n\r\n", 413),
        (CHUNKED % b"1.1" + b"10000\r\n" + b"x" * 65_536 + b"\r\n0\r\n\r\n", 413),
        (b"OPTIONS / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n", 405),
        (b"OPTIONS * HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n", 404),
        (b"TRACE / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n", 405),
        (b"PUT /sign-in HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n", 405),
        (b"BREW /nowhere HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n", 405),
        (b"CONNECT evil.example:443 HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n", 404),
        (b"get / HTTP/1.1\r\nHost: {host}\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost.evil.example\r\nConnection: close\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: evil@localhost\r\nConnection: close\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost:8484:80\r\nConnection: close\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\xe2\x80\x8b\r\nConnection: close\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", 400),
        (b"GET / HTTP/1.0\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: {host}\r\nHost: evil.example\r\nConnection: close\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost : {host}\r\n\r\n", 400),
        (b"GET http://evil.example/ HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n", 400),
        (b"GET http://{host}/sign-in HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", 200),
        (b"GET /sign-in HTTP/1.1\r\nHost: {host}\r\nX-Bad: a\nb\r\n\r\n", 400),
        (b"GET /sign-in HTTP/1.1\r\nHost: {host}\r\nnonsense\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"POST /sign-in HTTP/1.1\r\nHost: {host}\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400),
        (b"POST /sign-in HTTP/1.1\r\nHost: {host}\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /sign-in HTTP/1.1\r\nHost: {host}\r\nContent-Length: +3\r\n\r\nabc", 400),
        (CHUNKED.replace(b"Host", b"Content-Length: 3\r\nHost") % b"1.1" + b"0\r\n\r\n", 400),
        (CHUNKED % b"1.0" + b"0\r\n\r\n", 400),
        (b"POST /sign-in HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        (CHUNKED % b"1.1" + b"zz\r\n\r\n", 400),
        (b"POST /sign-in HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n", 403),
        (b"GET /sign-in HTTP/1.1\r\nHost: {host}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n", 200),
        (b"POST /sign-in HTTP/1.1\r\nHost: {host}\r\nExpect: 100-continue\r\nContent-Length: 99999\r\n\r\n", 413),
        (b"GET /sign-in?next=%00%ff HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n", 200),
        (b"GET /%00%ff HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n", 404),
        (b"GET /../../etc/passwd HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n", 404),
        (b"GET /static/0000/..%2f..%2fserver.py HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n", 404),
        (b"GET /sign-in HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nCookie: x=" + b"x" * 9_000 + b"\r\n\r\n", 200),
    ],
    ids=lambda value: value[:90].decode("latin-1") if isinstance(value, bytes) else str(value),
)  # fmt: skip
def test_what_a_stranger_sends_is_answered_in_our_words(served: Serve, sent: bytes, status: int) -> None:
    place = served()

    answer = place.raw(sent.replace(b"{host}", place.settings.parts.netloc.encode()))

    assert answer.status == status, answer.body
    assert is_ours(answer)


def test_an_answer_that_failed_to_be_read_says_nothing_of_what_was_sent(served: Serve) -> None:
    answer = served().raw(b"GET /canary HTTP/1.1\r\nHost: localhost\r\ncanary canary\r\n\r\n")

    assert answer.status == 400
    assert "canary" not in answer.body


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8484", "127.0.0.1:1", "[::1]:8484", "[::1]"])
def test_a_tunnel_may_come_out_at_any_port_of_this_machine(served: Serve, host: str) -> None:
    assert served(url="https://privacy.example.org/").ask("/sign-in", host=host).status == 200


def test_two_requests_on_one_connection_are_two_answers(served: Serve) -> None:
    place = served()
    one = f"GET /healthz HTTP/1.1\r\nHost: {place.settings.parts.netloc}\r\n".encode()

    answer = place.raw(one + b"\r\n" + one + b"Connection: close\r\n\r\n")

    assert answer.body.count("HTTP/1.1 200 OK") == 1
    assert answer.status == 200


@pytest.mark.slow
def test_a_client_that_says_nothing_is_cut_and_so_is_one_that_never_comes_to_an_end(
    served: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "SLOWEST", 1.0)
    monkeypatch.setattr(wire, "SILENT", 2)
    place = served()

    with closing(place.connect()) as silent, closing(place.connect()) as slow:
        began = time.monotonic()
        slow.sendall(b"GET /sign-in HTTP/1.1\r\n")
        with pytest.raises(OSError):  # noqa: PT012
            for _ in range(40):
                slow.sendall(b"X: y\r\n")
                time.sleep(0.1)
        assert time.monotonic() - began < 3
        assert read(silent).status == 0
        assert time.monotonic() - began < 12


def test_no_word_about_the_connections_reaches_the_log(served: Serve, log: io.StringIO) -> None:
    place = served()
    for sent in (b"GET /canary@person.test HTTP/1.1\r\nHost: evil\r\n\r\n", b"canary\r\n\r\n", b"GET /?q=canary"):
        with closing(place.connect()) as sock:
            sock.sendall(sent)
            sock.shutdown(socket.SHUT_WR)
            read(sock)
    place.ask("/canary")

    assert "canary" not in log.getvalue()


def test_more_connections_than_are_answered_at_once_wait_and_come_to_their_turn(served: Serve) -> None:
    place = served()
    idle = [place.connect() for _ in range(wire.MOST + 20)]
    try:
        began = time.monotonic()
        idle[0].close()
        for sock in idle[1:40]:
            sock.close()

        assert place.ask("/healthz").status == 200
        assert time.monotonic() - began < 20
    finally:
        for sock in idle:
            sock.close()
