"""A destination in shadow mode: everything is read and judged, and nothing is carried out, confirmed or destroyed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from adapters.contract import Action
from adapters.sandbox import FAULTS, ActiveCampaignSandbox, Fault, MailchimpSandbox
from syncer.app import App
from syncer.service.drain import drain, prepare
from syncer.service.far_waits import FarWaits
from syncer.settings.destinations import SHADOW
from tests.conftest import AUDIENCES, Clock
from tests.support.operate.shadow import all_in_shadow, changes, previews, reopened
from tests.support.servers import ENGINES
from tests.support.walk import PERSON, event, put, rows, states, whats

ERASE = "POST /lists/{list}/members/{id}/actions/delete-permanent"


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_an_erasure_is_previewed_and_nothing_is_written_anywhere(
    app: App, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox
) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    activecampaign.add(PERSON)
    put(app, "erasure", PERSON, "k1")

    shadow = all_in_shadow(app)
    result = drain(shadow)

    assert changes(mailchimp, activecampaign) == []
    assert (result.confirmed, result.still_due) == (0, 0)
    assert set(states(app).values()) == {("pending", None, "shadowed")}
    for row in rows(app, app.tables.delivery):
        assert (row.attempts, row.claim_rank, row.next_attempt_at, row.applied_at) == (0, None, None, None)
    still = event(app)
    assert (still.state, still.email_sealed is None, still.fulfilled_at) == ("open", False, None)
    assert {"delivery:attempted", "delivery:applied", "event:fulfilled"}.isdisjoint(whats(app))
    seen = previews(app)
    assert seen["newsletter"]["found"] == [f"audience {AUDIENCES[0]}: subscribed"]
    assert seen["newsletter"]["would"] == [f"{ERASE}, audience {AUDIENCES[0]}"]
    assert seen["crm"]["would"] == ["DELETE /contacts/{id}, contact", "DELETE /contactArchives/{id}, archive"]
    assert seen["crm"]["code"] is seen["newsletter"]["code"] is None
    assert "lovelace" not in str(seen)
    assert shadow.verify().ok
    assert FarWaits(shadow).find_lost() == 0, "it rightly has no time"


def test_what_live_would_hold_is_the_code_of_the_preview(
    app: App, clock: Clock, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox
) -> None:
    later = (clock() + timedelta(days=1)).isoformat(timespec="seconds")
    mailchimp.add(PERSON, AUDIENCES[0], timestamp_opt=later)
    activecampaign.admin = False
    put(app, "erasure", PERSON, "k1")
    clock.advance(days=2)

    drain(all_in_shadow(app))
    would_be = {name: facts["code"] for name, facts in previews(app).items()}
    assert would_be == {"newsletter": "newer_consent", "crm": "archived_not_purged"}
    assert changes(mailchimp, activecampaign) == []

    drain(reopened(app, {}))

    assert {name: code for name, (_, _, code) in states(app).items()} == would_be


def test_one_destination_in_shadow_does_not_keep_the_other_from_working(
    app: App, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox
) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    activecampaign.add(PERSON)
    put(app, "erasure", PERSON, "k1")

    drain(reopened(app, {"newsletter": SHADOW}))

    assert states(app)["newsletter"] == ("pending", None, "shadowed")
    assert states(app)["crm"] == ("confirmed", "done", None)
    assert changes(mailchimp) == [] and changes(activecampaign)
    assert event(app).state == "open"
    assert app.verify().ok


def test_from_shadow_to_live_to_confirmed(app: App, mailchimp: MailchimpSandbox, clock: Clock) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    put(app, "erasure", PERSON, "k1")
    drain(all_in_shadow(app))
    clock.advance(days=2)

    live = reopened(app, {})
    drain(live)

    assert {state for state, _, _ in states(app).values()} == {"confirmed"}
    assert event(app).state == "fulfilled"
    assert not mailchimp.members()
    changed = [(entry.what, entry.destination) for entry in app.ledger.entries(("lane:shadowed", "lane:live"))]
    assert changed == [(what, name) for what in ("lane:shadowed", "lane:live") for name in ("newsletter", "crm")]
    (gone_live, *_) = app.ledger.entries(("lane:live",))
    assert (gone_live.facts or {})["previewed"] == 1
    assert live.verify().ok


def test_what_was_carried_out_before_is_not_read_back_in_shadow_and_is_afterwards(
    app: App, clock: Clock, mailchimp: MailchimpSandbox
) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    put(app, "erasure", PERSON, "k1")
    drain(app)
    mailchimp.add(PERSON, AUDIENCES[0])  # back again, and a recheck would set the erasure off anew
    clock.advance(days=2)

    shadow = all_in_shadow(app)
    drain(shadow)

    assert mailchimp.members()
    assert states(app)["newsletter"] == ("applied", "done", "shadowed")
    assert event(app).state == "fulfilled"
    assert shadow.verify().ok

    drain(reopened(app, {}))

    assert not mailchimp.members()
    assert states(app)["newsletter"][0] == "confirmed"


def test_a_preview_that_gets_no_answer_is_made_again_and_counts_as_no_attempt(
    app: App, clock: Clock, mailchimp: MailchimpSandbox
) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    mailchimp.fault(Fault(status=500, times=None))
    put(app, "objection", PERSON, "k1")
    shadow = all_in_shadow(app)
    drain(shadow)
    (row,) = [each for each in rows(app, app.tables.delivery) if each.destination == "newsletter"]
    assert (row.state, row.attempts, row.claim_rank) == ("pending", 0, 0) and row.next_attempt_at > clock()
    assert app.verify().ok

    mailchimp.clear_faults()
    clock.advance(hours=1)
    drain(shadow)

    assert states(app)["newsletter"] == ("pending", None, "shadowed")
    assert changes(mailchimp) == [] and app.verify().ok


def test_a_wrong_key_pauses_the_lane_in_shadow_too(app: App, mailchimp: MailchimpSandbox) -> None:
    mailchimp.fault(Fault(status=401, body='{"title": "API Key Invalid", "status": 401}', times=None))
    put(app, "erasure", PERSON, "k1")

    drain(all_in_shadow(app))

    lane = app.leases.get("newsletter")
    assert lane is not None and lane.paused_by == "syncer"
    assert states(app)["newsletter"][0] == "pending"


@pytest.mark.parametrize("action", ["delete", "unsubscribe"])
def test_a_request_that_is_withdrawn_in_shadow_was_never_asked(app: App, action: str) -> None:
    put(app, "erasure" if action == Action.DELETE else "objection", PERSON, "k1")
    drain(all_in_shadow(app))
    event_id = app.withdrawals.event_of("k1")
    assert event_id is not None

    told = app.withdrawals.withdraw(event_id, "the wrong person was typed")

    assert {item.happened for item in told.deliveries} == {"never_asked"}
    assert app.verify().ok


def test_what_waits_in_shadow_is_held_once_its_destination_leaves_the_settings(app: App) -> None:
    put(app, "erasure", PERSON, "k1")
    drain(all_in_shadow(app))

    assert app.store.hold_removed(["crm"]) == 1

    assert states(app)["newsletter"] == ("held", None, "destination_removed")


def test_a_row_that_says_shadowed_and_was_never_previewed_is_found_by_a_verification(app: App) -> None:
    put(app, "erasure", PERSON, "k1")
    prepare(app)
    with app.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE syncer_delivery SET code = 'shadowed', next_attempt_at = NULL, claim_rank = NULL"
        )

    found = app.verify()

    assert not found.ok and "nothing would ever take it up" in str(found.reason)


def test_whoever_writes_the_word_into_a_live_lane_stops_nothing(app: App) -> None:
    put(app, "erasure", PERSON, "k1")
    drain(all_in_shadow(app))
    with app.transactions.write() as tx:
        tx.connection.execute(app.tables.lane.update().values(shadow_since=None))

    assert FarWaits(reopened(app, {})).find_lost() == 2


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(name for name, make in FAULTS.items() if make().delay <= 5))
def test_no_fault_of_the_providers_makes_a_lane_in_shadow_write(
    app: App, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox, name: str
) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    activecampaign.add(PERSON)
    for sandbox in (mailchimp, activecampaign):
        sandbox.fault(FAULTS[name]())
    put(app, "erasure", PERSON, "k1")

    drain(all_in_shadow(app), max_seconds=20)

    assert changes(mailchimp, activecampaign) == []
    assert {state for state, _, _ in states(app).values()} == {"pending"}
    assert app.verify().ok
