"""The sandbox's answers have the statuses, keys and types of live traffic.

The tables say in our own words what two public test suites recorded (mhenrixon/active_campaign, 2020, and
anmol-yousaf/active_campaign_wrapper, 2021) and, for rows, what the vendor's pages show. No recording is copied.
"""

from __future__ import annotations

from typing import Any

import pytest
import requests

from adapters.sandbox import ActiveCampaignSandbox
from tests.adapters.sandbox.activecampaign.calls import OTHER, PERSON, call, put_on_list

KINDS = {str: "text", int: "number", bool: "flag", list: "rows", dict: "object", type(None): "nothing"}
Shape = dict[str, str]


def shape(**names: str) -> Shape:
    """A table of keys: the kind of value, then the keys that have it."""
    return {key: kind for kind, keys in names.items() for key in keys.split()}


def shape_of(value: dict[str, Any]) -> Shape:
    """Say of what kind each value is."""
    return {key: KINDS[type(one)] for key, one in value.items()}


CREATED = shape(
    text="email phone firstName lastName cdate udate orgid orgname hash id organization",
    flag="email_empty",
    object="links",
)
CONTACT = shape(
    text="cdate email phone firstName lastName orgid orgname segmentio_id bounced_hard bounced_soft ip hash"
    " email_local email_domain sentcnt gravatar deleted anonymized udate created_utc_timestamp"
    " updated_utc_timestamp created_timestamp updated_timestamp id",
    nothing="bounced_date ua socialdata_lastcheck rating_tstamp adate edate deleted_at created_by updated_by"
    " organization",
    flag="email_empty",
    object="links",
)
LISTED = CONTACT | shape(rows="scoreValues accountContacts")
PARTS = shape(rows="contactAutomations contactLists deals fieldValues geoIps accountContacts")
SINGLE = CONTACT | PARTS | shape(nothing="sentiment")
LINKS = shape(
    text="bounceLogs contactAutomations contactData contactGoals contactLists contactLogs contactTags contactDeals"
    " deals fieldValues geoIps notes organization plusAppend trackingLogs scoreValues accountContacts"
    " automationEntryCounts"
)
PAGE_INPUT = shape(
    number="segmentid formid listid tagid limit offset seriesid waitid status forceQuery",
    nothing="search sort",
    text="cacheid",
)
MADE_ROW = shape(
    number="status sourceid",
    text="list contact sdate unsubreason first_name last_name id",
    nothing="udate campaign message unsubscribeAutomation",
    object="links",
)
ROW_LINKS = shape(text="automation list contact form autosyncLog campaign unsubscribeAutomation message")
ROW = shape(
    text="contact list seriesid sdate status responder sync unsubreason first_name last_name ip4Sub sourceid ip4_last"
    " ip4Unsub created_timestamp updated_timestamp id",
    nothing="form udate campaign message autosyncLog created_by updated_by unsubscribeAutomation automation",
)
SERIES = shape(
    text="contact seriesid startid status adddate lastblock lastlogid lastdate in_als id automation",
    nothing="batchid remdate timespan",
    number="completedElements totalElements completed completeValue",
)
LIST = shape(
    text="stringid userid name cdate p_use_tracking p_use_analytics_read p_use_analytics_link p_use_twitter"
    " p_use_facebook p_embed_image p_use_captcha send_last_broadcast private analytics_source analytics_ua"
    " twitter_token twitter_token_secret require_name get_unsubscribe_reason to_name optinoptout sender_name"
    " sender_addr1 sender_addr2 sender_city sender_state sender_zip sender_country sender_phone sender_url"
    " sender_reminder optinmessageid optoutconf udate created_timestamp updated_timestamp id",
    nothing="analytics_domains facebook_session carboncopy subscription_notify unsubscription_notify fulladdress"
    " deletestamp created_by updated_by user",
    object="links",
)


def checked(answer: requests.Response, status: int) -> Any:
    """The content of an answer with this status and the content type of all recorded ones."""
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/json")
    return answer.json()


@pytest.mark.parametrize("path", ["contacts", "contact/sync"])
def test_a_contact_that_is_made(ac: ActiveCampaignSandbox, path: str) -> None:
    content = checked(call(ac, "POST", path, json={"contact": {"email": PERSON, "phone": "1"}}), 201)

    assert shape_of(content) == {"contact": "object"}
    assert shape_of(content["contact"]) == CREATED
    assert shape_of(content["contact"]["links"]) == LINKS
    assert content["contact"]["orgid"] == ""


@pytest.mark.parametrize(("method", "path"), [("PUT", "contacts/{id}"), ("POST", "contact/sync")])
def test_a_contact_that_is_changed(ac: ActiveCampaignSandbox, method: str, path: str) -> None:
    contact = ac.add(PERSON)
    body = {"contact": {"email": PERSON, "lastName": "King"}}

    content = checked(call(ac, method, path.format(id=contact), json=body), 200)

    assert shape_of(content) == {"contact": "object"}
    assert shape_of(content["contact"]) == CONTACT
    assert content["contact"]["lastName"] == "King"


def test_a_contact_that_is_read(ac: ActiveCampaignSandbox) -> None:
    contact = ac.add(PERSON)

    content = checked(call(ac, "GET", f"contacts/{contact}"), 200)

    assert shape_of(content) == PARTS | {"contact": "object"}
    assert shape_of(content["contact"]) == SINGLE
    assert 41 <= len(content["contact"]) <= 43
    assert shape_of(content["contact"]["links"]) == LINKS
    for kind, rows in (("contactLists", 2), ("contactAutomations", 1)):
        assert [row["id"] for row in content[kind]] == content["contact"][kind]
        assert len(content[kind]) == rows


