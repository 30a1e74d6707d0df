"""One call of a transport, and what came of it."""

from __future__ import annotations

import socket
import traceback
from typing import Any

import pytest

from adapters.errors import AdapterError
from adapters.http.answer import Answer
from adapters.http.evidence import Trail
from adapters.http.transport import Transport

CANARY = "canary@example.org"
GOOD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n" + b'{"ok": true}'


def call(transport: Transport, method: str = "GET", trail: Trail | None = None, **options: Any) -> Answer:
    return transport.call(
        trail or Trail(),
        method,
        "/contacts",
        scope="contact",
        template="/contacts",
        params=[("email", CANARY)],
        **options,
    )


def failure_of(transport: Transport, method: str = "GET") -> AdapterError:
    trail = Trail()
    with pytest.raises(AdapterError) as caught:
        call(transport, method, trail)
    text = "".join(traceback.format_exception(caught.value))

    assert CANARY not in text and "canary" not in str(caught.value.__context__) and "canary-key" not in text
    assert caught.value.__cause__ is None and caught.value.__context__ is None
    assert len(trail.steps) == 1
    return caught.value


def reset(conn: socket.socket) -> None:
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    conn.close()
