"""Group D, what the provider means: both rights of one person, suppression, unknown values, rights of the key."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.sandbox import ActiveCampaignSandbox
from syncer.app import load_settings
from syncer.setup.check import run as check
from syncer.setup.install import initialise
from tests.conftest import AUDIENCES
from tests.faults.net import BOTH, PERSON, Rig
from tests.support.providers import gone, silent
from tests.support.walk import event, rows

JSON = "application/json"


@pytest.mark.parametrize("order", [("erasure", "objection"), ("objection", "erasure")])
def test_fault_063_erasure_and_objection_of_one_person_go_one_after_the_other_objection_first(
    rig: Rig, order: tuple[str, str]
) -> None:
    for box in rig.boxes.values():
        box.latency = 0.01
    for right in order:
        rig.ask(right, key=right)

    rig.drain()

    rights = {row.id: row.right for row in rows(rig.app, rig.app.tables.event)}
    for name in BOTH:  # each ended before the next began
        told = [row for row in rig.log() if row["destination"] == name and row["event"]]
        assert [(row["what"].partition(":")[2], rights[row["event"]]) for row in told] == [
            (what, right) for right in ("objection", "erasure") for what in ("attempted", "applied", "confirmed")
        ]
    assert [request.split()[0] for request in rig.writes("newsletter")] == ["PATCH", "POST"]
    first, last = rig.writes("crm")[0], rig.writes("crm")[-1]
    assert first == "POST /api/3/contactLists" and last.startswith("DELETE /api/3/contactArchives/")
    rig.is_done()


def test_fault_064_an_objection_of_a_person_who_is_not_there_is_absent_and_creates_nobody(rig: Rig) -> None:
    before = rig.books()
    rig.ask("objection", person="nobody@nowhere.test")

    rig.drain()

    assert {(row.state, row.outcome) for row in rows(rig.app, rig.app.tables.delivery)} == {("confirmed", "absent")}
    assert rig.books() == before
    assert rig.writes("newsletter") == rig.writes("crm") == []


def test_fault_064_a_suppression_of_a_person_who_is_not_there_is_left_behind_and_read_back(
    make_rig: Callable[..., Rig],
) -> None:
    rig = make_rig(objection="suppress")
    rig.ask("objection", person="nobody@nowhere.test")

    rig.drain()

    rig.is_held("exclusion_needed", "crm")
    assert rig.delivery("newsletter").state == "confirmed"
    tombstones = [rig.mailchimp.member("nobody@nowhere.test", audience) for audience in AUDIENCES]
    assert [member and member["status"] for member in tombstones] == ["unsubscribed"] * 3
    told = [(step["call"].split()[0], step["state"]) for step in rig.steps("delivery:confirmed", "newsletter")]
    assert told == [("GET", "unsubscribed")] * 3
    rig.crm.add_exclusion("nobody@nowhere.test")
    rig.reopens()
    rig.drain()
    assert {(row.state, row.outcome) for row in rows(rig.app, rig.app.tables.delivery)} == {("confirmed", "done")}
    assert rig.steps("delivery:confirmed", "crm")[-1]["state"] == "excluded"
    assert event(rig.app).state == "fulfilled"


def test_fault_065_an_address_erased_for_good_counts_as_suppressed(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(objection="suppress")
    for audience in AUDIENCES:
        rig.mailchimp.add(PERSON, audience)
    rig.crm.add_exclusion(PERSON)
    rig.ask(key="erasure")
    rig.drain()
    rig.ask("objection", key="objection")

    rig.drain()

    assert all(rig.mailchimp.forgotten(PERSON, audience) for audience in AUDIENCES)
    assert [request.status for request in rig.mailchimp.requests if request.method == "PUT"] == [400] * 3
    rig.is_done()


def test_fault_066_a_new_status_value_is_held_and_not_guessed(rig: Rig) -> None:
    rig.mailchimp.add(PERSON, AUDIENCES[1], status="paused")
    rig.crm.add(PERSON, lists={"1": 7})
    rig.ask("objection")

    rig.drain()

    rig.is_held("unknown_state")
    held = [rig.mailchimp.member(PERSON, audience) for audience in AUDIENCES[:2]]
    # everywhere else mail has stopped meanwhile
    assert [member and member["status"] for member in held] == ["unsubscribed", "paused"]
    assert [one["lists"] for one in rig.crm.contacts()] == [{"1": "2", "2": "2"}, {"1": "7"}]
    rig.mailchimp.add(PERSON, AUDIENCES[1], status="unsubscribed")
    rig.crm.archive(PERSON)
    rig.crm.archive(PERSON)
    rig.reopens()
    rig.heals()
    assert {row.state for row in rows(rig.app, rig.app.tables.delivery)} == {"confirmed"}
    assert all(silent(rig.mailchimp, rig.crm, PERSON).values())


def test_fault_066_a_version_of_the_api_that_is_gone_is_held(rig: Rig) -> None:
    rig.breaks(status=410, body='{"message": "this version is retired"}', content_type=JSON)
    rig.ask()

    rig.drain()

    rig.is_held("unknown_state")
    rig.reopens()
    rig.ends_well()


@pytest.mark.parametrize("person", [PERSON, "nobody@nowhere.test"])
def test_fault_067_a_key_without_the_archive_is_named_by_the_check_and_held_never_absent(rig: Rig, person: str) -> None:
    rig.crm.admin = False
    results = {finding.name: finding for finding in check(rig.app.settings)}
    assert not results["crm: admin"].ok and "Admin group" in results["crm: admin"].remedy
    assert "crm: archive" not in results  # the first cause is told, not what follows from it
    rig.ask(person=person)

    rig.drain()

    rig.is_held("archived_not_purged", "crm")
    rig.crm.admin = True
    rig.reopens()
    rig.heals()
    assert {row.state for row in rows(rig.app, rig.app.tables.delivery)} == {"confirmed"}
    assert all(gone(rig.mailchimp, rig.crm, person).values())


def test_fault_067_a_key_that_may_see_no_lists_is_named_by_the_check_and_held_never_done(rig: Rig) -> None:
    hidden = {"contactLists": [], "contacts": [{"id": "1", "email": PERSON}]}
    rig.breaks(
        "crm", status=403, body='{"errors": [{"title": "Forbidden"}]}', content_type="text/plain", path="/lists$"
    )
    rig.breaks(
        "crm",
        status=200,
        body=json.dumps(hidden),
        content_type=JSON,
        path="/contacts$|/contactLists$",
        method="GET",
    )
    results = {finding.name: finding for finding in check(rig.app.settings)}
    assert not results["crm: lists"].ok and "see all lists" in results["crm: lists"].remedy
    rig.ask("objection")

    rig.drain()

    rig.is_held("forbidden", "crm")
    rig.reopens()
    rig.ends_well("objection")


def test_fault_068_the_check_shows_account_and_audiences_for_a_human_eye(
    settings_file: Callable[..., Path], activecampaign: ActiveCampaignSandbox
) -> None:
    activecampaign.add(PERSON)
    settings = load_settings(settings_file())
    initialise(settings)

    details = {finding.name: finding.detail for finding in check(settings)}

    assert details["newsletter: key"] == "account Sandbox"
    assert all(f"Audience {audience} ({audience})" in details["newsletter: audiences"] for audience in AUDIENCES)
    assert "127.0.0.1" in details["crm: key"]  # the account is part of the host's name
    assert "List 1 (1), List 2 (2)" in details["crm: lists"]
    assert PERSON not in str(details)
