"""Cuts calls that outlive their deadline: one thread per transport, whatever the number of calls.

The timeout of a socket counts from byte to byte, so a server that drips can hold a call for ever (a timeout of 1 s
held for 11.7 s when tried). Shutting the socket down from outside ends every read, the TLS handshake included.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections import deque
from contextvars import ContextVar


class Watch:
    """One call under watch: its deadline (monotonic seconds) and the sockets that it uses."""

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.cut = False
        self.reused = False  # the call went out on a kept-alive socket
        self._done = False
        self._lock = threading.Lock()
        self._handles: list[socket.socket] = []
        self._left: list[socket.socket] = []

    @property
    def done(self) -> bool:
        """Whether the call is over, in whatever way."""
        return self._done

    def remaining(self) -> float:
        """Give the seconds left, never below a millisecond: 0 would make a socket non-blocking."""
        return max(self.deadline - time.monotonic(), 0.001)

    def guard(self, handle: socket.socket) -> None:
        """Cut this socket too when the deadline passes."""
        with self._lock:
            self._handles.append(handle)
            if self.cut:
                _shutdown(handle)

    def leave(self, handle: socket.socket) -> None:
        """Close the handle when the call is over: http.client closes a connection before its body is read."""
        self._left.append(handle)

    def expire(self) -> None:
        """Cut the sockets of a call that is still under way."""
        with self._lock:
            if self._done:
                return
            self.cut = True
            for handle in self._handles:
                _shutdown(handle)

    def finish(self) -> None:
        """Take the call out of the watch."""
        with self._lock:
            self._done = True
            self._handles.clear()
        for handle in self._left:
            handle.close()
        self._left.clear()


#: the watch of the call that this thread is making; connections look here for their deadline
current: ContextVar[Watch | None] = ContextVar("current", default=None)


class Watchdog:
    """Watches the calls of one transport. All live equally long, so they expire in the order they began."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._calls: deque[Watch] = deque()
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def watch(self) -> Watch:
        """Put a new call under watch; its owner must `finish` it."""
        with self._wake:
            while self._calls and self._calls[0].done:
                self._calls.popleft()
            watch = Watch(time.monotonic() + self._seconds)
            self._calls.append(watch)
            if self._thread is None:
                self._closed = False
                self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)
                self._thread.start()
        return watch

    def close(self) -> None:
        """End the thread; calls under way lose their deadline but keep their socket timeout."""
        with self._wake:
            thread, self._thread, self._closed = self._thread, None, True
            self._wake.notify()
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while True:
            with self._wake:
                while self._calls and self._calls[0].done:
                    self._calls.popleft()
                if self._closed:
                    return
                # a call that begins during the wait ends later than the wait does, so nobody need wake this thread
                left = self._calls[0].deadline - time.monotonic() if self._calls else self._seconds
                if left > 0:
                    self._wake.wait(left)
                    continue
                late = self._calls.popleft()
            late.expire()


def _shutdown(handle: socket.socket) -> None:
    with contextlib.suppress(OSError):  # closed or reset by the peer meanwhile: there is nothing to cut
        handle.shutdown(socket.SHUT_RDWR)
