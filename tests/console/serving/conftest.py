"""A console that listens: on a port or a unix socket, in a thread of the test or as a process."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from syncer.app import App
from syncer.console.server import Serving
from syncer.log import configure
from syncer.settings.console.table import ConsoleSettings
from tests.support.processes import until
from tests.support.servers import free_port


@dataclass(frozen=True)
class Answer:
    """What came back: its status, its headers by lower-case name (joined by commas), and its body."""

    status: int
    headers: dict[str, str]
    body: str


class Place:
    """Where a console listens, spoken to without a client's help: what is sent is what stands in the test."""

    def __init__(self, settings: ConsoleSettings, serving: Serving, thread: threading.Thread) -> None:
        self.settings = settings
        self.serving = serving
        self.thread = thread

    def connect(self) -> socket.socket:
        place = self.settings.place
        if not isinstance(place, Path):
            return socket.create_connection(place, timeout=40)
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(40)
        sock.connect(str(place))
        return sock

    def raw(self, sent: bytes) -> Answer:
        """Send these bytes and return the first answer; status 0 for a connection that ends without one."""
        with closing(self.connect()) as sock:
            sock.sendall(sent)
            return read(sock)

    def ask(
        self, path: str = "/", method: str = "GET", body: bytes = b"", host: str | None = None, **headers: str
    ) -> Answer:
        """Ask as a browser does; `Sec_Fetch_Site="same-origin"` names a header."""
        named = {"Host": host or self.settings.parts.netloc, "Connection": "close"}
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        if body:
            named["Content-Length"] = str(len(body))
        lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
        return self.raw(f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode("latin-1") + body)


def read(sock: socket.socket) -> Answer:
    """Read an answer until its connection ends."""
    whole = b""
    try:
        while part := sock.recv(65536):
            whole += part
    except ConnectionResetError:
        pass
    if not whole:
        return Answer(0, {}, "")
    head, _, body = whole.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        headers[name.lower()] = ", ".join(filter(None, (headers.get(name.lower()), value)))
    return Answer(int(first.split()[1]), headers, body.decode("utf-8", "replace"))


@contextmanager
def listening(settings: ConsoleSettings, opened: Callable[[], App]) -> Iterator[Place]:
    """Let a console listen for as long as the block lasts; what ends it by itself is raised at the end."""
    serving, begun, failed = Serving(settings, opened), threading.Event(), []

    def run() -> None:
        try:
            serving.run("[console] listen:", begun.set)
        except Exception as error:
            failed.append(error)
        finally:
            begun.set()

    thread = threading.Thread(target=run)
    thread.start()
    assert begun.wait(20)
    try:
        yield Place(settings, serving, thread)
    finally:
        serving.end()
        thread.join(20)
        assert not thread.is_alive()
    if failed:
        raise failed[0]


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that is logged, as JSON lines."""
    stream = io.StringIO()
    configure("debug", stream, json=True)
    yield stream
    configure("warning")


@pytest.fixture
def served(app: App) -> Iterator[Callable[..., Place]]:
    """What lets the pages of an installation listen, with settings of [console] by name, and waits until they do.

    `opened` opens it; then nobody waits.
    """
    with ExitStack() as stack:

        def serve(opened: Callable[[], App] | None = None, **wanted: object) -> Place:
            port = free_port()
            given = {"url": f"http://localhost:{port}/", "listen": f"127.0.0.1:{port}"} | wanted
            settings = ConsoleSettings(**given)  # type: ignore[arg-type]
            app.settings = replace(app.settings, console=settings)
            place = stack.enter_context(listening(settings, opened or (lambda: app.acting_as({"kind": "console"}))))
            if opened is None:
                until(lambda: place.ask(f"{settings.prefix}/healthz").status == 200, 20, every=0.02)
            return place

        yield serve
