"""The lanes of one daemon: where it looks for people who are back, and how soon a lane has its turn unrung."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from syncer.app import App
from syncer.service import lanes as module
from syncer.service.lanes import IDLE_SECONDS, Lanes
from syncer.service.lookout import Lookout
from tests.conftest import Clock
from tests.support.walk import rows


@pytest.fixture
def lanes(app: App, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lanes]:
    monkeypatch.setattr(module, "WATCH_REST", 0.0)
    of_ours = Lanes(app, app.lanes())
    yield of_ours
    for lane in of_ours:
        lane.release()


def looked(app: App) -> dict[str, object]:
    return {row.destination: row.looked_at for row in rows(app, app.tables.watch)}


def test_people_are_looked_for_once_a_day_and_only_in_a_lane_of_ours(app: App, clock: Clock, lanes: Lanes) -> None:
    newsletter, crm = lanes
    newsletter.turn()
    for lane in lanes:
        lanes.look_for_people(lane)
    assert (newsletter.owned, crm.owned) == (True, False)
    first = looked(app)
    assert set(first) == {"newsletter"}

    clock.advance(hours=23)
    lanes.look_for_people(newsletter)
    assert looked(app) == first
    clock.advance(hours=1)
    lanes.look_for_people(newsletter)

    assert looked(app) == {"newsletter": clock()}


def test_a_lane_of_ours_has_its_turn_seldom_only_while_somebody_would_ring_for_it(app: App, lanes: Lanes) -> None:
    newsletter, crm = lanes
    newsletter.turn()
    lookout = Lookout(app, list(lanes))
    often = app.settings.schedule.lane_seconds
    assert lanes.rest(newsletter, lookout) == often

    lookout.look()

    assert (lanes.rest(newsletter, lookout), lanes.rest(crm, lookout)) == (IDLE_SECONDS, often)
    lookout.close()
