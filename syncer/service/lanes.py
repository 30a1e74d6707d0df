"""The lanes of one daemon: which of them it works on, which it hands over, and when it looks there for people."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from syncer.delivery.balance import Share
from syncer.log import get_logger

if TYPE_CHECKING:
    from syncer.app import App
    from syncer.delivery.lane import Lane
    from syncer.errors import UntrustedLog
    from syncer.service.lookout import Lookout

#: seconds between two turns of a lane of ours that nobody rings for
IDLE_SECONDS = 5.0
#: seconds after which the database is asked again, once it said that no look is due
WATCH_REST = 60.0


class Lanes:
    """All lanes that the settings know; the daemon shares them with the others that are running."""

    def __init__(self, app: App, lanes: Sequence[Lane]) -> None:
        self._app = app
        self._lanes = lanes
        self._share = Share(app.presence, app.leases, list(app.settings.destinations))
        self._looked_for: dict[str, float] = {}  # lane -> when it was last seen whether a look is due (monotonic)
        self._log = get_logger("syncer.daemon")

    def __iter__(self) -> Iterator[Lane]:
        return iter(self._lanes)

    def __len__(self) -> int:
        return len(self._lanes)

    def halt(self, error: UntrustedLog) -> None:
        """Make no further call and write nothing any more, for this reason."""
        self._app.trust.lost(error)
        for lane in self._lanes:
            lane.halt()

    def turn(self, lane: Lane) -> None:
        """Let a lane work, unless it is to be left to another daemon."""
        if lane.owned or self._share.may_take(lane.name):
            lane.turn()

    def rest(self, lane: Lane, lookout: Lookout) -> float:
        """Return the seconds after which a lane has its turn though nobody rang."""
        often, renew = self._app.settings.schedule.lane_seconds, self._app.leases.renew_seconds
        if not (lane.owned and lookout.sees):
            return min(often, renew)  # one of another daemon's may have become free
        return min(max(often, IDLE_SECONDS), renew / 2)  # it only prolongs its lease

    def ring(self) -> None:
        """Ring for every lane."""
        for lane in self._lanes:
            lane.bell.ring()

    def balance(self) -> None:
        """Show that this daemon is there, and hand lanes over to one that owns fewer, idle ones first."""
        self._app.presence.beat()
        owned = [lane for lane in self._lanes if lane.owned]
        on_their_way = sum(lane.leaving for lane in owned)  # still ours in the database until their turn ends
        staying = sorted((lane for lane in owned if not lane.leaving), key=lambda lane: (lane.busy, lane.name))
        for lane in staying[: max(0, self._share.to_hand_over() - on_their_way)]:
            self._log.info("lane.handed_over", lane=lane.name)
            lane.leave()

    def look_for_people(self, lane: Lane) -> None:
        """Look for people who are back, once a day, where this process owns the lane."""
        app, now = self._app, time.monotonic()
        if lane.shadow or not lane.owned or now - self._looked_for.get(lane.name, -WATCH_REST) < WATCH_REST:
            return
        self._looked_for[lane.name] = now
        every = timedelta(hours=app.settings.schedule.watch_hours)
        if not app.watch.due(lane.name, every) or app.leases.is_at_rest(lane.name, app.clock()):
            return
        look = app.watch.look(lane.name, lane.adapter, partial(self._may_look, lane))
        level = "warning" if look.incidents or not look.complete else "info"
        getattr(self._log, level)("watch.looked", lane=lane.name, count=len(look.incidents), code=look.code)

    def _may_look(self, lane: Lane) -> bool:
        app = self._app
        return lane.owned and not app.stop.is_set() and not app.leases.is_at_rest(lane.name, app.clock())
