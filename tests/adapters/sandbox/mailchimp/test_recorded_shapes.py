"""The sandbox's answers have the statuses, content types, keys and kinds of value of live traffic.

The tables say in our own words what public test suites recorded between 2020 and 2023 (grouparoo/grouparoo,
duartejc/mailchimp). No recording is copied. `_links` stood in all of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from adapters.sandbox import MailchimpSandbox
from tests.adapters.sandbox.mailchimp.calls import AUDIENCE, KEY, PERSON, add, call, key_of, member

KINDS = {str: "text", int: "number", float: "number", bool: "flag", list: "rows", dict: "object"}
Shape = dict[str, str]


def shape(**kinds: str) -> Shape:
    """A table of keys: the kind of value, then the keys that have it."""
    return {key: kind for kind, keys in kinds.items() for key in keys.split()}


def shape_of(value: dict[str, Any]) -> Shape:
    """Say of what kind each value is."""
    return {key: KINDS[type(one)] for key, one in value.items()}


MEMBER = shape(
    text="contact_id email_address email_client email_type full_name id ip_opt ip_signup language last_changed list_id"
    " source status timestamp_opt timestamp_signup unique_email_id",
    number="member_rating tags_count web_id",
    flag="consents_to_one_to_one_messaging vip",
    rows="tags _links",
    object="interests location merge_fields stats",
)
#: beyond what was recorded: the specification of 2026
NEWER = shape(text="sms_phone_number sms_subscription_status sms_subscription_last_updated")
LOCATION = shape(text="country_code region timezone", number="dstoff gmtoff latitude longitude")
AUDIENCE_SHAPE = shape(
    text="beamer_address date_created id name notify_on_subscribe notify_on_unsubscribe permission_reminder"
    " subscribe_url_long subscribe_url_short visibility",
    number="list_rating web_id",
    flag="double_optin email_type_option has_welcome marketing_permissions use_archive_bar",
    rows="modules _links",
    object="campaign_defaults contact stats",
)
STATS = shape(
    text="campaign_last_sent last_sub_date last_unsub_date",
    number="avg_sub_rate avg_unsub_rate campaign_count cleaned_count cleaned_count_since_send click_rate member_count"
    " member_count_since_send merge_field_count open_rate target_sub_rate unsubscribe_count"
    " unsubscribe_count_since_send",
)
MERGE_FIELD = shape(
    text="default_value help_text list_id name tag type",
    number="display_order merge_id",
    flag="public required",
    object="options",
)
ACCOUNT = shape(
    text="account_id account_industry account_name account_timezone avatar_url email first_name first_payment"
    " last_login last_name login_id member_since pricing_plan_type role username",
    number="total_subscribers",
    flag="pro_enabled",
    object="contact",
)
PROBLEM = shape(text="detail instance title type", number="status")
#: a call that ends well, and its answer's shape
WELL: dict[str, tuple[Callable[[MailchimpSandbox], requests.Response], Shape]] = {
    "member": (lambda mc: member("GET", mc), MEMBER | NEWER),
    "member patched": (lambda mc: member("PATCH", mc, json={"vip": True}), MEMBER | NEWER),
    "member put": (
        lambda mc: member("PUT", mc, json={"email_address": PERSON, "status": "subscribed"}),
        MEMBER | NEWER,
    ),
    "member added": (lambda mc: add(mc, "grace@hopper.test"), MEMBER | NEWER),
    "members": (
        lambda mc: call(mc, "GET", f"lists/{AUDIENCE}/members"),
        shape(text="list_id", rows="members", number="total_items"),
    ),
    "audiences": (lambda mc: call(mc, "GET", "lists"), shape(rows="lists", number="total_items", object="constraints")),
    "audience": (lambda mc: call(mc, "GET", f"lists/{AUDIENCE}"), AUDIENCE_SHAPE),
    "merge fields": (
        lambda mc: call(mc, "GET", f"lists/{AUDIENCE}/merge-fields"),
        shape(text="list_id", rows="merge_fields", number="total_items"),
    ),
    "account": (lambda mc: call(mc, "GET", ""), ACCOUNT),
}


@pytest.fixture
def mc(mc: MailchimpSandbox) -> MailchimpSandbox:
    mc.add(PERSON, AUDIENCE, tags=["early"])
    return mc


@pytest.mark.parametrize("name", WELL)
def test_an_answer_that_ends_well_has_the_recorded_shape(mc: MailchimpSandbox, name: str) -> None:
    asked, expected = WELL[name]

    answer = asked(mc)

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json; charset=utf-8")
    assert shape_of(answer.json()) == expected
    assert answer.headers["X-Request-Id"]


def test_parts_of_answers_have_the_recorded_shapes(mc: MailchimpSandbox) -> None:
    person = member("GET", mc).json()
    audience = call(mc, "GET", f"lists/{AUDIENCE}").json()

    assert shape_of(call(mc, "GET", f"lists/{AUDIENCE}/members").json()["members"][0]) == MEMBER | NEWER
    assert shape_of(call(mc, "GET", "lists").json()["lists"][0]) == AUDIENCE_SHAPE
    assert shape_of(person["location"]) == LOCATION
    assert shape_of(person["stats"]) == shape(number="avg_open_rate avg_click_rate")
    assert shape_of(person["tags"][0]) == shape(number="id", text="name")
    assert {*person["merge_fields"]} == {"ADDRESS", "FNAME", "LNAME", "PHONE"}
    assert shape_of(audience["stats"]) == STATS
    assert shape_of(audience["contact"]) == shape(text="address1 address2 city company country phone state zip")
    assert shape_of(audience["campaign_defaults"]) == shape(text="from_email from_name language subject")
    assert shape_of(call(mc, "GET", f"lists/{AUDIENCE}/merge-fields").json()["merge_fields"][0]) == MERGE_FIELD
    assert shape_of(call(mc, "GET", "lists").json()["constraints"]) == shape(
        flag="may_create", number="max_instances current_total_instances"
    )


def test_only_an_unsubscribed_member_says_why(mc: MailchimpSandbox) -> None:
    body = member("PATCH", mc, json={"status": "unsubscribed"}).json()

    assert shape_of(body) == MEMBER | NEWER | shape(text="unsubscribe_reason")
    assert body["unsubscribe_reason"] == "N/A (Unsubscribed by admin)"


ABSENT = key_of("nobody@list.test")
#: call, status and title of what was refused
REFUSED: dict[str, tuple[Callable[[MailchimpSandbox], requests.Response], int, str]] = {
    "member unknown": (
        lambda mc: call(mc, "GET", f"lists/{AUDIENCE}/members/{ABSENT}"),
        404,
        "Resource Not Found",
    ),
    "audience unknown": (lambda mc: call(mc, "GET", "lists/beef"), 404, "Resource Not Found"),
    "path unknown": (lambda mc: call(mc, "GET", "1234"), 404, "Resource Not Found"),
    "archiving nobody": (
        lambda mc: call(mc, "DELETE", f"lists/{AUDIENCE}/members/{ABSENT}"),
        404,
        "Resource Not Found",
    ),
    "tagging nobody": (
        lambda mc: call(mc, "POST", f"lists/{AUDIENCE}/members/{ABSENT}/tags", json={"tags": []}),
        404,
        "Resource Not Found",
    ),
    "added twice": (lambda mc: add(mc), 400, "Member Exists"),
    "put onto another": (
        lambda mc: call(
            mc, "PUT", f"lists/{AUDIENCE}/members/{ABSENT}", json={"email_address": PERSON, "status": "subscribed"}
        ),
        400,
        "Member Exists",
    ),
    "no address": (lambda mc: add(mc, "AAAAA"), 400, "Invalid Resource"),
    "fake address": (lambda mc: add(mc, "a@example.org"), 400, "Invalid Resource"),
    "wrong key": (lambda mc: call(mc, "GET", "", auth=("any", "wrong")), 401, "API Key Invalid"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_has_the_recorded_shape(mc: MailchimpSandbox, name: str) -> None:
    asked, status, title = REFUSED[name]

    answer = asked(mc)

    assert (answer.status_code, answer.json()["title"], answer.json()["status"]) == (status, title, status)
    assert answer.headers["Content-Type"] == "application/problem+json; charset=utf-8"
    assert shape_of(answer.json()) == PROBLEM
    assert answer.json()["instance"] == answer.headers["X-Request-Id"]


def test_a_refused_merge_field_is_named(mc: MailchimpSandbox) -> None:
    mc.required_merge_fields[AUDIENCE] = ("CLUB",)

    body = member("PATCH", mc, json={"vip": True}).json()

    assert shape_of(body) == PROBLEM | shape(rows="errors")
    assert [shape_of(row) for row in body["errors"]] == [shape(text="field message")]


@pytest.mark.parametrize(
    ("method", "tail", "body"),
    [("DELETE", "", None), ("POST", "/tags", {"tags": [{"name": "late", "status": "active"}]})],
)
def test_a_204_has_no_body_and_still_a_content_type(mc: MailchimpSandbox, method: str, tail: str, body: Any) -> None:
    answer = member(method, mc, tail, json=body)

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.headers["X-Request-Id"]


#: state before, call, status, state after
TRANSITIONS = [
    ("subscribed", "DELETE", None, 204, "archived"),
    ("archived", "DELETE", None, 405, "archived"),
    ("archived", "PUT", {"status": "subscribed"}, 200, "subscribed"),
    ("subscribed", "PUT", {"status": "unsubscribed"}, 200, "unsubscribed"),
    ("unsubscribed", "PUT", {"status": "subscribed"}, 200, "subscribed"),
    ("unsubscribed", "PUT", {}, 200, "unsubscribed"),
    ("archived", "PUT", {}, 200, "archived"),
]


@pytest.mark.parametrize(("before", "method", "body", "status", "after"), TRANSITIONS)
def test_a_recorded_change_of_state_ends_as_it_did_there_and_no_opt_in_moves(
    mc: MailchimpSandbox, before: str, method: str, body: dict[str, str] | None, status: int, after: str
) -> None:
    mc.add(PERSON, AUDIENCE, status=before, timestamp_opt="2021-04-01T00:00:00+00:00")

    answer = member(method, mc, json=None if body is None else {"email_address": PERSON, **body})

    read = call(mc, "GET", f"lists/{AUDIENCE}/members/{KEY}").json()
    assert (answer.status_code, read["status"]) == (status, after)
    assert (read["timestamp_opt"], read["timestamp_signup"]) == ("2021-04-01T00:00:00+00:00", "")
