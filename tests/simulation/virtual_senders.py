"""Senders without threads: a call starts when a hand is free and lands once its virtual time has passed."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from adapters.contract import Adapter
from syncer.delivery.senders import Done, Results, Senders, Work
from syncer.domain.model import Delivery
from syncer.privacy.keyring import Keyring
from tests.simulation.adapter import SimulatedAdapter
from tests.simulation.timeline import Timeline


class Owner(Protocol):
    """What the hands need of the process they belong to."""

    timeline: Timeline
    hands: list[Hands]

    def wait(self, until: datetime) -> None:
        """Let time pass, at most until then."""

    def started(self, delivery: Delivery, under_way: int) -> None:
        """Hear that a call for this delivery starts, as which of so many at one time."""


@dataclass(frozen=True, slots=True, eq=False)
class Flight:
    """What one verb will bring back, and when; to nobody where `done` is None. The hand is free after the last."""

    lands: datetime
    done: Done | None
    last: bool


class Landing(Results):
    """Takes what one verb brought back, at the virtual time that its calls took."""

    def __init__(self, land: Callable[[Done], None]) -> None:
        super().__init__()
        self._land = land

    def put(self, done: Done) -> None:
        """Let it land once its time has passed."""
        self._land(done)


class Hands(Senders):
    """The calls of one lane in one process, in virtual time."""

    def __init__(
        self,
        owner: Owner,
        name: str,
        adapter: Adapter,
        keyring: Keyring,
        stop: threading.Event,
        burst_wait: float,
        monotonic: Callable[[], float],
    ) -> None:
        super().__init__(name, adapter, keyring, stop, burst_wait, monotonic)
        assert isinstance(adapter, SimulatedAdapter)
        self._account = adapter
        self._owner = owner
        self.name = name
        self._waiting: deque[Work] = deque()
        owner.hands.append(self)
        self._flying: list[Flight] = []

    def submit(self, work: Work) -> None:
        """Let the next free hand make the calls."""
        self._waiting.append(work)

    def collect(self, most: int, *, wait: float) -> list[Done]:
        """Return what has landed, at most `most`; wait for the first only where asked to."""
        self._start()
        if wait and self._flying and not self._landed():
            self._owner.wait(min(flight.lands for flight in self._flying))
            self._start()
        landed = self._landed()[:most]
        for flight in landed:
            self._flying.remove(flight)
        return [flight.done for flight in landed if flight.done is not None]

    @property
    def busy(self) -> bool:
        """Say whether a call of an earlier turn is still under way."""
        now = self._owner.timeline.now
        self._flying = [flight for flight in self._flying if flight.lands > now or flight.done is not None]
        return bool(self._flying)

    @property
    def under_way(self) -> int:
        """How many works have not ended yet."""
        now = self._owner.timeline.now
        return sum(flight.last and flight.lands > now for flight in self._flying)

    def forget(self) -> None:
        """Close the gate; what is still under way comes back to nobody, what has not started never starts."""
        self.gate.clear()
        self._waiting.clear()
        self._flying = [replace(flight, done=None) for flight in self._flying]

    def _landed(self) -> list[Flight]:
        now = self._owner.timeline.now
        return sorted((flight for flight in self._flying if flight.lands <= now), key=lambda flight: flight.lands)

    def _start(self) -> None:
        while self._waiting and sum(flight.last for flight in self._flying) < self.count:
            work = self._waiting.popleft()
            if self.gate.is_set():
                self._owner.started(work.delivery, self.under_way + 1)
            self._account.spent = 0.0
            self._send(work, Landing(self._lands))

    def _lands(self, done: Done) -> None:
        lands = self._owner.timeline.now + timedelta(seconds=self._account.spent)
        self._flying.append(Flight(lands, done, done.last))
