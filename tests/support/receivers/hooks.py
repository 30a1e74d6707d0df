"""A receiver of webhooks on loopback; it verifies Standard Webhooks signatures by the specification's own words."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
#: seconds by which a message's time may be wrong, as receivers bound it
TOLERANCE = 300


@dataclass(frozen=True)
class Received:
    """A request: its method, path, headers in lower case and body."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Receiver(ThreadingHTTPServer):
    """Keeps what came; answers with `status`, and with `length` bytes."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.received: list[Received] = []
        self.status = 204
        self.length = 0

    def url(self, path: str = "/hook?token=t0ps3cret") -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.received.append(Received(self.command, self.path, headers, body))
        self.send_response(self.server.status)
        self.send_header("content-length", str(self.server.length))
        self.end_headers()
        self.wfile.write(b"x" * self.server.length)

    do_GET = do_POST

    def log_message(self, format: str, *args: Any) -> None:
        pass


def verify(request: Received, secret: str = SECRET, now: float | None = None) -> None:
    """Raise AssertionError unless the request is signed with the secret, and now."""
    message_id, moment = request.headers["webhook-id"], request.headers["webhook-timestamp"]
    assert abs(int(moment) - (now if now is not None else time.time())) <= TOLERANCE
    assert "." not in message_id
    key = base64.b64decode(secret.split("_", 1)[1])
    wanted = hmac.new(key, f"{message_id}.{moment}.".encode() + request.body, hashlib.sha256).digest()
    versions = [part.split(",", 1) for part in request.headers["webhook-signature"].split(" ")]
    assert any(v == "v1" and hmac.compare_digest(base64.b64decode(s), wanted) for v, s in versions)


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Serve one on a port of loopback."""
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
