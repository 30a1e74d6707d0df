"""The end of the notification socket that systemd would hold."""

from __future__ import annotations

import contextlib
import socket
import time
from collections import Counter
from pathlib import Path

import pytest


class Systemd:
    """Listens while it is entered; commands started meanwhile find it and a watchdog of so many seconds."""

    def __init__(self, folder: Path, environment: pytest.MonkeyPatch, watchdog: float) -> None:
        self._path = folder / "notify"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        environment.setenv("NOTIFY_SOCKET", str(self._path))
        environment.setenv("WATCHDOG_USEC", str(int(watchdog * 1e6)))

    def __enter__(self) -> Systemd:
        self._socket.bind(str(self._path))
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def heard(self, seconds: float) -> Counter[str]:
        """Return how often each message comes within that time, with those that came before and were not heard yet."""
        messages: Counter[str] = Counter()
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self._socket.settimeout(left)
            with contextlib.suppress(TimeoutError):
                messages[self._socket.recv(1000).decode()] += 1
        return messages