def test_a_listing_of_contacts(ac: ActiveCampaignSandbox) -> None:
    ac.add(PERSON)
    ac.add(OTHER)

    content = checked(call(ac, "GET", "contacts"), 200)

    assert shape_of(content) == shape(rows="scoreValues contacts", object="meta")
    assert [shape_of(row) for row in content["contacts"]] == [LISTED, LISTED]
    assert shape_of(content["meta"]) == shape(text="total", flag="sortable", object="page_input")
    assert shape_of(content["meta"]["page_input"]) == PAGE_INPUT
    assert len(call(ac, "GET", "contacts", params={"limit": "1"}).content) < 3072


def test_a_listing_brings_the_list_rows_when_asked(ac: ActiveCampaignSandbox) -> None:
    ac.add(PERSON)

    content = checked(call(ac, "GET", "contacts", params={"email": PERSON, "include": "contactLists"}), 200)

    assert [shape_of(row) for row in content["contactLists"]] == [ROW, ROW]
    assert {row["contact"] for row in content["contactLists"]} == {content["contacts"][0]["id"]}


def test_a_contact_that_is_deleted(ac: ActiveCampaignSandbox) -> None:
    contact = ac.add(PERSON)

    assert checked(call(ac, "DELETE", f"contacts/{contact}"), 200) == {}


def test_a_list_row_that_is_made(ac: ActiveCampaignSandbox) -> None:
    contact = ac.add(PERSON, lists={})

    content = checked(put_on_list(ac, contact, "69", 1), 201)

    assert shape_of(content) == shape(rows="contacts", object="contactList")
    assert [shape_of(row) for row in content["contacts"]] == [CONTACT]
    assert shape_of(content["contactList"]) == MADE_ROW
    assert len(MADE_ROW) == 14
    assert shape_of(content["contactList"]["links"]) == ROW_LINKS


def test_a_list_row_that_is_changed(ac: ActiveCampaignSandbox) -> None:
    contact = ac.add(PERSON, lists={"69": 2})

    content = checked(put_on_list(ac, contact, "69", 1), 200)

    assert shape_of(content["contactList"]) == ROW | {"status": "number", "links": "object"}


@pytest.mark.parametrize(("kind", "row"), [("contactLists", ROW), ("contactAutomations", SERIES)])
def test_the_rows_of_a_contact(ac: ActiveCampaignSandbox, kind: str, row: Shape) -> None:
    contact, alone = ac.add(PERSON, lists={"1": 1}), ac.add(OTHER, lists={}, automations=())

    assert shape_of(checked(call(ac, "GET", f"contacts/{contact}/{kind}"), 200)[kind][0]) == row
    assert checked(call(ac, "GET", f"contacts/{alone}/{kind}"), 200) == {kind: []}


def test_an_automation_that_is_left(ac: ActiveCampaignSandbox) -> None:
    contact = ac.add(PERSON)
    row = call(ac, "GET", f"contacts/{contact}/contactAutomations").json()["contactAutomations"][0]["id"]

    assert checked(call(ac, "DELETE", f"contactAutomations/{row}"), 200) == {}

    left = checked(call(ac, "GET", f"contactAutomations/{row}"), 200)["contactAutomation"]
    assert shape_of(left) == SERIES | {"remdate": "text"}
    assert left["status"] == "2"


def test_lists(ac: ActiveCampaignSandbox) -> None:
    assert checked(call(ac, "GET", "lists"), 200) == {"lists": [], "meta": {"total": "0"}}
    ac.add(PERSON, lists={"3": 1})

    listing, single = checked(call(ac, "GET", "lists"), 200), checked(call(ac, "GET", "lists/3"), 200)

    assert [shape_of(row) for row in listing["lists"]] == [LIST]
    assert shape_of(listing["meta"]) == {"total": "text"}
    assert {key: shape_of(one) for key, one in single.items()} == {"list": LIST}
    assert shape_of(single["list"]["links"]) == shape(text="contactGoalLists user addressLists")


def test_shop_customers_and_exclusions(ac: ActiveCampaignSandbox) -> None:
    ac.add_customer(PERSON)
    ac.add_exclusion(PERSON)

    customers = checked(call(ac, "GET", "ecomCustomers", params={"filters[email]": PERSON}), 200)
    exclusions = checked(call(ac, "GET", "lists/exclusions"), 200)

    assert shape_of(customers["meta"]) == {"total": "text"}
    assert customers["ecomCustomers"][0].keys() >= {
        "connectionid",
        "externalid",
        "totalRevenue",
        "tstamp",
        "connection",
    }
    assert shape_of(exclusions["meta"]) == {"total": "number"}
    assert [shape_of(row) for row in exclusions["exclusions"]] == [
        shape(text="id matchPhrase matchType channel", flag="hidden", rows="lists")
    ]


def test_whose_the_key_is(ac: ActiveCampaignSandbox) -> None:
    user = checked(call(ac, "GET", "users/me"), 200)["user"]

    assert shape_of(user) == shape(
        text="username firstName lastName email phone signature localZoneid password_updated_utc_timestamp udate"
        " mfaEnabled id",
        nothing="cdate",
        object="links",
    )
