"""Group D, what the provider means: people found again, several contacts, other people, newer consent."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
import structlog

from adapters.sandbox import Fault, MailchimpSandbox
from syncer.app import load_settings, open_app
from syncer.domain.rights import Ground
from syncer.service.drain import drain
from syncer.setup.install import initialise
from tests.conftest import AUDIENCES, Clock
from tests.faults.net import BOTH, PERSON, Rig
from tests.support.providers import gone
from tests.support.walk import event, put, rows, states

JSON = "application/json"


def test_fault_056_a_deletion_that_reading_does_not_show_is_never_confirmed_and_carried_out_again(rig: Rig) -> None:
    member = json.dumps({"email_address": PERSON, "list_id": AUDIENCES[0], "status": "subscribed"})
    place = {"path": f"/lists/{AUDIENCES[0]}/members/", "method": "GET"}
    rig.breaks("newsletter", status=200, body=member, content_type=JSON, **place)
    rig.breaks("crm", kind="stale")
    rig.ask()

    rig.drain()

    rig.is_retrying("not_yet")
    assert all(rig.audit("delivery:applied", name) for name in BOTH)
    rig.clock.advance(hours=7)
    rig.drain()
    rig.is_retrying("not_yet", attempts=2)
    assert [len(rig.audit("delivery:applied", name)) for name in BOTH] == [2, 2]
    rig.ends_well()


SHOP = """
[destinations.shop]
adapter = "mailchimp"
api_key_env = "TEST_MAILCHIMP_KEY"
base_url = "{url}"
erasure = "delete"
objection = "unsubscribe"
"""


def test_fault_057_a_person_in_two_audiences_and_two_accounts_is_done_only_when_none_is_left(
    settings_file: Callable[..., Path], mailchimp: MailchimpSandbox, clock: Clock
) -> None:
    with MailchimpSandbox(audiences=AUDIENCES[:2]) as second:
        path = settings_file()
        path.write_text(path.read_text(encoding="utf-8") + SHOP.format(url=second.url), encoding="utf-8")
        settings = load_settings(path)
        initialise(settings)
        with open_app(settings, clock=clock) as app:
            for account in (mailchimp, second):
                for audience in AUDIENCES[:2]:
                    account.add(PERSON, audience)
            second.fault(Fault(status=500, body="", path=f"/lists/{AUDIENCES[1]}/.*delete-permanent", times=None))
            put(app, "erasure", PERSON, "k1")

            drain(app)

            assert states(app)["newsletter"] == ("confirmed", "done", None)
            assert states(app)["shop"] == ("retrying", None, "unavailable")
            assert event(app).state == "open"
            assert [second.member(PERSON, audience) is None for audience in AUDIENCES[:2]] == [True, False]
            (told,) = [
                json.loads(row["body"])["facts"]["steps"]
                for row in app.ledger.rows()
                if (row["what"], row["destination"]) == ("delivery:applied", "newsletter")
            ]
            deleted = {step["scope"] for step in told if step.get("state") == "deleted"}
            assert deleted == {f"audience {audience}" for audience in AUDIENCES[:2]}
            second.clear_faults()
            clock.advance(hours=7)
            drain(app)
            assert {row.state for row in rows(app, app.tables.delivery)} == {"confirmed"}
            assert event(app).state == "fulfilled"
            assert second.members() == mailchimp.members() == []
            assert app.ledger.verify().ok


def test_fault_058_all_contacts_of_the_address_in_whatever_letter_case_are_proven_gone(rig: Rig) -> None:
    rig.crm.archive(PERSON)
    for spelling in ("Ada@Lovelace.test", "ADA@LOVELACE.TEST", PERSON):
        rig.crm.add(spelling)
    rig.crm.add("ada2@lovelace.test")
    rig.mailchimp.add("ADA@Lovelace.test", AUDIENCES[1])
    rig.ask()

    rig.drain()

    proofs = [(step["call"], step["status"]) for step in rig.steps("delivery:confirmed", "crm")]
    assert proofs.count(("GET /contacts/{id}", 404)) == 3
    assert rig.crm.archived() == []
    assert [contact["email"] for contact in rig.crm.contacts()] == ["ada2@lovelace.test"]
    assert rig.mailchimp.members() == []
    rig.is_done()


@pytest.mark.parametrize("one_comes", [False, True])
def test_fault_059_pages_that_shift_while_they_are_read_leave_nobody_behind(
    make_rig: Callable[..., Rig], one_comes: bool
) -> None:
    rig = make_rig()
    ids = [rig.crm.add(PERSON, lists={}, automations=()) for _ in range(104)]
    shifted: list[int] = []

    def shift(conn: Any, answer: bytes, _: Any) -> bool:
        """Take a row off the first page once it was read, as another tool may: the next page begins one too late."""
        conn.sendall(answer)
        if b'"contacts"' in answer and not shifted:
            token = {"Api-Token": rig.crm.api_key}
            path = f"{rig.crm.url}/api/3/contacts/{ids[0]}"
            shifted.append(requests.delete(path, headers=token, timeout=5).status_code)
            if one_comes:  # so that the total tells nothing
                rig.crm.add(PERSON, lists={}, automations=())
        return True

    rig.relays["crm"].spoils(shift)
    rig.ask()

    rig.drain()

    assert shifted == [200]
    if one_comes:
        rig.is_retrying("not_yet", "crm")
        rig.heals()
    rig.is_done()
    assert rig.crm.contacts() == rig.crm.archived() == []


def test_fault_059_audiences_that_change_while_they_are_listed_are_listed_again(rig: Rig) -> None:
    with MailchimpSandbox(audiences=[f"{number:010x}" for number in range(501)]) as many:
        relay = rig.relays["newsletter"]
        relay.points_to(many.url)
        taken: list[str] = []

        def shift(conn: Any, answer: bytes, _: Any) -> bool:
            conn.sendall(answer)
            if b'"total_items":501' in answer and not taken:
                taken.append("0000000000")
                many.remove_audience(taken[0])
            return True

        relay.spoils(shift)
        with closing(rig.app.adapter("newsletter")) as adapter:
            results = {finding.name: finding for finding in adapter.check()}

            assert not results["audiences"].ok and "changed while it was read" in results["audiences"].detail
            assert {finding.name: finding for finding in adapter.check()}["audiences"].detail.startswith("500: ")


def contacts(*addresses: str) -> str:
    return json.dumps({"contacts": [{"id": "1", "email": address} for address in addresses], "meta": {"total": "1"}})


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(["grace@hopper.test"], id="somebody_else"),
        pytest.param([PERSON[:-1]], id="a_prefix"),
        pytest.param([PERSON, "adah@lovelace.test"], id="also_a_fuzzy_match"),
    ],
)
def test_fault_060_other_people_in_the_answer_stop_everything(rig: Rig, found: list[str]) -> None:
    before = rig.books()
    rig.breaks("crm", status=200, body=contacts(*found), content_type=JSON, path="/contacts$", method="GET")
    member = {"email_address": found[-1], "list_id": AUDIENCES[0], "status": "subscribed"}
    rig.breaks("newsletter", status=200, body=json.dumps(member), content_type=JSON, path="/members/", method="GET")
    rig.ask()

    rig.drain()

    rig.is_held("filter_ignored")
    assert rig.books() == before
    assert rig.writes("newsletter") == rig.writes("crm") == []
    rig.reopens()
    rig.ends_well()


def test_fault_060_a_filter_that_answers_everybody_stops_everything(rig: Rig) -> None:
    for number in range(5):
        rig.crm.add(f"person{number}@lovelace.test")
    rig.crm.ignore_filter = True
    before = rig.books()
    rig.ask()

    rig.drain()

    rig.is_held("filter_ignored", "crm")
    assert rig.writes("crm") == [] and rig.books()[1] == before[1]
    rig.crm.ignore_filter = False
    rig.reopens()
    rig.ends_well()
    assert len(rig.crm.contacts()) == 5


@pytest.mark.parametrize("right", ["erasure", "objection"])
def test_fault_061_an_opt_in_newer_than_the_request_is_held_and_nothing_is_changed(rig: Rig, right: str) -> None:
    later = (rig.clock() - timedelta(hours=1)).isoformat(timespec="seconds")
    rig.mailchimp.add(PERSON, AUDIENCES[1], timestamp_opt=later)
    rig.crm.add(PERSON, sdate=later)
    before = rig.books()
    rig.ask(right, received_at=rig.clock() - timedelta(hours=2))

    rig.drain()

    rig.is_held("newer_consent")
    assert rig.books() == before
    assert rig.writes("newsletter") == rig.writes("crm") == []
    for name in BOTH:
        rig.app.interventions.exempt(event(rig.app).id, name, Ground.OTHER, "asked, and the person wants the news")
    assert event(rig.app).state == "fulfilled"
    assert rig.books() == before


def come_back(rig: Rig, opt_in: str) -> None:
    """Do what a shop does that still has the person."""
    rig.mailchimp.add(PERSON, AUDIENCES[1], timestamp_opt=opt_in)
    rig.crm.add(PERSON, sdate=opt_in)


def test_fault_062_a_person_who_comes_back_with_an_old_opt_in_is_found_and_erased_again(rig: Rig) -> None:
    rig.ask()
    rig.drain()
    rig.is_done()
    come_back(rig, "2020-01-01T00:00:00+00:00")

    rig.clock.advance(days=1)
    with structlog.testing.capture_logs() as logs:
        rig.drain()

    for name in BOTH:
        assert rig.facts("delivery:reappeared", name)["code"] == "reappeared"
        alarms = [entry for entry in logs if (entry["event"], entry.get("lane")) == ("delivery.reappeared", name)]
        assert [entry["log_level"] for entry in alarms] == ["warning"]
    rig.is_done()


def test_fault_062_a_person_who_comes_back_with_a_newer_opt_in_is_found_and_held(rig: Rig) -> None:
    rig.ask()
    rig.drain()
    rig.clock.advance(days=1)
    come_back(rig, rig.clock().isoformat(timespec="seconds"))

    with structlog.testing.capture_logs() as logs:
        rig.drain()

    assert [len(rig.audit("delivery:reappeared", name)) for name in BOTH] == [1, 1]
    assert {(row.state, row.code) for row in rows(rig.app, rig.app.tables.delivery)} == {("held", "newer_consent")}
    assert event(rig.app).state == "held"
    assert not any(gone(rig.mailchimp, rig.crm, PERSON).values())
    assert len([entry for entry in logs if entry["event"] == "delivery.held" and entry["log_level"] == "warning"]) == 2
    assert rig.app.ledger.verify().ok
