"""The rows by which lists and automations hold a contact, as ActiveCampaign writes them."""

from __future__ import annotations

from typing import Any

_LINKED = ("automation", "list", "contact", "form", "autosyncLog", "campaign", "unsubscribeAutomation", "message")
#: what stands in the fields of a list row of which nothing else is known
_BLANK_ROW: dict[str, Any] = {
    **dict.fromkeys(("seriesid", "sync", "ip4Sub", "ip4_last", "ip4Unsub"), "0"),
    **dict.fromkeys(("form", "campaign", "message", "autosyncLog", "created_by", "updated_by")),
    **dict.fromkeys(("unsubscribeAutomation", "automation")),
    "responder": "1",
    "sourceid": "3",
    "unsubreason": "",
}


def list_row_body(contact: dict[str, Any], key: str, row: dict[str, Any]) -> dict[str, Any]:
    """Return a list row as every read shows it (page get-contact; the links are left off to keep it small)."""
    since = row["sdate"]
    made = str(since or contact["udate"])[:19].replace("T", " ")
    return {
        **_BLANK_ROW,
        "contact": contact["id"],
        "list": row["list"],
        "sdate": since,
        "udate": row.get("udate"),
        "status": row["status"],  # a string here, a number in the POST's answer
        "first_name": contact.get("firstName", "Test"),
        "last_name": contact.get("lastName", "Person"),
        "created_timestamp": made,
        "updated_timestamp": made,
        "id": key,
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
