"""How each kind of fault looks on the wire."""

from __future__ import annotations

import contextlib
import gzip
import socket
import struct
import time
from typing import TYPE_CHECKING

from adapters.sandbox.faults import LOGIN_PAGE, Fault
from adapters.sandbox.messages import Reply, Request, as_json

if TYPE_CHECKING:
    from adapters.sandbox.server import Sandbox


def _answer(box: Sandbox, request: Request, fault: Fault, connection: socket.socket, _obeyed: Reply | None) -> bool:
    status = fault.status or 500
    reply = Reply(status, (fault.body or "").encode(), fault.content_type, dict(fault.headers))
    return box.send(request, reply, connection)


def _reset(box: Sandbox, request: Request, _f: Fault, connection: socket.socket, _obeyed: Reply | None) -> bool:
    box.record(request, None)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def _close(box: Sandbox, request: Request, _f: Fault, _c: socket.socket, _obeyed: Reply | None) -> bool:
    box.record(request, None)
    return False


def _cut(box: Sandbox, request: Request, _f: Fault, connection: socket.socket, obeyed: Reply | None) -> bool:
    box.record(request, None)
    reply = obeyed if obeyed is not None and obeyed.body else as_json(200, {"cut": "short"})
    connection.sendall(box.wire(Reply(reply.status, reply.body[:5]), length=len(reply.body) + 100))
    return False


def _drip(box: Sandbox, request: Request, fault: Fault, connection: socket.socket, obeyed: Reply | None) -> bool:
    box.record(request, None)
    whole = box.wire(obeyed or as_json(200, {}))
    head, _, body = whole.partition(b"\r\n\r\n")
    slow = whole if fault.kind == "drip_headers" else body
    if fault.kind == "drip":
        connection.sendall(head + b"\r\n\r\n")
    for byte in slow:
        connection.sendall(bytes([byte]))
        time.sleep(fault.delay)
    return False


def _redirect(box: Sandbox, request: Request, fault: Fault, connection: socket.socket, _o: Reply | None) -> bool:
    headers = fault.headers or {"Location": "http://127.0.0.1:9/elsewhere"}
    return box.send(request, Reply(fault.status or 302, b"", None, dict(headers)), connection)


def _login_page(box: Sandbox, request: Request, _f: Fault, connection: socket.socket, _o: Reply | None) -> bool:
    return box.send(request, Reply(200, LOGIN_PAGE.encode(), "text/html; charset=utf-8"), connection)


def _empty(box: Sandbox, request: Request, _f: Fault, connection: socket.socket, _o: Reply | None) -> bool:
    return box.send(request, Reply(200, b"", None), connection)


def _gzip(box: Sandbox, request: Request, _f: Fault, connection: socket.socket, _o: Reply | None) -> bool:
    body = gzip.compress(b'{"status":"subscribed"}')
    return box.send(request, Reply(200, body, headers={"Content-Encoding": "gzip"}), connection)


def _endless(box: Sandbox, request: Request, _f: Fault, connection: socket.socket, _o: Reply | None) -> bool:
    box.record(request, None)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    with contextlib.suppress(OSError):
        for _ in range(200):  # 12 MiB: far beyond any cap, and an end in case nobody hangs up
            connection.sendall(b" " * 65536)
    return False


#: kind of fault -> what it does to the connection; each returns whether the connection lives on
WIRE = {
    "answer": _answer,
    "reset": _reset,
    "close": _close,
    "cut": _cut,
    "drip": _drip,
    "drip_headers": _drip,
    "redirect": _redirect,
    "login_page": _login_page,
    "empty_200": _empty,
    "gzip": _gzip,
    "endless": _endless,
}
