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
from tests.support.stateful.skies import FAILING, FAIR, KINDS
from tests.support.walk import put

WHY = "a person looked at it"
#: how many stories are tried: other ones each time where somebody asks for a number
ASKED = os.environ.get("STATEFUL_EXAMPLES")
EXAMPLES = int(ASKED or "30")
people = st.integers(0, len(PEOPLE) - 1)
names = st.sampled_from(NAMES)
crowds = st.lists(people, min_size=1, max_size=3)
skies = st.sampled_from((*KINDS, *(FAIR for _ in KINDS)))
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

    @initialize(guard=st.sampled_from((1, 2, 2, 3, 3, 1000)), whose=crowds)
    def opens(self, guard: int, whose: list[int]) -> None:
        self.here = Installation(Path(self._folder.name), guard)
        self.judges = Judges(self.here)
        self.asks(whose, "erasure", taken=True)

    # -- requests and time ----------------------------------------------------------------------------------

    @rule(
        whose=crowds,
        right=st.sampled_from(("erasure", "erasure", "erasure", "objection")),
        taken=st.sampled_from((True, True, False)),
    )
    def asks(self, whose: list[int], right: str, taken: bool) -> None:
        for who in whose:
            self._asked += 1
            put(self.here.desk, right, PEOPLE[who], f"{who}:{self._asked}")
        if taken:
            self.here.daemon.app.intake.take_all()

    @rule(hours=st.sampled_from((0.01, 1.0, 7.0, 7.0, 25.0, 190.0)))
    def time_passes(self, hours: float) -> None:
        self.here.pass_time(hours)

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
    @rule(name=names, steps=st.integers(1, 4), kind=skies)
    def lane_goes_on(self, name: str, steps: int, kind: str) -> None:
        self.here.skies.at[name] = kind
        for _ in range(steps):
            self.here.daemon.go_on(name)

    @precondition(some("pending", "retrying", "applied"))
    @rule(steps=st.integers(1, 4), kind=skies)
    def lanes_go_on(self, steps: int, kind: str) -> None:
        for name in NAMES:
            self.lane_goes_on(name, steps, kind)

    @precondition(some("pending", "retrying", "applied"))
    @rule(name=names, kind=skies)
    def lane_works_off(self, name: str, kind: str) -> None:
        self.here.skies.at[name] = kind
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
        return found[number % len(found)] if found else None

    @precondition(some("pending", "retrying", "held", "confirmed"))
    @rule(number=which, everywhere=st.booleans())
    def is_resynced(self, number: int, everywhere: bool) -> None:
        row = self._one(number, "pending", "retrying", "held", "confirmed")
        self._try(lambda: self._resync(events=(row.event_id,), destination=None if everywhere else row.destination))

    @precondition(some("pending", "retrying"))
    @rule(number=which, kind=st.sampled_from(FAILING), steps=st.integers(2, 4), others=st.lists(people, max_size=2))
    def is_resynced_while_it_is_tried_again(self, number: int, kind: str, steps: int, others: list[int]) -> None:
        row = self._one(number, "pending", "retrying")
        self.attempt_fails_and_is_due_again(row.destination, kind)
        self.lane_goes_on(row.destination, steps, FAIR)
        self._try(lambda: self._resync(events=(row.event_id,), destination=row.destination))
        self.asks(others, "erasure", taken=True)

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
        self._try(lambda: self.here.desk.resync.apply(plan, WHY, exactly=exactly))

    @precondition(some("pending", "retrying", "applied", "held"))
    @rule(number=which, how=st.sampled_from(("exempt", "exempt", "withdraw", "extend")))
    def is_decided(self, number: int, how: str) -> None:
        row = self._one(number, *(("held",) if how == "exempt" else ("pending", "retrying", "applied", "held")))
        desk, today = self.here.desk, local_day(self.here.clock(), self.here.desk.rule.zone)
        if row is not None and how == "exempt":
            self._try(lambda: desk.interventions.exempt(row.event_id, row.destination, Ground.OTHER, WHY))
        elif how == "withdraw":
            self._try(lambda: desk.withdrawals.withdraw(row.event_id, WHY))
        elif how == "extend":
            self._try(lambda: desk.extensions.extend(Extension(row.event_id, WHY, today)))

    @rule(name=names, pause=st.booleans())
    def lane_is_paused_or_resumed(self, name: str, pause: bool) -> None:
        desk = self.here.desk.interventions
        self._try(lambda: desk.pause(name, WHY) if pause else desk.resume(name, WHY))

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


@pytest.mark.parametrize("steps", [2, 3])
def test_nothing_is_lost_where_the_guard_stops_others_while_what_was_started_over_is_in_hand(steps: int) -> None:
    work = Work()
    work.opens(guard=2, whose=[0])
    work.nothing_is_lost()
    lane = work.judges.rows[0].destination

    try:
        work.is_resynced_while_it_is_tried_again(number=0, kind="down", steps=steps, others=[1])
        for _ in range(4):
            work.nothing_is_lost()
            work.lane_goes_on(lane, 1, FAIR)
        work.nothing_is_lost()
    finally:
        work.teardown()
