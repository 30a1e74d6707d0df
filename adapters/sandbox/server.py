"""The plumbing under both sandboxes: HTTP/1.1 by hand over a threading server, faults, records, connections."""

from __future__ import annotations

import contextlib
import random
import socket
import socketserver
import threading
import time
import uuid
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from adapters.sandbox.breakage import WIRE, Strike
from adapters.sandbox.faults import Fault
from adapters.sandbox.messages import Recorded, Reply, Request

_PHRASES = {status.value: status.phrase for status in HTTPStatus}


class _Threads(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128
    sandbox: Sandbox

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay quiet: clients that go away are part of the tests."""


class Sandbox:
    """A provider played on 127.0.0.1; subclasses answer requests by `handle` under `self.lock`."""

    def __init__(self, *, latency: float = 0.0, jitter: float = 0.0, port: int = 0) -> None:
        self.latency = latency
        self.jitter = jitter
        self.lock = threading.RLock()
        self.requests: list[Recorded] = []
        self.arrivals: list[float] = []
        self.throttled = 0
        self.request_count = 0
        self.peak_connections = 0
        self._serving = 0
        self._faults: list[Fault] = []
        self._port = port
        self._server: _Threads | None = None
        self._sockets: set[socket.socket] = set()

    # -- life -----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Serve until `close`."""
        server = _Threads(("127.0.0.1", self._port), _Handler, bind_and_activate=True)
        server.sandbox = self
        self._server = server
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def url(self) -> str:
        """The base URL, without the version's path."""
        assert self._server is not None, "not started"
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop serving and cut what is connected."""
        if self._server is None:
            return
        self._server.shutdown()
        self._server.server_close()
        with self.lock:
            sockets = list(self._sockets)
        for connection in sockets:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._server = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- faults and records ---------------------------------------------------------------------------------

    def fault(self, fault: Fault) -> None:
        """Let something go wrong from now on."""
        with self.lock:
            self._faults.append(fault)

    def clear_faults(self) -> None:
        """Let everything go right again."""
        with self.lock:
            self._faults.clear()

    def clear_requests(self) -> None:
        """Forget what was asked so far."""
        with self.lock:
            self.requests.clear()
            self.arrivals.clear()
            self.request_count = 0
            self.throttled = 0

    def _struck(self, request: Request) -> Fault | None:
        with self.lock:
            for fault in self._faults:
                if fault.fits(request.method, request.path, request.query):
                    if fault.times is not None:
                        fault.times -= 1
                    return fault
        return None

    # -- one request ----------------------------------------------------------------------------------------

    def admit(self, request: Request) -> Reply | None:
        """Answer at once where a limit is passed; None lets the request through."""
        return None

    def handle(self, request: Request) -> Reply:
        """Answer one request; called under the lock."""
        raise AssertionError("a sandbox answers its own calls")

    def stale(self, request: Request) -> Reply:
        """Answer from before the last write; called under the lock."""
        return self.handle(request)

    def signature(self) -> dict[str, str]:
        """Return the headers that this provider puts on every answer, beside `X-Request-Id`."""
        return {}

    def left(self) -> None:
        """Note that an answer was sent."""
        with self.lock:
            self._serving -= 1

    def serve(self, request: Request, connection: socket.socket) -> bool:
        """Answer one request; False ends the connection."""
        with self.lock:
            self.request_count += 1
            self.arrivals.append(time.monotonic())
            self._serving += 1
            self.peak_connections = max(self.peak_connections, self._serving)
            refused = self.admit(request)
        try:
            if refused is not None:
                return self.send(request, refused, connection)
            if self.latency:
                time.sleep(max(0.0, self.latency + random.uniform(-self.jitter, self.jitter)))
            fault = self._struck(request)
            if fault is not None:
                return self._strike(request, fault, connection)
            with self.lock:
                reply = self.handle(request)
            return self.send(request, reply, connection)
        finally:
            self.left()

    def record(self, request: Request, status: int | None) -> None:
        """Keep what was asked and how it was answered."""
        with self.lock:
            if status == HTTPStatus.TOO_MANY_REQUESTS:
                self.throttled += 1
            self.requests.append(Recorded(request.method, request.path, request.query, status, dict(request.headers)))

    def _strike(self, request: Request, fault: Fault, connection: socket.socket) -> bool:
        obeyed = None
        if fault.after_effect or fault.kind in ("drip", "drip_headers", "delay", "cut"):
            if fault.kind == "delay":
                time.sleep(fault.delay)
            if fault.after_effect or fault.kind != "cut":
                with self.lock:
                    obeyed = self.handle(request)
        if fault.kind == "delay" and obeyed is not None:
            return self.send(request, obeyed, connection)
        if fault.kind == "stale":
            with self.lock:
                return self.send(request, self.stale(request), connection)
        return WIRE[fault.kind](Strike(self, request, fault, connection, obeyed))

    def send(self, request: Request, reply: Reply, connection: socket.socket) -> bool:
        """Answer as it should be; False when the client asked to close."""
        self.record(request, reply.status)
        connection.sendall(self.wire(reply))
        return request.headers.get("connection", "").lower() != "close"

    def wire(self, reply: Reply, length: int | None = None) -> bytes:
        """Return the bytes of an answer; `length` may lie about its body."""
        name = str(uuid.uuid4())
        body = reply.body.replace(b"@REQUEST_ID@", name.encode())
        lines = [f"HTTP/1.1 {reply.status} {_PHRASES.get(reply.status, 'Unknown')}", f"X-Request-Id: {name}"]
        lines += [f"{key}: {value}" for key, value in self.signature().items()]
        if reply.content_type:
            lines.append(f"Content-Type: {reply.content_type}")
        if reply.status != HTTPStatus.NO_CONTENT:
            lines.append(f"Content-Length: {len(body) if length is None else length}")
        lines += [f"{key}: {value}" for key, value in reply.headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + (
            body if reply.status != HTTPStatus.NO_CONTENT else b""
        )


class _Handler(socketserver.StreamRequestHandler):
    """Reads requests off one connection until it ends."""

    disable_nagle_algorithm = True
    server: _Threads

    def handle(self) -> None:
        """Serve the connection."""
        box = self.server.sandbox
        with box.lock:
            box._sockets.add(self.connection)
        try:
            while (request := self._read()) is not None:
                if not box.serve(request, self.connection):
                    return
        except OSError:
            return
        finally:
            with box.lock:
                box._sockets.discard(self.connection)

    def _read(self) -> Request | None:
        line = self.rfile.readline(65536)
        if not line.strip():
            return None
        method, target, _version = line.decode("latin-1").split(" ", 2)
        headers: dict[str, str] = {}
        while (raw := self.rfile.readline(65536)) not in (b"\r\n", b"\n", b""):
            name, _, value = raw.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        body = self.rfile.read(int(headers.get("content-length", "0") or "0"))
        parts = urlsplit(target)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        return Request(method, unquote(parts.path), query, headers, body)
