"""A client that nobody here wrote, PyPI's activecampaign-python, drives the sandbox over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from activecampaign.client import Client

from adapters.sandbox import ActiveCampaignSandbox
from tests.adapters.sandbox.activecampaign.calls import OTHER, PERSON


@pytest.fixture
def client(ac: ActiveCampaignSandbox, monkeypatch: pytest.MonkeyPatch) -> Client:
    """The client takes any base URL, and a proxy from the environment unless told not to."""
    monkeypatch.setenv("NO_PROXY", "*")
    return Client(ac.url, ac.api_key)


def people(client: Client, email: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = client.contacts.list_all_contacts(email=email)["contacts"]
    return rows


def test_a_person_is_created_subscribed_unsubscribed_deleted_and_no_longer_found(
    ac: ActiveCampaignSandbox, client: Client
) -> None:
    ac.add(OTHER)
    created = client.contacts.create_a_contact({"contact": {"email": PERSON, "firstName": "Ada"}})["contact"]
    row = {"list": 7, "contact": int(created["id"])}

    subscribed = client.contacts.update_list_status_for_a_contact({"contactList": {**row, "status": 1}})
    unsubscribed = client.contacts.update_list_status_for_a_contact({"contactList": {**row, "status": 2}})
    read = client.contacts.retrieve_a_contact(created["id"])
    held = people(client, PERSON)
    deleted = client.contacts.delete_a_contact(created["id"])

    assert (subscribed["contactList"]["status"], unsubscribed["contactList"]["status"]) == (1, 2)
    assert subscribed["contactList"]["id"] == unsubscribed["contactList"]["id"]
    assert [(one["list"], one["status"]) for one in read["contactLists"]] == [("7", "2")]
    assert [one["id"] for one in held] == [created["id"]]
    assert deleted == {}
    assert people(client, PERSON) == []
    gone = client.contacts.retrieve_a_contact(created["id"])
    assert gone == {"message": f"No Result found for Subscriber with id {created['id']}"}
    assert [one["email"] for one in ac.contacts()] == [OTHER]
    assert [one["email"] for one in ac.archived()] == [PERSON]


def test_a_person_is_made_or_changed_by_one_call_and_renamed_by_another(
    ac: ActiveCampaignSandbox, client: Client
) -> None:
    made = client.contacts.create_or_update_contact({"contact": {"email": PERSON}})["contact"]
    changed = client.contacts.create_or_update_contact({"contact": {"email": PERSON, "lastName": "King"}})["contact"]
    renamed = client.contacts.update_a_contact(made["id"], {"contact": {"email": OTHER}})["contact"]

    assert made["id"] == changed["id"] == renamed["id"]
    assert (changed["lastName"], renamed["email"]) == ("King", OTHER)
    assert (people(client, PERSON), [one["id"] for one in people(client, OTHER)]) == ([], [made["id"]])


def test_an_automation_is_left_and_lists_are_read(ac: ActiveCampaignSandbox, client: Client) -> None:
    contact = ac.add(PERSON, lists={"3": 1}, automations=("7",))
    rows = client.contacts.list_all_automations_the_contacts_is_in(contact)["contactAutomations"]

    assert client.contacts.remove_a_contact_from_an_automation(rows[0]["id"]) == {}

    held = ac.contact(PERSON)
    assert held is not None and held["automations"] == {"7": "2"}
    listing = client.lists.retrieve_all_lists()
    assert [one["id"] for one in listing["lists"]] == ["3"]
    assert client.lists.retrieve_a_list("3")["list"] == listing["lists"][0]
    assert client.users.retrieve_logged_in_user()["user"]["id"] == "1"


def test_what_is_not_played_reaches_the_client_in_words(client: Client) -> None:
    assert "does not model" in client.tags.list_all_tags()["message"]
