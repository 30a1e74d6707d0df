"""Clients that ask for more than they read: none holds a thread for good, and the pages go on."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import pytest

from syncer.console import wire
from tests.console.serving.conftest import Place
from tests.support.processes import until

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

pytestmark = pytest.mark.slow
ASK = b"GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n"


def endless(ended: list[str]) -> Callable[..., Iterator[bytes]]:
    """Return an application whose answer has no end; its last breath is in `ended`."""

    def answer(_environ: WSGIEnvironment, start: StartResponse) -> Iterator[bytes]:
        start("200 OK", [("Content-Type", "text/plain")])
        try:
            while True:
                yield b"x" * 65_536
        finally:
            ended.append("ended")

    return answer


def trickle(sock: socket.socket, over: threading.Event) -> None:
    """Take a few bytes now and then."""
    try:
        while not over.wait(0.1) and sock.recv(10):
            pass
    except OSError:
        pass


@pytest.mark.parametrize("reads", [False, True], ids=["nothing", "a little now and then"])
def test_whoever_does_not_read_to_the_end_loses_the_connection(
    served: Callable[..., Place], monkeypatch: pytest.MonkeyPatch, reads: bool
) -> None:
    monkeypatch.setattr(wire, "LONGEST_ANSWER" if reads else "UNREAD", 2.0)
    ended: list[str] = []
    place, over = served(), threading.Event()
    place.serving._front.open(endless(ended))
    with ExitStack() as stack:
        for _ in range(wire.THREADS):
            sock = stack.enter_context(closing(place.connect()))
            sock.sendall(ASK)
            if reads:
                threading.Thread(target=trickle, args=(sock, over), daemon=True).start()
        began = time.monotonic()

        until(lambda: len(ended) == wire.THREADS, 30)

        over.set()
        assert time.monotonic() - began > 1.5, "not before they had their time"


def test_an_answer_that_takes_long_to_make_is_not_an_unread_one(
    served: Callable[..., Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "UNREAD", 1.0)
    place = served()

    def late(_environ: WSGIEnvironment, start: StartResponse) -> Iterator[bytes]:
        time.sleep(3)
        start("200 OK", [("Content-Type", "text/plain")])
        yield b"late"

    place.serving._front.open(late)

    assert "late" in place.ask("/").body
