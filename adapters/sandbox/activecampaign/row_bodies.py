"""The rows by which lists and automations hold a contact, as ActiveCampaign writes them."""

from __future__ import annotations

from typing import Any

_LINKED = ("automation", "list", "contact", "form", "autosyncLog", "campaign", "unsubscribeAutomation", "message")


def list_row_body(contact: dict[str, Any], key: str, row: dict[str, Any]) -> dict[str, Any]:
    """Return a list row as every read shows it (page get-contact; the links are left off to keep it small)."""
    since = row["sdate"]
    made = str(since or contact["udate"])[:19].replace("T", " ")
    return {
        "contact": contact["id"],
        "list": row["list"],
        "form": None,
        "seriesid": "0",
        "sdate": since,
        "udate": row.get("udate"),
        "status": row["status"],  # a string here, a number in the POST's answer
        "responder": "1",
        "sync": "0",
        "unsubreason": "",
        "campaign": None,
        "message": None,
        "first_name": contact.get("firstName", "Test"),
        "last_name": contact.get("lastName", "Person"),
        "ip4Sub": "0",
        "sourceid": "3",
        "autosyncLog": None,
        "ip4_last": "0",
        "ip4Unsub": "0",
        "created_timestamp": made,
        "updated_timestamp": made,
        "created_by": None,
        "updated_by": None,
        "unsubscribeAutomation": None,
        "id": key,
        "automation": None,
    }


def changed_row_body(contact: dict[str, Any], key: str, row: dict[str, Any], url: str) -> dict[str, Any]:
    """Return a list row as the change of one that existed answers (page update-list-status-for-contact)."""
    numbers = {"status": _number(row["status"]), "links": _links(key, url)}
    return list_row_body(contact, key, row) | numbers


def created_row_body(contact: dict[str, Any], key: str, row: dict[str, Any], url: str) -> dict[str, Any]:
    """Return a list row as the call that makes it answers: 14 fields, status and source as numbers (recorded)."""
    return {
        "status": _number(row["status"]),
        "list": row["list"],
        "contact": contact["id"],
        "sdate": row["sdate"],
        "udate": row.get("udate"),
        "unsubreason": "",
        "campaign": None,
        "message": None,
        "first_name": contact.get("firstName", "Test"),
        "last_name": contact.get("lastName", "Person"),
        "sourceid": 3,
        "unsubscribeAutomation": None,
        "links": _links(key, url),
        "id": key,
    }


def automation_row_body(contact: dict[str, Any], key: str, row: dict[str, str]) -> dict[str, Any]:
    """Return the row by which an automation holds a contact (page list-all-contactautomations-for-contact)."""
    left = row.get("remdate")
    return {
        "contact": contact["id"],
        "seriesid": row["automation"],
        "startid": "0",
        "status": row["status"],
        "batchid": None,
        "adddate": "2020-01-01T00:00:00-05:00",
        "remdate": left,
        "timespan": None,
        "lastblock": "1",
        "lastlogid": "0",
        "lastdate": left or "2020-01-01T00:00:00-05:00",
        "in_als": "0",
        "completedElements": 0,
        "totalElements": 1,
        "completed": 0,
        "completeValue": 0,
        "id": key,
        "automation": row["automation"],
    }


def _links(row: str, url: str) -> dict[str, str]:
    return {name: f"{url}/api/3/contactLists/{row}/{name}" for name in _LINKED}


def _number(status: str) -> int | str:
    return int(status) if status.isascii() and status.isdigit() else status
