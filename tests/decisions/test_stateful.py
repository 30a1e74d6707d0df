"""Whatever people do while a daemon works, in whatever order: nothing open is out of sight, and everything ends."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from syncer.decisions.extension import Extension
from syncer.decisions.guarded import StoppedChoice
from syncer.decisions.resync_plan import ResyncPlan, Selection
from syncer.domain.deadlines import local_day
from syncer.domain.rights import Ground
from syncer.errors import UserError
from tests.support.stateful.installation import NAMES, PEOPLE, Installation
from tests.support.stateful.judges import Judges
from tests.support.stateful.skies import FAIR, KINDS
from tests.support.walk import put

WHY = "a person looked at it"
#: how many stories are tried: other ones each time where somebody asks for a number
ASKED = os.environ.get("STATEFUL_EXAMPLES")
EXAMPLES = int(ASKED or "30")
people = st.integers(0, len(PEOPLE) - 1)
names = st.sampled_from(NAMES)
which = st.integers(0, 5)


def some(*states: str) -> Callable[[Any], bool]:
    """Return the condition that a delivery is in one of these states."""
    return lambda work: any(row.state in states for row in work.judges.rows)


def anew(what: str) -> Callable[[Any], bool]:
    """Return the condition that it was not done since anything happened: most of such steps would find nothing."""
    return lambda work: work._asked and work._done.get(what) != work.judges.seen


class Work(RuleBasedStateMachine):
    """Everything that happens to one installation."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory(prefix="syncer-stateful-")
        self._asked = 0
        self._plan: ResyncPlan | None = None
        self._done: dict[str, object] = {}

    @initialize(guard=st.sampled_from((1, 2, 2, 1000)))
    def opens(self, guard: int) -> None:
        self.here = Installation(Path(self._folder.name), guard)
        self.judges = Judges(self.here)

    # -- requests and time ----------------------------------------------------------------------------------

    @rule(
        whose=st.lists(people, min_size=1, max_size=3),
        right=st.sampled_from(("erasure", "erasure", "erasure", "objection")),
        taken=st.sampled_from((True, True, False)),
    )
    def asks(self, whose: list[int], right: str, taken: bool) -> None:
        for who in whose:
            self._asked += 1
            put(self.here.desk, right, PEOPLE[who], f"{who}:{self._asked}")
        if taken:
            self.here.daemon.app.intake.take_all()

    @precondition(lambda self: self.judges.rows)
    @rule(hours=st.sampled_from((0.01, 1.0, 7.0, 7.0, 25.0, 190.0)))
    def time_passes(self, hours: float) -> None:
        self.here.pass_time(hours)

    @rule(name=names, kind=st.sampled_from(KINDS))
    def weather_turns(self, name: str, kind: str) -> None:
        self.here.skies.at[name] = kind

    @precondition(some("pending", "retrying", "applied"))
    @rule(name=names, kind=st.sampled_from(KINDS))
    def attempt_fails_and_is_due_again(self, name: str, kind: str) -> None:
        self.here.skies.at[name] = kind
        self.here.daemon.work_off(name)
        self.here.skies.at[name] = FAIR
        self.here.pass_time(7)

    @precondition(some("confirmed"))
    @rule(name=names, who=people, opted_in=st.booleans())
    def is_added_again(self, name: str, who: int, opted_in: bool) -> None:
        self.here.comes_back(name, who, opted_in=opted_in)

    # -- the daemon -----------------------------------------------------------------------------------------

    @precondition(anew("house"))
    @rule()
    def keeps_house(self) -> None:
        self.here.daemon.keep_house()
        self._note("house")

    @precondition(some("pending", "retrying", "applied"))
    @rule(name=names, steps=st.integers(1, 4))
    def lane_goes_on(self, name: str, steps: int) -> None:
        for _ in range(steps):
            self.here.daemon.go_on(name)

    @precondition(some("pending", "retrying", "applied"))
    @rule(steps=st.integers(1, 4))
    def lanes_go_on(self, steps: int) -> None:
        for name in NAMES:
            self.lane_goes_on(name, steps)

    @precondition(some("pending", "retrying", "applied"))
    @rule(name=names)
    def lane_works_off(self, name: str) -> None:
        self.here.daemon.work_off(name)

    @precondition(some("confirmed"))
    @rule(name=names)
    def looks_for_people(self, name: str) -> None:
        self.here.daemon.look_for_people(name)

    @precondition(anew("restart"))
    @rule(kill=st.booleans(), shadow=st.sampled_from(((), (), ("newsletter",), NAMES)))
    def restarts(self, kill: bool, shadow: tuple[str, ...]) -> None:
        self.here.restart(kill=kill, shadow=shadow)
        self._note("restart")

    def _note(self, what: str) -> None:
        self.judges.look()
        self._done[what] = self.judges.seen

    # -- the desk -------------------------------------------------------------------------------------------

    def _try(self, what: Callable[[], object]) -> None:
        with suppress(UserError):  # a person is told why not
            what()

    def _one(self, number: int, *states: str) -> Any:
        """Return one of the deliveries in these states."""
        found = [row for row in self.judges.rows if row.state in states]
        return found[number % len(found)]

    @precondition(some("pending", "retrying", "held", "confirmed"))
    @rule(number=which, everywhere=st.booleans())
    def is_resynced(self, number: int, everywhere: bool) -> None:
        row = self._one(number, "pending", "retrying", "held", "confirmed")
        self._try(lambda: self._resync(events=(row.event_id,), destination=None if everywhere else row.destination))

    @precondition(some("retrying"))
    @rule(number=which, steps=st.integers(1, 3), others=st.lists(people, max_size=2))
    def is_resynced_while_its_lane_works(self, number: int, steps: int, others: list[int]) -> None:
        row = self._one(number, "retrying")
        self.lane_goes_on(row.destination, steps)
        self.asks(others, "erasure", True)
        self._try(lambda: self._resync(events=(row.event_id,), destination=row.destination))

    @precondition(some("held", "confirmed"))
    @rule(how=st.sampled_from(("held", "since", "brought")), number=which)
    def many_are_resynced(self, how: str, number: int) -> None:
        row = self._one(number, "held", "confirmed")
        since, address = self.here.clock() - timedelta(days=30), PEOPLE[self.judges.person_of(row.event_id)]
        wanted: dict[str, Any] = {
            "held": {"held": True}, "since": {"confirmed_since": since},
            "brought": {"addresses": ((row.event_id, address),)},
        }  # fmt: skip
        self._try(lambda: self._resync(**wanted[how]))

    def _resync(self, **what: Any) -> None:
        resync = self.here.desk.resync
        resync.apply(resync.plan(Selection(**what)), WHY)

    @precondition(some("retrying", "held", "confirmed"))
    @rule(number=which)
    def a_resync_is_planned(self, number: int) -> None:
        row = self._one(number, "retrying", "held", "confirmed")
        with suppress(UserError):
            self._plan = self.here.desk.resync.plan(Selection(events=(row.event_id,)))

    @precondition(lambda self: self._plan is not None)
    @rule(exactly=st.booleans())
    def the_plan_is_carried_out(self, exactly: bool) -> None:
        plan, self._plan = self._plan, None
        assert plan is not None
        self._try(lambda: self.here.desk.resync.apply(plan, WHY, exactly=exactly))

    @precondition(some("held"))
    @rule(number=which)
    def is_exempted(self, number: int) -> None:
        row = self._one(number, "held")
        self._try(lambda: self.here.desk.interventions.exempt(row.event_id, row.destination, Ground.OTHER, WHY))

    @precondition(lambda self: sum(row.state not in ("confirmed", "exempt") for row in self.judges.rows) > 3)
    @rule(number=which)
    def is_withdrawn(self, number: int) -> None:
        row = self._one(number, "pending", "retrying", "applied", "held")
        self._try(lambda: self.here.desk.withdrawals.withdraw(row.event_id, WHY))

    @precondition(some("pending", "retrying", "applied", "held"))
    @rule(number=which)
    def is_extended(self, number: int) -> None:
        row = self._one(number, "pending", "retrying", "applied", "held")
        today = local_day(self.here.clock(), self.here.desk.rule.zone)
        self._try(lambda: self.here.desk.extensions.extend(Extension(row.event_id, WHY, today)))

    @precondition(lambda self: self.judges.rows)
    @rule(name=names, pause=st.booleans())
    def lane_is_paused_or_resumed(self, name: str, pause: bool) -> None:
        people = self.here.desk.interventions
        self._try(lambda: (people.pause if pause else people.resume)(name, WHY))

    @precondition(lambda self: any(row.code in ("guarded", "guard_refused") for row in self.judges.rows))
    @rule(how=st.sampled_from(("release", "refuse", "withdraw")), number=st.one_of(st.none(), which))
    def guard_is_answered(self, how: str, number: int | None) -> None:
        stopped = [row.event_id for row in self.judges.rows if row.code in ("guarded", "guard_refused")]
        named = () if number is None else (stopped[number % len(stopped)],)
        self._try(lambda: self._answer(how, StoppedChoice(events=named)))

    def _answer(self, how: str, choice: StoppedChoice) -> None:
        decisions, refused = self.here.desk.guard_decisions, self.here.desk.refused
        if how == "withdraw":
            plan = refused.plan(choice)
            refused.withdraw(choice, WHY, plan.digest, len(plan.requests))
            return
        plan = decisions.plan(choice)
        if how == "release":
            decisions.release(choice, WHY, plan.digest, plan.deletions)
        else:
            decisions.refuse(choice, WHY, plan.digest)

    # -- what must be so ------------------------------------------------------------------------------------

    @invariant()
    def nothing_is_lost(self) -> None:
        if hasattr(self, "judges"):
            self.judges.look()

    def teardown(self) -> None:
        try:
            if hasattr(self, "judges"):
                self._everything_ends()
        finally:
            if hasattr(self, "here"):
                self.here.close()
            self._folder.cleanup()

    def _everything_ends(self) -> None:
        here = self.here
        here.skies.clear_up()
        here.world.accounts["crm"].archive_right = True
        here.restart(kill=False, shadow=())
        for name in NAMES:
            here.desk.interventions.resume(name, WHY)
        for _ in range(12):
            if all(event.state == "fulfilled" for event in here.events()) and not here.daemon.app.queue.count():
                break
            for account in here.world.accounts.values():
                for record in account.records():
                    record.opt_in = None
            self._try(lambda: self._answer("release", StoppedChoice()))
            self._try(lambda: self._resync(held=True))
            here.daemon.keep_house()
            for name in NAMES:
                here.daemon.work_off(name)
            self.judges.look()
            here.pass_time(24 * 9)
        self.judges.at_end()


@pytest.mark.slow
def test_nothing_is_lost_whatever_people_do_while_a_daemon_works() -> None:
    run_state_machine_as_test(
        Work,
        settings=settings(
            max_examples=EXAMPLES, stateful_step_count=40, deadline=None, derandomize=ASKED is None,
            suppress_health_check=list(HealthCheck), print_blob=True,
        ),
    )  # fmt: skip
