"""Senders without threads: a call starts when a hand is free and lands once its virtual time has passed."""

from __future__ import annotations

import queue as queues
import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from adapters.contract import Adapter
from syncer.identity import Keyring
from syncer.model import Delivery
from syncer.senders import Done, Senders, Work
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
        self._flying: list[tuple[datetime, Done | None]] = []

    def submit(self, work: Work) -> None:
        """Let the next free hand make the calls."""
        self._waiting.append(work)

    def collect(self, most: int, *, wait: float) -> list[Done]:
        """Return what has landed, at most `most`; wait for the first only where asked to."""
        self._start()
        if wait and self._flying and not self._landed():
            self._owner.wait(min(when for when, _ in self._flying))
            self._start()
        found = self._landed()[:most]
        for item in found:
            self._flying.remove(item)
        return [done for _, done in found if done is not None]

    @property
    def busy(self) -> bool:
        """Whether a call of an earlier turn is still under way."""
        now = self._owner.timeline.now
        self._flying = [item for item in self._flying if item[0] > now or item[1] is not None]
        return bool(self._flying)

    @property
    def under_way(self) -> int:
        """How many calls have not ended yet."""
        now = self._owner.timeline.now
        return sum(when > now for when, _ in self._flying)

    def forget(self) -> None:
        """Close the gate; what is still under way comes back to nobody, what has not started never starts."""
        self.gate.clear()
        self._waiting.clear()
        self._flying = [(when, None) for when, _ in self._flying]

    def _landed(self) -> list[tuple[datetime, Done | None]]:
        now = self._owner.timeline.now
        return sorted((item for item in self._flying if item[0] <= now), key=lambda item: item[0])

    def _start(self) -> None:
        while self._waiting and len(self._flying) < self.count:
            work = self._waiting.popleft()
            if self.gate.is_set():
                self._owner.started(work.delivery, self.under_way + 1)
            self._account.spent = 0.0
            box: queues.SimpleQueue[Done] = queues.SimpleQueue()
            self._send(work, box)
            lands = self._owner.timeline.now + timedelta(seconds=self._account.spent)
            self._flying.append((lands, box.get_nowait()))
