"""What the daemon is told by signals: to end, and to read its settings anew."""

from __future__ import annotations

import queue
import signal
import threading

from syncer.bell import Bell

#: SIGHUP says that the settings changed; the others end the process
END, ANEW = (signal.SIGTERM, signal.SIGINT), signal.SIGHUP


class Orders:
    """What a process was told; `stop` is set once it is to end. A context manager, within which signals are heard."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self._anew = threading.Event()
        self._told = Bell()
        # the one thing that a handler may touch while another handler is at it: an event's lock is held by its waiter
        self._signals: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._passing = threading.Thread(target=self._pass_on, name="signals", daemon=True)

    def __enter__(self) -> Orders:
        """Take signals from now on; only the main thread may ask for it."""
        self._passing.start()
        for number in (*END, ANEW):
            signal.signal(number, lambda got, _: self._signals.put(got))
        return self

    def __exit__(self, *_: object) -> None:
        """Hear no more; a signal that comes now finds the process at its end, and does nothing."""
        self._signals.put(None)
        self._passing.join()

    def end(self) -> None:
        """Let the process end."""
        self.stop.set()
        self._told.ring()

    def read_anew(self) -> None:
        """Let the settings be read anew; many wishes that nobody took yet are one."""
        self._anew.set()
        self._told.ring()

    def taken(self) -> bool:
        """Say whether the settings are to be read anew, and take the wish: the next one is another."""
        wished = self._anew.is_set()
        self._anew.clear()
        return wished

    def wait(self, seconds: float) -> None:
        """Wait until something is told, at most so long."""
        if not self.stop.is_set():
            self._told.wait(seconds)

    def _pass_on(self) -> None:
        while (number := self._signals.get()) is not None:
            if number == ANEW:
                self.read_anew()
            else:
                self.end()
