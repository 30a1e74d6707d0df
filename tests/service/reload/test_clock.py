"""A reload right after the clock was set: the guards that come next know of it what those before them knew."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from syncer.app import App
from syncer.service.daemon import Daemon
from syncer.service.drain import drain, prepare
from syncer.service.reload.orders import Orders
from syncer.service.reload.successor import accounts, successor
from tests.conftest import Clock
from tests.support.operate.guarded import FIVE, begun, flood, stopped, told


def test_a_clock_that_was_set_ahead_before_a_reload_grants_nothing_anew(
    make_app: Callable[..., App], clock: Clock
) -> None:
    app = make_app(guard=FIVE)
    flood(app, 5)
    drain(app)
    daemon = Daemon(app, Orders())
    heir = successor(app, accounts(app), None)
    clock.now += timedelta(hours=25)

    lanes = daemon._take_over(heir)
    flood(heir.app, 1, name="next")
    prepare(heir.app)
    for lane in lanes or ():
        lane.turn()
        lane.release()

    assert (begun(heir.app), stopped(heir.app)) == (5, 1)
    assert told(heir.app, "clock:anomaly")
