"""An ActiveCampaign account as a local server, oddities included.

Each oddity names its source: the vendor's reference (page names under its developer site), help pages, public
connectors, or users' reports. Where nobody has published a body, the comment says so.
"""

from __future__ import annotations

import copy
import itertools
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.sandbox.activecampaign.bodies import (
    automation_row_body,
    beyond,
    contact_body,
    list_rows_body,
    message,
    page_of,
    updated,
)
from adapters.sandbox.activecampaign.records import Records
from adapters.sandbox.messages import Reply, Request, as_json


class ActiveCampaignSandbox(Records):
    """One account: contacts, their list rows and automations, the archive, exclusions, shop customers."""

    request_id_header = "CF-Ray"

    def __init__(
        self,
        api_key: str = "sandbox-token",
        admin: bool = True,
        rate: float | None = 5.0,
        latency: float = 0.0,
        jitter: float = 0.0,
        port: int = 0,
    ) -> None:
        super().__init__(latency=latency, jitter=jitter, port=port)
        self.api_key = api_key
        self.admin = admin
        self.rate = rate
        self.retry_after = "1"
        self.allowance: int | None = None
        self.ignore_filter = False
        self.goodbye_automation: str | None = None
        self._ids = itertools.count(1)
        self._contacts: dict[str, dict[str, Any]] = {}
        self._archive: dict[str, dict[str, Any]] = {}
        self._exclusions: list[dict[str, Any]] = []
        self._customers: dict[str, dict[str, Any]] = {}
        self._window: deque[float] = deque()
        self._before: dict[str, dict[str, Any]] = {}

    # -- what tests set up and look at ----------------------------------------------------------------------

    def add(
        self,
        email: str,
        lists: Mapping[str, int] | None = None,
        automations: Sequence[str] = ("7",),
        sdate: str | None = "2020-01-01T00:00:00-05:00",
        udate: str = "2020-01-01T00:00:00-05:00",
    ) -> str:
        """Seed a contact on lists (list -> status) and in automations; return its id."""
        with self.lock:
            contact = str(next(self._ids))
            wanted = {"1": 1, "2": 1} if lists is None else lists
            self._contacts[contact] = {
                "id": contact,
                "email": email,
                "udate": udate,
                "rows": {
                    str(next(self._ids)): {"list": name, "status": str(status), "sdate": sdate}
                    for name, status in wanted.items()
                },
                "series": {str(next(self._ids)): {"automation": name, "status": "1"} for name in automations},
            }
            return contact

    def archive(self, email: str) -> None:
        """Put a person into the contact archive, as a deletion by hand would; one not held is added first."""
        with self.lock:
            held = next((c for c in self._contacts.values() if c["email"].lower() == email.lower()), None)
            contact = held or self._contacts[self.add(email)]
            self._archive[contact["id"]] = self._contacts.pop(contact["id"])

    def contacts(self) -> list[dict[str, Any]]:
        """Return all live contacts."""
        with self.lock:
            return [self._snapshot(contact) for contact in self._contacts.values()]

    def archived(self) -> list[dict[str, Any]]:
        """Return everybody in the archive."""
        with self.lock:
            return [self._snapshot(contact) for contact in self._archive.values()]

    def contact(self, email: str) -> dict[str, Any] | None:
        """Return the live contact of an address, or None."""
        return next((c for c in self.contacts() if c["email"].lower() == email.lower()), None)

    @staticmethod
    def _snapshot(contact: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": contact["id"],
            "email": contact["email"],
            "lists": {row["list"]: row["status"] for row in contact["rows"].values()},
            "automations": {row["automation"]: row["status"] for row in contact["series"].values()},
        }

    def add_exclusion(self, phrase: str, match: str = "exact", channel: str = "all", lists: Sequence[str] = ()) -> str:
        """Seed an exclusion; return its id."""
        with self.lock:
            row = {
                "id": str(next(self._ids)),
                "matchPhrase": phrase,
                "matchType": match,
                "channel": channel,
                "hidden": False,
                "lists": list(lists),
            }
            self._exclusions.append(row)
            return str(row["id"])

    def exclusions(self) -> list[dict[str, Any]]:
        """Return all exclusions."""
        with self.lock:
            return copy.deepcopy(self._exclusions)

    def add_customer(self, email: str, connection: str = "1") -> str:
        """Seed an e-commerce customer row; return its id."""
        with self.lock:
            row = {"id": str(next(self._ids)), "connectionid": connection, "externalid": "1", "email": email}
            self._customers[row["id"]] = row
            return row["id"]

    def customers(self) -> list[str]:
        """Return the addresses of all customer rows."""
        with self.lock:
            return [row["email"] for row in self._customers.values()]

    # -- limits ---------------------------------------------------------------------------------------------

    def admit(self, request: Request) -> Reply | None:
        """Refuse more than `rate` calls in any second: 429 with Retry-After (page rate-limits; its body unknown)."""
        if self.rate is None:
            return None
        now = time.monotonic()
        while self._window and now - self._window[0] >= 1.0:
            self._window.popleft()
        if len(self._window) >= self.rate:
            headers = {
                "Retry-After": self.retry_after,
                "RateLimit-Limit": f"{self.rate:g}",
                "RateLimit-Remaining": "0",
            }
            return Reply(429, b"", None, headers)
        self._window.append(now)
        return None

    # -- answers --------------------------------------------------------------------------------------------

    def handle(self, request: Request) -> Reply:
        """Answer one call."""
        if not request.path.startswith("/api/3/"):
            return Reply(404, b"<html><body>Not found</body></html>", "text/html; charset=UTF-8")
        if request.headers.get("api-token") != self.api_key:
            # documented as 403 for a bad token; its body is unknown to everyone
            return message(403, "Authentication failed")
        parts = request.path.removeprefix("/api/3/").strip("/").split("/")
        route = _ROUTES.get(parts[0])
        if route is None:
            return message(404, "No Route matched")
        return route(self, request, parts[1:])

    def stale(self, request: Request) -> Reply:
        """Answer reads of contacts as they were before the last deletion or change."""
        saved = self._contacts
        try:
            self._contacts = {**saved, **self._before} if request.method == "GET" else saved
            return self.handle(request)
        finally:
            self._contacts = saved

    def _users(self, _request: Request, parts: list[str]) -> Reply:
        if parts == ["me"]:
            user = {"id": "1", "username": "sandbox", "email": "owner@sandbox.test"}
            return as_json(200, {"user": user}, "application/json")
        return message(404, "No Result found for User")

    def _settings(self, _request: Request, parts: list[str]) -> Reply:
        if parts == ["account"] and self.admin:
            return as_json(200, {"account": {"name": "Sandbox"}}, "application/json")
        return message(403, "You don't have permission to access this resource")

    # -- contacts -------------------------------------------------------------------------------------------

    def _contact_calls(self, request: Request, parts: list[str]) -> Reply:
        if not parts:
            return self._find(request)
        contact = self._contacts.get(parts[0])
        if request.method == "DELETE" and len(parts) == 1:
            return self._delete(parts[0], contact)
        if contact is None:
            # GET says "Result" and "Subscriber" (page get-contact)
            return message(404, f"No Result found for Subscriber with id {parts[0]}")
        if len(parts) == 1:
            return as_json(200, {"contact": contact_body(contact), **list_rows_body([contact])}, "application/json")
        if parts[1] == "contactLists":
            return as_json(200, list_rows_body([contact]), "application/json")
        if parts[1] == "contactAutomations":
            rows = [automation_row_body(contact, key, row) for key, row in contact["series"].items()]
            return as_json(200, {"contactAutomations": rows}, "application/json")
        return message(404, "No Route matched")

    def _find(self, request: Request) -> Reply:
        wanted = request.query.get("email")
        # a filter that is not applied answers everybody (a public connector's report); so does an empty one
        everybody = self.ignore_filter or not wanted
        matching = [c for c in self._contacts.values() if everybody or c["email"].lower() == str(wanted).lower()]
        contacts = updated(matching, request)
        page = page_of(beyond(contacts, request), request)
        content: dict[str, Any] = {
            "scoreValues": [],
            "contacts": [contact_body(contact) for contact in page],
            # `page_input` does not show whether the address filter was used (page list-all-contacts)
            "meta": {
                "total": str(len(contacts)),
                "page_input": {"segmentid": 0, "listid": 0, "limit": 20, "offset": 0, "search": None, "status": -1},
            },
        }
        if "contactLists" in request.query.get("include", ""):
            content |= list_rows_body(page)
        return as_json(200, content, "application/json")

    def _delete(self, name: str, contact: dict[str, Any] | None) -> Reply:
        if contact is None:
            # DELETE says "result" and "contact" (page delete-contact)
            return message(404, f"No result found for contact with id {name}")
        if self.allowance is not None:
            if self.allowance <= 0:
                # status and body of this refusal are unknown; something outside every documented message
                return as_json(423, {"message": "Deletion is unavailable for this account"}, "application/json")
            self.allowance -= 1
        self._before = {name: copy.deepcopy(contact)}
        # not an erasure: it goes to the archive for 360 days (page contact-archives)
        self._archive[name] = self._contacts.pop(name)
        return as_json(200, {}, "application/json")

    # -- lists, automations ---------------------------------------------------------------------------------

    def _contact_lists(self, request: Request, parts: list[str]) -> Reply:
        if request.method != "POST" or parts:
            return Reply(405, b"", None)
        wanted = (request.json() or {}).get("contactList", {})
        contact = self._contacts.get(str(wanted.get("contact")))
        if contact is None:
            errors = [{"title": "The related contact does not exist.", "detail": "", "code": "related_missing"}]
            return as_json(422, {"errors": errors}, "application/json")
        self._before = {contact["id"]: copy.deepcopy(contact)}
        name, status = str(wanted.get("list")), str(wanted.get("status"))
        row = next((row for row in contact["rows"].values() if row["list"] == name), None)
        if row is None:  # it creates the relation where there is none
            row = {"list": name, "status": status, "sdate": None}
            contact["rows"][str(next(self._ids))] = row
        row["status"] = status
        if status == "2" and self.goodbye_automation:
            contact["series"][str(next(self._ids))] = {"automation": self.goodbye_automation, "status": "1"}
        answer = {"contact": contact["id"], "list": name, "status": int(status)}
        return as_json(200, {"contacts": [contact_body(contact)], "contactList": answer}, "application/json")

    def _contact_automations(self, request: Request, parts: list[str]) -> Reply:
        for contact in self._contacts.values():
            row = contact["series"].get(parts[0]) if parts else None
            if row is not None and request.method == "DELETE":
                row["status"] = "2"
                return as_json(200, {}, "application/json")
            if row is not None:
                body = automation_row_body(contact, parts[0], row)
                return as_json(200, {"contactAutomation": body}, "application/json")
        # missing: 403 on DELETE, 404 on GET, with the same text (page contactautomations)
        status = 403 if request.method == "DELETE" else 404
        return message(status, f"No Result found for SubscriberSeries with id {'/'.join(parts)}")


_ROUTES = {
    "users": ActiveCampaignSandbox._users,
    "settings": ActiveCampaignSandbox._settings,
    "contacts": ActiveCampaignSandbox._contact_calls,
    "contactLists": ActiveCampaignSandbox._contact_lists,
    "contactAutomations": ActiveCampaignSandbox._contact_automations,
    "lists": ActiveCampaignSandbox._lists,
    "contactArchives": ActiveCampaignSandbox._archives,
    "ecomCustomers": ActiveCampaignSandbox._ecom_customers,
}
