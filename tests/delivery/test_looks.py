"""Looks for people who are back that meet the odd: changes without a date, one person's odd answer, lanes at rest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from adapters.sandbox import ActiveCampaignSandbox, Fault, MailchimpSandbox
from syncer.app import App
from syncer.database.connections import reading
from syncer.delivery.looks.so_far import MOST_UNREAD
from syncer.delivery.looks.watch import SMALL, WHOLE_EVERY
from syncer.service.drain import drain
from tests.conftest import AUDIENCES, Clock
from tests.support.looks import look, look_at
from tests.support.processes import inside as run
from tests.support.processes import inside_json as as_json
from tests.support.processes import started, until
from tests.support.walk import OTHER, PERSON, event, put, states

LATER = timedelta(days=40)


@pytest.fixture
def app(make_app: Callable[..., App]) -> App:
    return make_app(recheck_days="[]")


# -- changes that leave no date -----------------------------------------------------------------------------


def test_a_subscription_that_leaves_no_date_is_found_where_everybody_is_listed(
    app: App, clock: Clock, activecampaign: ActiveCampaignSandbox
) -> None:
    activecampaign.add(PERSON)
    activecampaign.add(OTHER)
    put(app, "objection", PERSON, "k1")
    drain(app)
    assert look(app)["crm"].incidents == ()
    clock.now += LATER
    activecampaign.subscribe(PERSON, "1", sdate="2020-01-01T00:00:00+00:00")

    found = look(app)["crm"]

    assert found.whole and found.seen == 2
    assert [event_id for event_id, _ in found.incidents] == [event(app).id]
    drain(app)
    contact = activecampaign.contact(PERSON)
    assert contact is not None and set(contact["lists"].values()) == {"2"}


def test_who_is_reached_in_one_audience_and_left_in_another_is_found_in_either_order(
    app: App, clock: Clock, mailchimp: MailchimpSandbox
) -> None:
    for person, key in ((PERSON, "k1"), (OTHER, "k2")):
        for audience in AUDIENCES[:2]:
            mailchimp.add(person, audience)
        put(app, "objection", person, key)
    drain(app)
    assert look(app)["newsletter"].incidents == ()
    mailchimp.add(PERSON, AUDIENCES[0])
    mailchimp.add(OTHER, AUDIENCES[1])

    assert len(look_at(app, "newsletter", whole=True).incidents) == 2


def test_a_large_account_is_listed_whole_once_a_week_and_on_request(
    app: App, clock: Clock, activecampaign: ActiveCampaignSandbox
) -> None:
    activecampaign.add(PERSON)
    put(app, "objection", PERSON, "k1")
    drain(app)
    assert look(app)["crm"].whole, "the first look lists everybody"
    with app.transactions.write() as tx:
        tx.connection.execute(app.tables.watch.update().values(listed=SMALL + 1))

    clock.now += timedelta(days=6)
    assert not look(app)["crm"].whole
    assert as_json(app.settings.path, "watch", "--whole")[1]["whole"]
    with app.transactions.write() as tx:
        tx.connection.execute(app.tables.watch.update().values(listed=SMALL + 1))
    clock.now += WHOLE_EVERY
    assert look(app)["crm"].whole
    assert not look(app)["newsletter"].whole, "Mailchimp dates every change"


def test_objectors_who_are_as_they_should_be_cost_no_call_of_their_own_in_a_listing_of_everybody(
    app: App, activecampaign: ActiveCampaignSandbox
) -> None:
    for number in range(20):
        activecampaign.add(f"person{number}@many.test")
        put(app, "objection", f"person{number}@many.test", f"k{number}")
    drain(app)
    activecampaign.clear_requests()

    assert look(app)["crm"].seen == 20

    assert activecampaign.request_count <= 3


# -- one person's odd answer --------------------------------------------------------------------------------


@pytest.mark.slow
def test_one_person_who_cannot_be_read_back_does_not_hide_the_others(
    app: App, clock: Clock, mailchimp: MailchimpSandbox
) -> None:
    put(app, "erasure", PERSON, "k1")
    put(app, "erasure", OTHER, "k2")
    drain(app)
    look(app)
    clock.now += LATER
    for person in (PERSON, OTHER):
        mailchimp.add(person, AUDIENCES[1], last_changed=clock.now.isoformat())
    odd = hashlib.md5(PERSON.encode(), usedforsecurity=False).hexdigest()
    mailchimp.fault(Fault(status=200, body="{}", content_type="application/json", path=odd, times=None))

    first = look(app)["newsletter"]

    assert len(first.incidents) == 1, "the other one is found all the same"
    assert (first.complete, first.code) == (False, "unreadable")
    mailchimp.clear_faults()
    second = look(app)["newsletter"]
    assert second.since == first.since and second.complete
    assert len(second.incidents) == 1, "and the odd one at the next look"


def test_a_destination_in_trouble_is_not_asked_about_everybody(
    app: App, clock: Clock, mailchimp: MailchimpSandbox
) -> None:
    people = [f"person{number}@many.test" for number in range(MOST_UNREAD + 10)]
    for number, person in enumerate(people):
        put(app, "erasure", person, f"k{number}")
    drain(app)
    clock.now += LATER
    for person in people:
        mailchimp.add(person, AUDIENCES[1], last_changed=clock.now.isoformat())
    mailchimp.fault(Fault(status=500, body="", path="/members/", times=None))
    mailchimp.clear_requests()

    assert look(app)["newsletter"].code == "unavailable"

    tried = [one for one in mailchimp.requests if "/members/" in one.path]
    assert len(tried) <= MOST_UNREAD * len(AUDIENCES)


@pytest.mark.slow
def test_an_objector_whose_entry_a_new_audience_lacks_gets_it_there(
    make_app: Callable[..., App], clock: Clock, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox
) -> None:
    app = make_app(recheck_days="[]", objection="suppress")
    mailchimp.add(PERSON, AUDIENCES[0])
    activecampaign.add_exclusion(PERSON)
    put(app, "objection", PERSON, "k1")
    put(app, "erasure", OTHER, "k2")
    drain(app)
    look(app)
    clock.now += LATER
    mailchimp._lists["c3d4e5f6a7"] = {}  # the owner makes another audience
    mailchimp.add(PERSON, AUDIENCES[0], status="unsubscribed", last_changed=clock.now.isoformat())
    mailchimp.add(OTHER, "c3d4e5f6a7", last_changed=clock.now.isoformat())

    found = look(app)["newsletter"]

    assert found.complete and len(found.incidents) == 2
    drain(app)
    member = mailchimp.member(PERSON, "c3d4e5f6a7")
    assert member is not None and member["status"] == "unsubscribed"
    assert mailchimp.member(OTHER, "c3d4e5f6a7") is None


def test_what_a_person_must_look_at_is_held_and_the_look_goes_on(
    app: App, clock: Clock, mailchimp: MailchimpSandbox
) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    put(app, "objection", PERSON, "k1")
    drain(app)
    clock.now += LATER
    mailchimp.add(PERSON, AUDIENCES[0], status="unsubscribed", last_changed=clock.now.isoformat())
    body = json.dumps({"email_address": PERSON, "list_id": AUDIENCES[0], "status": "dormant"})
    mailchimp.fault(
        Fault(status=200, body=body, content_type="application/json", path=f"{AUDIENCES[0]}/members/", times=None)
    )

    found = look(app)["newsletter"]

    assert found.complete and len(found.incidents) == 1
    assert states(app)["newsletter"][::2] == ("held", "unknown_state")
    assert app.ledger.verify().ok


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (403, {"title": "Forbidden", "status": 403}, "forbidden"),
        (
            200,
            {"email_address": "somebody@else.test", "list_id": AUDIENCES[0], "status": "subscribed"},
            "filter_ignored",
        ),
    ],
    ids=["no right", "somebody else"],
)
def test_an_account_that_shows_nobody_any_more_does_not_hold_what_was_confirmed(
    app: App, clock: Clock, mailchimp: MailchimpSandbox, status: int, body: dict[str, Any], code: str
) -> None:
    people = [f"person{number}@many.test" for number in range(MOST_UNREAD + 10)]
    for number, person in enumerate(people):
        mailchimp.add(person, AUDIENCES[0])
        put(app, "objection", person, f"k{number}")
    drain(app)
    clock.now += LATER
    for person in people:
        mailchimp.add(person, AUDIENCES[0], status="unsubscribed", last_changed=clock.now.isoformat())
    path, kind = f"/{AUDIENCES[0]}/members/", "application/problem+json" if status == 403 else "application/json"
    mailchimp.fault(Fault(status=status, body=json.dumps(body), content_type=kind, path=path, times=None))

    found = look(app)["newsletter"]

    assert (found.code, found.incidents) == (code, ())
    with reading(app.engine) as connection:
        held = connection.execute(sa.select(sa.func.count()).where(app.tables.delivery.c.state == "held")).scalar()
    assert held == 0


@pytest.mark.slow
def test_people_who_cannot_be_read_back_in_between_do_not_end_the_look(
    app: App, clock: Clock, mailchimp: MailchimpSandbox
) -> None:
    people = [f"person{number}@many.test" for number in range(2 * MOST_UNREAD + 10)]
    for number, person in enumerate(people):
        put(app, "erasure", person, f"k{number}")
    drain(app)
    clock.now += LATER
    for person in people:
        mailchimp.add(person, AUDIENCES[1], last_changed=clock.now.isoformat())
    for person in people[::2]:
        odd = hashlib.md5(person.encode(), usedforsecurity=False).hexdigest()
        mailchimp.fault(Fault(status=200, body="{}", content_type="application/json", path=odd, times=None))

    assert len(look(app)["newsletter"].incidents) == len(people) // 2


# -- who may call -------------------------------------------------------------------------------------------


def test_a_lane_that_an_operator_paused_is_not_called(
    make_app: Callable[..., App], clock: Clock, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox
) -> None:
    app = make_app(recheck_days="[1]")
    put(app, "erasure", PERSON, "k1")
    drain(app)
    run(app.settings.path, "pause", "crm", "--reason", "moving to another account")
    activecampaign.clear_requests()

    watched = {row["destination"]: row for row in as_json(app.settings.path, "watch")}
    compared = {row["destination"]: row["today"] for row in as_json(app.settings.path, "reconcile")}

    assert activecampaign.requests == []
    assert watched["crm"]["code"] == "lane_is_at_rest" and watched["newsletter"]["complete"]
    assert compared == {"crm": "unknown", "newsletter": "as_recorded"}
    assert "crm: not called" in run(app.settings.path, "watch").stdout


def test_what_is_confirmed_here_is_watched_and_compared_while_the_event_is_open_elsewhere(
    make_app: Callable[..., App], clock: Clock, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox
) -> None:
    app = make_app(recheck_days="[1]")
    activecampaign.add(PERSON)
    activecampaign.fault(Fault(status=500, body="", method="DELETE", times=None))
    put(app, "erasure", PERSON, "k1")
    drain(app)
    assert event(app).state == "open"
    mailchimp.add(PERSON, AUDIENCES[0], last_changed=clock.now.isoformat())

    rows = as_json(app.settings.path, "reconcile")

    assert [(row["destination"], row["today"]) for row in rows] == [("newsletter", "drifted")]
    assert len(look(app)["newsletter"].incidents) == 1
    assert states(app)["newsletter"][0] == "retrying"


@pytest.mark.slow
def test_a_fresh_daemon_looks_soon(app: App, tmp_path: Path, mailchimp: MailchimpSandbox, clock: Clock) -> None:
    put(app, "erasure", PERSON, "k1")
    drain(app)
    mailchimp.add(PERSON, AUDIENCES[0], last_changed=clock.now.isoformat())

    with started(app.settings.path, "run", log=tmp_path / "log") as daemon:
        until(lambda: mailchimp.member(PERSON, AUDIENCES[0]) is None, 30)
        daemon.terminate()
        daemon.wait(timeout=30)
