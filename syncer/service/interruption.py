"""Ctrl-C while threads work: it takes effect once they have ended, not in the middle of what they share."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType

#: what ends a command from outside
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def deferred(stop: threading.Event) -> Iterator[None]:
    """Let a signal that would raise in the main thread set `stop`, and raise when the block has ended.

    An exception that comes between any two instructions leaves a lock taken for good, or a thread that was never
    started. Whoever sends a second signal does not want to wait: that one raises at once. A signal that ends the
    process by itself, or that nobody heeds, stays as it is; so do all of them for a block of another thread.
    """
    came: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        stop.set()
        came.append(number)
        if len(came) > 1:
            before[number](number, frame)

    mine = threading.current_thread() is threading.main_thread()
    before = {int(number): handler for number in ENDS if mine and callable(handler := signal.getsignal(number))}
    with ExitStack() as after:
        for number, handler in before.items():
            signal.signal(number, note)
            after.callback(signal.signal, number, handler)
        yield
    if len(came) == 1:
        before[came[0]](came[0], None)
