"""The calls about audiences: list them, list their members, search, merge fields."""

from __future__ import annotations

from typing import Any

from adapters.sandbox.mailchimp.bodies import invalid, key_of, not_allowed, not_found, not_modelled
from adapters.sandbox.mailchimp.members import MemberCalls
from adapters.sandbox.mailchimp.queries import choice, chosen, full, listed, page_of
from adapters.sandbox.mailchimp.records import audience_body, shown
from adapters.sandbox.messages import Reply, Request, as_json

_MERGE_FIELDS = (
    ("FNAME", "First Name", "text"),
    ("LNAME", "Last Name", "text"),
    ("ADDRESS", "Address", "address"),
    ("PHONE", "Phone Number", "phone"),
)


class AudienceCalls(MemberCalls):
    """What can be asked about an audience, and about all of them."""

    def _lists_page(self, request: Request) -> Reply:
        if request.method != "GET":
            return not_modelled("making an audience")
        backwards = choice(request, "sort_dir", ("ASC", "DESC")) == "DESC"
        names = list(self._lists)[:: -1 if backwards else 1]
        if email := request.query.get("email"):
            names = [name for name in names if key_of(email) in self._lists[name]]
        rows, total = page_of([{"id": name} for name in names], request, self.odd)
        content = {
            "lists": [self._audience(str(row["id"]), request) for row in rows],
            "total_items": total,
            "constraints": {"may_create": False, "max_instances": 100, "current_total_instances": len(self._lists)},
        }
        return as_json(200, chosen(content, request))

    def _audience(self, name: str, request: Request) -> dict[str, Any]:
        figures = full(request) or "stats" in request.query["fields"]
        body = audience_body(name, self._lists[name].values(), figures)
        if request.query.get("include_total_contacts") == "true":
            body["stats"] = {**body["stats"], "total_contacts": len(self._lists[name])}
        return body

    def _list(self, request: Request, parts: list[str]) -> Reply:
        """Answer a call below `lists/{id}`; `parts` is the path, split."""
        tail = parts[2:]
        if not tail and request.method == "GET":
            return as_json(200, chosen(self._audience(parts[1], request), request))
        if tail == ["merge-fields"] and request.method == "GET":
            return self._merge_field_page(request, parts[1])
        if tail != ["members"]:
            return not_modelled("this part of an audience")
        if request.method == "POST":
            return self._add(request, parts[1], None)
        if request.method != "GET":
            return not_allowed("GET, POST")
        found = listed(self._lists[parts[1]].values(), request, self.odd)
        rows, total = page_of(found, request, self.odd)
        members = [shown(member, full(request)) for member in rows]
        return as_json(200, chosen({"members": members, "list_id": parts[1], "total_items": total}, request))

    def _merge_field_page(self, request: Request, audience: str) -> Reply:
        required = self.required_merge_fields.get(audience, ())
        standard = {tag for tag, _, _ in _MERGE_FIELDS}
        tags = [*_MERGE_FIELDS, *((tag, tag, "text") for tag in required if tag not in standard)]
        fields = [
            {
                "merge_id": number,
                "tag": tag,
                "name": name,
                "type": kind,
                "required": tag in required,
                "default_value": "",
                "public": kind == "text",
                "display_order": number + 1,
                "options": {"size": 25} if kind == "text" else {},
                "help_text": "",
                "list_id": audience,
            }
            for number, (tag, name, kind) in enumerate(tags, 1)
        ]
        rows, total = page_of(fields, request, self.odd)
        return as_json(200, chosen({"merge_fields": rows, "list_id": audience, "total_items": total}, request))

    def _search(self, request: Request) -> Reply:
        """Search for an address, or for part of an address or a name (documentation)."""
        query = request.query.get("query", "").lower()
        if not query:
            return invalid("query", "Required fields were not provided: query")
        if (only := request.query.get("list_id")) and only not in self._lists:
            return not_found()
        exact, rough = [], []
        for audience in [only] if only else list(self._lists):
            for member in self._lists[audience].values():
                texts = (member["email_address"], *map(str, member["merge_fields"].values()))
                if member["email_address"].lower() == query:
                    exact.append(shown(member, full(request)))
                if any(query in text.lower() for text in texts):
                    rough.append(shown(member, full(request)))
        found = {"exact_matches": exact, "full_search": rough}
        hits = {name: {"members": rows, "total_items": len(rows)} for name, rows in found.items()}
        return as_json(200, chosen(hits, request))
