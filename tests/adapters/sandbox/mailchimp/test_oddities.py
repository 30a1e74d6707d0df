"""What real Mailchimp accounts did to somebody, switch by switch."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from adapters.sandbox import PAGE_FAULTS, Fault, MailchimpSandbox
from tests.adapters.sandbox.mailchimp.calls import AUDIENCE, KEY, PERSON, add, call, key_of, member

OTHER = "b2c3d4e5f6"


@pytest.fixture
def strict(mc: MailchimpSandbox) -> MailchimpSandbox:
    mc.required_merge_fields[AUDIENCE] = ("LNAME", "CLUB")
    return mc


@pytest.mark.parametrize(("method", "tail"), [("POST", ""), ("PUT", f"/{KEY}")])
def test_an_audience_that_requires_merge_fields_takes_nobody_without_them(
    strict: MailchimpSandbox, method: str, tail: str
) -> None:
    body: dict[str, Any] = {"email_address": PERSON, "status": "subscribed"}
    path = f"lists/{AUDIENCE}/members{tail}"

    refused = call(strict, method, path, json={**body, "merge_fields": {"LNAME": "", "FNAME": "Ada"}})

    assert (refused.status_code, refused.json()["title"]) == (400, "Invalid Resource")
    assert refused.json()["errors"] == [{"field": tag, "message": "Please enter a value"} for tag in ("LNAME", "CLUB")]
    assert strict.members() == []
    assert call(strict, method, path, json=body, params={"skip_merge_validation": "false"}).status_code == 400
    assert call(strict, method, path, json=body, params={"skip_merge_validation": "true"}).status_code == 200


def test_a_member_with_the_required_merge_fields_is_taken_and_keeps_them(strict: MailchimpSandbox) -> None:
    added = add(strict, merge_fields={"FNAME": "Ada", "LNAME": "King", "CLUB": "7"}, tags=["early", "late"])

    assert added.status_code == 200
    read = member("GET", strict).json()
    assert (read["full_name"], read["merge_fields"]["CLUB"]) == ("Ada King", "7")
    assert [tag["name"] for tag in read["tags"]] == ["early", "late"]


def test_a_patch_of_a_member_who_lacks_a_required_field_is_refused_unless_the_flag_says_otherwise(
    strict: MailchimpSandbox,
) -> None:
    strict.add(PERSON, AUDIENCE, merge_fields={"LNAME": "King"})

    refused = member("PATCH", strict, json={"status": "unsubscribed"})
    assert [error["field"] for error in refused.json()["errors"]] == ["CLUB"]
    assert strict.members() == [(AUDIENCE, PERSON, "subscribed")]

    flag = {"skip_merge_validation": "true"}
    assert member("PATCH", strict, json={"status": "unsubscribed"}, params=flag).json()["status"] == "unsubscribed"


def test_required_fields_can_be_given_at_the_start_and_concern_their_audience_only() -> None:
    with MailchimpSandbox(audiences=(AUDIENCE, OTHER), required_merge_fields={OTHER: ["LNAME"]}) as mc:
        shown = call(mc, "GET", f"lists/{OTHER}/merge-fields").json()["merge_fields"]
        assert add(mc).status_code == 200
        assert mc.required_merge_fields == {OTHER: ("LNAME",)}

    assert {field["tag"] for field in shown if field["required"]} == {"LNAME"}


SMS_OFF = {"sms_channel": {"marketing_consent": {"status": "unsubscribed"}}}


@pytest.mark.parametrize(
    ("how", "status", "after"),
    [("ignored", 200, "subscribed"), ("obeyed", 200, "unsubscribed"), ("refused", 400, "subscribed")],
)
def test_a_person_is_reached_by_sms_and_the_undocumented_call_may_end_it(
    mc: MailchimpSandbox, how: Any, status: int, after: str
) -> None:
    mc.add(PERSON, AUDIENCE, status="unsubscribed", sms="subscribed")
    mc.odd.sms_channel = how
    before = member("GET", mc, params={"fields": "sms_subscription_status,sms_phone_number"}).json()

    answer = member("PATCH", mc, json=SMS_OFF)

    assert before["sms_subscription_status"] == "subscribed" and before["sms_phone_number"].startswith("+")
    assert answer.status_code == status
    assert member("GET", mc).json()["sms_subscription_status"] == after


def test_a_refused_sms_call_changes_nothing_else_of_the_member(mc: MailchimpSandbox) -> None:
    mc.add(PERSON, AUDIENCE, sms="pending")
    mc.odd.sms_channel = "refused"

    assert member("PATCH", mc, json={"status": "unsubscribed", **SMS_OFF}).status_code == 400

    assert member("GET", mc).json()["status"] == "subscribed"


def test_a_person_who_gave_no_number_has_no_sms_subscription(mc: MailchimpSandbox) -> None:
    mc.add(PERSON, AUDIENCE)

    read = member("GET", mc).json()

    assert (read["sms_phone_number"], read["sms_subscription_status"]) == ("", "nonsubscribed")


def stores(mc: MailchimpSandbox) -> list[str]:
    return [store["id"] for store in call(mc, "GET", "ecommerce/stores").json()["stores"]]


def customers(mc: MailchimpSandbox, store: str, **query: str) -> list[str]:
    answer = call(mc, "GET", f"ecommerce/stores/{store}/customers", params=query)
    return [row["email_address"] for row in answer.json()["customers"]]


def test_a_shop_is_made_disconnected_connected_again_and_deleted(mc: MailchimpSandbox) -> None:
    mc.connect_store("new")
    assert (stores(mc), customers(mc, "new")) == (["new"], [])
    mc.add_customer(PERSON, "new")
    mc.disconnect_store("new")
    assert stores(mc) == ["new"]
    assert call(mc, "GET", "ecommerce/stores/new/customers").status_code == 404
    mc.connect_store("new")
    assert customers(mc, "new") == [PERSON]
    mc.remove_store("new")
    assert stores(mc) == []
    assert call(mc, "GET", "ecommerce/stores/new/customers").status_code == 404


def test_a_user_without_the_right_gets_403_for_everything_about_shops(mc: MailchimpSandbox) -> None:
    mc.add_customer(PERSON, "shop")
    mc.odd.stores_forbidden = True

    answers = [call(mc, "GET", f"ecommerce/stores{tail}") for tail in ("", "/shop/customers")]

    assert {(answer.status_code, answer.json()["title"]) for answer in answers} == {(403, "Forbidden")}


@pytest.mark.parametrize(
    ("how", "found"),
    [
        ("exact", ["Ada@strasse.test"]),
        ("collated", ["Ada@strasse.test", "ada@straße.test", "ÁDA@STRASSE.test"]),
        ("contains", ["Ada@strasse.test", "nada@strasse.test"]),
    ],
)
def test_the_filter_for_customers_compares_as_told(mc: MailchimpSandbox, how: Any, found: list[str]) -> None:
    for email in ("Ada@strasse.test", "ada@straße.test", "ÁDA@STRASSE.test", "nada@strasse.test", "eve@strasse.test"):
        mc.add_customer(email, "shop")
    mc.odd.customer_filter = how

    assert customers(mc, "shop", email_address="ada@strasse.test") == found


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(PAGE_FAULTS))
def test_a_page_above_the_bound_fails_and_smaller_ones_work(mc: MailchimpSandbox, name: str) -> None:
    mc.add(PERSON, AUDIENCE)
    fault = PAGE_FAULTS[name](250)
    fault.delay = fault.delay and 0.5
    mc.fault(fault)

    for path in ("lists", f"lists/{AUDIENCE}/members", "ecommerce/stores"):
        assert call(mc, "GET", path, params={"count": "250"}).status_code == 200
        assert call(mc, "GET", path).status_code == 200
        assert failed(mc, path) == name.removeprefix("page_")


def failed(mc: MailchimpSandbox, path: str) -> str:
    """How a page of 251 fails."""
    try:
        answer = call(mc, "GET", path, params={"count": "251"})
    except requests.ConnectionError as error:
        return "reset" if "reset" in str(error).lower() else "close"
    if answer.status_code != 200:
        return f"{answer.status_code}_{'html' if answer.content else 'bodiless'}"
    return "overlong" if len(answer.content) > 10 << 20 else "late" if answer.elapsed.total_seconds() >= 0.5 else "not"


def test_a_page_fault_for_one_path_leaves_the_others_alone(mc: MailchimpSandbox) -> None:
    fault = PAGE_FAULTS["page_504_html"](100)
    fault.path = "/members$"
    mc.fault(fault)

    assert call(mc, "GET", f"lists/{AUDIENCE}/members", params={"count": "500"}).status_code == 504
    assert call(mc, "GET", "lists", params={"count": "500"}).status_code == 200


@pytest.mark.parametrize("which", [True, "/members$"])
def test_a_listing_that_repeats_answers_the_same_full_page_for_ever(mc: MailchimpSandbox, which: bool | str) -> None:
    for number in range(3):
        mc.add(f"p{number}@list.test", AUDIENCE)
    mc.odd.repeats_pages = which

    pages = [
        call(mc, "GET", f"lists/{AUDIENCE}/members", params={"count": "5", "offset": offset}).json()
        for offset in ("0", "5", "5000")
    ]

    assert [len(page["members"]) for page in pages] == [5, 5, 5]
    assert all(page["members"] == pages[0]["members"] for page in pages)
    assert all(page["total_items"] > offset + 5 for page, offset in zip(pages, (0, 5, 5000), strict=True))
    audiences = call(mc, "GET", "lists", params={"count": "5"}).json()
    assert (len(audiences["lists"]), audiences["total_items"]) == ((5, 10) if which is True else (1, 1))


def changed(mc: MailchimpSandbox, **query: str) -> list[str]:
    answer = call(mc, "GET", f"lists/{AUDIENCE}/members", params={"sort_field": "last_changed", **query})
    return [row["email_address"] for row in answer.json()["members"]]


@pytest.fixture
def three(mc: MailchimpSandbox) -> MailchimpSandbox:
    for hour in (9, 11, 13):
        mc.add(f"at{hour}@list.test", AUDIENCE, last_changed=f"2026-01-01T{hour:02}:00:00+00:00")
    return mc


@pytest.mark.parametrize(
    ("ignored", "found"), [(False, ["at13@list.test"]), (True, ["at11@list.test", "at13@list.test"])]
)
def test_the_offset_of_a_time_is_honoured_or_ignored(three: MailchimpSandbox, ignored: bool, found: list[str]) -> None:
    three.odd.ignores_utc_offset = ignored

    assert changed(three, since_last_changed="2026-01-01T10:00:00-02:00") == found


def test_the_offset_of_a_page_may_be_ignored_where_changes_are_asked_for(three: MailchimpSandbox) -> None:
    since = "2026-01-01T00:00:00+00:00"
    assert changed(three, since_last_changed=since, offset="2") == ["at13@list.test"]
    three.odd.ignores_page_offset = True

    assert len(changed(three, since_last_changed=since, offset="2")) == 3
    assert changed(three, offset="2") == ["at13@list.test"]


@pytest.mark.parametrize(("method", "tail"), [("GET", ""), ("PATCH", ""), ("POST", "/actions/delete-permanent")])
def test_one_audience_may_refuse_a_call_while_the_others_work(method: str, tail: str) -> None:
    with MailchimpSandbox(audiences=(AUDIENCE, OTHER)) as mc:
        for audience in (AUDIENCE, OTHER):
            mc.add(PERSON, audience)
        mc.fault(Fault(status=403, method=method, path=f"^/3.0/lists/{AUDIENCE}/members/.*{tail}$", times=None))

        answers = [
            call(mc, method, f"lists/{audience}/members/{key_of(PERSON)}{tail}", json={"status": "unsubscribed"})
            for audience in (AUDIENCE, OTHER)
        ]

    assert answers[0].status_code == 403
    assert answers[1].status_code in (200, 204)
