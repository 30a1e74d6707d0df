"""Simulated weeks of the whole walk: fixed seeds, shrinking ones, the same twice, and judges that can see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.contract import Action, Limits, Outcome, Receipt, Subject
from tests.simulation.__main__ import summary
from tests.simulation.adapter import SimulatedAdapter, Visit
from tests.simulation.run import Run, simulate
from tests.simulation.scenario import Scenario
from tests.simulation.world import Record

#: what must have struck in a run of weeks, or the run says nothing
TROUBLES = (
    "allowance", "bug", "conflict", "cut_after", "cut_before", "error_500", "error_502", "filter_ignored", "lied",
    "maintenance", "refused", "revoked", "throttled", "timed_out", "unreachable", "unreadable",
)  # fmt: skip
EVENTS = (
    "crashes", "restarts", "stalls", "database errors", "lost commits", "doubled rows", "malformed rows", "re-imports",
    "newer opt-ins", "deliveries resynced", "delivery:reappeared", "delivery:exempt", "lane:paused", "lane:resumed",
    "identity:shredded",
)  # fmt: skip


def holds(run: Run) -> None:
    """Fail with the scenario and everything that did not hold."""
    assert not run.violations, "\n".join([f"again: simulate({run.scenario!r})", *map(str, run.violations[:10])])


def test_hundreds_of_events_over_three_bad_weeks_all_end_in_evidence(capsys: pytest.CaptureFixture[str]) -> None:
    run = simulate(Scenario(3, events=500, days=21, senders=10, shop=False))
    with capsys.disabled():
        print(f"\n{summary(run)}")

    holds(run)
    assert run.counts["events"] == run.counts["event:received"] == 500
    assert run.timeline.days >= 21
    assert [name for name in TROUBLES if not run.weather.struck[name]] == []
    assert [name for name in EVENTS if not run.counts[name]] == []


@settings(
    max_examples=10, deadline=None, derandomize=True, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
@given(
    st.builds(
        Scenario,
        seed=st.integers(0, 2**32),
        events=st.integers(1, 12),
        days=st.integers(1, 21),
        workers=st.integers(1, 3),
        senders=st.integers(1, 8),
        trouble=st.sampled_from((0.0, 0.05, 0.2, 0.5)),
        crashes=st.sampled_from((0.0, 0.1, 0.4)),
        suppress=st.booleans(),
        bad_days=st.booleans(),
        guard=st.sampled_from((0, 1, 3)),
        flood=st.sampled_from((0, 8)),
    )
)
def test_whatever_the_seed_and_the_weather_every_invariant_holds(scenario: Scenario) -> None:
    holds(simulate(scenario))


def test_the_same_seed_is_the_same_run_to_the_last_call() -> None:
    scenario = Scenario(7, events=10, days=7, workers=2, trouble=0.1, crashes=0.2)

    first, second = simulate(scenario), simulate(scenario)

    assert first.trace == second.trace
    assert first.trace != simulate(replace(scenario, seed=8)).trace


# -- the judges can see -------------------------------------------------------------------------------------


def test_a_flood_stops_at_the_guard_and_what_people_asked_for_goes_on() -> None:
    run = simulate(Scenario(5, events=60, days=14, guard=4, flood=30))

    holds(run)
    assert run.counts["refused"] == 30
    assert run.counts["released"] > 0
    assert run.counts["guard:tripped"] >= 3
    assert run.counts["guard:cleared"] >= 3


QUIET = Scenario(3, events=12, days=5, trouble=0.0, crashes=0.0, bad_days=False, workers=1, bound=20)


def broken(run: Run) -> set[str]:
    """Return the names of the invariants that did not hold."""
    return {violation.invariant for violation in run.violations}


def test_nothing_is_seen_where_nothing_is_wrong() -> None:
    assert broken(simulate(QUIET)) == set()


class LiesOnConfirm(SimulatedAdapter):
    """Says that it read back, and did not."""

    def apply(self, action: Action, subject: Subject, received_at: datetime) -> Receipt:
        Visit(self, action, "apply", subject).read("weekly", list)
        return Receipt(Outcome.DONE, ())

    def confirm(self, action: Action, subject: Subject, applied: Receipt | None = None) -> Receipt:
        return Receipt(Outcome.DONE, ())


class TouchesABystander(SimulatedAdapter):
    """Deletes the first contact it finds instead of the one asked for."""

    def apply(self, action: Action, subject: Subject, received_at: datetime) -> Receipt:
        visit = Visit(self, action, "apply", subject)
        other = next((r for r in self.account.records() if r.person != visit.person), None)
        if other is not None and action is Action.DELETE:
            visit.write(other.scope, "DELETE /{scope}/{person}", "deleted", other, lambda: self.account.delete(other))
        return super().apply(action, subject, received_at)


class Subscribes(SimulatedAdapter):
    """Adds the person to a list after an objection."""

    def apply(self, action: Action, subject: Subject, received_at: datetime) -> Receipt:
        visit = Visit(self, action, "apply", subject)
        record = Record(
            self.account.name, self.account.scopes[0], subject.address, visit.person, "subscribed", None,
            self.world.timeline.now,
        )  # fmt: skip
        visit.write(record.scope, "POST /{scope}", "subscribed", record, lambda: None)
        return super().apply(action, subject, received_at)


class IgnoresConsent(SimulatedAdapter):
    """Takes every request for one of the far future, so that no consent is newer."""

    def apply(self, action: Action, subject: Subject, received_at: datetime) -> Receipt:
        return super().apply(action, subject, received_at.replace(year=2999))


class SaysTheAddressAloud(SimulatedAdapter):
    """Puts the address where the evidence goes."""

    def apply(self, action: Action, subject: Subject, received_at: datetime) -> Receipt:
        receipt = super().apply(action, subject, received_at)
        return Receipt(receipt.outcome, receipt.steps, (f"found {subject.address}",), receipt.handles)


class NeverDone(SimulatedAdapter):
    """Accepts everything and does nothing."""

    def _delete(self, visit: Visit, record: Record) -> None:
        visit.read(record.scope, list, "DELETE /{scope}/{person}")


class Meddles(SimulatedAdapter):
    """Works on while nobody has begun an attempt."""

    def ping(self) -> None:
        raise NotImplementedError

    def confirm(self, action: Action, subject: Subject, applied: Receipt | None = None) -> Receipt:
        for person, rows in list(self.account.people.items()):
            if person not in self.asked and rows:
                nobody = Subject("nobody", (rows[0].address.lower(),))
                Visit(self, Action.DELETE, "apply", nobody).read(self.account.scopes[0], list)
        return super().confirm(action, subject, applied)

    asked: frozenset[int] = frozenset()


@pytest.mark.parametrize(
    ("adapter", "seen"),
    [
        (LiesOnConfirm, {"I4", "I12"}),
        (TouchesABystander, {"I5"}),
        (Subscribes, {"I6"}),
        (NeverDone, {"I12"}),
        (Meddles, {"I2"}),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_an_adapter_that_misbehaves_is_seen(adapter: type[SimulatedAdapter], seen: set[str]) -> None:
    assert seen <= broken(simulate(replace(QUIET, events=8, days=2, bound=1), adapter))


def test_an_address_that_an_adapter_says_aloud_is_masked_before_it_is_evidence() -> None:
    assert "I9" not in broken(simulate(replace(QUIET, events=8, days=2, bound=1), SaysTheAddressAloud))


class CallsTooMuch(SimulatedAdapter):
    """Says that it may be called more often at one time than the account allows."""

    @property
    def limits(self) -> Limits:
        return Limits(self._senders + 3)


def consented(run: Run) -> None:
    """Let everybody opt in again a day after the end, which is newer than any request."""
    for account in run.world.accounts.values():
        for record in account.records():
            record.opt_in = run.timeline.now.replace(year=2040)


def on_day(day: float, *statements: str) -> Callable[[Run], None]:
    """Let somebody change the database by hand on a day of the run."""

    def sabotage(run: Run) -> None:
        def change() -> None:
            for statement in statements:
                run.select(statement)

        run.timeline.at(run.timeline.now + timedelta(days=day), change)

    return sabotage


def stop_the_crm(run: Run) -> None:
    """Stop a lane every day, so that events stay open."""
    for day in range(run.scenario.days + run.scenario.bound):
        run.timeline.at(run.timeline.now + timedelta(days=day), lambda: run.operator.pause("crm"))


def stop_the_crm_and(change: Callable[[Run], None]) -> Callable[[Run], None]:
    """Stop a lane, and change something besides."""

    def sabotage(run: Run) -> None:
        stop_the_crm(run)
        change(run)

    return sabotage


ONE = "(SELECT MIN(event_key) FROM syncer_event WHERE state = 'fulfilled')"
SABOTAGES: dict[str, tuple[str, Scenario, Callable[[Run], None]]] = {
    "a queue row is removed before it is taken": (
        "I1", replace(QUIET, workers=0, bound=1), on_day(4.9, "DELETE FROM syncer_queue WHERE taken_at IS NULL")
    ),
    "an event is removed": ("I1", QUIET, on_day(4, f"DELETE FROM syncer_event WHERE event_key = {ONE}")),
    "an event is called fulfilled by hand": (
        "I3", replace(QUIET, bound=1),
        stop_the_crm_and(on_day(3, "UPDATE syncer_event SET state = 'fulfilled'")),
    ),
    "a delivery is opened again by hand": (
        "I3", replace(QUIET, bound=1), on_day(4, "UPDATE syncer_delivery SET state = 'exempt' WHERE id < 4")
    ),
    "an audit entry is altered": (
        "I8", QUIET,
        on_day(4, "DROP TRIGGER syncer_audit_no_update", "UPDATE syncer_audit SET at = '2031' WHERE seq = 5"),
    ),
    "what is late does not show": (
        "I10", replace(QUIET, bound=34),
        stop_the_crm_and(on_day(4.99, "UPDATE syncer_event SET due_on = '2999-01-01'")),
    ),
    "what is in time shows as late": (
        "I10", replace(QUIET, bound=1), stop_the_crm_and(on_day(4.99, "UPDATE syncer_event SET due_on = '2000-01-01'"))
    ),
    "nobody takes from the queue": ("I11", replace(QUIET, workers=0, bound=1), lambda run: None),
    "a lane is never started again": ("I12", replace(QUIET, bound=1), stop_the_crm),
}  # fmt: skip


@pytest.mark.parametrize("what", SABOTAGES)
def test_what_somebody_breaks_behind_syncers_back_is_seen(what: str) -> None:
    invariant, scenario, sabotage = SABOTAGES[what]

    assert invariant in broken(simulate(scenario, sabotage=sabotage))


def test_more_calls_at_once_than_allowed_are_seen() -> None:
    assert "I7" in broken(simulate(replace(QUIET, events=20, days=1, bound=12), CallsTooMuch))


def test_an_erasure_in_spite_of_newer_consent_is_seen() -> None:
    assert "I6" in broken(simulate(QUIET, IgnoresConsent, consented))
