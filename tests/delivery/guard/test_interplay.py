"""The guard beside what else moves deliveries: trials, looks for people who are back, alerts, resyncs, the queue."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from adapters.contract import Action, Limits, Outcome, Preview, Receipt, Seen, Step, Subject
from adapters.errors import Transient
from adapters.mailchimp.adapter import Mailchimp
from adapters.sandbox import ActiveCampaignSandbox, Fault
from syncer.app import App
from syncer.database.alerting.signs import guarded
from syncer.database.connections import reading, writing
from syncer.decisions.guarded import StoppedChoice
from syncer.decisions.resync_plan import Selection
from syncer.delivery.lane import Lane
from syncer.delivery.reappearance import Incident, reappear
from syncer.delivery.shadow.lane import ShadowLane
from syncer.domain.model import State
from syncer.reports.wording.words import sentence
from syncer.service.drain import drain, prepare
from syncer.settings.destinations import SHADOW
from tests.conftest import Clock
from tests.support.operate.guarded import FIVE, begun, flood, lane, stopped, told
from tests.support.operate.shadow import reopened
from tests.support.walk import rows

WHY = "asked the shop"
ALL = StoppedChoice()


@pytest.fixture
def app(make_app: Callable[..., App]) -> App:
    return make_app(guard=FIVE)


def at(app: App, destination: str) -> set[tuple[str, str | None]]:
    return {(row.state, row.code) for row in rows(app, app.tables.delivery) if row.destination == destination}


def seen_again(app: App, event: str, address: str, destination: str = "newsletter") -> None:
    """Let one person be found there again, as the daily look does."""
    d, e = app.tables.delivery.c, app.tables.event.c
    query = sa.select(d.id, d.event_id, d.destination, d.action, e.right, e.subject, e.received_at, e.created_at)
    query = query.select_from(app.tables.delivery.join(app.tables.event, d.event_id == e.id))
    with reading(app.engine) as connection:
        row = connection.execute(query.where(d.event_id == event, d.destination == destination)).one()
    assert reappear(app.transactions, app.store, app.seals, Incident(row, Seen("audience a1", address), None, ()))


# -- a trial ------------------------------------------------------------------------------------------------


def test_a_refusal_holds_what_was_only_previewed_at_a_destination_on_trial(app: App) -> None:
    trial = reopened(app, {"newsletter": SHADOW})
    flood(trial, 8)
    drain(trial)
    assert at(app, "newsletter") == {("pending", "shadowed")}
    plan = app.guard_decisions.plan(ALL)
    assert plan.by_destination == {"crm": 8, "newsletter": 8}

    app.guard_decisions.refuse(ALL, WHY, plan.digest)
    drain(app)  # live

    assert at(app, "newsletter") == at(app, "crm") == {("held", "guard_refused")}
    assert begun(app) == 0
    assert app.verify().ok


def test_a_release_names_what_was_previewed_on_trial_and_lets_it_begin_once_live(app: App) -> None:
    trial = reopened(app, {"newsletter": SHADOW})
    flood(trial, 8)
    drain(trial)
    plan = app.guard_decisions.plan(ALL)

    app.guard_decisions.release(ALL, WHY, plan.digest, 16)
    drain(trial)
    assert at(app, "newsletter") == {("pending", "shadowed")}
    drain(app)

    assert at(app, "newsletter") == at(app, "crm") == {("confirmed", None)}
    assert app.verify().ok


class Deciding(Mailchimp):
    """A destination that holds nobody, and during whose first call a person decides."""

    def __init__(self, decide: Callable[[], object] | None) -> None:
        self._decide = decide

    @property
    def limits(self) -> Limits:
        return Limits(1)

    def size(self) -> int | None:
        return None

    def apply(self, action: Action, subject: Subject, received_at: datetime) -> Receipt:
        self._at_first()
        return Receipt(Outcome.ABSENT, (Step("all", "GET /", 200, None, 1),))

    def preview(self, action: Action, subject: Subject, received_at: datetime) -> Preview:
        self._at_first()
        return Preview((), ())

    def _at_first(self) -> None:
        decide, self._decide = self._decide, None
        if decide is not None:
            decide()

    def close(self) -> None: ...


def test_a_refusal_stands_when_a_preview_under_way_comes_back_after_it(app: App) -> None:
    trial = reopened(app, {"newsletter": SHADOW})
    flood(trial, 8)
    prepare(trial)
    crm = next(each for each in trial.lanes() if each.name == "crm")
    crm.turn()
    crm.release()
    assert stopped(app, "crm") == 8
    decisions = app.guard_decisions

    def refuse() -> None:
        decisions.refuse(ALL, WHY, decisions.plan(ALL).digest)

    trial.modes.settle()
    looking = ShadowLane(
        "newsletter", Deciding(refuse), trial.transactions, trial.store, trial.leases, trial.seals, trial.stop
    )
    looking.turn()
    looking.release()

    assert at(app, "newsletter") == {("held", "guard_refused")}
    assert app.verify().ok


def test_a_request_that_is_started_over_during_its_preview_stands_as_the_log_says(app: App) -> None:
    flood(app, 1)
    drain(app)
    (event,) = rows(app, app.tables.event)
    seen_again(app, event.id, "bogus.0@people.test")
    assert ("retrying", "reappeared") in at(app, "newsletter")
    trial = reopened(app, {"newsletter": SHADOW})
    trial.modes.settle()

    def start_over() -> None:
        app.resync.apply(app.resync.plan(Selection(events=(event.id,), destination="newsletter")), WHY)

    looking = ShadowLane(
        "newsletter", Deciding(start_over), trial.transactions, trial.store, trial.leases, trial.seals, trial.stop
    )
    looking.turn()
    looking.release()

    assert at(app, "newsletter") == {("pending", "shadowed")}
    assert app.verify().ok


@pytest.mark.slow
def test_a_stop_outlives_a_trial_and_is_released_after_it(app: App) -> None:
    flood(app, 8)
    drain(app)
    trial = reopened(app, {"newsletter": SHADOW})
    drain(trial)
    flood(trial, 2, name="later")
    drain(trial)
    assert at(app, "newsletter") == {("pending", "guarded"), ("pending", "shadowed")}
    assert lane(app).guard_since is not None

    drain(app)
    assert at(app, "newsletter") == {("pending", "guarded")}
    assert begun(app) == 0
    plan = app.guard_decisions.plan(ALL)
    app.guard_decisions.release(ALL, WHY, plan.digest, plan.deletions)
    drain(app)

    assert at(app, "newsletter") == at(app, "crm") == {("confirmed", None)}
    assert lane(app).guard_since is None
    assert app.verify().ok


# -- a destination with an outage ---------------------------------------------------------------------------


def small_and_big(make_app: Callable[..., App]) -> App:
    """An installation whose newsletter has so few contacts that a flood stops there, and whose crm has many."""
    app = make_app(guard="deletions_per_day = 50\nalways_allowed = 5")
    app.leases.ensure(["crm", "newsletter"])
    for name, contacts in (("newsletter", 100), ("crm", 100_000)):
        with writing(app.engine) as connection:
            lanes = app.tables.lane.update().where(app.tables.lane.c.destination == name)
            connection.execute(lanes.values(contacts=contacts, contacts_at=app.clock()))
    return app


def test_a_refusal_during_a_call_stands_and_the_log_has_the_answer(make_app: Callable[..., App]) -> None:
    app = small_and_big(make_app)
    flood(app, 8)
    prepare(app)
    for each in app.lanes():
        if each.name == "newsletter":
            each.turn()
        each.release()
    assert stopped(app) == 8

    def refuse() -> None:
        app.guard_decisions.refuse(ALL, WHY, app.guard_decisions.plan(ALL).digest)

    crm = Lane(
        "crm", Deciding(refuse), app.transactions, app.store, app.leases, app.seals, app.stop,
        guard=app.guards.of("crm", Deciding(refuse)),
    )  # fmt: skip
    crm.turn()
    crm.release()

    assert at(app, "crm") == {("held", "guard_refused")}
    late = list(app.ledger.entries(("delivery:answered",)))
    assert 1 <= len(late) <= begun(app, "crm")
    assert "withdrawn" not in sentence(late[0])
    assert app.verify().ok


def test_a_refusal_holds_what_began_elsewhere_and_is_tried_again(
    make_app: Callable[..., App], activecampaign: ActiveCampaignSandbox
) -> None:
    app = small_and_big(make_app)
    activecampaign.fault(Fault(status=500, body="", times=None))
    flood(app, 8)
    drain(app)
    assert stopped(app) == 8
    assert begun(app, "crm") and not {state for state, _ in at(app, "crm")} - {"pending", "retrying"}

    app.guard_decisions.refuse(ALL, WHY, app.guard_decisions.plan(ALL).digest)

    assert at(app, "newsletter") == at(app, "crm") == {("held", "guard_refused")}
    assert app.verify().ok


# -- people who are back ------------------------------------------------------------------------------------


def test_what_was_released_and_has_not_begun_goes_on_when_the_person_is_back_elsewhere(app: App) -> None:
    flood(app, 6)
    drain(app)
    app.interventions.pause("crm", "the account moves")
    plan = app.guard_decisions.plan(ALL)
    app.guard_decisions.release(ALL, WHY, plan.digest, plan.deletions)
    drain(app)
    first = next(row.id for row in rows(app, app.tables.event) if row.event_key == "bogus-0")

    seen_again(app, first, "bogus.0@people.test")
    app.interventions.resume("crm", "the account moved")
    drain(app)

    assert at(app, "newsletter") == at(app, "crm") == {("confirmed", None)}
    assert app.verify().ok


@pytest.mark.slow
def test_alerts_count_and_date_what_is_stopped_of_people_who_are_back(app: App, clock: Clock) -> None:
    for batch in range(2):
        flood(app, 5, name=f"erased{batch}")
        drain(app)
        clock.advance(days=2)
    for row in rows(app, app.tables.event):
        seen_again(app, row.id, f"{row.event_key.replace('-', '.')}@people.test")
    drain(app)
    assert stopped(app) == 10

    with reading(app.engine) as connection:
        sign = guarded(connection, app.tables, "newsletter")

    assert sign.waiting == 10
    assert sign.due_first is not None


# -- resync -------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_resync_that_releases_names_all_deletions_it_lets_begin(app: App) -> None:
    flood(app, 8)
    drain(app)
    d = app.tables.delivery
    with app.engine.begin() as connection:  # as if the key had lacked a right there
        connection.execute(
            d.update().where(d.c.destination == "crm").values(state=State.HELD, code="forbidden", claim_rank=None)
        )
    ids = tuple(row.id for row in rows(app, app.tables.event))
    plan = app.resync.plan(Selection(events=ids, destination="crm"))

    assert plan.to_release == set(ids)
    assert plan.deletions == 16


class Down(Deciding):
    """A destination that fails; one during whose first call a person decides erases, and does not show that."""

    def __init__(self, decide: Callable[[], object] | None) -> None:
        super().__init__(decide)
        self._code = "unavailable" if decide is None else "not_yet"

    def apply(self, action: Action, subject: Subject, received_at: datetime) -> Receipt:
        if self._decide is None:
            raise Transient("unavailable")
        self._at_first()
        return Receipt(Outcome.DONE, (Step("all", "DELETE /", 204, None, 1),))

    def confirm(self, action: Action, subject: Subject, applied: Receipt | None = None) -> Receipt:
        raise Transient(self._code)


def turn(app: App, adapter: Mailchimp) -> None:
    here = Lane(
        "newsletter", adapter, app.transactions, app.store, app.leases, app.seals, app.stop, burst_wait=0.0,
        guard=app.guards.of("newsletter", adapter),
    )  # fmt: skip
    here.turn()
    here.release()


def retried(app: App, clock: Clock) -> Callable[[], None]:
    """Leave one deletion that failed and is due again; return how a person starts it over."""
    flood(app, 1)
    prepare(app)
    (event,) = rows(app, app.tables.event)
    turn(app, Down(None))
    clock.advance(hours=7)
    return lambda: app.resync.apply(app.resync.plan(Selection(events=(event.id,), destination="newsletter")), WHY)


def test_what_is_started_over_during_a_call_that_goes_through_is_never_stopped(app: App, clock: Clock) -> None:
    turn(app, Deciding(retried(app, clock)))
    assert at(app, "newsletter") == {("confirmed", None)}
    drain(app)
    clock.advance(days=60)
    app.store.start_rechecks()
    turn(app, Down(None))
    assert at(app, "newsletter") == {("applied", "unavailable")}
    assert app.guard_decisions.standings(["newsletter"])["newsletter"].waiting == 0
    flood(app, 6, name="later")
    prepare(app)
    turn(app, Down(None))

    assert at(app, "newsletter") == {("applied", "unavailable"), ("pending", "guarded")}
    assert told(app, "guard:tripped", "newsletter")[0]["waiting"] == 6
    assert app.verify().ok


def test_what_is_started_over_during_its_call_and_does_not_show_yet_is_tried_again(app: App, clock: Clock) -> None:
    turn(app, Down(retried(app, clock)))
    assert at(app, "newsletter") == {("retrying", "not_yet")}
    clock.advance(hours=7)
    drain(app)

    assert at(app, "newsletter") == {("confirmed", None)}
    assert app.verify().ok


def test_what_is_started_over_after_it_was_claimed_begins_as_one_that_the_guard_counts(app: App, clock: Clock) -> None:
    flood(app, 5)
    prepare(app)
    turn(app, Down(None))
    waiting = [each for each in rows(app, app.tables.delivery) if each.destination == "newsletter"]
    last = max(waiting, key=lambda each: (each.next_attempt_at, each.id))  # in the order in which they are claimed
    clock.advance(hours=25)

    def start_over() -> None:
        app.resync.apply(app.resync.plan(Selection(events=(last.event_id,), destination="newsletter")), WHY)

    turn(app, Deciding(start_over))  # with one sender: the last one is claimed, and has not begun
    drain(app)

    assert at(app, "newsletter") == {("confirmed", None)}
    assert app.guard_decisions.standings(["newsletter"])["newsletter"].counted == 1
    assert app.verify().ok


# -- the queue ----------------------------------------------------------------------------------------------


def test_rows_that_the_database_refuses_stop_no_deletions(app: App) -> None:
    flood(app, 1)
    prepare(app)
    flood(app, 6, name="refused")
    app.refused_rows.note(app.queue.waiting(10), "DataError")

    for each in app.lanes():
        each.turn()
        each.release()

    assert begun(app) == 1
    assert stopped(app) == 0


# -- the clock ----------------------------------------------------------------------------------------------


def test_a_clock_that_jumps_before_the_first_deletion_of_a_process_grants_nothing_anew(app: App, clock: Clock) -> None:
    flood(app, 5)
    drain(app)
    assert begun(app) == 5
    flood(app, 1, name="next")
    prepare(app)
    newsletter = next(each for each in app.lanes() if each.name == "newsletter")
    clock.now += timedelta(hours=25)
    newsletter.turn()
    newsletter.release()

    assert begun(app) == 5
    assert len(told(app, "guard:tripped", "newsletter")) == 1
