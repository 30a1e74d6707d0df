"""Whatever arrives, whenever, and whatever a person releases: in no 24 hours more begin than the limit and these."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from syncer.app import App
from syncer.decisions.guarded import StoppedChoice
from syncer.delivery.guard.guards import Guards
from syncer.delivery.leases import require_fence
from syncer.domain.model import Delivery
from syncer.service.clock_jumps import Jump, record
from syncer.settings.operation import GuardSettings
from tests.conftest import Clock
from tests.support.operate.guarded import flood

LIMIT = 3
NAME = "newsletter"
#: what happens next: so many requests, hours that pass or that the clock is set by, a restart, a decision about all or
#: about the oldest
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("arrive"), st.sampled_from((1, 1, 2, 3))),
        st.tuples(st.just("pass"), st.sampled_from((1, 12, 21, 25))),
        st.tuples(st.just("back"), st.integers(1, 40)),
        st.tuples(st.just("ahead"), st.integers(1, 40)),
        st.tuples(st.just("restart"), st.just(0)),
        st.tuples(st.just("release"), st.integers(0, 3)),
        st.tuples(st.just("refuse"), st.integers(0, 3)),
    ),
    min_size=4,
    max_size=24,
)


class Beginnings:
    """One lane as far as its guard is concerned: what is due begins if it may, and nobody is called."""

    def __init__(self, app: App, clock: Clock) -> None:
        self._app = app
        self._clock = clock
        self.passed = timedelta(0)
        self.times: dict[str, timedelta] = {}  # event -> when it began, in time that passed
        self.released: set[str] = set()
        self.restart()

    def restart(self) -> None:
        rule = GuardSettings(deletions_per_day=LIMIT, always_allowed=LIMIT)
        seconds: Callable[[], float] = lambda: self.passed.total_seconds()  # noqa: E731
        guards = Guards(rule, self._app.transactions, lambda _: 0, seconds)
        self._guard = guards.of(NAME, self._app.adapter(NAME))
        self._app.leases.ensure([NAME])

    def work(self) -> None:
        app = self._app
        lease = app.leases.acquire(NAME)
        assert lease is not None
        self._guard.look(guarded=True)
        while due := app.store.claim(NAME, self._clock() + timedelta(days=3), 2, self._done(app)):
            with app.transactions.write() as tx:
                row = require_fence(tx, app.tables, lease)
                begun = app.store.begin(tx, lease, self._guard.passed(tx, row, due))
            self._guard.written()
            self._note(begun)
            if not begun:
                return

    def _note(self, begun: list[Delivery]) -> None:
        for delivery in begun:
            self.times[delivery.event_id] = self.passed

    def _done(self, app: App) -> tuple[int, ...]:
        d, e = app.tables.delivery.c, set(self.times)
        with app.engine.connect() as connection:
            rows = connection.execute(app.tables.delivery.select().where(d.destination == NAME))
            return tuple(row.id for row in rows if row.event_id in e)

    def decide(self, word: str, number: int) -> None:
        decisions = self._app.guard_decisions
        plan = decisions.plan(StoppedChoice())
        events = tuple(request.event for request in plan.requests[: number or None])
        if not events:
            return
        choice = StoppedChoice(events=events)
        plan = decisions.plan(choice)
        if word == "release":
            decisions.release(choice, "genuine", plan.digest, plan.deletions)
            self.released.update(events)
        else:
            decisions.refuse(choice, "not genuine", plan.digest)

    def most(self) -> int:
        """Return how many began within 24 hours at most, without what was released."""
        counted = sorted(when for event, when in self.times.items() if event not in self.released)
        day = timedelta(hours=24)
        return max((sum(when <= other < when + day for other in counted) for when in counted), default=0)


@pytest.fixture
def new_app(make_app: Callable[..., App], tmp_path: Path) -> Iterator[Callable[[], App]]:
    def make() -> App:
        for file in tmp_path.glob("syncer.*"):
            file.unlink()
        return make_app()

    return make


@pytest.mark.slow
@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(STEPS)
@example([("arrive", 3), ("pass", 21), ("arrive", 1)])
@example([("arrive", 3), ("ahead", 30), ("arrive", 1)])
@example([("arrive", 3), ("ahead", 30), ("restart", 0), ("arrive", 1)])
@example([("arrive", 3), ("back", 30), ("restart", 0), ("arrive", 1)])
@example([("arrive", 3), ("ahead", 30), ("pass", 12), ("arrive", 1), ("release", 0), ("back", 30), ("arrive", 3)])
def test_never_more_begin_within_a_day_than_the_limit_and_what_was_released(
    new_app: Callable[[], App], clock: Clock, steps: list[tuple[str, int]]
) -> None:
    start: datetime = clock()
    app = new_app()
    lane = Beginnings(app, clock)
    try:
        for number, (word, much) in enumerate(steps):
            if word == "arrive":
                flood(app, much, name=f"step{number}")
                app.intake.take_all()
            elif word == "pass":
                lane.passed += timedelta(hours=much)
                clock.advance(hours=much)
            elif word == "back":
                clock.advance(hours=-much)
            elif word == "ahead":
                expected = clock()
                clock.advance(hours=much)
                record(app.transactions, Jump(expected, clock()))
            elif word == "restart":
                lane.restart()
            else:
                lane.decide(word, much)
            lane.work()
            assert lane.most() <= LIMIT
        assert app.verify().ok
    finally:
        app.close()
        clock.now = start
