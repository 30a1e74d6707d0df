"""One try to bring a note to its place, in a thread of its own that nobody has to wait for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import Future, wait

from syncer.audit.anchors.place import AnchorError, Place
from syncer.audit.offline.notes import Checkpoint
from syncer.errors import SyncerError

#: seconds a try may last; longer than what `cutoff` gives it, so that whatever it can cut has said what was wrong
DEADLINE = 30.0


class Attempt:
    """A try that is under way or over. Its thread is a daemon thread: one that hangs keeps no process alive."""

    def __init__(
        self, place: Callable[[], Place], checkpoint: Checkpoint, note: str, deadline: float = DEADLINE
    ) -> None:
        self.checkpoint = checkpoint
        self._place = place
        self._note = note
        self._until = time.monotonic() + deadline
        self._result: Future[str] = Future()

    def begin(self, name: str) -> Attempt:
        """Begin in a thread of that name."""
        try:
            threading.Thread(target=self.carry_out, name=f"anchor {name}", daemon=True).start()
        except RuntimeError:  # TasksMax, or no memory for a stack
            self._result.set_exception(AnchorError("no further thread could be started"))
        return self

    @property
    def left(self) -> float:
        """Seconds until the deadline, never below 0."""
        return max(self._until - time.monotonic(), 0.0)

    @property
    def is_over(self) -> bool:
        """Say whether the place has answered or failed, in time or late."""
        return self._result.done()

    @property
    def is_stuck(self) -> bool:
        """Say whether the deadline has passed while it is still under way."""
        return not self.is_over and self.left == 0.0

    def place(self) -> str:
        """Return where the note is now, in words. Only when it is over. Raises AnchorError for whatever failed."""
        error = self._result.exception(timeout=0)
        if error is None:
            return self._result.result()
        raise AnchorError(str(error) if isinstance(error, (AnchorError, SyncerError)) else type(error).__name__)

    def carry_out(self) -> Attempt:
        """Do it in this thread, which waits for it. Raises nothing: `place` does."""
        try:
            where = self._place().publish(self.checkpoint, self._note)
        except Exception as error:  # noqa: BLE001 — whatever a place does, the others and the deliveries go on
            self._result.set_exception(error)
        else:
            self._result.set_result(where)
        return self


def wait_for(attempts: Collection[Attempt], seconds: float) -> None:
    """Wait until all are over or stuck, for so many seconds at most."""
    pending = {attempt._result: attempt for attempt in attempts if not attempt.is_over}
    until = time.monotonic() + seconds
    while pending and (longest := min(until - time.monotonic(), max(attempt.left for attempt in pending.values()))) > 0:
        wait(pending, timeout=longest)
        pending = {result: attempt for result, attempt in pending.items() if not result.done()}
