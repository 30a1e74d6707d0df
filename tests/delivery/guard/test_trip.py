"""What the guard stops, and when: nothing of a trip begins, all else goes on, and the stop outlives everything."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from adapters.sandbox import MailchimpSandbox
from syncer.app import App, open_app
from syncer.database.connections import writing
from syncer.service.drain import drain
from syncer.service.far_waits import FarWaits
from tests.conftest import AUDIENCES, Clock
from tests.support.operate.guarded import FIVE, begun, flood, lane, stopped, told
from tests.support.walk import put, rows, whats

BOTH = ("newsletter", "crm")


@pytest.fixture
def app(make_app: Callable[..., App]) -> App:
    return make_app(guard=FIVE)


def flooded(app: App, count: int) -> None:
    """Queue a flood in which two people are real, and one who objects."""
    flood(app, count)
    put(app, "erasure", "ada@lovelace.test", "k1", source="form")
    put(app, "erasure", "grace@hopper.test", "k2", source="form")
    put(app, "objection", "edith@clarke.test", "k3", source="form")


def assert_stopped_before_the_first(app: App, count: int) -> None:
    for name in BOTH:
        assert begun(app, name) == 0
        assert stopped(app, name) == count + 2
        (trip,) = told(app, "guard:tripped", name)
        assert {key: trip[key] for key in ("limit", "counted", "waiting")} == {
            "limit": 5, "counted": 0, "waiting": count + 2,
        }  # fmt: skip
        assert trip["by_source"] == {"shop": count, "form": 2}
        assert sum(trip["by_day"].values()) == count + 2
    objection = [row for row in rows(app, app.tables.delivery) if row.action == "unsubscribe"]
    assert {row.state for row in objection} == {"confirmed"}
    assert {row.state for row in rows(app, app.tables.delivery) if row.action == "delete"} == {"pending"}


def test_a_flood_begins_nothing_and_objections_of_the_same_minute_are_done(app: App) -> None:
    flooded(app, 60)

    result = drain(app)

    assert_stopped_before_the_first(app, 60)
    assert result.still_due == 0
    assert app.verify().ok


@pytest.mark.slow
def test_a_flood_of_five_thousand_with_two_genuine_begins_nothing(app: App) -> None:
    flooded(app, 5_000)

    drain(app)

    assert_stopped_before_the_first(app, 5_000)


def test_what_the_limit_allows_goes_and_one_more_stops_all_that_wait(app: App) -> None:
    flood(app, 5)
    drain(app)
    assert [begun(app, name) for name in BOTH] == [5, 5]
    assert told(app, "guard:tripped") == []

    flood(app, 3, name="more")
    drain(app)

    assert [begun(app, name) for name in BOTH] == [5, 5]
    assert [stopped(app, name) for name in BOTH] == [3, 3]
    assert told(app, "guard:tripped", "crm")[0]["counted"] == 5


@pytest.mark.slow
def test_a_drip_over_midnight_and_restarts_is_one_flood(make_app: Callable[..., App], app: App, clock: Clock) -> None:
    for number in range(8):
        flood(app, 1, name=f"drip{number}")
        with open_app(app.settings, clock=clock) as fresh:  # another process each time
            drain(fresh)
        clock.advance(hours=2, minutes=30)

    assert begun(app) == 5
    assert stopped(app) == 3


def test_a_day_later_as_many_may_begin_again(app: App, clock: Clock) -> None:
    flood(app, 5)
    drain(app)
    clock.advance(hours=24, minutes=1)

    flood(app, 5, name="next")
    drain(app)

    assert begun(app) == 10


def test_the_stop_never_ends_by_time(app: App, clock: Clock) -> None:
    flood(app, 6)
    drain(app)

    clock.advance(days=30)
    flood(app, 1, name="later")
    drain(app)
    FarWaits(app).find_lost()
    drain(app)

    assert begun(app) == 0
    assert stopped(app) == 7  # who came later joined them
    assert len(told(app, "guard:tripped", "newsletter")) == 1
    clock.advance(days=8)
    assert app.status.read().events.overdue == 6  # the time to answer ran on


def test_two_daemons_share_one_limit(app: App, clock: Clock) -> None:
    with open_app(app.settings, clock=clock) as other:
        other.leases.owner = "host-b|boot|1|1"
        for number in range(4):
            flood(app, 2, name=f"turn{number}")
            drain(app if number % 2 else other)

    assert begun(app) == 4  # the third pair would have made six
    assert stopped(app) == 4


def test_retries_and_read_backs_are_not_counted(app: App, clock: Clock, mailchimp: MailchimpSandbox) -> None:
    mailchimp.add("bogus.0@people.test", AUDIENCES[0])
    flood(app, 5)
    drain(app)
    for _ in range(3):
        clock.advance(days=8)
        drain(app)  # rechecks read everybody back

    assert begun(app) == 5
    assert told(app, "guard:tripped") == []


def test_a_clock_set_back_grants_nothing_anew(app: App, clock: Clock) -> None:
    flood(app, 5)
    drain(app)

    clock.advance(days=-3)
    flood(app, 1, name="back")
    drain(app)

    assert begun(app) == 5


def test_a_clock_set_ahead_in_the_log_grants_nothing_anew(app: App, clock: Clock) -> None:
    flood(app, 5)
    drain(app)
    clock.advance(days=3)
    with app.transactions.write() as tx:
        tx.audit.add("clock:anomaly", facts={"seconds": 3 * 86400, "expected": "-", "found": "-"})

    flood(app, 1, name="ahead")
    drain(app)

    assert begun(app) == 5


def test_erasures_that_still_wait_in_the_queue_count(app: App) -> None:
    flood(app, 3)
    app.intake.take_all()
    flood(app, 3, name="waiting")
    lanes = app.lanes()
    try:
        for worker in lanes:
            worker.turn()
    finally:
        for worker in lanes:
            worker.release()

    assert begun(app) == 0
    assert told(app, "guard:tripped", "crm")[0]["queued"] == 3


def test_the_limit_follows_the_list(make_app: Callable[..., App], mailchimp: MailchimpSandbox) -> None:
    app = make_app(guard="always_allowed = 1\nshare_percent = 10\ndeletions_per_day = 50")
    for number in range(40):
        mailchimp.add(f"reader{number}@people.test", AUDIENCES[0])
    flood(app, 4)

    drain(app)

    assert lane(app).contacts == 40
    assert begun(app) == 4
    assert lane(app, "crm").contacts == 0
    assert begun(app, "crm") == 0  # nobody is there: one would pass, four do not
    asked = [r for r in mailchimp.requests if r.path.endswith("lists") and "stats" in r.query.get("fields", "")]
    assert len(asked) == 1


def test_a_size_that_nobody_says_leaves_the_most(make_app: Callable[..., App], mailchimp: MailchimpSandbox) -> None:
    app = make_app(guard="always_allowed = 1\ndeletions_per_day = 3")
    with writing(app.engine) as connection:
        connection.execute(app.tables.lane.delete())
    mailchimp.close()
    flood(app, 4)

    drain(app)

    assert lane(app).contacts is None
    assert told(app, "guard:tripped", "newsletter")[0]["limit"] == 3


def test_a_list_that_shrinks_lowers_the_limit(make_app: Callable[..., App], clock: Clock) -> None:
    app = make_app(guard="always_allowed = 1\nshare_percent = 10\ndeletions_per_day = 50")
    app.leases.ensure(BOTH)

    def holds(contacts: int) -> None:
        with writing(app.engine) as connection:
            connection.execute(app.tables.lane.update().values(contacts=contacts, contacts_at=clock()))

    holds(60)
    flood(app, 5)
    drain(app)
    holds(20)
    flood(app, 1, name="next")
    drain(app)

    assert begun(app) == 5
    assert told(app, "guard:tripped", "crm")[0]["limit"] == 2


def test_at_zero_each_deletion_waits_for_a_person(make_app: Callable[..., App]) -> None:
    app = make_app(guard="always_allowed = 0\ndeletions_per_day = 0")
    flood(app, 1)

    drain(app)

    assert begun(app) == 0
    assert stopped(app) == 1


def test_a_guard_that_is_off_stops_nothing_and_lets_nothing_go(make_app: Callable[..., App]) -> None:
    app = make_app(guard=FIVE)
    flood(app, 6)
    drain(app)
    off = make_app(guard="enabled = false")

    flood(off, 20, name="off")
    drain(off)

    assert begun(off) == 20
    assert stopped(off) == 6  # what waits for a person goes on waiting
    assert off.status.read().destinations["crm"].guard.limit is None  # type: ignore[union-attr]


def test_what_is_guarded_at_a_removed_destination_is_held(app: App) -> None:
    flood(app, 6)
    drain(app)

    app.store.hold_removed(["crm"])

    held = [row for row in rows(app, app.tables.delivery) if row.destination == "newsletter"]
    assert {(row.state, row.code) for row in held} == {("held", "destination_removed")}
    assert lane(app).guard_since is None
    assert "guard:cleared" in whats(app)
    assert app.verify().ok


def test_what_somebody_buried_under_the_code_of_the_guard_is_taken_up(app: App) -> None:
    flood(app, 1)
    app.intake.take_all()
    d = app.tables.delivery
    with writing(app.engine) as connection:
        connection.execute(d.update().values(code="guarded", claim_rank=None, next_attempt_at=None))

    assert FarWaits(app).find_lost() == 2


@pytest.mark.parametrize("values", [{"untried": None}, {"untried": None, "attempts": 1}, {"claim_rank": 0}])
def test_a_row_that_claims_to_have_begun_is_held_as_damaged(app: App, values: dict[str, int | None]) -> None:
    flood(app, 6)
    app.intake.take_all()
    with writing(app.engine) as connection:
        connection.execute(app.tables.delivery.update().values(values))

    drain(app)

    assert begun(app) == 0
    assert {row.code for row in rows(app, app.tables.delivery)} == {"damaged"}


def test_whoever_counts_less_in_the_table_is_found_by_the_verification(app: App) -> None:
    flood(app, 5)
    drain(app)
    assert app.verify().ok
    with writing(app.engine) as connection:
        connection.execute(app.tables.delivery.update().values(begun_at=None))

    found = app.verify()

    assert not found.ok
    assert "begun_at" in str(found.reason)


@pytest.mark.slow
def test_a_release_without_its_entry_is_found_by_the_verification(app: App, clock: Clock) -> None:
    flood(app, 6)
    drain(app)
    with writing(app.engine) as connection:
        connection.execute(app.tables.event.update().values(released_at=clock() - timedelta(hours=1)))

    found = app.verify()

    assert not found.ok
    assert "released_at" in str(found.reason)
