"""The calls on the exclusion list, which can be read and widened, but neither added to nor shortened."""

from __future__ import annotations

import re
from typing import Any

from adapters.sandbox.activecampaign.bodies import answer, message, missing, not_modelled, page_of
from adapters.sandbox.activecampaign.holdings import AccountHoldings
from adapters.sandbox.matching import UNICODE_CI, folded
from adapters.sandbox.messages import Reply, Request

_FIELDS = ("matchPhrase", "lists")


class ExclusionCalls(AccountHoldings):
    """The calls on /lists/exclusions."""

    def _exclusion_calls(self, request: Request, parts: list[str]) -> Reply:
        if len(parts) > 1:
            return not_modelled(request)
        if request.method not in (("GET", "PUT") if parts else ("GET",)):
            return Reply(405, b"", None)  # no documented call creates or deletes one
        if not parts:
            return self._list_exclusions(request)
        exclusion = next((row for row in self._exclusions if row["id"] == parts[0]), None)
        if request.method == "PUT":
            return self._widen(request, exclusion, parts[0])
        if exclusion is None:
            return message(404, f"Exclusion not found [id={parts[0]}]")
        return answer(200, exclusion)

    def _list_exclusions(self, request: Request) -> Reply:
        if problems := _problems(request):
            return _invalid(problems)
        compared = folded if self.collation == UNICODE_CI else str.lower
        phrase = compared(request.query.get("filters[matchPhrase]", ""))
        wanted = request.query.get("filters[lists][]") or request.query.get("filters[lists]")
        rows = [
            row
            for row in self._exclusions
            # contains-like, as the example of the page shows
            if phrase in compared(row["matchPhrase"]) and (not wanted or wanted in row["lists"])
        ]
        for field in _FIELDS:
            if direction := request.query.get(f"orders[{field}]"):
                rows.sort(key=lambda row, by=field: row[by], reverse=direction == "DESC")  # type: ignore[misc]
        return answer(200, {"exclusions": page_of(rows, request), "meta": {"total": len(rows)}})

    def _widen(self, request: Request, exclusion: dict[str, Any] | None, number: str) -> Reply:
        if not self.admin:
            return message(403, "You don't have permission to access this resource")
        if exclusion is None:
            return missing("Exclusion", number)
        wanted = {key: value for key, value in request.fields().items() if key in ("channel", "lists")}
        if problems := _wrong(wanted.get("lists", []), str(wanted.get("channel", exclusion["channel"]))):
            return _invalid(problems)
        if wanted.get("channel") == "all":
            wanted["lists"] = []
        exclusion |= wanted
        return answer(200, exclusion)


def _problems(request: Request) -> list[tuple[str, str]]:
    """Return what the listing refuses, and where: directions first, then fields (page list-exclusions)."""
    directions = [
        (f'Invalid order direction: "{value}". Allowed values are: "ASC", "DESC"', name)
        for name, value in request.query.items()
        if name.startswith("orders[") and value not in ("ASC", "DESC")
    ]
    fields = [
        (f'Invalid filter field: "{found[1]}". Allowed fields are: {", ".join(_FIELDS)}', name)
        for name in request.query
        if (found := re.match(r"filters\[([^\]]*)\]", name)) and found[1] not in _FIELDS
    ]
    return directions + fields


def _wrong(lists: Any, channel: str) -> list[tuple[str, str]]:
    """Return what is wrong with the lists of a change, and where (page update-exclusion)."""
    no_array = "Lists must be an array of string-quoted integers"
    if not isinstance(lists, list):
        return [(no_array, "lists")]
    wrong = [
        (no_array, f"lists[{place}]")
        for place, name in enumerate(lists)
        if not (isinstance(name, str) and name.isdigit())
    ]
    return wrong + ([('List IDs must be empty for channel "all"', "lists")] if channel == "all" and lists else [])


def _invalid(problems: list[tuple[str, str]]) -> Reply:
    errors = [
        {"status": 422, "title": "Invalid attribute", "detail": detail, "source": {"pointer": f"/data/attributes/{at}"}}
        for detail, at in problems
    ]
    return answer(422, {"errors": errors})
