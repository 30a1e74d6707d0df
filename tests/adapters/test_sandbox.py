"""The sandbox is as odd as the providers are: each oddity over real HTTP, with nothing of ours in between."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from adapters.sandbox import FAULTS, ActiveCampaignSandbox, Fault, MailchimpSandbox

AUDIENCE = "a1b2c3d4e5"
PERSON = "ada@lovelace.test"
KEY = hashlib.md5(PERSON.encode(), usedforsecurity=False).hexdigest()


@pytest.fixture
def mc() -> Iterator[MailchimpSandbox]:
    with MailchimpSandbox(audiences=(AUDIENCE,)) as server:
        yield server


@pytest.fixture
def ac() -> Iterator[ActiveCampaignSandbox]:
    with ActiveCampaignSandbox(rate=None) as server:
        yield server


def call(server: Any, method: str, path: str, **more: Any) -> requests.Response:
    """Make one call with the right key, on a connection of its own."""
    more.setdefault("headers", {})["Connection"] = "close"
    if isinstance(server, MailchimpSandbox):
        more.setdefault("auth", ("any", server.api_key))
        url = f"{server.url}/3.0/{path}"
    else:
        more["headers"].setdefault("Api-Token", server.api_key)
        url = f"{server.url}/api/3/{path}"
    with requests.Session() as session:
        session.trust_env = False
        return session.request(method, url, allow_redirects=False, timeout=5, **more)


def member(method: str, mc: MailchimpSandbox, tail: str = "", **more: Any) -> requests.Response:
    return call(mc, method, f"lists/{AUDIENCE}/members/{KEY}{tail}", **more)


def test_an_unknown_audience_and_an_unknown_member_have_one_body(mc: MailchimpSandbox) -> None:
    unknown, absent = call(mc, "GET", "lists/nowhere123"), member("GET", mc)

    assert unknown.status_code == absent.status_code == 404
    assert {**unknown.json(), "instance": ""} == {**absent.json(), "instance": ""}
    assert absent.headers["Content-Type"].startswith("application/problem+json")
    assert absent.json()["instance"] == absent.headers["X-Request-Id"]


def test_delete_archives_and_a_second_time_is_405(mc: MailchimpSandbox) -> None:
    mc.add(PERSON, AUDIENCE)

    first, second = member("DELETE", mc), member("DELETE", mc)

    assert (first.status_code, first.headers["X-Request-Id"] != "") == (204, True)
    assert (second.status_code, second.headers["Allow"]) == (405, "GET, PUT")
    assert member("GET", mc).json()["status"] == "archived"


@pytest.mark.parametrize("status", ["subscribed", "unsubscribed", "cleaned", "pending", "archived", "transactional"])
def test_delete_permanent_forgets_whatever_the_status_and_bars_the_way_back(mc: MailchimpSandbox, status: str) -> None:
    mc.add(PERSON, AUDIENCE, status=status)

    assert member("POST", mc, "/actions/delete-permanent").status_code == 204

    assert member("GET", mc).status_code == 404
    assert member("POST", mc, "/actions/delete-permanent").status_code == 404
    for method, path in (("PUT", f"members/{KEY}"), ("POST", "members")):
        again = call(mc, method, f"lists/{AUDIENCE}/{path}", json={"email_address": PERSON, "status": "subscribed"})
        assert (again.status_code, again.json()["title"]) == (400, "Forgotten Email Not Subscribed")


def test_put_creates_under_the_address_in_the_body_and_patch_never_creates(mc: MailchimpSandbox) -> None:
    other = "grace@hopper.test"

    assert member("PATCH", mc, json={"status": "unsubscribed"}).status_code == 404
    assert member("PUT", mc, json={"email_address": other, "status_if_new": "unsubscribed"}).status_code == 200

    assert mc.member(PERSON, AUDIENCE) is None
    assert mc.member(other, AUDIENCE) is not None


def test_an_api_unsubscribe_can_be_undone_by_api_but_not_one_by_the_person(mc: MailchimpSandbox) -> None:
    mc.add(PERSON, AUDIENCE, status="unsubscribed")
    assert member("PUT", mc, json={"email_address": PERSON, "status": "subscribed"}).status_code == 200
    mc.add(PERSON, AUDIENCE, status="unsubscribed", by_person=True)

    refused = member("PUT", mc, json={"email_address": PERSON, "status": "subscribed"})

    assert refused.json()["title"] == "Member In Compliance State"


def test_adding_an_archived_contact_revives_it_and_moves_its_opt_in(mc: MailchimpSandbox) -> None:
    mc.add(PERSON, AUDIENCE, status="archived")

    call(mc, "POST", f"lists/{AUDIENCE}/members", json={"email_address": PERSON, "status": "subscribed"})

    revived = mc.member(PERSON, AUDIENCE)
    assert revived is not None
    assert revived["status"] == "subscribed"
    assert not revived["timestamp_opt"].startswith("2020")


def test_addresses_at_the_example_domains_are_refused(mc: MailchimpSandbox) -> None:
    answer = call(
        mc, "POST", f"lists/{AUDIENCE}/members", json={"email_address": "a@example.org", "status": "subscribed"}
    )

    assert (answer.status_code, answer.json()["title"]) == (400, "Invalid Resource")


def test_a_wrong_key_is_401_and_the_root_without_its_slash_leads_down_to_http(mc: MailchimpSandbox) -> None:
    assert call(mc, "GET", "ping", auth=("any", "wrong-us1")).json()["title"] == "API Key Invalid"
    with requests.Session() as session:
        root = session.get(f"{mc.url}/3.0", allow_redirects=False, timeout=5, headers={"Connection": "close"})

    assert (root.status_code, root.headers["Location"].startswith("http://")) == (301, True)


def test_the_eleventh_call_at_one_time_is_a_429_without_a_body(mc: MailchimpSandbox) -> None:
    mc.latency = 0.4
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: call(mc, "GET", "ping"), range(12)))

    refused = [answer for answer in answers if answer.status_code == 429]
    assert 1 <= len(refused) <= 2
    assert all(answer.content == b"" for answer in refused)
    assert mc.throttled == len(refused)


def test_lists_are_paged_and_fields_are_honoured() -> None:
    with MailchimpSandbox(audiences=tuple(f"audience{number:02}" for number in range(15))) as mc:
        page = call(mc, "GET", "lists", params={"fields": "lists.id,total_items"}).json()
        rest = call(mc, "GET", "lists", params={"fields": "lists.id", "count": 10, "offset": 10}).json()

    assert page["total_items"] == 15
    assert page["lists"][0] == {"id": "audience00"}
    assert (len(page["lists"]), len(rest["lists"])) == (10, 5)


def test_a_deleted_contact_is_only_archived_until_it_is_purged(ac: ActiveCampaignSandbox) -> None:
    contact = ac.add(PERSON)

    assert call(ac, "DELETE", f"contacts/{contact}").json() == {}

    assert call(ac, "GET", f"contacts/{contact}").json()["message"].startswith("No Result found for Subscriber")
    assert call(ac, "DELETE", f"contacts/{contact}").json()["message"].startswith("No result found for contact")
    archive = call(ac, "GET", "contactArchives", params={"search": PERSON}).json()
    assert [row["id"] for row in archive["contactArchives"]] == [contact]
    assert call(ac, "DELETE", f"contactArchives/{contact}").status_code == 200
    assert call(ac, "DELETE", f"contactArchives/{contact}").status_code == 200
    assert ac.archived() == []


def test_without_the_admin_right_the_archive_is_an_empty_404(ac: ActiveCampaignSandbox) -> None:
    ac.admin = False

    answer = call(ac, "GET", "contactArchives", params={"search": PERSON})

    assert (answer.status_code, answer.content) == (404, b"")
    assert call(ac, "GET", "settings/account").status_code == 403


def test_a_filter_that_is_not_applied_answers_everybody(ac: ActiveCampaignSandbox) -> None:
    ac.add(PERSON)
    ac.add("grace@hopper.test")
    assert len(call(ac, "GET", "contacts", params={"email": PERSON}).json()["contacts"]) == 1
    ac.ignore_filter = True

    assert len(call(ac, "GET", "contacts", params={"email": PERSON}).json()["contacts"]) == 2


def test_a_missing_automation_row_is_a_403_that_means_absent(ac: ActiveCampaignSandbox) -> None:
    gone = call(ac, "DELETE", "contactAutomations/77")

    assert gone.status_code == 403
    assert gone.json()["message"].startswith("No Result found for SubscriberSeries")


def test_posting_a_list_row_creates_it_and_may_start_an_automation(ac: ActiveCampaignSandbox) -> None:
    contact = ac.add(PERSON, lists={}, automations=())
    ac.goodbye_automation = "99"

    row = {"contactList": {"list": 5, "contact": int(contact), "status": 2}}
    assert call(ac, "POST", "contactLists", json=row).json()["contactList"]["status"] == 2

    held = ac.contact(PERSON)
    assert held is not None
    assert (held["lists"], held["automations"]) == ({"5": "2"}, {"99": "1"})


def test_exclusions_can_be_widened_but_not_created(ac: ActiveCampaignSandbox) -> None:
    entry = ac.add_exclusion(PERSON, channel="several", lists=("1",))

    assert call(ac, "POST", "lists/exclusions", json={}).status_code == 405
    assert call(ac, "GET", "lists/exclusions", params={"filters[odd]": "x"}).status_code == 422
    assert call(ac, "PUT", f"lists/exclusions/{entry}", json={"channel": "all"}).status_code == 200
    assert ac.exclusions()[0]["channel"] == "all"


def test_a_used_up_allowance_refuses_the_deletion(ac: ActiveCampaignSandbox) -> None:
    contact = ac.add(PERSON)
    ac.allowance = 0

    assert 400 <= call(ac, "DELETE", f"contacts/{contact}").status_code < 500
    assert ac.contact(PERSON) is not None


def test_the_sixth_call_in_a_second_is_a_429_that_says_how_long_to_wait() -> None:
    with ActiveCampaignSandbox(rate=5.0) as ac:
        answers = [call(ac, "GET", "users/me") for _ in range(6)]

    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert answers[-1].headers["Retry-After"] == "1"
    assert answers[-1].headers["RateLimit-Remaining"] == "0"


@pytest.mark.parametrize("name", ["reset_before", "close", "cut", "reset_after", "close_after", "cut_after"])
def test_a_broken_connection_is_really_broken_and_after_means_obeyed(mc: MailchimpSandbox, name: str) -> None:
    mc.add(PERSON, AUDIENCE)
    mc.fault(FAULTS[name]())

    with pytest.raises(requests.RequestException):
        member("PATCH", mc, json={"status": "unsubscribed"})

    held = mc.member(PERSON, AUDIENCE)
    assert held is not None
    assert held["status"] == ("unsubscribed" if name.endswith("after") else "subscribed")


def test_a_drip_drips_and_a_stale_read_is_stale(mc: MailchimpSandbox) -> None:
    mc.add(PERSON, AUDIENCE)
    mc.fault(Fault(kind="drip", delay=0.01, path="ping"))
    began = time.monotonic()
    assert call(mc, "GET", "ping").json()["health_status"]
    assert time.monotonic() - began > 0.2
    member("POST", mc, "/actions/delete-permanent")
    mc.fault(FAULTS["stale_read"]())

    assert member("GET", mc).status_code == 200
    assert member("GET", mc).status_code == 404


@pytest.mark.parametrize("name", sorted(set(FAULTS) - {"reset_before", "close", "endless"}))
def test_a_fault_strikes_as_often_as_it_says_and_only_where_it_says(mc: MailchimpSandbox, name: str) -> None:
    fault = FAULTS[name]()
    fault.path, fault.times = "lists", 0
    mc.fault(fault)

    assert call(mc, "GET", "lists").status_code == 200
    assert call(mc, "GET", "ping").status_code == 200


def test_it_runs_on_its_own_and_ends_on_a_signal() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "adapters.sandbox", "--people", "5"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        served = json.loads(process.stdout.readline())
        with requests.Session() as session:
            answer = session.get(
                served["mailchimp"]["url"] + "/3.0/ping", auth=("any", served["mailchimp"]["api_key"]), timeout=5
            )
        process.send_signal(signal.SIGTERM)

        assert answer.status_code == 200
        assert process.wait(timeout=10) == 0
