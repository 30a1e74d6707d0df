"""Lanes at work, each in a thread of its own, and handed over from one to the next as soon as its calls are done."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from syncer.service.jobs import Job, Round, Rounds

if TYPE_CHECKING:
    from adapters.contract import Adapter
    from syncer.delivery.lane import Lane
    from syncer.errors import UntrustedLog
    from syncer.service.lanes import Lanes
    from syncer.service.lookout import Lookout

#: seconds between two looks whether the lane before is done with its calls
BEFORE_SECONDS = 0.1


class LaneWork:
    """A lane at work in a thread of its own, which begins once the lane `before`, of the same destination, is done.

    `failed` hears what a turn raised.
    """

    def __init__(
        self,
        lanes: Lanes,
        lane: Lane,
        lookout: Lookout,
        failed: Callable[[str, Exception], None],
        before: LaneWork | None = None,
    ) -> None:
        self.lane = lane
        self.job = Job(f"lane {lane.name}", self._turn, lane)
        self._lanes = lanes
        self._lookout = lookout
        #: whose lease it goes on with; None once it is its own
        self.before = before
        self._last: Callable[[], None] = lane.release
        self._over = threading.Event()
        self._rounds = Rounds([Round(self.job, lane.bell, self._rest)], self._over, failed)

    @property
    def lanes(self) -> Lanes:
        """The lanes among which it is one."""
        return self._lanes

    @property
    def over(self) -> bool:
        """Say whether it has ended, or will after the turn under way."""
        return self._over.is_set()

    def start(self) -> None:
        """Begin."""
        self._rounds.start()

    def finish(self, last: Callable[[], None]) -> None:
        """Let the lane finish the calls in hand, then do the `last` thing and end."""
        self._last = last
        self.lane.finish()

    def end(self) -> None:
        """End after the turn under way."""
        self._over.set()
        self._rounds.wake()

    def join(self) -> None:
        """Wait for its end."""
        self._rounds.join()

    def _turn(self) -> None:
        if self._waits:
            return
        self._lanes.turn(self.lane)
        if self.lane.owned:
            self.before = None
        if self.lane.finished:
            self._last()
            self._over.set()

    def _rest(self) -> float:
        return BEFORE_SECONDS if self._waits else self._lanes.rest(self.lane, self._lookout)

    @property
    def _waits(self) -> bool:
        return self.before is not None and not self.before.over


class LanesAtWork:
    """All lanes of a daemon that are at work, those too that only finish their calls."""

    def __init__(self, failed: Callable[[str, Exception], None]) -> None:
        self._failed = failed
        self._works: list[LaneWork] = []

    @property
    def jobs(self) -> list[Job]:
        """What the lanes do."""
        return [work.job for work in self._works]

    @property
    def names(self) -> set[str]:
        """The destinations that may still be called."""
        return {work.lane.name for work in self._works if not work.over}

    def begin(self, lanes: Lanes, lookout: Lookout) -> None:
        """Let lanes work, each after the one of its destination that is told to finish."""
        before = {work.lane.name: work for work in self._works}
        begun = [LaneWork(lanes, lane, lookout, self._failed, before.get(lane.name)) for lane in lanes]
        self._works += begun
        for work in begun:
            work.start()

    def finish(self, following: Mapping[str, Adapter]) -> None:
        """Let all finish their calls, before lanes with the `following` adapters.

        An adapter that is none of them is closed, and a lane of what is not among them is given back.
        """
        needed = {work.before for work in self._works if not work.over}
        self._works = [work for work in self._works if not work.over or work in needed]
        for work in self._works:
            lane = work.lane
            after = following.get(lane.name)
            # by the adapter itself: one that an earlier reload replaced is closed whatever this one keeps
            work.finish(lane.release if after is None else lane.retire if after is lane.adapter else lane.abandon)

    def end(self) -> list[Lane]:
        """Let all end after the turn under way, and return them; one whose lease nobody went on with holds it still."""
        for work in self._works:
            work.end()
        for work in self._works:
            work.join()
        return [work.lane for work in self._works]

    def halt(self, error: UntrustedLog) -> None:
        """Make no further call and write nothing any more, for this reason."""
        for lanes in {work.lanes for work in self._works}:
            lanes.halt(error)
