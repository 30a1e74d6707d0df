"""List rows, automations, lists, exclusions and shop customers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.sandbox import ActiveCampaignSandbox
from tests.adapters.sandbox.activecampaign.calls import OTHER, PERSON, call, found, put_on_list

KINDS = ["contactLists", "contactAutomations"]


def pages(ac: ActiveCampaignSandbox, contact: str, kind: str) -> list[dict[str, Any]]:
    """Ask for the rows twice, the second time for what lies behind the first hundred."""
    path = f"contacts/{contact}/{kind}"
    return [call(ac, "GET", path, params={"limit": "100", "offset": offset}).json() for offset in ("0", "100")]


@pytest.fixture
def busy(ac: ActiveCampaignSandbox) -> str:
    """A contact with 150 rows of each kind."""
    names = [str(number) for number in range(150)]
    return ac.add(PERSON, lists=dict.fromkeys(names, 1), automations=names)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("paging", "sizes", "total"),
    [
        ("ignored", [150, 150], None),
        ("honoured", [100, 50], None),
        ("counted", [100, 50], {"total": "150"}),
        ("repeated", [100, 100], None),
    ],
)
def test_rows_are_paged_as_told(
    ac: ActiveCampaignSandbox, busy: str, kind: str, paging: str, sizes: list[int], total: dict[str, str] | None
) -> None:
    ac.row_paging = paging

    first, second = pages(ac, busy, kind)

    assert [len(first[kind]), len(second[kind])] == sizes
    assert first.get("meta") == second.get("meta") == total
    ids = [row["id"] for page in (first, second) for row in page[kind]]
    assert len(set(ids)) == (100 if paging == "repeated" else 150)


def test_the_rows_of_a_missing_contact_are_a_404_in_words(ac: ActiveCampaignSandbox) -> None:
    for kind in [*KINDS, "notes"]:
        answer = call(ac, "GET", f"contacts/121/{kind}")
        assert (answer.status_code, answer.json()) == (404, {"message": "No Result found for Subscriber with id 121"})


def test_a_row_is_201_where_it_is_made_and_200_where_it_was(ac: ActiveCampaignSandbox) -> None:
    contact = ac.add(PERSON, lists={"1": 1})

    made, changed = put_on_list(ac, contact, "5", 1), put_on_list(ac, contact, "1", 2)
    missing = put_on_list(ac, "77", "1", 2)

    assert [made.status_code, changed.status_code, missing.status_code] == [201, 200, 404]
    assert missing.json() == {"message": "No Result found for Subscriber with id 77"}
    assert made.json()["contactList"].keys() <= changed.json()["contactList"].keys()
    held = ac.contact(PERSON)
    assert held is not None and held["lists"] == {"1": "2", "5": "1"}


@pytest.mark.parametrize("body", [b"", b"[]", b"{broken", b'{"contactList":[]}', b"{}"])
def test_a_row_of_nobody_is_a_404(ac: ActiveCampaignSandbox, body: bytes) -> None:
    assert call(ac, "POST", "contactLists", data=body).status_code == 404


def test_posting_a_list_row_creates_it_and_may_start_an_automation(ac: ActiveCampaignSandbox) -> None:
    contact = ac.add(PERSON, lists={}, automations=())
    ac.goodbye_automation = "99"

    assert put_on_list(ac, contact, "5", 2).json()["contactList"]["status"] == 2

    held = ac.contact(PERSON)
    assert held is not None
    assert (held["lists"], held["automations"]) == ({"5": "2"}, {"99": "1"})


def test_a_list_change_does_not_move_the_contacts_date_however_it_is_made(ac: ActiveCampaignSandbox) -> None:
    contact = ac.add(PERSON, lists={"1": 1})
    ac.add(OTHER, udate="2026-03-01T00:00:00-05:00")

    put_on_list(ac, contact, "1", 2)
    put_on_list(ac, contact, "2", 1)
    ac.subscribe(PERSON, "1")

    lately = call(ac, "GET", "contacts", params={"filters[updated_after]": "2026-02-01T00:00:00+00:00"}).json()
    assert [row["email"] for row in lately["contacts"]] == [OTHER]
    assert call(ac, "GET", f"contacts/{contact}").json()["contact"]["udate"] == "2020-01-01T00:00:00-05:00"


def test_subscribing_again_sets_the_row_to_1_since_now_or_since_when_it_is_told(ac: ActiveCampaignSandbox) -> None:
    contact = ac.add(PERSON, lists={"1": 2})
    ac.clock = lambda: datetime(2026, 3, 1, 12, tzinfo=UTC)

    ac.subscribe(PERSON.upper(), "1")
    ac.subscribe(PERSON, "2", sdate="2026-01-01T00:00:00-05:00")

    rows = call(ac, "GET", f"contacts/{contact}/contactLists").json()["contactLists"]
    assert [(row["list"], row["status"], row["sdate"]) for row in rows] == [
        ("1", "1", "2026-03-01T07:00:00-05:00"),
        ("2", "1", "2026-01-01T00:00:00-05:00"),
    ]
    with pytest.raises(LookupError, match="no live contact"):
        ac.subscribe(OTHER, "1")


def test_an_unsubscription_dates_the_row_and_leaves_the_opt_in_as_it_was(ac: ActiveCampaignSandbox) -> None:
    contact = ac.add(PERSON, lists={"1": 1})
    ac.clock = lambda: datetime(2026, 3, 1, 12, tzinfo=UTC)

    put_on_list(ac, contact, "1", 2)

    row = call(ac, "GET", f"contacts/{contact}/contactLists").json()["contactLists"][0]
    assert (row["status"], row["sdate"], row["udate"]) == (
        "2",
        "2020-01-01T00:00:00-05:00",
        "2026-03-01T07:00:00-05:00",
    )


# -- missing objects ------------------------------------------------------------------------------------------------


def test_a_missing_automation_row_is_a_403_that_means_absent_and_404_where_it_is_read(
    ac: ActiveCampaignSandbox,
) -> None:
    gone, unread = call(ac, "DELETE", "contactAutomations/77"), call(ac, "GET", "contactAutomations/77")

    assert (gone.status_code, unread.status_code) == (403, 404)
    assert gone.json() == unread.json() == {"message": "No Result found for SubscriberSeries with id 77"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "contacts/77"),
        ("PUT", "contacts/77"),
        ("GET", "lists/77"),
        ("PUT", "lists/exclusions/77"),
        ("GET", "ecomCustomers/77"),
        ("DELETE", "ecomCustomers/77"),
        ("GET", "contactArchives/77"),
    ],
)
def test_everything_else_that_is_missing_is_a_404_that_names_it(
    ac: ActiveCampaignSandbox, method: str, path: str
) -> None:
    answer = call(ac, method, path, json={} if method == "PUT" else None)

    assert answer.status_code == 404
    assert answer.json()["message"].startswith("No Result found for ")
    assert answer.json()["message"].endswith(" with id 77")


# -- lists, shop, exclusions ----------------------------------------------------------------------------------------


def test_a_list_can_be_read_and_outlives_the_last_contact_on_it(ac: ActiveCampaignSandbox) -> None:
    contact = ac.add(PERSON, lists={"3": 1})
    put_on_list(ac, contact, "4", 1)
    call(ac, "DELETE", f"contacts/{contact}")

    first, second = call(ac, "GET", "lists/3"), call(ac, "GET", "lists/4")

    assert [one.status_code for one in (first, second)] == [200, 200]
    assert call(ac, "GET", "lists").json() == {
        "lists": [first.json()["list"], second.json()["list"]],
        "meta": {"total": "2"},
    }


def test_a_shops_customer_is_deleted_by_delete_only(ac: ActiveCampaignSandbox) -> None:
    customer, other = ac.add_customer(PERSON), ac.add_customer(PERSON, connection="2")

    read = call(ac, "GET", f"ecomCustomers/{customer}")
    second = call(ac, "GET", "ecomCustomers", params={"filters[connectionid]": "2"}).json()["ecomCustomers"]

    assert (read.status_code, read.json()["ecomCustomer"]["email"]) == (200, PERSON)
    assert [row["id"] for row in second] == [other]
    assert ac.customers() == [PERSON, PERSON]
    assert call(ac, "DELETE", f"ecomCustomers/{customer}").json() == {}
    assert ac.customers() == [PERSON]


def test_exclusions_can_be_widened_but_neither_created_nor_deleted(ac: ActiveCampaignSandbox) -> None:
    entry = ac.add_exclusion(PERSON, channel="several", lists=("1",))

    assert call(ac, "POST", "lists/exclusions", json={}).status_code == 405
    assert call(ac, "DELETE", f"lists/exclusions/{entry}").status_code == 405
    assert call(ac, "PUT", f"lists/exclusions/{entry}", json={"channel": "all"}).status_code == 200
    assert (ac.exclusions()[0]["channel"], ac.exclusions()[0]["lists"]) == ("all", [])
    ac.admin = False
    assert call(ac, "PUT", f"lists/exclusions/{entry}", json={"channel": "all"}).status_code == 403


def test_the_exclusions_listing_refuses_unknown_filters_and_directions_and_nothing_else(
    ac: ActiveCampaignSandbox,
) -> None:
    ac.add_exclusion("b@x.test", lists=("1",))
    ac.add_exclusion("a@x.test", lists=("2",))

    def listed(**params: str) -> list[str]:
        answer = call(ac, "GET", "lists/exclusions", params=params)
        return [row["matchPhrase"] for row in answer.json()["exclusions"]]

    assert listed(include="lists", odd="x") == ["b@x.test", "a@x.test"]
    assert listed(**{"orders[matchPhrase]": "ASC"}) == ["a@x.test", "b@x.test"]
    assert listed(**{"filters[lists][]": "2"}) == listed(**{"filters[matchPhrase]": "A@"}) == ["a@x.test"]
    params = {"filters[odd]": "x", "orders[matchPhrase]": "DOWN"}
    refused = call(ac, "GET", "lists/exclusions", params=params)
    assert refused.status_code == 422
    assert [(error["title"], error["status"], error["source"]["pointer"]) for error in refused.json()["errors"]] == [
        ("Invalid attribute", 422, "/data/attributes/orders[matchPhrase]"),
        ("Invalid attribute", 422, "/data/attributes/filters[odd]"),
    ]
    assert not any("code" in error for error in refused.json()["errors"])


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"channel": "several", "lists": ["1", 2]}, "lists[1]"),
        ({"channel": "all", "lists": ["1"]}, "lists"),
        ({"lists": 5}, "lists"),
    ],
)
def test_a_wrong_change_of_an_exclusion_is_refused_where_it_is_wrong(
    ac: ActiveCampaignSandbox, body: dict[str, Any], pointer: str
) -> None:
    entry = ac.add_exclusion(PERSON, channel="several", lists=("7",))

    answer = call(ac, "PUT", f"lists/exclusions/{entry}", json=body)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["source"]["pointer"] == f"/data/attributes/{pointer}"
    assert ac.exclusions()[0]["lists"] == ["7"]


def test_contacts_written_straight_into_the_account_are_served_too(ac: ActiveCampaignSandbox) -> None:
    contact = ac.add(OTHER)
    with ac.lock:
        ac._contacts["900"] = {"id": "900", "email": PERSON, "udate": "2026-01-01", "rows": {}, "series": {}}

    assert found(ac, PERSON) == [PERSON]
    assert call(ac, "GET", "contacts/900").status_code == call(ac, "GET", f"contacts/{contact}").status_code == 200
