"""Finding 16: whoever may reach the metrics' port holds it open, drips into it, or asks without end."""

from __future__ import annotations

import contextlib
import http.client
import resource
import socket
import threading
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import sqlalchemy as sa
from prometheus_client.parser import text_string_to_metric_families as parse

from adapters.sandbox import MailchimpSandbox
from syncer.app import App
from syncer.service import metrics
from syncer.service.listener import LARGEST_HEAD, MOST, Listener
from tests.conftest import AUDIENCES
from tests.support.processes import inside as run
from tests.support.processes import inside_json as as_json
from tests.support.processes import started, until
from tests.support.servers import free_port

#: as many as a local user may hold by the usual limit of descriptors, and more than the daemon may
IDLE = 1100


def scrape(port: int, path: str = "/metrics") -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
        return str(answer.read().decode())


def is_up(text: str) -> bool:
    return any(sample.name == "syncer_up" and sample.value == 1 for family in parse(text) for sample in family.samples)


@pytest.fixture
def many_files() -> Iterator[None]:
    """Let this process hold as many connections as the attack needs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2 * IDLE:
        pytest.skip(f"the attack needs {2 * IDLE} descriptors, and only {hard} are allowed here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2 * IDLE), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def hold(stack: ExitStack, port: int, number: int, say: bytes = b"") -> None:
    for _ in range(number):
        sock = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
        if say:
            with contextlib.suppress(OSError):  # dropped already
                sock.sendall(say)


@pytest.mark.slow  # a thousand connections
@pytest.mark.usefixtures("many_files")
def test_finding_16_a_thousand_idle_connections_take_neither_threads_nor_descriptors_nor_the_metrics(
    settings_file: Callable[..., Path], tmp_path: Path, mailchimp: MailchimpSandbox
) -> None:
    port, log = free_port(), tmp_path / "log"
    settings = settings_file()
    text = settings.read_text(encoding="utf-8")
    settings.write_text(f'{text}\n[metrics]\nlisten = "127.0.0.1:{port}"\n', encoding="utf-8")
    assert run(settings, "init").returncode == 0
    mailchimp.add("ada@lovelace.test", AUDIENCES[0])
    with started(settings, "run", log=log) as daemon, ExitStack() as stack:
        until(lambda: "daemon.started" in log.read_text(encoding="utf-8"), 30)
        proc = Path(f"/proc/{daemon.pid}")
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (1024, hard))  # as in the unit
        hold(stack, port, IDLE)
        hold(stack, port, MOST, b"GET /metrics HTTP/1.1\r\nX-Never: ends")

        assert is_up(scrape(port))
        assert run(settings, "submit", "erasure", stdin="ada@lovelace.test").returncode == 0
        until(lambda: [event["state"] for event in as_json(settings, "events")] == ["fulfilled"], 60)
        assert is_up(scrape(port))
        assert len(list((proc / "task").iterdir())) < 100
        assert len(list((proc / "fd").iterdir())) < 200
        assert daemon.poll() is None
        daemon.terminate()
        assert daemon.wait(timeout=60) == 0
    assert "database.away" not in log.read_text(encoding="utf-8")
    assert "job.failed" not in log.read_text(encoding="utf-8")


# -- the server by itself -------------------------------------------------------------------------------------


def hello(environ: object, start_response: Callable[..., object]) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


@pytest.fixture
def port() -> Iterator[int]:
    """A listener that gives each connection half a second."""
    number = free_port()
    listener = Listener(hello, Path("settings.toml"), "127.0.0.1", number, seconds=0.5)
    yield number
    listener.close()


def said(port: int, text: bytes, every: float = 0.0) -> bytes:
    """Return all that the listener answers to a text, sent at once or letter by letter."""
    got = b""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as sock, contextlib.suppress(OSError):
        for part in [text[i : i + 1] for i in range(len(text))] if every else [text]:
            sock.sendall(part)
            time.sleep(every)
        while more := sock.recv(65536):
            got += more
    return got


def test_finding_16_a_request_that_drips_is_ended_when_its_time_is_over(port: int) -> None:
    began = time.monotonic()

    assert said(port, b"GET /metrics HTTP/1.1\r\n" + b"X: y\r\n" * 1000, every=0.05) == b""

    assert time.monotonic() - began < 20


def test_finding_16_who_reads_nothing_is_ended_too() -> None:
    size = 64 * 1024 * 1024  # more than the buffers on both sides hold

    def much(environ: object, start_response: Callable[..., object]) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"x" * size]

    number, got = free_port(), 0
    listener = Listener(much, Path("settings.toml"), "127.0.0.1", number, seconds=0.5)
    try:
        with socket.create_connection(("127.0.0.1", number), timeout=30) as sock:
            sock.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
            until(lambda: is_reset(sock), 30)
            with contextlib.suppress(OSError):
                while more := sock.recv(1 << 20):
                    got += len(more)
    finally:
        listener.close()

    assert got < size


def is_reset(sock: socket.socket) -> bool:
    try:
        sock.send(b"x")
    except OSError:
        return True
    return False


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", b"200"),
        (b"GET /metrics?a=b HTTP/1.0\r\n\r\n", b"200"),
        (b"GET / HTTP/1.1\r\n\r\n", b"404"),
        (b"GET /metrics/../etc/passwd HTTP/1.1\r\n\r\n", b"404"),
        (b"POST /metrics HTTP/1.1\r\nContent-Length: 9\r\n\r\n", b"405"),
        (b"OPTIONS /metrics HTTP/1.1\r\n\r\n", b"405"),
        (b"GET\r\n\r\n", b"400"),
        (b"\xff\xfe /metrics HTTP/1.1\r\n\r\n", b"400"),
        (b"\r\n\r\n", b"400"),
        (b"GET /metrics HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n", b"400"),
    ],
)
def test_finding_16_only_the_metrics_are_answered(port: int, text: bytes, status: bytes) -> None:
    answer = said(port, text)

    assert answer.split(b" ")[1] == status
    assert answer.endswith(b"hello") == (status == b"200")


def test_finding_16_a_head_without_end_is_not_read_to_its_end(port: int) -> None:
    assert said(port, b"GET /metrics HTTP/1.1\r\nX: " + b"y" * 3 * LARGEST_HEAD) == b""
    assert said(port, b"GET /metrics HTTP/1.1\r\n\r\n").endswith(b"hello")


def test_finding_16_an_answer_that_fails_is_a_500_and_the_next_is_answered() -> None:
    answers = iter([ValueError("a@b.test"), None])

    def sometimes(environ: object, start_response: Callable[..., object]) -> Iterable[bytes]:
        if error := next(answers):
            raise error
        return hello(environ, start_response)

    number = free_port()
    listener = Listener(sometimes, Path("settings.toml"), "127.0.0.1", number)
    try:
        failed = said(number, b"GET /metrics HTTP/1.1\r\n\r\n")
        assert failed.split(b" ")[1] == b"500"
        assert b"@" not in failed
        assert said(number, b"GET /metrics HTTP/1.1\r\n\r\n").endswith(b"hello")
    finally:
        listener.close()


def test_finding_16_scrapes_within_a_moment_share_one_count(app: App) -> None:
    counted = []

    @sa.event.listens_for(app.engine, "before_cursor_execute")
    def _count(connection: object, cursor: object, statement: str, *_: object) -> None:
        if "syncer_event" in statement:
            counted.append(statement)

    number = free_port()
    listener = metrics.listen(app, "127.0.0.1", number)
    try:
        first = scrape(number)
        once = len(counted)
        threads = [threading.Thread(target=scrape, args=(number,)) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        listener.close()

    assert is_up(first)
    assert once > 0
    assert len(counted) <= 2 * once  # a slow machine may have needed longer than the count is fresh


def test_finding_16_a_listener_that_was_closed_leaves_its_port(app: App) -> None:
    number = free_port()
    for _ in range(2):
        listener = metrics.listen(app, "127.0.0.1", number)
        assert is_up(scrape(number))
        listener.close()

    connection = http.client.HTTPConnection("127.0.0.1", number, timeout=5)
    with pytest.raises(OSError):
        connection.request("GET", "/metrics")
