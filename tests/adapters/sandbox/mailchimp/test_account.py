"""Keys, limits, audiences and listings of the Mailchimp sandbox, each as it was documented or seen."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from adapters.sandbox import MailchimpSandbox
from tests.adapters.sandbox.mailchimp.calls import AUDIENCE, KEY, PERSON, call, member

MEMBERS = f"lists/{AUDIENCE}/members"


def test_an_unknown_audience_and_an_unknown_member_have_one_body(mc: MailchimpSandbox) -> None:
    unknown, absent = call(mc, "GET", "lists/nowhere123"), member("GET", mc)

    assert unknown.status_code == absent.status_code == 404
    assert {**unknown.json(), "instance": ""} == {**absent.json(), "instance": ""}
    assert absent.headers["Content-Type"].startswith("application/problem+json")
    assert absent.json()["instance"] == absent.headers["X-Request-Id"]


def test_a_wrong_key_is_401_and_the_root_without_its_slash_leads_down_to_http(mc: MailchimpSandbox) -> None:
    assert call(mc, "GET", "ping", auth=("any", "wrong-us1")).json()["title"] == "API Key Invalid"
    with requests.Session() as session:
        root = session.get(f"{mc.url}/3.0", allow_redirects=False, timeout=5, headers={"Connection": "close"})

    assert (root.status_code, root.headers["Location"].startswith("http://")) == (301, True)


@pytest.mark.parametrize(
    ("key", "status"),
    [("sandboxkey-us1", 200), ("sandboxkey", 200), ("sandbox", 401), ("", 401), ("sandboxkey-us2", 401)],
)
def test_a_key_may_lack_its_data_centre_but_not_name_another(mc: MailchimpSandbox, key: str, status: int) -> None:
    bearer = {"Authorization": f"Bearer {key}"}
    basic = {"Authorization": "Basic " + base64.b64encode(f"anybody:{key}".encode()).decode()}

    answers = [requests.get(f"{mc.url}/3.0/ping", headers=one, timeout=10) for one in (bearer, basic)]

    assert {answer.status_code for answer in answers} == {status}


def test_the_eleventh_call_at_one_time_is_a_429_without_a_body(mc: MailchimpSandbox) -> None:
    mc.latency = 0.4
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: call(mc, "GET", "ping"), range(12)))

    refused = [answer for answer in answers if answer.status_code == 429]
    assert 1 <= len(refused) <= 2
    assert all(answer.content == b"" for answer in refused)
    assert mc.throttled == len(refused)


def test_audiences_are_paged_and_fields_are_honoured() -> None:
    with MailchimpSandbox(audiences=tuple(f"audience{number:02}" for number in range(15))) as mc:
        page = call(mc, "GET", "lists", params={"fields": "lists.id,total_items"}).json()
        rest = call(mc, "GET", "lists", params={"fields": "lists.id", "count": 10, "offset": 10}).json()
        last = call(mc, "GET", "lists", params={"fields": "lists.id", "count": 1, "sort_dir": "DESC"}).json()

    assert page["total_items"] == 15
    assert page["lists"][0] == {"id": "audience00"}
    assert (len(page["lists"]), len(rest["lists"])) == (10, 5)
    assert last == {"lists": [{"id": "audience14"}]}


def test_audiences_say_how_many_an_account_may_have(mc: MailchimpSandbox) -> None:
    constraints = call(mc, "GET", "lists").json()["constraints"]

    assert constraints == {"may_create": False, "max_instances": 100, "current_total_instances": 1}


def test_whole_audiences_and_members_are_as_heavy_as_real_ones_and_asked_for_fields_are_light(
    mc: MailchimpSandbox,
) -> None:
    mc.add(PERSON, AUDIENCE)

    audience, person = call(mc, "GET", f"lists/{AUDIENCE}").content, member("GET", mc).content
    light = member("GET", mc, params={"fields": "email_address,list_id,status"}).content

    assert 5_000 <= len(audience) <= 6_500
    assert 3_000 <= len(person) <= 4_200
    assert len(light) < 120


def test_the_figures_of_an_audience_count_by_status(mc: MailchimpSandbox) -> None:
    for number, status in enumerate(["subscribed", "subscribed", "unsubscribed", "cleaned", "archived"]):
        mc.add(f"p{number}@list.test", AUDIENCE, status=status)

    whole = call(mc, "GET", f"lists/{AUDIENCE}", params={"include_total_contacts": "true"}).json()["stats"]
    asked = call(mc, "GET", "lists", params={"fields": "lists.stats.member_count"}).json()

    names = ("member_count", "unsubscribe_count", "cleaned_count", "total_contacts")
    assert [whole[name] for name in names] == [2, 1, 1, 5]
    assert "total_contacts" not in call(mc, "GET", f"lists/{AUDIENCE}").json()["stats"]
    assert asked == {"lists": [{"stats": {"member_count": 2}}]}


def test_fields_may_lie_deep_and_others_may_be_left_out(mc: MailchimpSandbox) -> None:
    mc.add(PERSON, AUDIENCE)

    deep = call(mc, "GET", MEMBERS, params={"fields": "members.merge_fields.FNAME,members.id"}).json()
    rest = call(
        mc, "GET", MEMBERS, params={"exclude_fields": "members._links,members.merge_fields.FNAME,list_id"}
    ).json()

    assert deep == {"members": [{"merge_fields": {"FNAME": "Test"}, "id": KEY}]}
    assert set(rest) == {"members", "total_items"}
    assert "_links" not in rest["members"][0]
    assert rest["members"][0]["merge_fields"] == {"LNAME": "Person", "ADDRESS": "", "PHONE": ""}


@pytest.fixture
def crowd(mc: MailchimpSandbox) -> MailchimpSandbox:
    for number in range(1200):
        when = f"2026-01-01T{number // 60:02}:{number % 60:02}:00+00:00"
        mc.add(f"p{number:04}@list.test", AUDIENCE, last_changed=when, timestamp_opt=when)
    return mc


def test_more_than_a_thousand_rows_are_cut_to_a_thousand(crowd: MailchimpSandbox) -> None:
    page = call(crowd, "GET", MEMBERS, params={"count": "2000", "fields": "members.id,total_items"}).json()

    assert (len(page["members"]), page["total_items"]) == (1000, 1200)


def test_a_listing_is_sorted_and_filtered_as_asked(crowd: MailchimpSandbox) -> None:
    query = {
        "fields": "members.email_address,total_items",
        "count": "2",
        "sort_field": "last_changed",
        "sort_dir": "DESC",
        "since_last_changed": "2026-01-01T01:00:00+00:00",
        "before_timestamp_opt": "2026-01-01T02:00:00+00:00",
    }

    page = call(crowd, "GET", MEMBERS, params=query).json()

    assert page["total_items"] == 60
    assert [row["email_address"] for row in page["members"]] == ["p0119@list.test", "p0118@list.test"]


@pytest.mark.parametrize(
    "query",
    [{"status": "bogus"}, {"sort_dir": "up"}, {"sort_field": "name"}, {"count": "-1"}, {"since_last_changed": "then"}],
)
def test_a_query_that_the_specification_does_not_allow_is_refused_by_name(
    mc: MailchimpSandbox, query: dict[str, str]
) -> None:
    answer = call(mc, "GET", MEMBERS, params=query)

    assert (answer.status_code, answer.json()["title"]) == (400, "Invalid Resource")
    assert [error["field"] for error in answer.json()["errors"]] == list(query)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "lists"),
        ("POST", f"lists/{AUDIENCE}"),
        ("DELETE", f"lists/{AUDIENCE}"),
        ("GET", f"lists/{AUDIENCE}/segments"),
        ("POST", f"lists/{AUDIENCE}/merge-fields"),
        ("GET", f"{MEMBERS}?unsubscribed_since=2026-01-01"),
        ("GET", f"{MEMBERS}/{KEY}/events"),
        ("POST", f"{MEMBERS}/{KEY}/events"),
        ("POST", "ecommerce/stores"),
        ("GET", "ecommerce/stores/shop/orders"),
        ("POST", "ecommerce/stores/shop/customers"),
        ("PUT", f"ecommerce/stores/shop/customers/{KEY}"),
        ("GET", "ecommerce/orders"),
        ("POST", "batches"),
        ("GET", "campaigns"),
        ("POST", f"audiences/{AUDIENCE}/contacts/{KEY}/actions/forget"),
    ],
)
def test_what_is_not_modelled_is_a_501_with_a_problem_document_and_changes_nothing(
    mc: MailchimpSandbox, method: str, path: str
) -> None:
    mc.add(PERSON, AUDIENCE)
    mc.add_customer(PERSON, "shop")

    answer = call(mc, method, path, json={"name": "x"})

    assert (answer.status_code, answer.json()["title"]) == (501, "Not Modelled")
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert (mc.members(), mc.customers()) == ([(AUDIENCE, PERSON, "subscribed")], [PERSON])


def test_a_path_that_mailchimp_does_not_have_is_invalid(mc: MailchimpSandbox) -> None:
    answer = call(mc, "GET", "1234")

    assert (answer.status_code, answer.json()["detail"]) == (404, "Invalid path")


def test_a_search_finds_addresses_exactly_and_parts_of_names_roughly(mc: MailchimpSandbox) -> None:
    mc.add(PERSON, AUDIENCE, merge_fields={"FNAME": "Ada"})
    mc.add("nada@lovelace.test", AUDIENCE)

    found = call(mc, "GET", "search-members", params={"query": PERSON.upper()}).json()
    by_name = call(mc, "GET", "search-members", params={"query": "ada", "list_id": AUDIENCE}).json()

    assert [row["email_address"] for row in found["exact_matches"]["members"]] == [PERSON]
    assert found["full_search"]["total_items"] == by_name["full_search"]["total_items"] == 2
    assert by_name["exact_matches"] == {"members": [], "total_items": 0}
    assert call(mc, "GET", "search-members").status_code == 400
