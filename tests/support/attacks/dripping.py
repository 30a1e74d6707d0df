"""Servers that answer for ever without ever being done: each receive is in time, the sum never is."""

from __future__ import annotations

import contextlib
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

#: what to say at first, and again and again, to keep a client of that kind waiting
KINDS = {
    "http header": (b"HTTP/1.1 200 OK\r\n", b"X-More: and more\r\n"),
    "http continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "http body": (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x"),
    "http body without length": (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
    "smtp greeting": (b"", b"220-still here\r\n"),
    "smtp reply": (b"220 here\r\n", b"250-and also\r\n"),
    # the head of a TLS record of 16 kB, then its content
    "tls handshake": (b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc", b"\x00"),
}


class _Drips(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, said: tuple[bytes, bytes], every: float) -> None:
        super().__init__(("127.0.0.1", 0), _Drip)
        self.said, self.every, self.over, self.visits = said, every, threading.Event(), 0


class _Drip(socketserver.BaseRequestHandler):
    server: _Drips

    def handle(self) -> None:
        first, more = self.server.said
        self.server.visits += 1
        with contextlib.suppress(OSError):
            self.request.sendall(first)
            while not self.server.over.wait(self.server.every):
                self.request.sendall(more)


@contextmanager
def dripping(kind: str, every: float = 0.2) -> Iterator[_Drips]:
    """Serve one kind on a port of loopback (`server_address[1]`); `visits` counts the connections."""
    with _Drips(KINDS[kind], every) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            server.shutdown()
            thread.join()
