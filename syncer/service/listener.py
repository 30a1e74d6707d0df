"""The HTTP server of the metrics: one thread, few connections, little time for each, whoever connects.

prometheus_client's own server starts a thread for every connection and waits for its request without end: a thousand
idle connections of one local user were a thousand threads and every descriptor of the daemon. Of that library only the
WSGI application is used here.
"""

from __future__ import annotations

import asyncio
import io
import socket
import threading
from collections.abc import Iterable
from email.message import Message
from http.client import HTTPException, parse_headers
from pathlib import Path
from typing import Any
from wsgiref.handlers import SimpleHandler
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from syncer.errors import UserError
from syncer.log import get_logger

#: connections at one time; one more, and the oldest goes. A scraper needs one, and sends its request at once
MOST = 32
#: connections that may wait to be accepted, and then are accepted at once
BACKLOG = 128
#: bytes of a request's head; a scraper's has some hundred
LARGEST_HEAD = 8192
#: seconds from a connection's beginning to its end: for the request, the answer and its way
SECONDS = 10.0
#: seconds that the end waits for a scrape in hand
AT_STOP = 2.0


class Listener:
    """Serves `answer` under /metrics in a thread of its own; a request while another is answered waits for it."""

    def __init__(self, answer: WSGIApplication, settings: Path, host: str, port: int, seconds: float = SECONDS) -> None:
        """Start to listen. `settings` is the file that names the place. Raises UserError when it is taken."""
        self._answer = answer
        self._seconds = seconds
        self._open: dict[asyncio.StreamWriter, None] = {}  # the oldest first
        self._log = get_logger("syncer.metrics")
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            sock = socket.create_server((host, port), family=family, backlog=BACKLOG)
        except OSError as error:
            place = f"{settings}: [metrics] listen: {host}:{port}"
            raise UserError(f"{place} cannot be used ({error.strerror}); choose another") from None
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(self._failed)
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, args=(sock,), name="metrics", daemon=True)
        self._thread.start()

    def answer(self, answer: WSGIApplication) -> None:
        """Answer with something else from the next request on."""
        self._answer = answer

    def close(self) -> None:
        """Stop listening. A scrape that waits for the database is left behind."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(AT_STOP)

    def _run(self, sock: socket.socket) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve(sock))

    async def _serve(self, sock: socket.socket) -> None:
        server = await asyncio.start_server(self._connected, sock=sock, limit=LARGEST_HEAD, backlog=BACKLOG)
        async with server:
            await self._stop.wait()
            for writer in self._open:
                writer.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open[writer] = None
        if len(self._open) > MOST:
            oldest = next(iter(self._open))
            del self._open[oldest]
            oldest.transport.abort()
        # it is written when it has left, not when it is buffered: who reads nothing runs out of time as well
        writer.transport.set_write_buffer_limits(0)
        try:
            async with asyncio.timeout(self._seconds):
                writer.write(self._reply(await reader.readuntil(b"\r\n\r\n")))
                await writer.drain()
                writer.write_eof()
                await (
                    reader.read()
                )  # the client closes first: closed here, what it still sends would destroy the answer
        except (TimeoutError, EOFError, asyncio.LimitOverrunError, OSError):
            pass  # too slow, too much, or gone
        finally:
            self._open.pop(writer, None)
            writer.transport.abort()

    def _reply(self, head: bytes) -> bytes:
        out, log = io.BytesIO(), io.StringIO()
        handler = _InMemory(io.BytesIO(), out, log, _environ(head), multithread=False)
        handler.run(self._only_metrics)
        if handler.failure is not None:
            self._log.error("metrics.failed", error=handler.failure)
        return out.getvalue()

    def _only_metrics(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/metrics" and environ["REQUEST_METHOD"] == "GET":
            return self._answer(environ, start_response)
        wrong = "405 Method Not Allowed" if environ["PATH_INFO"] == "/metrics" else "404 Not Found"
        start_response(wrong if environ["REQUEST_METHOD"] else "400 Bad Request", [("Content-Type", "text/plain")])
        return [b"only GET /metrics is answered here\n"]

    def _failed(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        # no descriptor left to accept with, for instance; asyncio goes on by itself
        self._log.error("metrics.failed", error=type(context.get("exception")).__name__)


class _InMemory(SimpleHandler):
    """Runs the application into memory; `failure` is the type of what it raised."""

    failure: str | None = None

    def log_exception(self, exc_info: Any) -> None:
        self.failure = exc_info[0].__name__


def _environ(head: bytes) -> dict[str, str]:
    """Return what WSGI says of a request. REQUEST_METHOD is empty for one that makes no sense."""
    lines = io.BytesIO(head)
    try:
        method, target, version = lines.readline().decode("ascii").split()
        headers: Message = parse_headers(lines)
    except (ValueError, HTTPException):
        method, target, version, headers = "", "", "HTTP/1.0", Message()
    path, _, query = target.partition("?")
    return {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_PROTOCOL": version,
        "HTTP_ACCEPT": headers.get("Accept", ""),
        "HTTP_ACCEPT_ENCODING": headers.get("Accept-Encoding", ""),
    }
