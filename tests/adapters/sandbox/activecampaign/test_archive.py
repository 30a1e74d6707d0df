"""The contact archive: what is documented, and a switch for each thing that nobody outside has seen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from adapters.sandbox import ActiveCampaignSandbox
from tests.adapters.sandbox.activecampaign.calls import OTHER, PERSON, call, found, in_archive


def test_a_deleted_contact_is_only_archived_until_it_is_purged(ac: ActiveCampaignSandbox) -> None:
    contact = ac.add(PERSON)

    assert call(ac, "DELETE", f"contacts/{contact}").json() == {}

    assert call(ac, "GET", f"contacts/{contact}").json()["message"].startswith("No Result found for Subscriber")
    assert call(ac, "DELETE", f"contacts/{contact}").json()["message"].startswith("No result found for contact")
    archive = call(ac, "GET", "contactArchives", params={"search": PERSON}).json()
    assert [row["id"] for row in archive["contactArchives"]] == [contact]
    assert call(ac, "DELETE", f"contactArchives/{contact}").status_code == 200
    assert call(ac, "DELETE", f"contactArchives/{contact}").status_code == 200
    assert ac.archived() == []


def test_an_archived_contact_can_be_read_by_its_id(ac: ActiveCampaignSandbox) -> None:
    ac.archive(PERSON)
    number = ac.archived()[0]["id"]

    held, missing = call(ac, "GET", f"contactArchives/{number}"), call(ac, "GET", "contactArchives/77")

    assert (held.status_code, held.json()["contactArchive"]["email"]) == (200, PERSON)
    assert (missing.status_code, missing.json()) == (404, {"message": "No Result found for ContactArchive with id 77"})


def test_an_archived_contact_says_when_it_was_deleted_with_the_accounts_offset(ac: ActiveCampaignSandbox) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    contact = ac.add(PERSON)
    call(ac, "DELETE", f"contacts/{contact}")

    row = call(ac, "GET", f"contactArchives/{contact}").json()["contactArchive"]

    deleted = datetime.fromisoformat(row["deleted_at"])
    assert deleted.utcoffset() == timedelta(hours=-5)
    assert before <= deleted <= datetime.now(UTC)
    assert row["is_restorable"] is False
    ac.clock = lambda: datetime.now(UTC) + timedelta(days=31)
    assert call(ac, "GET", f"contactArchives/{contact}").json()["contactArchive"]["is_restorable"] is True


def test_several_are_purged_in_one_call_and_unknown_ids_passed_over(ac: ActiveCampaignSandbox) -> None:
    for address in (PERSON, OTHER):
        ac.archive(address)
    first = ac.archived()[0]["id"]

    for body in (b"", b"[1]", b"{broken", b'{"ids":1}'):
        assert call(ac, "POST", "contactArchives/deleteList", data=body).status_code == 200
    answer = call(ac, "POST", "contactArchives/deleteList", json={"ids": [int(first), 99]})

    assert (answer.status_code, answer.json()) == (200, {})
    assert [one["email"] for one in ac.archived()] == [OTHER]


def test_without_the_admin_right_the_archive_is_an_empty_404(ac: ActiveCampaignSandbox) -> None:
    ac.archive(PERSON)
    ac.admin = False
    number = ac.archived()[0]["id"]

    for method, path in [("GET", ""), ("GET", f"/{number}"), ("DELETE", f"/{number}"), ("POST", "/deleteList")]:
        answer = call(ac, method, f"contactArchives{path}")
        assert (answer.status_code, answer.content, "Content-Type" in answer.headers) == (404, b"", False)
    assert call(ac, "GET", "settings/account").status_code == 403
    assert len(ac.archived()) == 1


@pytest.mark.parametrize(
    ("search", "hits"),
    [
        ("exact", [PERSON]),
        ("contains", ["n" + PERSON, PERSON]),
        ("blind", []),
        ("ignored", ["n" + PERSON, PERSON, OTHER]),
    ],
)
def test_the_search_matches_as_told(ac: ActiveCampaignSandbox, search: str, hits: list[str]) -> None:
    for address in ("n" + PERSON, PERSON, OTHER):
        ac.archive(address)
    ac.archive_search = search

    assert in_archive(ac, PERSON.upper()) == hits


def test_the_exact_search_compares_by_the_accounts_collation(ac: ActiveCampaignSandbox) -> None:
    ac.archive("ada@straße.test")
    assert in_archive(ac, "ada@strasse.test") == []
    ac.collation = "utf8mb4_unicode_ci"

    assert in_archive(ac, "ada@strasse.test") == ["ada@straße.test"]


def test_the_search_can_lag_for_so_many_searches_and_the_read_by_id_does_not(ac: ActiveCampaignSandbox) -> None:
    ac.archive_lag = 2
    contact = ac.add(PERSON)
    call(ac, "DELETE", f"contacts/{contact}")
    ac.archive(OTHER)

    assert call(ac, "GET", f"contactArchives/{contact}").status_code == 200
    assert [in_archive(ac, PERSON) for _ in range(3)] == [[], [], [PERSON]]
    assert in_archive(ac, OTHER) == []


def test_a_lag_ends_when_it_is_switched_off(ac: ActiveCampaignSandbox) -> None:
    ac.archive_lag = float("inf")
    ac.archive(PERSON)
    assert [in_archive(ac, PERSON) for _ in range(5)] == [[]] * 5
    ac.archive_lag = 0

    assert in_archive(ac, PERSON) == [PERSON]


@pytest.mark.parametrize(
    ("absent", "content_type", "body"),
    [
        ("route", "application/json", '{"message":"No Route matched"}'),
        ("html", "text/html; charset=UTF-8", "<html><body>Not found</body></html>"),
        ("object", "application/json", "{}"),
        ("empty", None, ""),
        ("no_result", "application/json", '{"message":"No Result found for ContactArchive with id 0"}'),
    ],
)
def test_an_account_without_an_archive_answers_404_to_each_call_and_to_nothing_else(
    ac: ActiveCampaignSandbox, absent: str, content_type: str | None, body: str
) -> None:
    ac.archive(PERSON)
    ac.archive_absent = absent
    number = ac.archived()[0]["id"]

    for method, path in [("GET", ""), ("GET", f"/{number}"), ("DELETE", f"/{number}"), ("POST", "/deleteList")]:
        answer = call(ac, method, f"contactArchives{path}")
        assert (answer.status_code, answer.headers.get("Content-Type"), answer.text) == (404, content_type, body)
    assert len(ac.archived()) == 1
    assert call(ac, "GET", "settings/account").status_code == call(ac, "GET", "contacts").status_code == 200


def test_the_envelope_can_be_another(ac: ActiveCampaignSandbox) -> None:
    ac.archive(PERSON)
    ac.archive_envelope = "contacts"

    listing = call(ac, "GET", "contactArchives", params={"search": PERSON}).json()
    single = call(ac, "GET", f"contactArchives/{listing['contacts'][0]['id']}").json()

    assert (set(listing), set(single)) == ({"contacts", "meta"}, {"contact"})


def test_archive_ids_of_their_own_are_other_peoples_contact_ids(ac: ActiveCampaignSandbox) -> None:
    ac.archive_ids = "own"
    bystander = ac.add(OTHER)
    contact = ac.add(PERSON)
    call(ac, "DELETE", f"contacts/{contact}")

    row = call(ac, "GET", "contactArchives", params={"search": PERSON}).json()["contactArchives"][0]

    assert row["id"] == bystander != contact
    assert call(ac, "GET", f"contactArchives/{contact}").status_code == 404
    call(ac, "DELETE", f"contactArchives/{contact}")
    assert len(ac.archived()) == 1
    call(ac, "DELETE", f"contactArchives/{row['id']}")
    assert ac.archived() == []
    assert found(ac, OTHER) == [OTHER]
