"""The ways in which an answer can be spoiled between the provider and us, byte by byte."""

from __future__ import annotations

import functools
import gzip
import socket
import zlib
from collections.abc import Callable

from tests.adapters.calls import reset
from tests.adapters.conftest import RawServer
from tests.faults.net import Spoil

#: what stands in for a body where the true answer has none
_SOME = b'{"status": "subscribed"}'


def _parts(answer: bytes) -> tuple[bytes, bytes]:
    """Return head lines and body of an answer, made one with a body where it has none."""
    head, _, body = answer.partition(b"\r\n\r\n")
    if body:
        return head, body
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d" % len(_SOME), _SOME


def _without_length(head: bytes) -> bytes:
    return b"\r\n".join(line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length:"))


def says(payload: bytes, *headers: bytes, status: bytes = b"200 OK", kind: bytes = b"application/json") -> Spoil:
    """Put this whole answer in the place of the true one."""
    length = b"" if any(header.lower().startswith(b"transfer") for header in headers) else b"%d" % len(payload)
    lines = [b"HTTP/1.1 " + status, b"Content-Type: " + kind, *headers]
    lines += [b"Content-Length: " + length] if length else []
    whole = b"\r\n".join([*lines, b"", payload])
    return lambda conn, _answer, _server: conn.sendall(whole)


def reset_at_once(conn: socket.socket, _answer: bytes, _server: RawServer) -> None:
    reset(conn)


def reset_in_headers(conn: socket.socket, answer: bytes, server: RawServer) -> None:
    conn.sendall(answer[:30])
    server.stopped.wait(0.02)
    reset(conn)


def end_of_stream(_conn: socket.socket, _answer: bytes, _server: RawServer) -> None:
    """Hang up politely, as a crashed worker behind a balancer does."""


def reset_in_body(conn: socket.socket, answer: bytes, server: RawServer) -> None:
    head, body = _parts(answer)
    conn.sendall(head + b"\r\n\r\n" + body[: len(body) // 2])
    server.stopped.wait(0.02)
    reset(conn)


def short_body(conn: socket.socket, answer: bytes, _server: RawServer) -> None:
    head, body = _parts(answer)
    conn.sendall(head + b"\r\n\r\n" + body[: len(body) // 2])


def cut_without_length(conn: socket.socket, answer: bytes, _server: RawServer) -> None:
    head, body = _parts(answer)
    conn.sendall(_without_length(head) + b"\r\n\r\n" + body[: len(body) // 2])


def cut_chunk(conn: socket.socket, answer: bytes, _server: RawServer) -> None:
    head, body = _parts(answer)
    start = b"%x\r\n" % len(body) + body[: len(body) // 2]
    conn.sendall(_without_length(head) + b"\r\nTransfer-Encoding: chunked\r\n\r\n" + start)


def drip_body(conn: socket.socket, answer: bytes, server: RawServer) -> None:
    head, _ = _parts(answer)
    conn.sendall(_without_length(head) + b"\r\nContent-Length: 100000\r\n\r\n")
    while not server.stopped.wait(0.05):
        conn.sendall(b" ")


def drip_headers(conn: socket.socket, _answer: bytes, server: RawServer) -> None:
    conn.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not server.stopped.wait(0.05):
        conn.sendall(b"y")


def endless(conn: socket.socket, answer: bytes, server: RawServer) -> None:
    head, _ = _parts(answer)
    conn.sendall(_without_length(head) + b"\r\n\r\n")
    while not server.stopped.is_set():
        conn.sendall(b" " * 65536)


@functools.cache
def bomb() -> bytes:
    """Return 200 MiB of blanks in 200 KiB."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(b" " * (1 << 20)) for _ in range(200)) + packer.flush()


def gzip_bomb(conn: socket.socket, answer: bytes, server: RawServer) -> None:
    says(bomb(), b"Content-Encoding: gzip")(conn, answer, server)


def garbage_gzip(conn: socket.socket, answer: bytes, server: RawServer) -> None:
    says(b"\x1f\x8b\x08" + b"garbage" * 9, b"Content-Encoding: gzip")(conn, answer, server)


def gzip_cut(conn: socket.socket, answer: bytes, server: RawServer) -> None:
    """Return the true answer, encoded, cut, and with the length of what is left: requests shortens it silently."""
    packed = gzip.compress(_parts(answer)[1])
    says(packed[:-6], b"Content-Encoding: gzip")(conn, answer, server)


def many_headers(conn: socket.socket, answer: bytes, _server: RawServer) -> None:
    head, body = _parts(answer)
    more = b"".join(b"\r\nX-%d: y" % number for number in range(150))
    conn.sendall(head + more + b"\r\n\r\n" + body)


def two_lengths(conn: socket.socket, answer: bytes, _server: RawServer) -> None:
    head, body = _parts(answer)
    conn.sendall(head + b"\r\nContent-Length: 7\r\n\r\n" + body)


def announced(conn: socket.socket, answer: bytes, _server: RawServer) -> bool:
    """Return the true answer after a 100 and a 103."""
    conn.sendall(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + answer)
    return True


def closing_when_used_again() -> Spoil:
    """Answer the first request of each connection and hang up without a word on its second."""
    used: set[int] = set()

    def spoil(conn: socket.socket, answer: bytes, _server: RawServer) -> bool:
        if conn.fileno() in used:
            used.discard(conn.fileno())
            return False
        used.add(conn.fileno())
        conn.sendall(answer)
        return True

    return spoil


def with_a_body_where_none_belongs(conn: socket.socket, answer: bytes, _server: RawServer) -> bool:
    """Return a 204 that brings a body, and a connection that lives on."""
    no_content = answer.startswith(b"HTTP/1.1 204 ")
    conn.sendall(answer[:-2] + b"Content-Length: %d\r\n\r\n" % len(_SOME) + _SOME if no_content else answer)
    return True


def changed(change: Callable[[bytes], bytes]) -> Spoil:
    """Return the true answer with another body."""

    def spoil(conn: socket.socket, answer: bytes, _server: RawServer) -> bool:
        head, body = _parts(answer)
        other = change(body)
        conn.sendall(_without_length(head) + b"\r\nContent-Length: %d\r\n\r\n" % len(other) + other)
        return True

    return spoil
