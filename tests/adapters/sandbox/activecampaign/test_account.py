"""The account's door: key, rate, what every answer carries, what is not played; and its contacts."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from adapters.sandbox import ActiveCampaignSandbox, Fault
from tests.adapters.sandbox.activecampaign.calls import OTHER, PERSON, call, found


def test_every_answer_carries_both_names_of_itself(ac: ActiveCampaignSandbox) -> None:
    contact = ac.add(PERSON)
    ac.fault(Fault(status=502, body="", path="/users/me"))
    answers = [
        call(ac, "GET", f"contacts/{contact}"),
        call(ac, "DELETE", f"contacts/{contact}"),
        call(ac, "GET", "nowhere"),
        call(ac, "GET", "users/me"),
        call(ac, "GET", "users/me", headers={"Api-Token": "wrong"}),
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 404, 502, 403]
    assert len({answer.headers["X-Request-Id"] for answer in answers}) == 5
    assert all(re.fullmatch(r"[0-9a-f]{16}-[A-Z]{3}", answer.headers["CF-Ray"]) for answer in answers)
    assert not any("RateLimit-Limit" in answer.headers for answer in answers)


def test_the_sixth_call_in_a_second_is_a_429_that_says_how_long_to_wait() -> None:
    with ActiveCampaignSandbox(rate=5.0) as ac:
        answers = [call(ac, "GET", "users/me") for _ in range(6)]

    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert answers[-1].headers["Retry-After"] == "1"
    assert answers[-1].headers["RateLimit-Remaining"] == "0"
    assert answers[-1].headers["CF-Ray"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "deals"),
        ("POST", "contactTags"),
        ("DELETE", "notes/1"),
        ("GET", "users"),
        ("GET", "users/email/somebody"),
        ("GET", "contactLists"),
        ("GET", "contactAutomations"),
        ("POST", "contactAutomations"),
        ("POST", "lists"),
        ("DELETE", "lists/1"),
        ("PUT", "ecomCustomers/1"),
        ("POST", "ecomCustomers"),
        ("DELETE", "contacts"),
        ("POST", "contacts/bulk_delete"),
        ("PUT", "contactArchives/1"),
        ("POST", "contactArchives/restoreAll"),
        ("POST", "contact/elsewhere"),
        ("PATCH", "contacts/1"),
        ("GET", "contacts/1/notes"),
        ("POST", "contacts/1/contactLists"),
        ("GET", "contacts?listid=1"),
        ("GET", "contacts?search=ada"),
        ("GET", "contacts?status=1"),
        ("GET", "contacts?orders[email]=ASC"),
        ("GET", "lists?filters[name]=News"),
    ],
)
def test_a_documented_call_that_is_not_played_says_so_and_changes_nothing(
    ac: ActiveCampaignSandbox, method: str, path: str
) -> None:
    ac.add(PERSON)
    ac.add_customer(PERSON)
    before = ac.contacts(), ac.customers(), ac.archived()

    answer = call(ac, method, path, json={"contact": {"email": OTHER}} if method in ("POST", "PUT") else None)

    assert (answer.status_code, answer.headers["Content-Type"]) == (501, "application/json")
    assert "does not model" in answer.json()["message"]
    assert (ac.contacts(), ac.customers(), ac.archived()) == before


def test_what_is_not_played_does_not_repeat_an_address_of_its_path(ac: ActiveCampaignSandbox) -> None:
    assert PERSON not in call(ac, "GET", f"users/email/{PERSON}").text


@pytest.mark.parametrize("path", ["nonsense", "contacts/1/nonsense", "contacts/1/contactLists/2"])
def test_a_path_that_is_no_call_at_all_has_no_route(ac: ActiveCampaignSandbox, path: str) -> None:
    ac.add(PERSON)

    answer = call(ac, "GET", path)

    assert (answer.status_code, answer.json()) == (404, {"message": "No Route matched"})


# -- contacts -------------------------------------------------------------------------------------------------------


def test_a_filter_that_is_not_applied_answers_everybody(ac: ActiveCampaignSandbox) -> None:
    ac.add(PERSON)
    ac.add(OTHER)
    assert found(ac, PERSON) == [PERSON]
    ac.ignore_filter = True

    assert found(ac, PERSON) == [PERSON, OTHER]


@pytest.mark.parametrize(
    ("collation", "wanted", "hits"),
    [
        ("exact", "ADA@STRASSE.TEST", ["ada@strasse.test"]),
        ("exact", "ada@straße.test", ["ada@straße.test"]),
        ("exact", "ada", []),
        ("utf8mb4_unicode_ci", "ada@strasse.test", ["ada@straße.test", "ada@strasse.test", "ädá@STRASSE.test"]),
        ("utf8mb4_unicode_ci", "a\u0308da@straße.test ", ["ada@straße.test", "ada@strasse.test", "ädá@STRASSE.test"]),
        ("contains", "ada@strasse", ["ada@strasse.test", "nada@strasse.test"]),
    ],
)
def test_an_address_filter_compares_as_told(
    ac: ActiveCampaignSandbox, collation: str, wanted: str, hits: list[str]
) -> None:
    for address in ("ada@straße.test", "ada@strasse.test", "ädá@STRASSE.test", "nada@strasse.test"):
        ac.add(address)
        ac.add_customer(address)
    ac.collation = collation

    customers = call(ac, "GET", "ecomCustomers", params={"filters[email]": wanted}).json()["ecomCustomers"]

    assert found(ac, wanted) == hits
    assert [row["email"] for row in customers] == hits


def test_creating_is_201_and_a_second_time_is_a_duplicate_whatever_the_letter_case(ac: ActiveCampaignSandbox) -> None:
    first = call(ac, "POST", "contacts", json={"contact": {"email": PERSON, "firstName": "Ada"}})
    second = call(ac, "POST", "contacts", json={"contact": {"email": PERSON.upper()}})

    assert first.status_code == 201
    assert ac.contact(PERSON) == {"id": first.json()["contact"]["id"], "email": PERSON, "lists": {}, "automations": {}}
    assert (second.status_code, second.json()["errors"][0]["code"]) == (422, "duplicate")
    assert second.json()["errors"][0]["source"] == {"pointer": "/data/attributes/email"}


@pytest.mark.parametrize("body", [b"", b"[]", b"{broken", b'{"contact":{}}', b'{"contact":{"email":"nobody"}}'])
def test_what_is_no_address_is_refused_with_its_code(ac: ActiveCampaignSandbox, body: bytes) -> None:
    for path in ("contacts", "contact/sync"):
        answer = call(ac, "POST", path, data=body)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "email_invalid")

    assert ac.contacts() == []


def test_a_deleted_address_can_be_created_again_at_once_under_a_new_id(ac: ActiveCampaignSandbox) -> None:
    first = call(ac, "POST", "contacts", json={"contact": {"email": PERSON}}).json()["contact"]["id"]
    call(ac, "DELETE", f"contacts/{first}")

    again = call(ac, "POST", "contacts", json={"contact": {"email": PERSON}})

    assert again.status_code == 201
    assert again.json()["contact"]["id"] != first
    assert [one["id"] for one in ac.archived()] == [first]


def test_a_contact_may_come_back_before_anybody_can_look(ac: ActiveCampaignSandbox) -> None:
    first = ac.add(PERSON)
    ac.comes_back_after_delete = True

    assert call(ac, "DELETE", f"contacts/{first}").json() == {}

    assert call(ac, "GET", f"contacts/{first}").status_code == 404
    back = ac.contact(PERSON)
    assert back is not None and back["id"] != first
    assert found(ac, PERSON) == [PERSON]


def test_sync_creates_with_201_and_changes_with_200(ac: ActiveCampaignSandbox) -> None:
    created = call(ac, "POST", "contact/sync", json={"contact": {"email": PERSON}})
    changed = call(ac, "POST", "contact/sync", json={"contact": {"email": PERSON.upper(), "phone": "555"}})

    assert (created.status_code, changed.status_code) == (201, 200)
    assert changed.json()["contact"]["id"] == created.json()["contact"]["id"]
    assert changed.json()["contact"]["phone"] == "555"
    assert len(ac.contacts()) == 1


def test_a_change_moves_the_date_by_which_the_listing_filters_and_an_address_can_change(
    ac: ActiveCampaignSandbox,
) -> None:
    contact = ac.add(PERSON)
    ac.add(OTHER)
    ac.clock = lambda: datetime(2026, 3, 1, 12, tzinfo=UTC)

    taken = call(ac, "PUT", f"contacts/{contact}", json={"contact": {"email": OTHER}})
    moved = call(ac, "PUT", f"contacts/{contact}", json={"contact": {"email": "ada@byron.test"}})
    lately = call(ac, "GET", "contacts", params={"filters[updated_after]": "2026-02-28T00:00:00+00:00"}).json()

    assert (taken.status_code, taken.json()["errors"][0]["code"]) == (422, "duplicate")
    assert (moved.status_code, moved.json()["contact"]["udate"]) == (200, "2026-03-01T07:00:00-05:00")
    assert [row["email"] for row in lately["contacts"]] == ["ada@byron.test"]
    assert call(ac, "PUT", "contacts/77", json={"contact": {"phone": "1"}}).status_code == 404


def test_a_page_holds_a_hundred_contacts_at_most_and_twenty_unless_told(ac: ActiveCampaignSandbox) -> None:
    for number in range(130):
        ac.add(f"person{number}@many.test", lists={})

    def page(**params: str) -> list[int]:
        return [int(row["id"]) for row in call(ac, "GET", "contacts", params=params).json()["contacts"]]

    everybody = [int(one["id"]) for one in ac.contacts()]
    assert page() == everybody[:20]
    assert page(limit="1000") == everybody[:100]
    assert page(limit="100", offset="100") == everybody[100:]
    assert page(limit="many", offset="-1") == everybody[:20]
    assert page(**{"orders[id]": "DESC", "limit": "2", "status": "-1"}) == everybody[:-3:-1]
    assert page(id_greater=str(everybody[119]), limit="100") == everybody[120:]


def test_a_used_up_allowance_refuses_the_deletion(ac: ActiveCampaignSandbox) -> None:
    contact = ac.add(PERSON)
    ac.allowance = 0

    assert 400 <= call(ac, "DELETE", f"contacts/{contact}").status_code < 500
    assert ac.contact(PERSON) is not None


def test_a_stale_read_shows_a_contact_as_it_was_before_its_deletion(ac: ActiveCampaignSandbox) -> None:
    contact = ac.add(PERSON)
    call(ac, "DELETE", f"contacts/{contact}")
    ac.fault(Fault(kind="stale"))

    assert call(ac, "GET", f"contacts/{contact}").status_code == 200
    assert call(ac, "GET", f"contacts/{contact}").status_code == 404
