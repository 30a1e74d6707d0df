"""Group C, what the status means: 3xx, 2xx that are no success, and 4xx but throttling."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from adapters.sandbox.faults import EDGE_PAGE, LOGIN_PAGE
from syncer.check import run as check
from tests.adapters.conftest import Certificates, RawServer, saying
from tests.adapters.test_transport import GOOD
from tests.conftest import AUDIENCES
from tests.faults.net import BOTH, ERASING, PERSON, Rig
from tests.test_faults_sweep import gone
from tests.test_walk import rows

HTML = "text/html; charset=utf-8"
JSON = "application/json"
Serve = Callable[..., RawServer]


def erasures(rig: Rig, name: str) -> int:
    """Count the calls that erase, obeyed or not."""
    path = "/actions/delete-permanent" if name == "newsletter" else "/contacts/"
    return len(rig.writes(name, path))


def findings(rig: Rig) -> dict[str, Any]:
    return {found.name: found for found in check(rig.app.settings)}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("elsewhere", [False, True])
def test_fault_033_a_redirect_of_a_deletion_is_never_followed(
    rig: Rig, serve: Serve, status: int, elsewhere: bool
) -> None:
    other = serve(saying(GOOD))
    for name in BOTH:
        location = f"{other.url if elsewhere else rig.relays[name].url}/elsewhere"
        rig.breaks_erasing(name, kind="redirect", status=status, headers={"Location": location})
    rig.ask()

    rig.drain()

    rig.is_paused("redirected")
    assert other.connections == 0  # so no key went there
    for name in BOTH:
        assert erasures(rig, name) == len(rig.writes(name)) == 1
        assert not any(one.path.endswith("/elsewhere") for one in rig.boxes[name].requests)
    rig.ends_well()


def test_fault_034_a_redirect_down_to_http_is_never_followed(
    rig: Rig, serve: Serve, certificates: Certificates
) -> None:
    other = serve(saying(GOOD))
    rig.secures(certificates)
    rig.breaks(kind="redirect", status=301, headers={"Location": f"{other.url}/3.0/"})
    rig.ask()

    rig.drain()

    rig.stays_paused("redirected")
    assert other.connections == 0
    rig.ends_well()


@pytest.mark.parametrize(
    ("page", "content_type"),
    [
        pytest.param(LOGIN_PAGE, HTML, id="login"),
        pytest.param(EDGE_PAGE, HTML, id="firewall"),
        pytest.param("\n <!DOCTYPE html><title>Welcome to our WLAN</title>", None, id="captive_portal_untyped"),
    ],
)
def test_fault_035_a_web_page_is_never_success(rig: Rig, page: str, content_type: str | None) -> None:
    rig.breaks(status=200, body=page, content_type=content_type)
    rig.ask()

    rig.drain()

    rig.stays_paused("login_page")
    rig.ends_well()


def test_fault_035_a_web_page_in_answer_to_a_deletion_is_never_success(rig: Rig) -> None:
    rig.breaks_erasing(status=200, body=LOGIN_PAGE, content_type=HTML)
    rig.ask()

    rig.drain()

    rig.is_paused("login_page")
    rig.ends_well()


@pytest.mark.parametrize("body", ['{"error": "failed"}', '{"errors": [{"title": "No"}]}', '{"errors": "No"}'])
@pytest.mark.parametrize("only_erasing", [False, True])
def test_fault_036_an_error_object_with_status_200_is_not_success(rig: Rig, body: str, only_erasing: bool) -> None:
    (rig.breaks_erasing if only_erasing else rig.breaks)(status=200, body=body, content_type=JSON)
    rig.ask()

    rig.drain()

    rig.is_retrying("unreadable")
    rig.ends_well()


def test_fault_037_nothing_where_a_body_is_due_is_not_success(rig: Rig) -> None:
    rig.breaks(kind="empty_200")
    rig.ask()

    rig.drain()

    rig.is_retrying("unreadable")
    rig.ends_well()


def test_fault_038_what_is_only_accepted_is_not_done(rig: Rig) -> None:
    rig.breaks_erasing(status=202, body="{}", content_type=JSON)
    rig.ask()

    rig.drain()

    rig.is_retrying("not_yet")
    rig.ends_well()


def test_fault_038_what_was_accepted_and_is_read_back_is_done(rig: Rig) -> None:
    rig.breaks_erasing(status=202, body="{}", content_type=JSON, after_effect=True)
    rig.ask()

    rig.drain()

    assert [erasures(rig, name) for name in BOTH] == [1, 1]
    assert not rig.audit("delivery:retrying")
    rig.is_done()


def test_fault_038_a_read_that_is_only_accepted_says_nothing_of_the_person(rig: Rig) -> None:
    rig.ask()
    rig.drain()
    rig.is_done()
    rig.breaks(status=202, body="{}", content_type=JSON)

    rig.clock.advance(days=1)
    rig.drain()

    assert not rig.audit("delivery:reappeared")
    assert {rig.delivery(name).code for name in BOTH} == {"unreadable"}
    rig.ends_well()


def test_fault_039_mixed_results_are_judged_each_by_itself(rig: Rig) -> None:
    rig.mailchimp.add(PERSON, AUDIENCES[1])
    second = f"/lists/{AUDIENCES[1]}/.*delete-permanent$"
    rig.breaks("newsletter", status=207, body='{"results": [200, 500]}', content_type=JSON, path=second)
    rig.breaks_erasing("crm", status=207, body='{"results": [200, 500]}', content_type=JSON)
    rig.ask()

    rig.drain()

    rig.is_retrying("unreadable")
    assert rig.mailchimp.member(PERSON, AUDIENCES[0]) is None
    assert rig.mailchimp.member(PERSON, AUDIENCES[1]) is not None
    told = {(step["scope"], step["status"]) for step in rig.steps("delivery:retrying", "newsletter")}
    assert {(f"audience {AUDIENCES[0]}", 204), (f"audience {AUDIENCES[1]}", 207)} <= told
    rig.ends_well()


def test_fault_040_a_revoked_key_pauses_without_a_storm(rig: Rig) -> None:
    people = [f"person{number}@lovelace.test" for number in range(60)]
    for number, person in enumerate(people):
        rig.ask(person=person, key=f"k{number}")
    kept = {name: box.api_key for name, box in rig.boxes.items()}
    for box in rig.boxes.values():
        box.api_key = "another-us1"

    rig.drain()

    for name, box in rig.boxes.items():
        lane = rig.lane(name)
        assert (lane.paused, lane.paused_by, lane.reason.split(":")[0]) == (True, "syncer", "unauthorized")
        assert len(rig.audit("lane:paused", name)) == 1
        assert box.request_count <= 24  # no more than was under way: 12 at most, each asking twice at most
    assert {(row.state, row.attempts) for row in rows(rig.app, rig.app.tables.delivery)} == {("pending", 0)}
    assert {row.state for row in rows(rig.app, rig.app.tables.event)} == {"open"}
    for name, box in rig.boxes.items():
        box.api_key = kept[name]
    rig.heals()
    assert {row.state for row in rows(rig.app, rig.app.tables.event)} == {"fulfilled"}
    assert rig.app.ledger.verify(rig.app.engine).ok


AKAMAI = '{"type": "akamai_error_message", "title": "Forbidden", "status": 403, "ref_no": "18.2f"}'


@pytest.mark.parametrize(
    ("body", "content_type", "names"),
    [
        pytest.param(EDGE_PAGE, HTML, BOTH, id="page"),
        pytest.param(AKAMAI, JSON, ("newsletter",), id="akamai"),
        pytest.param("", None, ("newsletter",), id="nothing"),
    ],
)
def test_fault_041_a_403_of_the_edge_is_throttling_and_no_bad_key(
    rig: Rig, body: str, content_type: str | None, names: tuple[str, ...]
) -> None:
    rig.breaks(*names, status=403, body=body, content_type=content_type)
    rig.ask()

    rig.drain()

    rig.is_cooling("rate_limited", *names, least=1, most=2)
    rig.ends_well()


def test_fault_042_an_unknown_contact_is_absent_once_the_parent_is_proven(rig: Rig) -> None:
    rig.ask(person="nobody@nowhere.test")

    rig.drain()

    assert {(row.state, row.outcome) for row in rows(rig.app, rig.app.tables.delivery)} == {("confirmed", "absent")}
    calls = [step["call"] for step in rig.steps("delivery:confirmed", "newsletter")]
    assert calls.index("GET /lists") < calls.index("GET /lists/{list}/members/{id}")
    told = {(step["scope"], step["status"]) for step in rig.steps("delivery:confirmed", "crm")}
    assert {("contact", 200), ("archive", 200)} <= told  # an empty listing of a proven account, no 404


def test_fault_042_a_404_without_a_proven_parent_is_no_absence(rig: Rig) -> None:
    absent = {"type": "about:blank", "title": "Resource Not Found", "status": 404, "detail": "-", "instance": "-"}
    rig.breaks("newsletter", status=404, body=json.dumps(absent), content_type="application/problem+json")
    rig.breaks("crm", status=404, body='{"message": "No Result found for Subscriber with id 1"}', content_type=JSON)
    rig.ask()

    rig.drain()

    rig.is_paused("wrong_address", "newsletter")
    rig.is_retrying("conflict", "crm")
    rig.ends_well()


def test_fault_043_another_host_pauses_and_the_check_finds_it_before(rig: Rig) -> None:
    rig.breaks(status=404, body="<html>not here</html>", content_type=HTML)
    found = findings(rig)
    assert not any(found[name].ok for name in ("newsletter: audiences", "crm: key"))
    assert "wrong_address" in found["newsletter: audiences"].detail and "base_url" in found["crm: key"].remedy
    rig.ask()

    rig.drain()

    rig.stays_paused("wrong_address")
    rig.ends_well()


def test_fault_043_a_page_in_between_that_is_not_found_once_pauses_nothing(rig: Rig) -> None:
    rig.breaks("newsletter", status=404, body="<html>not here</html>", content_type=HTML, times=1)
    rig.ask()

    rig.drain()

    rig.is_done()


def test_fault_043_an_unknown_audience_pauses_until_it_is_known(rig: Rig) -> None:
    rig.app.audiences = ("0123456789",)
    adapter = rig.app.adapter("newsletter")
    found = {one.name: one for one in adapter.check()}
    adapter.close()
    assert found["key"].ok and not found["audiences"].ok and "audiences" in found["audiences"].remedy
    rig.ask()

    rig.drain()

    rig.stays_paused("wrong_address", "newsletter")
    rig.app.audiences = None
    rig.ends_well()


@pytest.mark.parametrize("obeyed", [False, True])
def test_fault_044_after_a_405_on_the_erasure_the_state_is_read_again(rig: Rig, obeyed: bool) -> None:
    rig.breaks_erasing("newsletter", status=405, body="", after_effect=obeyed)
    rig.ask()

    rig.drain()

    if obeyed:
        assert erasures(rig, "newsletter") == 1
        rig.is_done()
    else:
        rig.is_retrying("rejected", "newsletter")
        rig.ends_well()


@pytest.mark.parametrize("status", [409, 412])
def test_fault_045_a_conflict_is_retried(rig: Rig, status: int) -> None:
    rig.breaks_erasing(status=status, body="{}", content_type=JSON)
    rig.ask()

    rig.drain()

    rig.is_retrying("conflict")
    rig.ends_well()


@pytest.mark.parametrize("obeyed", [False, True])
def test_fault_046_after_a_410_on_the_erasure_the_person_is_read(rig: Rig, obeyed: bool) -> None:
    rig.breaks_erasing(status=410, body="", after_effect=obeyed)
    rig.ask()

    rig.drain()

    if obeyed:
        assert [erasures(rig, name) for name in BOTH] == [1, 1]
        rig.is_done()
    else:
        rig.is_retrying("unknown_state")
        rig.ends_well()


def test_fault_046_a_410_for_the_person_is_no_absence(rig: Rig) -> None:
    rig.breaks("newsletter", status=410, body="", path="/members/")
    rig.breaks("crm", status=410, body="", path="/contacts$")
    rig.ask()

    rig.drain()

    rig.is_held("unknown_state")
    assert not any(gone(rig.mailchimp, rig.crm, PERSON).values())
    rig.reopens()
    rig.ends_well()


@pytest.mark.parametrize("status", [413, 414, 431])
def test_fault_047_a_call_that_we_made_wrongly_is_held(rig: Rig, status: int) -> None:
    rig.breaks(status=status, body="")
    rig.ask()

    rig.drain()

    rig.is_held("rejected")
    rig.reopens()
    rig.ends_well()


def test_fault_048_a_refused_address_is_held_with_the_title_and_without_the_address(rig: Rig) -> None:
    title, detail = "Invalid Resource", f"{PERSON} looks fake or invalid, please enter a real one."
    looks_fake = {"type": "-", "title": title, "status": 400, "detail": detail, "instance": "-"}
    rig.breaks("newsletter", status=400, body=json.dumps(looks_fake), content_type=JSON, method="PATCH")
    refused = {"errors": [{"title": f"The address {PERSON} is invalid.", "code": "email_invalid"}]}
    rig.breaks("crm", status=422, body=json.dumps(refused), content_type=JSON, method="POST")
    rig.ask("objection")

    rig.drain()

    rig.is_held("rejected")
    assert "Invalid Resource" in rig.facts("delivery:held", "newsletter")["detail"]
    assert "email_invalid" in rig.facts("delivery:held", "crm")["detail"]
    assert not any(PERSON in row["body"] for row in rig.log())
    rig.reopens()
    rig.ends_well("objection")


def test_the_erasing_call_of_each_provider_is_the_one_that_these_cases_break(rig: Rig) -> None:
    rig.ask()
    rig.drain()

    for name, place in ERASING.items():
        assert erasures(rig, name) == 1 and rig.writes(name)[0].startswith(place["method"])
