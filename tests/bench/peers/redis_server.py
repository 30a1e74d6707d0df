"""A private Redis: own folder, own port on loopback, gone at the end. Every write goes to its file, as for a queue."""

from __future__ import annotations

import contextlib
import itertools
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from tempfile import TemporaryDirectory

from tests.support.servers import PATIENCE, binary, free_port


@contextlib.contextmanager
def private_redis() -> Iterator[tuple[Callable[[], str], int]]:
    """Yield what returns the URL of an empty database, and its process. Raises servers.Missing."""
    numbers = itertools.count()
    port, words = free_port(), [binary("redis-server"), "--bind", "127.0.0.1", "--appendonly", "yes"]
    with TemporaryDirectory(prefix="syncer-redis-") as folder:
        process = subprocess.Popen([*words, "--port", str(port), "--dir", folder], stdout=subprocess.DEVNULL)
        try:
            _await(port)
            yield lambda: f"redis://127.0.0.1:{port}/{next(numbers)}", process.pid
        finally:
            process.kill()
            process.wait()


def _await(port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            if connection.recv(16).startswith(b"+PONG"):
                return
        time.sleep(0.05)
    raise RuntimeError("redis-server did not start")
