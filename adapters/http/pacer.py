"""Keeps a destination's calls within the provider's limits: a rate, or a number of connections."""

from __future__ import annotations

import threading
import time

#: calls are spaced wider than the rate asks by this factor: arrivals may then jitter by 35 ms within a second
#: without one second seeing one call too many (measured; a token bucket with a burst of 5 met 33 × 429 in 40 s)
MARGIN = 1.035


class Pacer:
    """Lets calls pass at an even rate, without bursts, in the order they came. Thread-safe.

    `rate` is in calls per second. A 429 shows that somebody else shares the limit: it slows the pace by 5 %, at
    most to half, and every good answer takes a hundredth of that back.
    """

    def __init__(self, rate: float) -> None:
        self._spacing = MARGIN / rate
        self._slowed = 1.0
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Sleep until it is this call's turn."""
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next)
            self._next = turn + self._spacing * self._slowed
        if turn > now:
            time.sleep(turn - now)

    def refused(self) -> None:
        """Slow down: the provider answered 429."""
        with self._lock:
            self._slowed = min(self._slowed * 1.05, 2.0)

    def passed(self) -> None:
        """Creep back towards the full rate: the provider answered."""
        if self._slowed > 1.0:
            with self._lock:
                self._slowed = 1.0 + (self._slowed - 1.0) * 0.99

    @property
    def spacing(self) -> float:
        """Seconds between two calls as things stand."""
        return self._spacing * self._slowed


class Slots:
    """Holds at most `number` calls under way at one time and learns how late the provider frees a connection.

    A provider that counts connections may free one some milliseconds after its answer; the next call then meets
    a 429. Each 429 widens the pause before a slot is used again by 2 ms, up to 10 ms (with a slot freed 5 ms late:
    70 % of the possible rate without the pause, 95.6 % with 6 ms). With `learns` off there is no pause.

    The first calls start one after another, not as one wave: a wave would come back as one and meet one 429 for each
    connection before anything is learned. After a 429 they are spread anew, for the lane cools down and starts again.
    """

    # in seconds
    STEP = 0.002
    WIDEST = 0.010
    SPREAD = 0.008

    def __init__(self, number: int, *, learns: bool) -> None:
        self._free = threading.BoundedSemaphore(number)
        self._learns = learns
        self._lock = threading.Lock()
        self._number = number
        self._first = number if learns else 0  # calls that are still to be spread
        self.gap = 0.0

    def __enter__(self) -> Slots:
        self._free.acquire()
        if self._first > 0:
            with self._lock:
                self._first -= 1
                time.sleep(self.SPREAD)
        return self

    def __exit__(self, *_: object) -> None:
        if self.gap:
            time.sleep(self.gap)
        self._free.release()

    def refused(self) -> None:
        """Widen the pause: the provider answered 429."""
        if self._learns:
            with self._lock:
                self.gap = min(self.gap + self.STEP, self.WIDEST)
                self._first = self._number
