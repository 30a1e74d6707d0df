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

#: the deadline of the call that this thread is making; connections look here for it
current: ContextVar[Deadline | None] = ContextVar("current", default=None)


class CallDeadlines:
    """The deadlines of one transport's calls. All calls live equally long, so they expire in the order they began."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._running: deque[Deadline] = deque()
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None  # the one that cuts; any other one is to end

    def start(self) -> Deadline:
        """Return the deadline of a call that begins now; its owner must `finish` it."""
        with self._wake:
            self._forget_finished()
            deadline = Deadline(time.monotonic() + self._seconds)
            self._running.append(deadline)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)
                self._thread.start()
        return deadline

    def close(self) -> None:
        """End the thread; calls under way lose their deadline but keep their socket timeout.

        A call that begins later has a deadline again, and a thread of its own for it.
        """
        with self._wake:
            thread, self._thread = self._thread, None
            self._wake.notify_all()
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        idle = False
        while True:
            with self._wake:
                self._forget_finished()
                if self._thread is not threading.current_thread():
                    return
                if idle and not self._running:
                    self._thread = None  # nobody closes it for a caller that outlived its lane
                    return
                # a call that begins during the wait ends later than the wait does, so nobody need wake this thread
                left = self._running[0].at - time.monotonic() if self._running else self._seconds
                if left > 0:
                    idle = not self._running
                    self._wake.wait(left)
                    continue
                late = self._running.popleft()
            late.expire()

    def _forget_finished(self) -> None:
        while self._running and self._running[0].finished:
            self._running.popleft()


class Deadline:
    """When one call must be over (`at`, monotonic seconds), and the sockets that are cut if it is not."""

    def __init__(self, at: float) -> None:
        self.at = at
        self.cut = False
        self.reused = False  # the call went out on a kept-alive socket
        self._finished = False
        self._lock = threading.Lock()
        self._handles: list[socket.socket] = []
        self._to_close: list[socket.socket] = []

    @property
    def finished(self) -> bool:
        """Say whether the call is over, in whatever way."""
        return self._finished

    def remaining(self) -> float:
        """Return the seconds left, never below a millisecond: 0 would make a socket non-blocking."""
        return max(self.at - time.monotonic(), 0.001)

    def attach(self, handle: socket.socket) -> None:
        """Cut this socket too when the deadline passes."""
        with self._lock:
            self._handles.append(handle)
            if self.cut:
                _shutdown(handle)

    def close_later(self, handle: socket.socket) -> None:
        """Close the handle when the call is over: http.client closes a connection before its body is read."""
        self._to_close.append(handle)

    def expire(self) -> None:
        """Cut the sockets of a call that is still under way."""
        with self._lock:
            if self._finished:
                return
            self.cut = True
            for handle in self._handles:
                _shutdown(handle)

    def finish(self) -> None:
        """Say that the call is over: nothing is cut any more."""
        with self._lock:
            self._finished = True
            self._handles.clear()
        for handle in self._to_close:
            handle.close()
        self._to_close.clear()


def _shutdown(handle: socket.socket) -> None:
    with contextlib.suppress(OSError):  # closed or reset by the peer meanwhile: there is nothing to cut
        handle.shutdown(socket.SHUT_RDWR)
