"""A thread that runs only while its maker waits for it: many courses of work, never two at once, in a fixed order."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Dropped(BaseException):
    """Raised inside a strand that nobody will take up again."""


class Strand:
    """One course of work that can stop in the middle, until it is taken up again."""

    def __init__(self, body: Callable[[], None]) -> None:
        self._body = body
        self._go = threading.Semaphore(0)
        self._back = threading.Semaphore(0)
        self._error: BaseException | None = None
        self._dropped = False
        self.done = False
        self._thread = threading.Thread(target=self._main, daemon=True)
        self._thread.start()

    def resume(self) -> None:
        """Let it run until it pauses or ends; what it raised is raised here."""
        self._go.release()
        self._back.acquire()
        if self.done:
            self._thread.join()
        if self._error is not None:
            raise self._error

    def pause(self) -> None:
        """Stop here, inside, until somebody resumes it."""
        self._back.release()
        self._go.acquire()
        if self._dropped:
            raise Dropped

    def drop(self) -> None:
        """End it where it stands."""
        if not self.done:
            self._dropped = True
            self.resume()

    def _main(self) -> None:
        self._go.acquire()
        try:
            if not self._dropped:
                self._body()
        except Dropped:
            pass
        except BaseException as error:  # handed to whoever waits
            self._error = error
        finally:
            self.done = True
            self._back.release()
