"""Calls to the ActiveCampaign sandbox over real HTTP, with nothing of ours in between."""

from __future__ import annotations

from typing import Any

import requests

from adapters.sandbox import ActiveCampaignSandbox

PERSON = "ada@lovelace.test"
OTHER = "grace@hopper.test"


def call(ac: ActiveCampaignSandbox, method: str, path: str, **more: Any) -> requests.Response:
    """Make one call with the right key, on a connection of its own."""
    headers = {"Connection": "close", "Api-Token": ac.api_key} | more.pop("headers", {})
    url = f"{ac.url}/api/3/{path}"
    with requests.Session() as session:
        session.trust_env = False
        return session.request(method, url, headers=headers, allow_redirects=False, timeout=10, **more)


def found(ac: ActiveCampaignSandbox, email: str) -> list[str]:
    """Return the addresses that the search by address answers."""
    answer = call(ac, "GET", "contacts", params={"email": email})
    return [row["email"] for row in answer.json()["contacts"]]


def in_archive(ac: ActiveCampaignSandbox, email: str) -> list[str]:
    """Return the addresses that the archive's search answers."""
    answer = call(ac, "GET", "contactArchives", params={"search": email})
    return [row["email"] for row in answer.json()["contactArchives"]]


def put_on_list(ac: ActiveCampaignSandbox, contact: str, list_id: str, status: int) -> requests.Response:
    """Set a contact's row of a list."""
    return call(
        ac, "POST", "contactLists", json={"contactList": {"contact": contact, "list": list_id, "status": status}}
    )
