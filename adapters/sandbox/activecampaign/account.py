"""An ActiveCampaign account as a local server, oddities included.

Each oddity names its source: the vendor's reference (page names under its developer site), help pages, recorded
traffic, public connectors, or users' reports. Where nobody has published a body, the comment says so.
"""

from __future__ import annotations

import secrets
import time
from collections import deque

from adapters.sandbox.activecampaign.archive import ArchiveCalls
from adapters.sandbox.activecampaign.bodies import answer, message, not_modelled
from adapters.sandbox.activecampaign.contacts import ContactCalls
from adapters.sandbox.activecampaign.documented import RESOURCES
from adapters.sandbox.activecampaign.holdings import LONG_AGO
from adapters.sandbox.activecampaign.records import RecordCalls
from adapters.sandbox.messages import Reply, Request


class ActiveCampaignSandbox(ContactCalls, ArchiveCalls, RecordCalls):
    """One account behind one key; `AccountHoldings` says what it holds and what can be switched."""

    def __init__(
        self,
        api_key: str = "sandbox-token",
        admin: bool = True,
        rate: float | None = 5.0,
        latency: float = 0.0,
        jitter: float = 0.0,
        port: int = 0,
    ) -> None:
        super().__init__(admin=admin, latency=latency, jitter=jitter, port=port)
        self.api_key = api_key
        self.rate = rate
        self.retry_after = "1"
        self._window: deque[float] = deque()

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

    def signature(self) -> dict[str, str]:
        """Return the mark of Cloudflare, which stands in front of every account (785 of 785 recorded answers)."""
        return {"CF-Ray": f"{secrets.token_hex(8)}-FRA"}

    def handle(self, request: Request) -> Reply:
        """Answer one call."""
        if not request.path.startswith("/api/3/"):
            return Reply(404, b"<html><body>Not found</body></html>", "text/html; charset=UTF-8")
        if request.headers.get("api-token") != self.api_key:
            # documented as 403 for a bad token; its body is unknown to everyone
            return message(403, "Authentication failed")
        parts = request.path.removeprefix("/api/3/").strip("/").split("/")
        route = _ROUTES.get(parts[0])
        if route is not None:
            return route(self, request, parts[1:])
        return not_modelled(request) if parts[0] in RESOURCES else message(404, "No Route matched")

    def stale(self, request: Request) -> Reply:
        """Answer reads of contacts as they were before the last deletion or change."""
        saved = self._contacts
        try:
            self._contacts = {**saved, **self._before} if request.method == "GET" else saved
            return self.handle(request)
        finally:
            self._contacts = saved

    def _users(self, request: Request, parts: list[str]) -> Reply:
        if parts != ["me"] or request.method != "GET":
            return not_modelled(request)
        user = {
            "username": "sandbox",
            "firstName": "Sandbox",
            "lastName": "Owner",
            "email": "owner@sandbox.test",
            "phone": "",
            "signature": "",
            "localZoneid": "America/Chicago",
            "password_updated_utc_timestamp": "0000-00-00 00:00:00",
            "cdate": None,
            "udate": LONG_AGO,
            "mfaEnabled": "0",
            "links": {kind: f"{self.url}/api/3/users/1/{kind}" for kind in ("lists", "userGroup", "configs")},
            "id": "1",
        }
        return answer(200, {"user": user})

    def _settings(self, request: Request, parts: list[str]) -> Reply:
        if parts != ["account"] or request.method != "GET":
            return not_modelled(request)
        if not self.admin:
            return message(403, "You don't have permission to access this resource")
        return answer(200, {"account": {"name": "Sandbox"}})


_ROUTES = {
    "users": ActiveCampaignSandbox._users,
    "settings": ActiveCampaignSandbox._settings,
    "contacts": ActiveCampaignSandbox._contact_calls,
    "contact": ActiveCampaignSandbox._sync,
    "contactLists": ActiveCampaignSandbox._contact_lists,
    "contactAutomations": ActiveCampaignSandbox._contact_automations,
    "lists": ActiveCampaignSandbox._lists,
    "contactArchives": ActiveCampaignSandbox._archives,
    "ecomCustomers": ActiveCampaignSandbox._ecom_customers,
}
