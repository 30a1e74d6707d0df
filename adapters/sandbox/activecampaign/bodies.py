"""Bodies as ActiveCampaign writes them: messages, contacts, rows, pages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from adapters.sandbox.messages import Reply, Request, as_json

NO_DATE = "0000-00-00 00:00:00"


def message(status: int, text: str) -> Reply:
    """Return the short error document of v3."""
    return as_json(status, {"message": text}, "application/json")


def contact_body(contact: dict[str, Any]) -> dict[str, Any]:
    """Return a contact as every call shows it."""
    return {
        "id": contact["id"],
        "email": contact["email"],
        "phone": "",
        "firstName": "Test",
        "lastName": "Person",
        "cdate": "2020-01-01T00:00:00-05:00",
        "udate": contact["udate"],
        "deleted": "0",
        "anonymized": "0",
        "deleted_at": NO_DATE,
        "bounced_hard": "0",
    }


def list_rows_body(contacts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the list rows of these contacts as every call shows them."""
    return {
        "contactLists": [
            {
                "id": key,
                "contact": contact["id"],
                "list": row["list"],
                "status": row["status"],  # a string here, a number in the POST's answer
                "sdate": row["sdate"],
                "udate": row["sdate"],
                "unsubreason": None,
                "sourceid": "0",
            }
            for contact in contacts
            for key, row in contact["rows"].items()
        ]
    }


def automation_row_body(contact: dict[str, Any], key: str, row: dict[str, str]) -> dict[str, Any]:
    """Return the row by which an automation holds a contact."""
    return {
        "id": key,
        "contact": contact["id"],
        "automation": row["automation"],
        "status": row["status"],
        "adddate": "2020-01-01T00:00:00-05:00",
        "remdate": None,
        "completed": 0,
    }


def page_of(rows: list[Any], request: Request) -> list[Any]:
    """Return the rows that `limit` and `offset` ask for."""
    # 20 by default, 100 at most (page pagination)
    limit = min(int(request.query.get("limit", "20")), 100)
    offset = int(request.query.get("offset", "0"))
    return rows[offset : offset + limit]


def updated(rows: list[dict[str, Any]], request: Request) -> list[dict[str, Any]]:
    """Return the contacts that the date filter leaves (page list-all-contacts)."""
    after = request.query.get("filters[updated_after]")
    return [row for row in rows if not after or datetime.fromisoformat(row["udate"]) > datetime.fromisoformat(after)]


def beyond(rows: list[dict[str, Any]], request: Request) -> list[dict[str, Any]]:
    """Return the contacts behind `id_greater`; the total still counts all of them (page pagination)."""
    return [row for row in rows if int(row["id"]) > int(request.query.get("id_greater", "0"))]
