"""A daemon whose lanes stop wherever a person could act: what was claimed, what is in hand, what came back."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

from adapters.contract import Adapter
from syncer.app import App
from syncer.delivery.guard.guards import Guards
from syncer.delivery.lane import Lane
from syncer.delivery.owners import boot_id, pid_namespace
from syncer.delivery.senders import Done, Results, Senders, Work
from syncer.delivery.shadow.lane import ShadowLane
from syncer.domain.model import Delivery
from syncer.privacy.keyring import Keyring
from syncer.service.far_waits import FarWaits
from syncer.settings.destinations import SHADOW
from tests.simulation.coroutine import Strand

#: turns in which a lane ends what is due
MOST_TURNS = 30
_born = count(1)


def new_owner() -> str:
    """Return the name of a process of this host that is gone for whoever looks: a successor takes its lanes at once."""
    return f"here|{boot_id()}|{os.getpid()}|0|{pid_namespace()}|daemon{next(_born)}"


class Hands(Senders):
    """The calls of one lane: one at a time, each when the lane is let go on."""

    def __init__(self, pause: Callable[[], None], *args: Any) -> None:
        super().__init__(*args)
        self._pause = pause
        self._waiting: deque[Work] = deque()
        self._landed: deque[Done] = deque()

    def submit(self, work: Work) -> None:
        """Let it be called later."""
        self._waiting.append(work)

    def collect(self, enough: int, *, wait: float) -> list[Done]:
        """Return one result, once nothing else can be done: a call takes longer than a claim."""
        if not wait:
            return []
        if not self._landed:
            self._pause()  # begun, and not called yet
            self._send(self._waiting.popleft(), _Landing(self._landed.append))
        return [self._landed.popleft()]

    @property
    def busy(self) -> bool:
        """Say whether a call of an earlier turn is still under way: none outlives its turn here."""
        return False

    def forget(self) -> None:
        """Close the gate; what was not called yet never is."""
        self.gate.clear()
        self._waiting.clear()
        self._landed.clear()


class _Landing(Results):
    def __init__(self, land: Callable[[Done], None]) -> None:
        super().__init__()
        self._land = land

    def put(self, done: Done) -> None:
        self._land(done)


class _Stepped:
    """Stops before each transaction: after a claim, and after a call."""

    pause: Callable[[], None]

    def _step(self, came_back: list[Done], claimed: deque[Delivery]) -> int:
        self.pause()
        number: int = super()._step(came_back, claimed)  # type: ignore[misc]
        return number


class SteppedLane(_Stepped, Lane):
    """A lane that stops there."""


class SteppedShadowLane(_Stepped, ShadowLane):
    """A lane on trial that stops there."""


class Daemon:
    """The process that works: it may be let go on, stopped, or killed."""

    def __init__(self, app: App, adapters: dict[str, Adapter], monotonic: Callable[[], float]) -> None:
        self.app = app
        #: called whenever a lane stops
        self.stopped: Callable[[], None] = lambda: None
        self._strands: dict[str, Strand] = {}
        self._worked: dict[str, int] = {}
        app.modes.settle()
        queued = app.queue
        guards = Guards(
            app.settings.guard, app.transactions, lambda reach: len(queued.newest("erasure", reach)), monotonic
        )
        self.lanes = {name: self._lane(name, adapter, guards, monotonic) for name, adapter in adapters.items()}

    def _lane(self, name: str, adapter: Adapter, guards: Guards, monotonic: Callable[[], float]) -> Lane:
        app, kinds = self.app, {SHADOW: SteppedShadowLane}
        pause = partial(self._pause, name)
        lane = kinds.get(app.settings.destinations[name].mode, SteppedLane)(
            name, adapter, app.transactions, app.store, app.leases, app.seals, app.stop,
            dice=lambda _low, high: high, burst_wait=0.0, senders=partial(Hands, pause), monotonic=monotonic,
            guard=guards.of(name, adapter),
        )  # fmt: skip
        lane.pause = pause
        return lane

    def _pause(self, name: str) -> None:
        self._strands[name].pause()

    # -- the lanes ------------------------------------------------------------------------------------------

    def is_at_work(self, name: str) -> bool:
        """Say whether a lane is in the middle of a turn."""
        return name in self._strands

    def go_on(self, name: str) -> None:
        """Begin a lane's turn, or let it go on until it stops again."""
        if name not in self._strands:
            self._strands[name] = Strand(partial(self._turn, name))
        strand = self._strands[name]
        try:
            strand.resume()
        finally:
            if strand.done:
                del self._strands[name]
        self.stopped()

    def _turn(self, name: str) -> None:
        self._worked[name] = self.lanes[name].turn()

    def finish(self, name: str) -> None:
        """Let a turn come to its end."""
        while self.is_at_work(name):
            self.go_on(name)

    def work_off(self, name: str) -> None:
        """Do all that is due at one lane."""
        self.finish(name)
        for _ in range(MOST_TURNS):
            self.go_on(name)
            self.finish(name)
            if not self._worked[name]:
                return
        raise AssertionError(f"{name} never came to an end")

    # -- what is done by the clock --------------------------------------------------------------------------

    def keep_house(self) -> None:
        """Do what the daemon's timetable does; what finds lost work must find none."""
        app = self.app
        app.intake.take_all()
        app.store.hold_removed(app.settings.destinations)
        app.store.start_rechecks()
        app.shredding.shred()
        waits = FarWaits(app)
        assert (waits.bring_back(), waits.find_lost()) == (0, 0), "something waited longer than any rule says"

    def look_for_people(self, name: str) -> None:
        """Look for people who are back, as once a day."""
        lane = self.lanes[name]
        if not lane.shadow and not self.app.leases.is_at_rest(name, self.app.clock()):
            self.app.watch.look(name, lane.adapter)

    # -- its end --------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """End as SIGTERM does."""
        self.app.stop.set()
        for name in self.lanes:
            self.finish(name)
        for lane in self.lanes.values():
            lane.release()
        self.app.close()

    def kill(self) -> None:
        """End wherever it stands."""
        for strand in list(self._strands.values()):
            strand.drop()
        self._strands.clear()
        self.app.close()


def opened(settings: Any, kind: str, clock: Callable[[], Any], engine: Any) -> App:
    """Open an installation as a process of its own."""
    return App(settings, engine, Keyring.load(settings.identity.key_file), kind, clock, new_owner())
