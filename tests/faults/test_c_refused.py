"""Group C, what the status means: refusals but for throttling, and what is not found."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from adapters.sandbox.faults import EDGE_PAGE
from syncer.setup.check import run as check
from tests.adapters.conftest import RawServer
from tests.faults.net import BOTH, ERASING, PERSON, Rig
from tests.support.providers import gone
from tests.support.walk import rows

HTML = "text/html; charset=utf-8"
JSON = "application/json"
Serve = Callable[..., RawServer]


def findings(rig: Rig) -> dict[str, Any]:
    return {finding.name: finding for finding in check(rig.app.settings)}


def test_fault_040_a_revoked_key_pauses_without_a_storm(rig: Rig) -> None:
    people = [f"person{number}@lovelace.test" for number in range(60)]
    for number, person in enumerate(people):
        rig.ask(person=person, key=f"k{number}")
    keys = {name: box.api_key for name, box in rig.boxes.items()}
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
        box.api_key = keys[name]
    rig.heals()
    assert {row.state for row in rows(rig.app, rig.app.tables.event)} == {"fulfilled"}
    assert rig.app.ledger.verify().ok


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
    results = findings(rig)
    assert not any(results[name].ok for name in ("newsletter: key", "crm: key"))
    assert "another host" in results["newsletter: key"].detail and "base_url" in results["crm: key"].remedy
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
    with closing(rig.app.adapter("newsletter")) as adapter:
        results = {finding.name: finding for finding in adapter.check()}
    assert results["key"].ok and not results["audiences"].ok and "audiences" in results["audiences"].remedy
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
        assert rig.erasures("newsletter") == 1
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
        assert [rig.erasures(name) for name in BOTH] == [1, 1]
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
        assert rig.erasures(name) == 1 and rig.writes(name)[0].startswith(place["method"])
