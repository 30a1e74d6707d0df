"""What answers of ActiveCampaign have in common: messages, refusals, pages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from adapters.sandbox.messages import Reply, Request, as_json

#: the most that a page holds (page pagination)
PAGE = 100


def answer(status: int, content: Any) -> Reply:
    """Return a JSON answer with the content type of v3, which names no character set."""
    return as_json(status, content, "application/json")


def message(status: int, text: str) -> Reply:
    """Return the short error document of v3."""
    return answer(status, {"message": text})


def missing(kind: str, number: str, status: int = 404) -> Reply:
    """Return the words for an object that does not exist (recorded for nine kinds, each time with 404)."""
    return message(status, f"No Result found for {kind} with id {number}")


def not_modelled(request: Request) -> Reply:
    """Return 501 for a documented call that this stand-in does not play: better no answer than a wrong one.

    It names the resource only, for a path can hold an address.
    """
    resource = request.path.removeprefix("/api/3/").partition("/")[0]
    return message(501, f"this sandbox does not model this call: {request.method} {resource}")


def refusal(title: str, code: str, pointer: str) -> Reply:
    """Return the 422 of a call on contacts (page create-a-new-contact)."""
    source = {"pointer": f"/data/attributes/{pointer}"}
    return answer(422, {"errors": [{"title": title, "detail": "", "code": code, "source": source}]})


def page_of(rows: Sequence[Any], request: Request) -> list[Any]:
    """Return the rows that `limit` and `offset` ask for: 20 where no limit is given, 100 at most."""
    limit = min(_number(request, "limit", 20), PAGE)
    offset = _number(request, "offset", 0)
    return list(rows[offset : offset + limit])


def updated(rows: list[dict[str, Any]], request: Request) -> list[dict[str, Any]]:
    """Return the contacts that the date filter leaves (page list-all-contacts)."""
    after = request.query.get("filters[updated_after]")
    if not after:
        return rows
    moment = datetime.fromisoformat(after)
    return [row for row in rows if datetime.fromisoformat(row["udate"]) > moment]


def ordered(rows: list[dict[str, Any]], request: Request) -> list[dict[str, Any]]:
    """Return the contacts in the order of their ids that is asked for; they stand in the rising one."""
    return rows[::-1] if request.query.get("orders[id]") == "DESC" else rows


def beyond(rows: list[dict[str, Any]], request: Request) -> list[dict[str, Any]]:
    """Return the contacts behind `id_greater`; the total still counts all of them (page pagination)."""
    last = _number(request, "id_greater", 0)
    return [row for row in rows if int(row["id"]) > last] if last else rows


def _number(request: Request, name: str, otherwise: int) -> int:
    text = request.query.get(name, "")
    return int(text) if text.isascii() and text.isdigit() else otherwise
