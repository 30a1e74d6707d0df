"""Group C, what the status means: redirects, and successes that are not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from adapters.sandbox.faults import EDGE_PAGE, LOGIN_PAGE
from tests.adapters.calls import GOOD
from tests.adapters.conftest import Certificates, RawServer, saying
from tests.conftest import AUDIENCES
from tests.faults.net import BOTH, PERSON, Rig

HTML = "text/html; charset=utf-8"
JSON = "application/json"
Serve = Callable[..., RawServer]


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
        assert rig.erasures(name) == len(rig.writes(name)) == 1
        assert not any(request.path.endswith("/elsewhere") for request in rig.boxes[name].requests)
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

    assert [rig.erasures(name) for name in BOTH] == [1, 1]
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
