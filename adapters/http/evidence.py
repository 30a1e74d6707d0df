"""The calls of one walk as evidence, kept also when the walk fails."""

from __future__ import annotations

import contextlib
import math
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import replace

from adapters.contract import Step
from adapters.errors import AdapterError, Transient

#: seconds that one verb may take for one person, waits for its turn included; a page that repeats for ever, or a
#: person with ten thousand rows, ends here and leaves the sender to others
LONGEST_WALK = 300.0
#: seconds more for each place that an account has: one of a thousand audiences must be read before anything is changed
PER_PLACE = 2.0
#: seconds before a walk that ran out of its time is made again
REST = 60.0


class Trail:
    """The calls made so far in one walk, as evidence. Belongs to one thread.

    `seconds` is how long the walk may take, `keep` how many of the last calls are kept, None for all. `unseen` is as
    in Receipt, None until the walk knows it.
    """

    def __init__(self, seconds: float = LONGEST_WALK, keep: int | None = None) -> None:
        self._steps: deque[Step] = deque(maxlen=keep)
        self._until = time.monotonic() + seconds
        self.unseen: int | None = None

    @property
    def steps(self) -> tuple[Step, ...]:
        """The calls in order."""
        return tuple(self._steps)

    def allow(self, places: int) -> None:
        """Let the walk take as much longer as an account of so many places needs."""
        self._until += PER_PLACE * places

    def require_time(self) -> None:
        """Raise Transient `timed_out` once the walk has taken too long: no further call is made."""
        if time.monotonic() > self._until:
            # with a wait of its own: the same walk would only run out of its time once more, right away
            detail = f"not through with this person after {len(self._steps)} calls"
            raise Transient("timed_out", detail, retry_after=REST)

    def add(self, step: Step) -> None:
        """Keep one call."""
        self._steps.append(step)

    def state(self, state: str) -> None:
        """Write down what the last answer told of the person: `subscribed`, `absent`, `deleted` …"""
        self._steps[-1] = replace(self._steps[-1], state=state)


@contextlib.contextmanager
def evidence(seconds: float = LONGEST_WALK, keep: int | None = None) -> Iterator[Trail]:
    """Open a trail of a walk that may take so long; an AdapterError that leaves the block carries its steps."""
    trail = Trail(seconds, keep)
    try:
        yield trail
    except AdapterError as error:
        error.steps = trail.steps
        error.unseen = trail.unseen
        raise


#: for listings of a whole account, whose loops have ends of their own
NO_HURRY = math.inf
#: calls kept of such a listing: it may make a million of them
LAST_CALLS = 100
