"""Listings are read whole, in pages that shrink, to an end of their own; the look at all skips nobody it can see."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.contract import Action, Outcome
from adapters.errors import AdapterError, Misconfigured, Transient
from adapters.mailchimp.adapter import Mailchimp
from adapters.sandbox import Fault
from adapters.sandbox.mailchimp.bodies import now
from tests.adapters.mailchimp.account import (
    ADDRESS,
    ASKED,
    AUDIENCES,
    NEW,
    ONE,
    OTHER,
    THREE,
    TWO,
    Account,
    person,
    refused,
)

YESTERDAY = datetime.now(UTC) - timedelta(days=1)
#: how a page that is too big fails
TOO_BIG = [
    pytest.param({"status": 504, "body": "<html>time-out</html>", "content_type": "text/html"}, id="504"),
    pytest.param({"status": 500}, id="500"),
    pytest.param({"kind": "close"}, id="hung up"),
    pytest.param({"kind": "overlong"}, id="too big"),
]


def looked(adapter: Mailchimp, since: datetime | None = YESTERDAY) -> tuple[list[tuple[str, str]], AdapterError | None]:
    """Return (audience, address) of whom a look shows, and what it raised in the end."""
    seen: list[tuple[str, str]] = []
    try:
        for one in adapter.changed(since):
            seen.append((one.scope.removeprefix("audience "), one.address))
    except AdapterError as error:
        return seen, error
    return seen, None


@pytest.mark.slow
@pytest.mark.parametrize("how", TOO_BIG)
def test_a_listing_of_members_whose_big_pages_fail_is_read_in_smaller_ones(
    mc: Account, adapter: Mailchimp, how: dict[str, Any]
) -> None:
    people = {f"person{number}@many.test" for number in range(130)}
    for email in people:
        mc.add(email, ONE, last_changed=now())
    mc.fault(Fault(path="/members$", above={"count": 50}, times=None, **how))

    seen, error = looked(adapter)

    assert error is None and {email for _, email in seen} == people


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/3.0/lists$", "/ecommerce/stores$", "/customers$"])
@pytest.mark.parametrize("how", TOO_BIG)
def test_every_other_listing_shrinks_its_pages_too(
    mc: Account, adapter: Mailchimp, how: dict[str, Any], path: str
) -> None:
    for shop in range(25):
        mc.add_customer(ADDRESS, f"shop{shop}")
    mc.add(ADDRESS, THREE)
    mc.fault(Fault(path=path, above={"count": 100}, times=None, **how))

    assert adapter.apply(Action.DELETE, person(), ASKED).outcome is Outcome.DONE
    assert mc.customers() == [] and mc.member(ADDRESS, THREE) is None


def test_pages_that_fail_down_to_the_smallest_are_a_failure(mc: Account, adapter: Mailchimp) -> None:
    mc.fault(Fault(status=504, path="/members$", times=None))

    _, error = looked(adapter)

    assert isinstance(error, Transient) and error.code == "unavailable"
    assert {one.query["count"] for one in mc.requests if one.path.endswith("/members")} >= {"500", "10"}


def test_a_busy_provider_is_not_asked_again_for_less(mc: Account, adapter: Mailchimp) -> None:
    mc.fault(Fault(status=503, path="/members$", times=None))

    _, error = looked(adapter)

    assert isinstance(error, Transient) and error.cools_lane
    assert len(mc.calls("/members")) == 1


@pytest.mark.parametrize("odd", ["repeats_pages", "ignores_page_offset"])
def test_a_listing_that_shows_its_first_page_for_ever_ends(
    mc: Account, configure: Callable[..., Mailchimp], odd: str
) -> None:
    adapter = configure(audiences=[ONE])
    for number in range(600):
        mc.add(f"person{number}@many.test", ONE, last_changed=now())
    setattr(mc.odd, odd, True)

    seen, error = looked(adapter)

    assert isinstance(error, Transient) and error.code == "incomplete"
    assert len(set(seen)) >= 500 and len(mc.calls("/members")) <= 12


def test_audiences_that_are_listed_for_ever_end(mc: Account, adapter: Mailchimp) -> None:
    mc.odd.repeats_pages = True

    assert refused(adapter).code == "unreadable"
    assert len(mc.calls("/lists")) <= 3


@pytest.mark.parametrize("told", [0, 1, 499, 730])
def test_a_total_that_is_too_small_hides_nobody(configure: Callable[..., Mailchimp], told: int) -> None:
    class Miscounted(Account):
        def _list(self, request: Any, parts: list[str]) -> Any:
            reply = super()._list(request, parts)
            body = json.loads(reply.body)
            if "members" in body:
                reply = type(reply)(200, json.dumps({**body, "total_items": min(told, body["total_items"])}).encode())
            return reply

    with Miscounted(audiences=[ONE]) as mc:
        adapter = Mailchimp.configured({"base_url": mc.url}, mc.api_key)
        for number in range(730):
            mc.add(f"person{number}@many.test", ONE, last_changed=now())

        seen, _ = looked(adapter)

        assert len(set(seen)) == 730
        adapter.close()


# -- everybody -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("since", [None, YESTERDAY], ids=["all", "since"])
def test_the_look_at_all_tells_whether_mail_or_sms_reaches_each(
    mc: Account, adapter: Mailchimp, since: datetime | None
) -> None:
    changed = now() if since else "2019-01-01T00:00:00+00:00"
    expected = {
        "subscribed": True,
        "pending": True,
        "transactional": True,
        "unsubscribed": False,
        "cleaned": False,
        "archived": False,
        "paused": None,
    }
    for status in expected:
        mc.add(f"{status}@mailbox.test", TWO, status=status, last_changed=changed)
    mc.add("texted@mailbox.test", THREE, status="unsubscribed", sms="subscribed", last_changed=changed)
    mc.add("asked@mailbox.test", THREE, status="cleaned", sms="pending", last_changed=changed)
    mc.add("quiet@mailbox.test", THREE, status="archived", sms="unsubscribed", last_changed=changed)

    reached = {one.address.partition("@")[0]: one.reached for one in adapter.changed(since)}

    assert reached == {**expected, "texted": True, "asked": True, "quiet": False}


def test_the_look_since_leaves_out_who_did_not_change(mc: Account, adapter: Mailchimp) -> None:
    mc.add(ADDRESS, ONE, last_changed="2019-01-01T00:00:00+00:00")
    mc.add(OTHER, ONE, last_changed=now())

    assert looked(adapter) == ([(ONE, OTHER)], None)
    assert sorted(looked(adapter, None)[0]) == [(ONE, ADDRESS), (ONE, OTHER)]


@pytest.mark.parametrize(
    "how",
    [
        {"status": 500},
        {"status": 400},
        {"status": 404, "body": "", "content_type": "text/html"},
        {"status": 200, "body": '{"members":[{"id":"1"}],"total_items":9}', "content_type": "application/json"},
        {"status": 200, "body": '{"members":{},"total_items":0}', "content_type": "application/json"},
        {"status": 200, "body": '{"contacts":[],"total_items":0}', "content_type": "application/json"},
    ],
    ids=["500", "400", "404 of a proxy", "incomplete", "no rows", "renamed"],
)
def test_one_audience_that_cannot_be_listed_hides_none_of_the_others(
    mc: Account, adapter: Mailchimp, how: dict[str, Any]
) -> None:
    for audience in AUDIENCES:
        mc.add(ADDRESS, audience, last_changed=now())
    mc.fault(Fault(path=f"/lists/{ONE}/members$", times=None, **how))

    seen, error = looked(adapter)

    assert {audience for audience, email in seen if email == ADDRESS} == {TWO, THREE}
    assert error is not None and f"Audience {ONE}" in error.detail and not isinstance(error, Misconfigured)


def test_an_audience_that_may_not_be_seen_hides_none_of_the_others(mc: Account, adapter: Mailchimp) -> None:
    mc.add(ADDRESS, TWO, last_changed=now())
    mc.refuses(f"/lists/{ONE}/members$", "Forbidden", 403)

    seen, error = looked(adapter)

    assert seen == [(TWO, ADDRESS)]
    assert error is not None and error.code == "forbidden" and f"Audience {ONE}" in error.detail


def test_an_audience_deleted_while_the_others_are_listed_is_left_out_and_a_new_one_listed(
    mc: Account, adapter: Mailchimp
) -> None:
    for audience in AUDIENCES:
        mc.add(ADDRESS, audience, last_changed=now())

    seen = []
    for one in adapter.changed(YESTERDAY):
        if not seen:
            mc.remove_audience(TWO)
            mc.add_audience(NEW)
            mc.add(ADDRESS, NEW, last_changed=now())
        seen.append(one.scope)

    assert seen == [f"audience {audience}" for audience in (ONE, THREE, NEW)]


def test_a_listed_audience_whose_members_answer_404_is_named_after_the_others(mc: Account, adapter: Mailchimp) -> None:
    mc.add(ADDRESS, THREE, last_changed=now())
    mc.refuses(f"/lists/{ONE}/members$", "Resource Not Found", 404)

    seen, error = looked(adapter)

    assert seen == [(THREE, ADDRESS)]
    assert isinstance(error, Transient) and error.code == "unreadable" and f"Audience {ONE}" in error.detail


def test_a_configured_audience_that_is_gone_pauses_the_look(mc: Account, configure: Callable[..., Mailchimp]) -> None:
    adapter = configure(audiences=[ONE, TWO])
    list(adapter.changed(None))
    mc.remove_audience(ONE)

    _, error = looked(adapter)

    assert isinstance(error, Misconfigured) and error.code == "wrong_address"


def test_an_audience_made_since_the_last_call_is_listed(mc: Account, adapter: Mailchimp) -> None:
    assert looked(adapter) == ([], None)
    mc.add_audience(NEW)
    mc.add(ADDRESS, NEW, last_changed=now())

    assert looked(adapter) == ([(NEW, ADDRESS)], None)


def test_a_contact_without_an_id_or_address_hides_nobody(mc: Account, configure: Callable[..., Mailchimp]) -> None:
    adapter = configure(audiences=[ONE])
    rows = [{"email_address": ADDRESS}, {"id": "2", "email_address": None}, {"id": "3", "email_address": OTHER}]
    body = json.dumps({"members": rows, "total_items": 3})
    mc.fault(Fault(status=200, body=body, content_type="application/json", path="/members$", times=None))

    seen, error = looked(adapter)

    assert error is None and {ADDRESS, OTHER} <= {email for _, email in seen}


@pytest.mark.parametrize("odd", [None, "a word", [], 7, {}, {"id": None, "email_address": None}])
def test_an_odd_row_does_not_hide_the_others(mc: Account, adapter: Mailchimp, odd: object) -> None:
    rows = [odd, {"id": "1" * 32, "email_address": ADDRESS, "status": "subscribed"}]
    body = json.dumps({"members": rows, "total_items": 2})
    mc.fault(Fault(status=200, body=body, content_type="application/json", path=f"/{ONE}/members$", times=None))

    seen, _ = looked(adapter)

    assert (ONE, ADDRESS) in seen
