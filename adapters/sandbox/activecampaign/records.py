"""What an ActiveCampaign account holds beside its contacts: lists, exclusions, the archive, shop customers."""

from __future__ import annotations

import re
from typing import Any

from adapters.sandbox.activecampaign.bodies import contact_body, message, page_of
from adapters.sandbox.messages import Reply, Request, as_json
from adapters.sandbox.server import Sandbox


class Records(Sandbox):
    """The calls on everything but contacts."""

    admin: bool
    _contacts: dict[str, dict[str, Any]]
    _archive: dict[str, dict[str, Any]]
    _exclusions: list[dict[str, Any]]
    _customers: dict[str, dict[str, Any]]

    def _lists(self, request: Request, parts: list[str]) -> Reply:
        if not parts:
            names = sorted({row["list"] for c in self._contacts.values() for row in c["rows"].values()})
            rows = [{"id": name, "name": f"List {name}", "stringid": f"list-{name}"} for name in names]
            return as_json(
                200, {"lists": page_of(rows, request), "meta": {"total": str(len(rows))}}, "application/json"
            )
        if parts[0] == "exclusions":
            return self._exclusion_calls(request, parts[1:])
        return message(403, f"No Result found for List with id {parts[0]}")

    def _exclusion_calls(self, request: Request, parts: list[str]) -> Reply:
        if not parts:
            if request.method != "GET":
                return Reply(405, b"", None)  # no documented call creates one
            known = re.compile(r"^(limit|offset|filters\[(matchPhrase|lists)\](\[\])?)$")
            if any(not known.match(name) for name in request.query):
                errors = [{"title": "Unknown filter", "detail": "", "code": "field_invalid"}]
                return as_json(422, {"errors": errors}, "application/json")
            phrase = request.query.get("filters[matchPhrase]", "").lower()
            # contains-like, as the example of the page shows
            rows = [row for row in self._exclusions if phrase in row["matchPhrase"].lower()]
            content = {"exclusions": page_of(rows, request), "meta": {"total": len(rows)}}
            return as_json(200, content, "application/json")
        exclusion = next((row for row in self._exclusions if row["id"] == parts[0]), None)
        if request.method == "PUT":
            if not self.admin:
                return message(403, "You don't have permission to access this resource")
            if exclusion is None:
                return message(404, f"No Result found for Exclusion with id {parts[0]}")
            exclusion.update({k: v for k, v in (request.json() or {}).items() if k in ("channel", "lists")})
        if exclusion is None:
            return message(404, f"Exclusion not found [id={parts[0]}]")
        return as_json(200, exclusion, "application/json")

    # -- archive, shop --------------------------------------------------------------------------------------

    def _archives(self, request: Request, parts: list[str]) -> Reply:
        if not self.admin:
            return Reply(404, b"", None)  # EMPTY for a user outside the Admin group (page restore-archived-contacts)
        if not parts:
            wanted = request.query.get("search", "").lower()
            rows = [
                {**contact_body(contact), "deleted_at": "2026-11-01T10:00:00-05:00", "is_restorable": False}
                for contact in self._archive.values()
                if contact["email"].lower() == wanted
            ]
            # envelope and paging are inferred: nobody has shown a body
            content = {"contactArchives": page_of(rows, request), "meta": {"total": str(len(rows))}}
            return as_json(200, content, "application/json")
        if parts == ["deleteList"]:
            for name in (request.json() or {}).get("ids", [])[:100]:
                self._archive.pop(str(name), None)
            return as_json(200, {}, "application/json")
        if request.method == "DELETE":
            self._archive.pop(parts[0], None)  # 200 also when it was gone already (page delete-archived-contact)
            return as_json(200, {}, "application/json")
        row = self._archive.get(parts[0])
        return as_json(200, {"contactArchive": contact_body(row)}) if row else message(404, "No Result found")

    def _ecom_customers(self, request: Request, parts: list[str]) -> Reply:
        if not parts:
            wanted = request.query.get("filters[email]")
            # letter case is documented nowhere; taken as for contacts, which MySQL's usual collation would give
            rows = [row for row in self._customers.values() if wanted is None or wanted.lower() == row["email"].lower()]
            content = {"ecomCustomers": page_of(rows, request), "meta": {"total": str(len(rows))}}
            return as_json(200, content, "application/json")
        if self._customers.pop(parts[0], None) is None:
            return message(404, f"No Result found for EcomCustomer with id {parts[0]}")
        return as_json(200, {}, "application/json")
