"""Cuts a try that takes too long as a whole: the sockets it opened are shut down from outside.

The timeout of a socket counts from one receive to the next, so a server that drips one line every few seconds is in
time for ever. Shutting the socket down ends every read, a TLS handshake included. What has no socket (a name server
that does not answer, a share that hangs) cannot be cut; the thread that waits there is left behind (`attempt.py`).
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from types import TracebackType

#: seconds between two signs of life of a peer, at most
SECONDS = 10.0
#: seconds for a whole try
WHOLE = 20.0


class Cutoff:
    """A context: connections made through it are shut down when it has lasted `seconds`.

    Its end then raises TimeoutError, unless something else was raised: to a reader, what was cut looks like an end.
    """

    def __init__(self, seconds: float = WHOLE) -> None:
        self._until = time.monotonic() + seconds
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.name, self._timer.daemon = "anchor cutoff", True
        self._lock = threading.Lock()
        self._handles: list[socket.socket] = []
        self._over = False

    def __enter__(self) -> Cutoff:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._lock:
            for handle in self._handles:
                handle.close()
            self._handles.clear()
        if self._over and error is None:
            raise TimeoutError("it took too long as a whole")

    def connect(self, host: str, port: int) -> socket.socket:
        """Return a TCP connection to the first address of the host that answers. Raises OSError."""
        failure: OSError = OSError("the host name has no address")
        for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            left = self._until - time.monotonic()
            if left <= 0:
                raise TimeoutError("no connection in time")
            sock = socket.socket(family, kind, protocol)
            try:
                sock.settimeout(min(SECONDS, left))
                sock.connect(address)
                sock.settimeout(SECONDS)
                self._attach(sock)
            except OSError as error:
                sock.close()
                failure = error
            else:
                return sock
        raise failure

    def _attach(self, sock: socket.socket) -> None:
        # a handle of our own: what wraps the socket in TLS takes the number away from the object
        handle = sock.dup()
        with self._lock:
            self._handles.append(handle)
            if self._over:
                _shut(handle)

    def _cut(self) -> None:
        with self._lock:
            self._over = True
            for handle in self._handles:
                _shut(handle)


def _shut(handle: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the peer was first
        handle.shutdown(socket.SHUT_RDWR)
