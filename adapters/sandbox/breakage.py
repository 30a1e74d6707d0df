"""How each kind of fault looks on the wire."""

from __future__ import annotations

import contextlib
import gzip
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from adapters.sandbox.faults import LOGIN_PAGE, Fault
from adapters.sandbox.messages import Reply, Request, Responder, as_json

#: bytes; clients cap bodies at 1 MiB or so
_OVER_ANY_CAP = 12 << 20


@dataclass(frozen=True)
class Strike:
    """One request and the fault that strikes it. `obeyed` is the answer of a call that was obeyed first, else None."""

    server: Responder
    request: Request
    fault: Fault
    connection: socket.socket
    obeyed: Reply | None

    def send(self, reply: Reply) -> bool:
        """Answer with this reply and say whether the connection lives on."""
        return self.server.send(self.request, reply, self.connection)

    def leave_unanswered(self) -> None:
        """Record the request as one that got no whole answer."""
        self.server.record(self.request, None)


def _answer(strike: Strike) -> bool:
    status = strike.fault.status or 500
    reply = Reply(status, (strike.fault.body or "").encode(), strike.fault.content_type, dict(strike.fault.headers))
    return strike.send(reply)


def _reset(strike: Strike) -> bool:
    strike.leave_unanswered()
    strike.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    # closed here and now: the server would shut it down in peace first, and no reset would be sent
    strike.connection.close()
    return False


def _close(strike: Strike) -> bool:
    strike.leave_unanswered()
    return False


def _cut(strike: Strike) -> bool:
    strike.leave_unanswered()
    reply = strike.obeyed if strike.obeyed is not None and strike.obeyed.body else as_json(200, {"cut": "short"})
    strike.connection.sendall(strike.server.wire(Reply(reply.status, reply.body[:5]), length=len(reply.body) + 100))
    return False


def _drip(strike: Strike) -> bool:
    strike.leave_unanswered()
    whole = strike.server.wire(strike.obeyed or as_json(200, {}))
    head, _, body = whole.partition(b"\r\n\r\n")
    slow = whole if strike.fault.kind == "drip_headers" else body
    if strike.fault.kind == "drip":
        strike.connection.sendall(head + b"\r\n\r\n")
    for byte in slow:
        strike.connection.sendall(bytes([byte]))
        time.sleep(strike.fault.delay)
    return False


def _redirect(strike: Strike) -> bool:
    headers = strike.fault.headers or {"Location": "http://127.0.0.1:9/elsewhere"}
    return strike.send(Reply(strike.fault.status or 302, b"", None, dict(headers)))


def _login_page(strike: Strike) -> bool:
    return strike.send(Reply(200, LOGIN_PAGE.encode(), "text/html; charset=utf-8"))


def _empty(strike: Strike) -> bool:
    return strike.send(Reply(200, b"", None))


def _gzip(strike: Strike) -> bool:
    body = gzip.compress(b'{"status":"subscribed"}')
    return strike.send(Reply(200, body, headers={"Content-Encoding": "gzip"}))


def _endless(strike: Strike) -> bool:
    strike.leave_unanswered()
    strike.connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    with contextlib.suppress(OSError):
        for _ in range(_OVER_ANY_CAP // 65536):  # an end in case nobody hangs up
            strike.connection.sendall(b" " * 65536)
    return False


def _overlong(strike: Strike) -> bool:
    """Answer as it should be, followed by so much white space that no cap on a body lets it pass."""
    reply = strike.obeyed or as_json(200, {})
    return strike.send(replace(reply, body=reply.body + b" " * _OVER_ANY_CAP))


#: kind of fault -> what it does to the connection; each says whether the connection lives on
WIRE: dict[str, Callable[[Strike], bool]] = {
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
    "overlong": _overlong,
}
