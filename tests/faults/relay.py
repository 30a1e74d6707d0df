"""A relay on loopback before a database server: it lets a COMMIT through and keeps the answer to itself."""

from __future__ import annotations

import contextlib
import re
import socket
import threading

#: the statement in either protocol, and not the isolation level
COMMIT = re.compile(rb"COMMIT(?!TED)")


class Relay:
    """Passes bytes both ways. Armed with n, it cuts the connection after the n-th COMMIT from then was obeyed."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._left = 0
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def arm(self, commits: int) -> None:
        """Cut after so many COMMITs."""
        with self._lock:
            self._left = commits

    @property
    def struck(self) -> bool:
        """Say whether it has cut since it was armed."""
        return self._left == 0

    def disarm(self) -> None:
        """Let everything pass."""
        with self._lock:
            self._left = -1

    def close(self) -> None:
        """Accept no more."""
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._to))
                doomed = threading.Event()
                threading.Thread(target=self._forward, args=(client, server, doomed), daemon=True).start()
                threading.Thread(target=self._back, args=(server, client, doomed), daemon=True).start()

    def _forward(self, client: socket.socket, server: socket.socket, doomed: threading.Event) -> None:
        with contextlib.suppress(OSError), client, server:
            while data := client.recv(65536):
                if COMMIT.search(data) and self._strikes():
                    doomed.set()
                server.sendall(data)

    def _back(self, server: socket.socket, client: socket.socket, doomed: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                if doomed.is_set():
                    break  # the server answered: it was obeyed
                client.sendall(data)
        for end in (client, server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _strikes(self) -> bool:
        with self._lock:
            if self._left <= 0:
                return False
            self._left -= 1
            return self._left == 0
