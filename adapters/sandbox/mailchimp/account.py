"""A Mailchimp account as a local server, oddities included.

Each oddity names where it was seen: the documentation (Marketing API reference, help pages), recorded traffic of
public test suites (grouparoo, dominicsayers/mailchimp_api_v3, duartejc/mailchimp), or users' reports.
"""

from __future__ import annotations

import base64
import copy
import re
import threading
from collections.abc import Sequence
from typing import Any

from adapters.sandbox.mailchimp.bodies import (
    audience_body,
    changed_since,
    chosen,
    compliance,
    key_of,
    member_body,
    not_found,
    now,
    page_of,
    problem,
    shown,
)
from adapters.sandbox.mailchimp.stores import Stores
from adapters.sandbox.messages import Reply, Request, as_json
from adapters.sandbox.server import Sandbox

_MEMBER = re.compile(r"^lists/([^/]+)/members/([^/]+)(/actions/delete-permanent)?$")
#: every address at the reserved example domains is refused on add (recorded by grouparoo)
_FAKE = re.compile(r"@(.*\.)?example\.(com|org|net)$")


class MailchimpSandbox(Sandbox):
    """One account with its audiences, members, forgotten addresses and shops."""

    def __init__(
        self,
        audiences: Sequence[str] = ("a1b2c3d4e5", "b2c3d4e5f6"),
        api_key: str = "sandboxkey-us1",
        latency: float = 0.0,
        jitter: float = 0.0,
        port: int = 0,
        max_connections: int = 10,
        slot_free_delay: float = 0.0,
    ) -> None:
        super().__init__(latency=latency, jitter=jitter, port=port)
        self.api_key = api_key
        self.max_connections = max_connections
        self.slot_free_delay = slot_free_delay
        self._lists: dict[str, dict[str, dict[str, Any]]] = {audience: {} for audience in audiences}
        self._forgotten: set[tuple[str, str]] = set()
        self._before: dict[tuple[str, str], dict[str, Any] | None] = {}
        self._stores = Stores()

    # -- what tests set up and look at ----------------------------------------------------------------------

    def add(
        self,
        email: str,
        audience: str,
        status: str = "subscribed",
        timestamp_opt: str = "2020-01-01T00:00:00+00:00",
        timestamp_signup: str = "",
        by_person: bool = False,
        last_changed: str | None = None,
    ) -> None:
        """Seed a member; `by_person`: the status was set by the person, who cannot be subscribed by API then."""
        member = member_body(email, audience, status, timestamp_opt, timestamp_signup, last_changed or timestamp_opt)
        with self.lock:
            self._lists[audience][key_of(email)] = {**member, "_by_person": by_person}

    def member(self, email: str, audience: str) -> dict[str, Any] | None:
        """Return a member as it stands, archived ones too; None when absent or forgotten."""
        with self.lock:
            return copy.deepcopy(self._lists.get(audience, {}).get(key_of(email)))

    def members(self, audience: str | None = None) -> list[tuple[str, str, str]]:
        """Return (audience, address, status) of everybody."""
        with self.lock:
            return [
                (name, member["email_address"], member["status"])
                for name, people in self._lists.items()
                if audience in (None, name)
                for member in people.values()
            ]

    def forgotten(self, email: str, audience: str) -> bool:
        """Say whether the address was permanently deleted there."""
        return (audience, key_of(email)) in self._forgotten

    def audiences(self) -> list[dict[str, Any]]:
        """Return the audiences as the account lists them."""
        with self.lock:
            return [audience_body(name, len(people)) for name, people in self._lists.items()]

    def add_customer(self, email: str, store: str = "store1") -> None:
        """Seed a shop customer; its id is the MD5 of the address, as mc-woocommerce makes it."""
        with self.lock:
            self._stores.add(email, store)

    def customers(self) -> list[str]:
        """Return the addresses of all shop customers."""
        return self._stores.customers()

    def remove_audience(self, audience: str) -> None:
        """Delete an audience, as its owner can."""
        with self.lock:
            del self._lists[audience]

    # -- limits ---------------------------------------------------------------------------------------------

    def admit(self, request: Request) -> Reply | None:
        """Refuse the eleventh simultaneous call: a 429 without a body (documentation, rate limits)."""
        if self._serving > self.max_connections:
            return Reply(429, b"", None)
        return None

    def left(self) -> None:
        """Free the slot, late where the sandbox was told so."""
        if self.slot_free_delay:
            threading.Timer(self.slot_free_delay, super().left).start()
        else:
            super().left()

    # -- answers --------------------------------------------------------------------------------------------

    def handle(self, request: Request) -> Reply:
        """Answer one call."""
        if request.path == "/3.0":
            # the root needs its closing slash; without it, a redirect down to http (dominicsayers, 2016)
            return Reply(301, b"", None, {"Location": "http://us1.api.mailchimp.com/3.0/"})
        if not request.path.startswith("/3.0/"):
            return not_found()
        if not self._authorised(request):
            return problem(401, "API Key Invalid", "Your API key may be invalid, or wrong data center.")
        return self._route(request, request.path.removeprefix("/3.0/"))

    def _authorised(self, request: Request) -> bool:
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        if kind == "Bearer":
            return value == self.api_key
        try:
            return base64.b64decode(value).decode().partition(":")[2] == self.api_key
        except ValueError:
            return False

    def _route(self, request: Request, path: str) -> Reply:
        if path == "ping":
            return as_json(200, {"health_status": "Everything's Chimpy!"})
        if path == "":
            account = {"account_id": "sandbox", "account_name": "Sandbox", "total_subscribers": len(self.members())}
            return as_json(200, chosen(account, request))
        if path == "lists":
            return self._lists_page(request)
        if path == "search-members":
            return self._search(request)
        if match := _MEMBER.match(path):
            return self._member(request, match[1], match[2], bool(match[3]))
        if path.startswith("ecommerce/stores"):
            return self._stores.answer(request, path.split("/")[2:], audience=next(iter(self._lists), ""))
        parts = path.split("/")
        if parts[0] == "lists" and parts[1] in self._lists:
            return self._list(request, parts)
        return not_found()

    def _lists_page(self, request: Request) -> Reply:
        audiences = [audience_body(name, len(people)) for name, people in self._lists.items()]
        if email := request.query.get("email"):
            audiences = [audience for audience in audiences if key_of(email) in self._lists[audience["id"]]]
        page = page_of(audiences, request)
        content = {"lists": page, "total_items": len(audiences), "constraints": {"may_create": False}}
        return as_json(200, chosen(content, request))

    def _list(self, request: Request, parts: list[str]) -> Reply:
        people = self._lists[parts[1]]
        if len(parts) == 2 and request.method == "GET":
            return as_json(200, chosen(audience_body(parts[1], len(people)), request))
        if parts[2:] != ["members"]:
            return not_found()
        if request.method == "POST":
            return self._add(request, parts[1], None)
        status, order = request.query.get("status"), request.query.get("sort_field", "id")
        listed = changed_since(sorted(people.values(), key=lambda member: str(member.get(order))), request)
        members = [
            shown(member)
            for member in listed
            if (member["status"] == status if status else member["status"] != "archived")
        ]
        content = {"members": page_of(members, request), "list_id": parts[1], "total_items": len(members)}
        return as_json(200, chosen(content, request))

    def _search(self, request: Request) -> Reply:
        query = request.query.get("query", "").lower()
        members = [
            shown(member)
            for people in self._lists.values()
            for member in people.values()
            if member["email_address"].lower() == query
        ]
        hits = {"members": members, "total_items": len(members)}
        return as_json(200, chosen({"exact_matches": hits, "full_search": hits}, request))

    # -- one member -----------------------------------------------------------------------------------------

    def _member(self, request: Request, audience: str, key: str, permanent: bool) -> Reply:
        if audience not in self._lists:
            return not_found()
        people = self._lists[audience]
        # upper-case MD5 works too (recorded by duartejc), and so does the address itself (documentation)
        key = key_of(key) if "@" in key else key.lower()
        if request.method in ("POST", "PATCH", "PUT", "DELETE"):
            self._before[audience, key] = copy.deepcopy(people.get(key))
        if permanent:
            return self._delete_permanently(request, audience, key)
        if request.method == "PUT":
            return self._put(request, audience, key)
        if key not in people:
            return not_found()
        if request.method == "GET":
            return as_json(200, chosen(shown(people[key]), request))
        if request.method == "PATCH":
            return self._patch(request, people[key])
        if request.method == "DELETE":
            return self._archive(people[key])
        return problem(405, "Method Not Allowed", "The requested method is not allowed.")

    def _delete_permanently(self, request: Request, audience: str, key: str) -> Reply:
        if request.method != "POST":
            return problem(405, "Method Not Allowed", "The requested method is not allowed.", Allow="POST")
        if request.body:
            # the SDK's `null` against a validating server (tried against a mock of the specification)
            return problem(415, "Unsupported Media Type", "This call takes no body.")
        if self._lists[audience].pop(key, None) is None:
            return not_found()
        # the address cannot be added again by API (documentation; users' reports)
        self._forgotten.add((audience, key))
        return Reply(204)

    def _archive(self, member: dict[str, Any]) -> Reply:
        if member["status"] in ("archived", "cleaned", "pending"):
            # not 404, not 204 (60 of 60 recorded by grouparoo)
            detail = "This list member cannot be removed. Bounced, pending and archived contacts cannot be archived"
            return problem(405, "Method Not Allowed", detail, Allow="GET, PUT")
        member.update(status="archived", last_changed=now())
        return Reply(204)

    def _patch(self, request: Request, member: dict[str, Any]) -> Reply:
        wanted = request.json() or {}
        status = wanted.get("status")
        if status not in (None, "subscribed", "unsubscribed", "cleaned", "pending"):
            return problem(400, "Invalid Resource", "The status is not one of the allowed values.")
        if status in ("subscribed", "pending") and member.get("_by_person"):
            return compliance()
        if status:
            member.update(status=status, last_changed=now())
        return as_json(200, chosen(shown(member), request))

    def _put(self, request: Request, audience: str, key: str) -> Reply:
        people, wanted = self._lists[audience], request.json() or {}
        email = wanted.get("email_address", "")
        if key in people and (not email or key_of(email) == key):
            # a machine's PUT re-subscribes what the API unsubscribed, and leaves timestamp_opt (grouparoo)
            return self._patch(request, people[key])
        # creates, and under the hash of the address in the body, not of the key in the URL (grouparoo)
        return self._add(request, audience, wanted.get("status_if_new") or wanted.get("status"))

    def _add(self, request: Request, audience: str, status: str | None) -> Reply:
        wanted = request.json() or {}
        email, people = str(wanted.get("email_address", "")), self._lists[audience]
        status = status or wanted.get("status")
        if "@" not in email or not status:
            return problem(400, "Invalid Resource", "The resource submitted could not be validated.")
        if _FAKE.search(email):
            return problem(400, "Invalid Resource", f"{email} looks fake or invalid, please enter a real one.")
        key = key_of(email)
        if (audience, key) in self._forgotten:
            detail = f"{email} was permanently deleted and cannot be re-imported."
            return problem(400, "Forgotten Email Not Subscribed", detail)
        there = people.get(key)
        if there and there["status"] != "archived":
            return problem(400, "Member Exists", f"{email} is already a list member.")
        if there and there.get("_by_person") and status == "subscribed":
            return compliance()
        self.add(email, audience, status, timestamp_opt=now())
        return as_json(200, chosen(shown(people[key]), request))

    def stale(self, request: Request) -> Reply:
        """Answer a read of a member from before the last write to it."""
        match = _MEMBER.match(request.path.removeprefix("/3.0/"))
        if request.method != "GET" or match is None or (match[1], match[2]) not in self._before:
            return self.handle(request)
        old = self._before[match[1], match[2]]
        return as_json(200, chosen(shown(old), request)) if old else not_found()
