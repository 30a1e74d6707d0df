"""Bodies as Mailchimp writes them: problems, audiences, pages, chosen fields."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from adapters.sandbox.messages import Reply, Request, as_json

PROBLEM = "application/problem+json; charset=utf-8"


def key_of(email: str) -> str:
    """Return the member id: MD5 of the lower-case address (documentation, "subscriber hash")."""
    return hashlib.md5(email.lower().encode(), usedforsecurity=False).hexdigest()


def problem(status: int, title: str, detail: str, **headers: str) -> Reply:
    """Return an error document; its instance equals the X-Request-Id (recorded since about 2019)."""
    content = {
        "type": "https://mailchimp.com/developer/marketing/docs/errors/",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": "@REQUEST_ID@",
    }
    return replace(as_json(status, content, PROBLEM), headers=headers)


def not_found() -> Reply:
    """Return the one body for "no such audience" and "no such member" (recorded by dominicsayers, grouparoo)."""
    return problem(404, "Resource Not Found", "The requested resource could not be found.")


def compliance() -> Reply:
    """Refuse to subscribe somebody who left by themselves (users' reports)."""
    detail = "The address is in a compliance state due to unsubscribe, bounce, or compliance review."
    return problem(400, "Member In Compliance State", detail)


def now() -> str:
    """Return the time as Mailchimp writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")


def shown(member: dict[str, Any]) -> dict[str, Any]:
    """Return a member without what only the sandbox knows."""
    return {key: value for key, value in member.items() if not key.startswith("_")}


def audience_body(name: str, count: int) -> dict[str, Any]:
    """Return an audience as the account lists it."""
    return {
        "id": name,
        "web_id": 1,
        "name": f"Audience {name}",
        "permission_reminder": "You signed up on our site.",
        "date_created": "2020-01-01T00:00:00+00:00",
        "list_rating": 0,
        "double_optin": False,
        "visibility": "prv",
        "stats": {"member_count": count, "unsubscribe_count": 0},
    }


def member_body(
    email: str, audience: str, status: str, timestamp_opt: str, timestamp_signup: str, last_changed: str
) -> dict[str, Any]:
    """Return a member as the account holds it."""
    return {
        "id": key_of(email),
        "email_address": email,
        "unique_email_id": key_of(email)[:10],
        "contact_id": key_of("contact:" + email),
        "full_name": "Test Person",
        "email_type": "html",
        "status": status,
        "merge_fields": {"FNAME": "Test", "LNAME": "Person", "ADDRESS": "", "PHONE": ""},
        "stats": {"avg_open_rate": 0, "avg_click_rate": 0},
        "ip_signup": "",
        "timestamp_signup": timestamp_signup,
        "ip_opt": "203.0.113.7",
        "timestamp_opt": timestamp_opt,
        "member_rating": 2,
        "last_changed": last_changed,
        "language": "",
        "vip": False,
        "email_client": "",
        "location": {"latitude": 0, "longitude": 0, "country_code": "", "timezone": ""},
        "source": "API - Generic",
        "tags_count": 0,
        "tags": [],
        "list_id": audience,
    }


def changed_since(members: list[dict[str, Any]], request: Request) -> list[dict[str, Any]]:
    """Return the members that `since_last_changed` leaves."""
    since = request.query.get("since_last_changed")
    return [
        member
        for member in members
        if not since or datetime.fromisoformat(member["last_changed"]) >= datetime.fromisoformat(since)
    ]


def page_of(rows: list[Any], request: Request) -> list[Any]:
    """Return the rows that `count` and `offset` ask for."""
    # 10 by default, 1000 at most (documentation)
    count = min(int(request.query.get("count", "10")), 1000)
    offset = int(request.query.get("offset", "0"))
    return rows[offset : offset + count]


def chosen(content: dict[str, Any], request: Request) -> dict[str, Any]:
    """Keep only the dotted `fields=` that were asked for."""
    wanted = request.query.get("fields")
    if not wanted:
        return content
    kept: dict[str, Any] = {}
    for name in wanted.split(","):
        head, _, rest = name.partition(".")
        value = content.get(head)
        if head not in content:
            continue
        if not rest:
            kept[head] = value
        elif isinstance(value, list):
            rows = kept.setdefault(head, [{} for _ in value])
            for row, source in zip(rows, value, strict=True):
                if rest in source:
                    row[rest] = source[rest]
        elif isinstance(value, dict):
            kept.setdefault(head, {})[rest.split(".")[0]] = value.get(rest.split(".")[0])
    return kept
