"""The transport against a server that misbehaves byte by byte. Numbers are those of the fault catalogue, A to C."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from adapters.errors import Misconfigured, Transient
from adapters.http.connections import _refuse_inner
from adapters.http.evidence import Trail
from adapters.http.transport import Transport
from tests.adapters.calls import GOOD, call, failure_of, reset
from tests.adapters.conftest import Certificates, RawServer, saying

Serve = Callable[..., RawServer]
Connect = Callable[..., Transport]


def body(payload: bytes, *headers: bytes, length: int | None = None) -> bytes:
    return b"\r\n".join(
        [
            b"HTTP/1.1 200 OK",
            b"Content-Type: application/json",
            b"Content-Length: %d" % (len(payload) if length is None else length),
            *headers,
            b"",
            payload,
        ]
    )


def test_a_good_answer_is_parsed_and_leaves_a_step(serve: Serve, connect: Connect) -> None:
    server = serve(saying(body(b'{"ok": true}', b"X-Request-Id: 1234-x", b"Retry-After: 7")))
    trail = Trail()

    answer = call(connect(server.url), trail=trail)

    assert (answer.status, answer.body, answer.kind, answer.retry_after) == (200, {"ok": True}, "json", 7.0)
    assert trail.steps[0].call == "GET /contacts"
    assert (trail.steps[0].scope, trail.steps[0].status, trail.steps[0].request_id) == ("contact", 200, "1234-x")
    assert b"GET /contacts?email=canary@example.org HTTP/1.1" in server.requests[0]
    assert b"Accept-Encoding: identity" in server.requests[0]


def test_a_plus_sign_is_encoded(serve: Serve, connect: Connect) -> None:
    server = serve(saying(GOOD))

    connect(server.url).call(Trail(), "GET", "/c", scope="c", template="/c", params=[("email", "a+b &@example.org")])

    assert b"email=a%2Bb%20%26@example.org" in server.requests[0]


def test_a_call_without_a_body_sends_none(serve: Serve, connect: Connect) -> None:
    server = serve(saying(GOOD))

    call(connect(server.url), "POST")

    head, _, sent = server.requests[0].partition(b"\r\n\r\n")
    assert sent == b"" and b"Content-Length: 0" in head and b"Content-Type" not in head


def test_connections_are_reused(serve: Serve, connect: Connect) -> None:
    server = serve(saying(*[GOOD] * 5))
    transport = connect(server.url)

    for _ in range(5):
        call(transport)

    assert server.connections == 1


def test_fault_001_an_unknown_host_is_unreachable(connect: Connect) -> None:
    error = failure_of(connect("https://does-not-exist.invalid"))

    assert isinstance(error, Transient) and error.code == "unreachable"


def test_fault_003_a_name_that_leads_inside_is_refused() -> None:
    for inside in ("127.0.0.1", "10.1.2.3", "169.254.169.254", "100.64.0.1", "::1", "fd00::1", "fe80::1%lo"):
        with pytest.raises(Misconfigured, match="wrong_address"):
            _refuse_inner("us1.api.mailchimp.com", inside)

    _refuse_inner("us1.api.mailchimp.com", "23.45.67.89")
    _refuse_inner("localhost", "127.0.0.1")


def test_fault_005_a_refused_connection_is_unreachable(connect: Connect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    assert failure_of(connect(f"http://127.0.0.1:{port}")).code == "unreachable"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        pytest.param({"last_day": -1}, "tls", id="fault_007_expired"),
        pytest.param({"name": "other.example"}, "tls", id="fault_008_other_host"),
        pytest.param({"first_day": 1}, "clock", id="fault_013_not_yet_valid"),
    ],
)
def test_a_bad_certificate_pauses(
    options: dict[str, Any], code: str, serve: Serve, connect: Connect, certificates: Certificates
) -> None:
    server = serve(saying(GOOD), certificates.context(**options))

    error = failure_of(connect(server.url, ca_bundle=certificates.bundle))

    assert isinstance(error, Misconfigured) and error.code == code
    assert server.requests == []


def test_fault_009_an_unknown_authority_pauses(serve: Serve, connect: Connect, certificates: Certificates) -> None:
    server = serve(saying(GOOD), certificates.context())

    assert failure_of(connect(server.url)).code == "tls"


def test_a_trusted_certificate_works_and_the_connection_is_kept(
    serve: Serve, connect: Connect, certificates: Certificates
) -> None:
    server = serve(saying(GOOD, GOOD), certificates.context())
    transport = connect(server.url, ca_bundle=certificates.bundle)

    assert call(transport).status == call(transport).status == 200
    assert server.connections == 1


def test_fault_010_a_stalling_handshake_is_cut(serve: Serve, connect: Connect) -> None:
    server = serve(lambda conn, server: server.stopped.wait(10) and None)
    transport = connect(server.url.replace("http", "https"), total_timeout=0.4)
    began = time.monotonic()

    assert failure_of(transport).code == "timed_out"
    assert time.monotonic() - began < 2


def test_fault_011_plain_http_behind_https_is_a_tls_failure(serve: Serve, connect: Connect) -> None:
    server = serve(lambda conn, server: conn.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"))

    assert failure_of(connect(server.url.replace("http", "https"))).code == "tls"


def test_fault_012_proxies_and_netrc_have_no_effect(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login thief password thief\n", encoding="utf-8")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("NETRC", str(netrc))
    server = serve(saying(GOOD))

    call(connect(server.url, headers={"Authorization": "Basic ours"}))

    assert b"Authorization: Basic ours" in server.requests[0]


def cut_at(answer: bytes, *, with_reset: bool) -> Callable[[socket.socket, RawServer], None]:
    def script(conn: socket.socket, server: RawServer) -> None:
        server.request(conn)
        conn.sendall(answer)
        time.sleep(0.05)
        if with_reset:
            reset(conn)

    return script


@pytest.mark.parametrize(
    ("answer", "with_reset", "code"),
    [
        pytest.param(b"", True, "cut_off", id="fault_014_reset_at_once"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Ty", True, "cut_off", id="fault_015_reset_in_headers"),
        pytest.param(b"", False, "cut_off", id="fault_016_end_of_stream"),
        pytest.param(body(b'{"ok"', length=12), True, "cut_off", id="fault_017_reset_in_body"),
        pytest.param(body(b'{"ok"', length=12), False, "cut_off", id="fault_018_short_body"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{", False, "cut_off", id="fault_020_chunk"
        ),
        pytest.param(body(b"{}", b"Content-Encoding: gzip"), False, "unreadable", id="fault_024_encoded"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 150 + b"\r\n", False, "unreadable", id="fault_027_many_headers"
        ),
        pytest.param(body(b"{}", b"Content-Length: 7"), False, "unreadable", id="fault_028_two_lengths"),
        pytest.param(b"SSH-2.0-OpenSSH\r\n", False, "unreadable", id="not_http"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70000, False, "unreadable", id="endless_header"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_broken_answer_has_an_unknown_outcome(
    answer: bytes, with_reset: bool, code: str, method: str, serve: Serve, connect: Connect
) -> None:
    server = serve(cut_at(answer, with_reset=with_reset))

    error = failure_of(connect(server.url), method)

    assert isinstance(error, Transient) and error.code == code
    assert len(server.requests) == 1


def test_fault_019_json_cut_without_a_length_is_no_answer(serve: Serve, connect: Connect) -> None:
    server = serve(saying(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"a": ['))

    assert call(connect(server.url)).kind == "broken"


def drip(head: bytes) -> Callable[[socket.socket, RawServer], None]:
    def script(conn: socket.socket, server: RawServer) -> None:
        server.request(conn)
        conn.sendall(head)
        while not server.stopped.wait(0.05):
            conn.sendall(b"1")

    return script


@pytest.mark.slow
@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", id="fault_021_body"),
        pytest.param(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", id="fault_021_body_to_the_end"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX-Slow: ", id="fault_022_headers"),
        pytest.param(b"", id="fault_022_status"),
    ],
)
@pytest.mark.parametrize("secure", [False, True])
def test_a_dripping_answer_is_cut_at_the_deadline(
    head: bytes, secure: bool, serve: Serve, connect: Connect, certificates: Certificates
) -> None:
    server = serve(drip(head), certificates.context() if secure else None)
    transport = connect(server.url, total_timeout=0.4, ca_bundle=certificates.bundle)
    began = time.monotonic()

    assert failure_of(transport).code == "timed_out"
    assert time.monotonic() - began < 2


def test_fault_021_a_drip_on_a_kept_alive_connection_is_cut_too(serve: Serve, connect: Connect) -> None:
    def script(conn: socket.socket, server: RawServer) -> None:
        server.request(conn)
        conn.sendall(GOOD)
        drip(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")(conn, server)

    server = serve(script)
    transport = connect(server.url, total_timeout=0.4)

    call(transport)
    assert failure_of(transport).code == "timed_out"
    assert server.connections == 1


def test_fault_023_an_endless_body_is_capped_and_the_connection_dropped(serve: Serve, connect: Connect) -> None:
    def script(conn: socket.socket, server: RawServer) -> None:
        server.request(conn)
        conn.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while not server.stopped.is_set():
            conn.sendall(b"x" * 65536)

    transport = connect(serve(script).url, connections=1)

    assert failure_of(transport).code == "too_big"
    assert failure_of(transport).code == "too_big"  # the slot and the pool are free again


def test_fault_029_announcements_are_passed_over(serve: Serve, connect: Connect) -> None:
    server = serve(saying(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + GOOD, GOOD))
    transport = connect(server.url)

    assert call(transport).status == 200
    assert call(transport).body == {"ok": True}


def test_fault_030_a_stale_connection_costs_a_read_nothing(serve: Serve, connect: Connect) -> None:
    def script(conn: socket.socket, server: RawServer) -> None:
        server.request(conn)
        conn.sendall(GOOD)
        server.request(conn)

    server = serve(script)
    transport = connect(server.url)
    call(transport)

    assert call(transport).status == 200
    assert (server.connections, len(server.requests)) == (2, 3)


def test_fault_030_a_change_is_never_repeated(serve: Serve, connect: Connect) -> None:
    def script(conn: socket.socket, server: RawServer) -> None:
        server.request(conn)
        conn.sendall(GOOD)
        server.request(conn)

    server = serve(script)
    transport = connect(server.url)
    call(transport)

    assert failure_of(transport, "DELETE").code == "cut_off"
    assert len(server.requests) == 2


def test_fault_031_a_204_with_a_body_does_not_poison_the_next_call(serve: Serve, connect: Connect) -> None:
    poison = b"HTTP/1.1 204 No Content\r\nContent-Length: 12\r\n\r\n" + b'{"ok": null}'

    def script(conn: socket.socket, server: RawServer) -> None:
        while server.request(conn):
            conn.sendall(poison if len(server.requests) == 1 else GOOD)

    transport = connect(serve(script).url)

    assert (call(transport, "DELETE").status, call(transport).body) == (204, {"ok": True})


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b'\xef\xbb\xbf{"a": 1}', id="byte_order_mark"),
        pytest.param(b'{"a": "\xff"}', id="not_utf8"),
        pytest.param(b'{"a": NaN}', id="nan"),
        pytest.param(b'{"a": -Infinity}', id="infinity"),
        pytest.param(b'{"a": 1e999}', id="too_large_a_number"),
        pytest.param(b'{"a": 1, "a": 2}', id="doubled_key"),
        pytest.param(b"[" * 200_000, id="nesting"),
        pytest.param(b'{"a": 1} {"b": 2}', id="two_documents"),
        pytest.param(b'{"a": ' + b"9" * 5000 + b"}", id="endless_integer"),
    ],
)
def test_fault_032_doubtful_json_is_not_read(payload: bytes, serve: Serve, connect: Connect) -> None:
    answer = call(connect(serve(saying(body(payload))).url))

    assert (answer.kind, answer.body) == ("broken", None)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_fault_033_a_redirect_is_never_followed(status: int, method: str, serve: Serve, connect: Connect) -> None:
    other = serve(saying(GOOD))
    server = serve(
        saying(b"HTTP/1.1 %d Moved\r\nLocation: %s/x\r\nContent-Length: 0\r\n\r\n" % (status, other.url.encode()))
    )

    error = failure_of(connect(server.url), method)

    assert isinstance(error, Misconfigured) and error.code == "redirected"
    assert (len(server.requests), other.connections) == (1, 0)


def test_a_redirect_with_an_endless_body_is_capped(serve: Serve, connect: Connect) -> None:
    head = b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n"
    server = serve(saying(head + b"x" * (2 << 20)))

    assert failure_of(connect(server.url)).code == "too_big"


def test_cookies_are_not_kept(serve: Serve, connect: Connect) -> None:
    server = serve(saying(body(b"{}", b"Set-Cookie: session=1; Path=/"), GOOD))
    transport = connect(server.url)

    call(transport)
    call(transport)

    assert b"Cookie" not in server.requests[1]


def test_never_more_connections_than_allowed(serve: Serve, connect: Connect) -> None:
    busy, peak, lock = [0], [0], threading.Lock()

    def script(conn: socket.socket, server: RawServer) -> None:
        while server.request(conn):
            with lock:
                busy[0] += 1
                peak[0] = max(peak[0], busy[0])
            time.sleep(0.02)
            with lock:
                busy[0] -= 1
            conn.sendall(GOOD)

    server = serve(script)
    transport = connect(server.url, connections=3)
    threads = [threading.Thread(target=call, args=(transport,)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert peak[0] == 3 and server.connections <= 3


def test_the_gap_is_learned_from_429_and_bounded(serve: Serve, connect: Connect) -> None:
    server = serve(saying(*[b"HTTP/1.1 429 Too Many\r\nContent-Length: 0\r\n\r\n"] * 8))
    transport = connect(server.url, learn_gap=True)

    call(transport)
    assert transport.slots.gap == pytest.approx(0.002)
    for _ in range(7):
        call(transport)
    assert transport.slots.gap == pytest.approx(0.010)


def test_a_failing_call_leaves_a_step_without_status(connect: Connect) -> None:
    trail = Trail()

    with pytest.raises(Transient):
        call(connect("http://127.0.0.1:9"), trail=trail)

    assert (trail.steps[0].status, trail.steps[0].request_id) == (None, None)


def test_a_walk_that_has_taken_too_long_makes_no_further_call(serve: Serve, connect: Connect) -> None:
    server = serve(saying(GOOD, GOOD))
    transport = connect(server.url)
    call(transport, trail=Trail(seconds=60))

    with pytest.raises(Transient, match="timed_out"):
        call(transport, trail=Trail(seconds=-1))

    assert len(server.requests) == 1


def test_nothing_of_a_call_reaches_the_log(serve: Serve, connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    odd = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n: nameless\r\nno colon\r\n\r\n{}"
    server = serve(saying(GOOD, odd))
    with caplog.at_level(logging.DEBUG):
        transport = connect(server.url)
        call(transport)
        call(transport)
        call(transport)

    assert "canary" not in caplog.text


def test_a_closed_transport_can_be_used_again(serve: Serve, connect: Connect) -> None:
    server = serve(saying(GOOD))
    transport = connect(server.url)
    call(transport)
    transport.close()

    assert call(transport).status == 200
