"""How many exports and verifications run at a time in this process: one of each person, two in all."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from flask import current_app
from werkzeug.exceptions import TooManyRequests

#: how many run at a time
IN_ALL = 2
#: seconds after which whoever was refused may try it again
AGAIN_AFTER = 30
#: seconds that an answer may take to be read; whoever reads longer does not keep others from theirs
LONGEST = 900.0
_NAME = "syncer.limits"


class Slot:
    """The right to do something that costs a lot; a context manager. Given back once, however often `release` is
    called."""

    def __init__(self, limits: ExportSlots, name: str, until: float | None) -> None:
        self._limits = limits
        self.name = name
        self.until = until

    def release(self) -> None:
        """Give it back."""
        self._limits.give_back(self)


class ExportSlots:
    """Gives out the slots of one process. `moment` returns seconds of a clock that is never set."""

    def __init__(self, in_all: int = IN_ALL, moment: Callable[[], float] = time.monotonic) -> None:
        self._in_all = in_all
        self._moment = moment
        self._changing = threading.Lock()
        self._slots: set[Slot] = set()

    def take(self, name: str, seconds: float | None = LONGEST) -> Slot:
        """Return a slot for a person, which counts for so many seconds at most; None: until it is given back.

        Raises TooManyRequests where the person has one, or as many are taken as there are.
        """
        now = self._moment()
        with self._changing:
            self._slots = {slot for slot in self._slots if slot.until is None or slot.until > now}
            if len(self._slots) >= self._in_all or any(slot.name == name for slot in self._slots):
                raise TooManyRequests(retry_after=AGAIN_AFTER)
            slot = Slot(self, name, None if seconds is None else now + seconds)
            self._slots.add(slot)
            return slot

    def give_back(self, slot: Slot) -> None:
        """Take a slot back; one that counts no more is none."""
        with self._changing:
            self._slots.discard(slot)


def limits() -> ExportSlots:
    """Return the limits of the site that answers."""
    found: ExportSlots = current_app.extensions.setdefault(_NAME, ExportSlots())  # one step: two requests get the same
    return found
