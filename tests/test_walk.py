"""The walk over the shipped sandbox: queue row to evidence, on real SQLite and real HTTP."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from adapters.sandbox import ActiveCampaignSandbox, Fault, MailchimpSandbox
from syncer.app import App
from syncer.decisions.resync_plan import Selection
from syncer.events import store
from syncer.events.store import Store
from syncer.service.drain import drain, prepare
from tests.conftest import AUDIENCES, Clock
from tests.support.servers import ENGINES
from tests.support.walk import OTHER, PERSON, event, put, rows, states, whats

pytestmark = pytest.mark.parametrize("engine", ENGINES, indirect=True)


def test_an_erasure_ends_confirmed_everywhere_and_leaves_others_alone(
    app: App, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox
) -> None:
    for address in (PERSON, OTHER):
        for audience in AUDIENCES:
            mailchimp.add(address, audience)
        activecampaign.add(address)
    put(app, "erasure", PERSON, "k1")

    drain(app)

    assert states(app) == {"newsletter": ("confirmed", "done", None), "crm": ("confirmed", "done", None)}
    assert event(app).state == "fulfilled"
    assert all(mailchimp.member(PERSON, audience) is None for audience in AUDIENCES)
    assert all(mailchimp.member(OTHER, audience) for audience in AUDIENCES)
    assert activecampaign.contact(PERSON) is None
    assert activecampaign.archived() == []
    assert activecampaign.contact(OTHER) is not None
    assert app.ledger.verify().ok


def test_an_objection_unsubscribes_everywhere_and_erases_nothing(
    app: App, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox
) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    activecampaign.add(PERSON, lists={"1": 1, "2": 0})
    put(app, "objection", PERSON, "k1")

    drain(app)

    assert states(app) == {"newsletter": ("confirmed", "done", None), "crm": ("confirmed", "done", None)}
    member = mailchimp.member(PERSON, AUDIENCES[0])
    assert member is not None
    assert member["status"] == "unsubscribed"
    contact = activecampaign.contact(PERSON)
    assert contact is not None
    assert {str(status) for status in contact["lists"].values()} == {"2"}


def test_an_absent_person_is_confirmed_as_absent(app: App) -> None:
    put(app, "erasure", "nobody@nowhere.test", "k1")

    drain(app)

    assert states(app) == {"newsletter": ("confirmed", "absent", None), "crm": ("confirmed", "absent", None)}


def test_every_attempt_is_audited_before_its_call_and_every_confirmation_after_one(app: App) -> None:
    put(app, "erasure", PERSON, "k1")

    drain(app)

    words = whats(app)
    assert words.index("event:received") < words.index("delivery:attempted") < words.index("delivery:confirmed")
    assert words[-1] in ("event:fulfilled", "lane:taken")
    assert words.count("delivery:attempted") == words.count("delivery:confirmed") == 2


def test_the_queue_row_is_blanked_when_it_is_taken(app: App) -> None:
    put(app, "erasure", PERSON, "k1")

    prepare(app)

    (row,) = rows(app, app.tables.queue)
    assert row.email is None
    assert row.taken_at is not None


def test_the_same_key_twice_is_one_event(app: App) -> None:
    put(app, "erasure", PERSON, "k1")
    put(app, "erasure", PERSON, "k1")
    prepare(app)

    assert len(rows(app, app.tables.event)) == 1


@pytest.mark.parametrize(
    ("kind", "email", "more"),
    [
        ("purge", PERSON, {}),
        (None, PERSON, {}),
        ("erasure", None, {}),
        ("erasure", "", {}),
        ("erasure", "a@b@c.test", {}),
        ("erasure", "\x1b[31m@evil.test", {}),
        ("erasure", "user＠wide.test", {}),
    ],
)
def test_a_malformed_row_is_held_and_never_in_the_way(
    app: App, mailchimp: MailchimpSandbox, kind: str | None, email: str | None, more: dict[str, Any]
) -> None:
    mailchimp.add(OTHER, AUDIENCES[0])
    with app.queue.engine.begin() as connection:
        connection.execute(app.tables.queue.insert().values(event_key="bad", kind=kind, email=email, **more))
    put(app, "erasure", OTHER, "good")

    drain(app)

    states_by_key = {row.event_key: (row.state, row.code) for row in rows(app, app.tables.event)}
    assert states_by_key == {"bad": ("held", "malformed"), "good": ("fulfilled", None)}
    assert mailchimp.member(OTHER, AUDIENCES[0]) is None


def test_a_key_that_holds_an_address_is_not_carried_on(app: App) -> None:
    put(app, "erasure", PERSON, f"form:{PERSON}")

    drain(app)

    assert PERSON not in event(app).event_key
    assert event(app).state == "held"


def test_newer_consent_is_held_and_nothing_is_changed(app: App, mailchimp: MailchimpSandbox, clock: Clock) -> None:
    mailchimp.add(PERSON, AUDIENCES[0], timestamp_opt=clock.now.isoformat(timespec="seconds"))
    put(app, "erasure", PERSON, "k1", received_at=clock.now - timedelta(hours=1))

    drain(app)

    assert states(app)["newsletter"] == ("held", None, "newer_consent")
    assert event(app).state == "held"
    assert mailchimp.member(PERSON, AUDIENCES[0]) is not None


def test_a_key_without_the_archive_right_is_held_not_confirmed(app: App, activecampaign: ActiveCampaignSandbox) -> None:
    activecampaign.admin = False
    activecampaign.add(PERSON)
    put(app, "erasure", PERSON, "k1")

    drain(app)

    assert states(app)["crm"] == ("held", None, "archived_not_purged")


def test_a_revoked_key_pauses_its_lane_costs_no_attempt_and_leaves_the_other_alone(
    app: App, mailchimp: MailchimpSandbox, clock: Clock
) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    mailchimp.fault(Fault(status=401, body='{"title":"API Key Invalid","status":401}', times=None))
    put(app, "erasure", PERSON, "k1")

    drain(app)

    lane = app.leases.get("newsletter")
    assert lane is not None
    assert (lane.paused, lane.paused_by) == (True, "syncer")
    row = next(row for row in rows(app, app.tables.delivery) if row.destination == "newsletter")
    assert (row.state, row.attempts) == ("pending", 0)
    assert states(app)["crm"][0] == "confirmed"

    mailchimp.clear_faults()
    clock.advance(minutes=16)
    drain(app)

    assert states(app)["newsletter"] == ("confirmed", "done", None)


def test_throttling_cools_the_lane_and_costs_no_attempt(app: App, mailchimp: MailchimpSandbox, clock: Clock) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    mailchimp.fault(Fault(status=429, body="", headers={"Retry-After": "60"}, times=1))
    put(app, "erasure", PERSON, "k1")

    drain(app)

    row = next(row for row in rows(app, app.tables.delivery) if row.destination == "newsletter")
    assert (row.state, row.attempts, row.code) == ("pending", 0, "rate_limited")
    asked = mailchimp.request_count
    clock.advance(seconds=59)
    drain(app)
    assert mailchimp.request_count == asked

    clock.advance(seconds=2)
    drain(app)

    assert states(app)["newsletter"] == ("confirmed", "done", None)


def test_a_paused_lane_makes_no_call_until_it_is_resumed(app: App, mailchimp: MailchimpSandbox) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    app.leases.ensure(list(app.settings.destinations))
    app.interventions.pause("newsletter", "account under review")
    put(app, "erasure", PERSON, "k1")

    drain(app)

    assert mailchimp.request_count == 0
    app.interventions.resume("newsletter", "review is over")
    drain(app)

    assert states(app)["newsletter"] == ("confirmed", "done", None)


def test_a_destination_may_leave_with_more_deliveries_than_one_statement_can_name(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "AT_ONCE", 10)
    for number in range(25):
        put(app, "erasure", PERSON.replace("@", f"{number}@"), f"k{number}")
    prepare(app)
    most = 0

    def count(_connection: object, _cursor: object, _statement: str, values: object, *_: object) -> None:
        nonlocal most
        most = max(most, len(values) if isinstance(values, tuple | dict) else 0)

    sa.event.listen(app.engine, "before_cursor_execute", count)
    held = app.store.hold_removed(["crm"])
    sa.event.remove(app.engine, "before_cursor_execute", count)

    assert held == 25
    assert most < 25
    assert {each.state for event in app.reader.events() for each in event.deliveries if each.destination != "crm"} == {
        "held"
    }


def test_a_destination_that_left_the_settings_is_held_and_comes_back_on_resync(
    app: App, mailchimp: MailchimpSandbox
) -> None:
    put(app, "erasure", PERSON, "k1")
    prepare(app)
    gone = dict(app.settings.destinations)
    gone.pop("newsletter")

    app.store.hold_removed(gone)

    assert states(app)["newsletter"] == ("held", None, "destination_removed")
    plan = app.resync.plan(Selection(held=True))
    app.resync.apply(plan, "it is back")
    drain(app)

    assert event(app).state == "fulfilled"


def test_the_address_is_shredded_when_the_rechecks_are_over(app: App, clock: Clock) -> None:
    put(app, "erasure", PERSON, "k1")
    drain(app)
    assert event(app).email_sealed is not None

    clock.advance(days=1)
    drain(app)
    assert event(app).email_sealed is not None
    clock.advance(days=6)
    drain(app)

    assert event(app).email_sealed is None
    assert event(app).state == "fulfilled"
    assert whats(app)[-1] == "identity:shredded"
    assert whats(app).count("delivery:confirmed") == 6


def test_without_rechecks_the_address_goes_at_fulfilment(make_app: Callable[..., App]) -> None:
    app = make_app(recheck_days="[]")
    put(app, "erasure", PERSON, "k1")

    drain(app)

    assert event(app).email_sealed is None


def test_a_person_who_is_back_at_the_recheck_is_erased_again(
    app: App, mailchimp: MailchimpSandbox, clock: Clock
) -> None:
    put(app, "erasure", PERSON, "k1")
    drain(app)
    mailchimp.add(PERSON, AUDIENCES[1])

    clock.advance(days=1)
    drain(app)

    assert "delivery:reappeared" in whats(app)
    assert mailchimp.member(PERSON, AUDIENCES[1]) is None
    assert event(app).state == "fulfilled"


def test_an_exempt_delivery_closes_the_event(app: App, activecampaign: ActiveCampaignSandbox) -> None:
    from syncer.domain.rights import Ground

    activecampaign.admin = False
    activecampaign.add(PERSON)
    put(app, "erasure", PERSON, "k1")
    drain(app)

    app.interventions.exempt(event(app).id, "crm", Ground.LEGAL_CLAIMS, "court case under way")

    assert event(app).state == "fulfilled"
    assert states(app)["crm"][0] == "exempt"


def test_a_shredded_person_can_only_be_resynced_with_the_address(make_app: Callable[..., App]) -> None:
    app = make_app(recheck_days="[]")
    put(app, "erasure", PERSON, "k1")
    drain(app)

    assert app.resync.plan(Selection(events=(event(app).id,))).deliveries == ()
    plan = app.resync.plan(Selection(addresses=((None, PERSON.upper()),)))
    assert [str(item.to) for item in plan.deliveries] == ["applied", "applied"]
    app.resync.apply(plan, "asked to look again")
    drain(app)

    assert event(app).state == "fulfilled"
    assert event(app).email_sealed is None


def test_objections_are_claimed_before_erasures_and_near_days_before_far(app: App, clock: Clock) -> None:
    store: Store = app.store
    put(app, "erasure", "a@x.test", "late")
    put(app, "erasure", "b@x.test", "soon", received_at=clock.now.replace(year=clock.now.year - 1))
    put(app, "objection", "c@x.test", "object")
    prepare(app)

    keys = {row.id: row.event_key for row in rows(app, app.tables.event)}
    order = [keys[item.event_id] for item in store.claim("crm", clock(), 10)]

    assert order == ["object", "soon", "late"]


def test_erasure_and_objection_of_one_person_never_run_side_by_side(app: App, mailchimp: MailchimpSandbox) -> None:
    mailchimp.latency = 0.05
    mailchimp.add(PERSON, AUDIENCES[0])
    put(app, "erasure", PERSON, "k1")
    put(app, "objection", PERSON, "k2")

    drain(app)

    writes = [r.method for r in mailchimp.requests if r.method in ("PATCH", "POST")]
    assert writes == ["PATCH", "POST"]
    assert {row.state for row in rows(app, app.tables.event)} == {"fulfilled"}


def test_a_broken_provider_never_delays_the_other(app: App, mailchimp: MailchimpSandbox, clock: Clock) -> None:
    mailchimp.fault(Fault(status=500, body="<html>", content_type="text/html", times=None))
    put(app, "erasure", PERSON, "k1")

    drain(app)

    assert states(app)["crm"][0] == "confirmed"
    assert states(app)["newsletter"][0] == "retrying"


def test_a_write_with_a_stale_fence_is_refused(app: App) -> None:
    from syncer.delivery.leases import require_fence
    from syncer.domain.model import Lease
    from syncer.errors import StaleFence

    app.leases.ensure(["crm"])
    lease = app.leases.acquire("crm")
    assert lease is not None

    with pytest.raises(StaleFence), app.transactions.write() as tx:
        require_fence(tx, app.tables, Lease("crm", lease.owner, lease.fence - 1))


def test_an_objection_after_an_erasure_counts_the_forgotten_address_as_suppressed_at_every_recheck(
    make_app: Callable[..., App], mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox, clock: Clock
) -> None:
    app = make_app(objection="suppress", recheck_days="[1]")
    mailchimp.add(PERSON, AUDIENCES[0])
    activecampaign.add_exclusion(PERSON)
    put(app, "erasure", PERSON, "k1")
    drain(app)
    put(app, "objection", PERSON, "k2")
    drain(app)
    assert {row.state for row in rows(app, app.tables.event)} == {"fulfilled"}

    for _ in range(3):
        clock.advance(days=1)
        drain(app)

    assert {row.state for row in rows(app, app.tables.event)} == {"fulfilled"}
    assert {row.email_sealed for row in rows(app, app.tables.event)} == {None}
    assert mailchimp.forgotten(PERSON, AUDIENCES[0])
