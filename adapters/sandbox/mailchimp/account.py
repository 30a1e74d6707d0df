"""A Mailchimp account as a local server, oddities included.

Each oddity names where it was seen: the documentation (Marketing API reference, help pages), recorded traffic of
public test suites (grouparoo, dominicsayers/mailchimp_api_v3, duartejc/mailchimp), or users' reports. What is not
modelled answers 501, which Mailchimp never does.
"""

from __future__ import annotations

import base64
import copy
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.sandbox.mailchimp.audiences import AudienceCalls
from adapters.sandbox.mailchimp.bodies import RefusedCall, key_of, not_allowed, not_found, not_modelled, problem
from adapters.sandbox.mailchimp.members import MEMBER
from adapters.sandbox.mailchimp.queries import chosen, full
from adapters.sandbox.mailchimp.records import account_body, audience_body, fill, give_sms, member_body, shown, tag
from adapters.sandbox.mailchimp.stores import Stores
from adapters.sandbox.messages import Reply, Request, as_json

_NAMED = {"FNAME": "Test", "LNAME": "Person"}
#: the first words of all paths in Mailchimp's specification; another is an invalid path
_PATHS = frozenset(
    (
        *(
            "account-exports",
            "activity-feed",
            "audiences",
            "authorized-apps",
            "automations",
            "batch-webhooks",
            "batches",
        ),
        *("campaign-folders", "campaigns", "connected-sites", "conversations", "customer-journeys", "ecommerce"),
        *("facebook-ads", "file-manager", "landing-pages", "reporting", "reports", "search-campaigns"),
        *("template-folders", "templates", "verified-domains"),
    )
)


class MailchimpSandbox(AudienceCalls):
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
        required_merge_fields: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        super().__init__(audiences, required_merge_fields or {}, latency=latency, jitter=jitter, port=port)
        self.api_key = api_key
        self.max_connections = max_connections
        self.slot_free_delay = slot_free_delay
        self._stores = Stores(self.odd)

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
        sms: str | None = None,
        merge_fields: Mapping[str, Any] | None = None,
        tags: Sequence[str] = (),
    ) -> None:
        """Seed a member.

        `by_person`: the status was set by the person, who cannot be subscribed by API then. `sms`: the status of
        their SMS subscription (subscribed, unsubscribed, nonsubscribed, pending); None: they gave no number.
        """
        member = member_body(email, audience, status, timestamp_opt)
        member.update(timestamp_signup=timestamp_signup, last_changed=last_changed or timestamp_opt)
        member["_by_person"] = by_person
        fill(member, _NAMED if merge_fields is None else merge_fields)
        tag(member, tags)
        if sms is not None:
            give_sms(member, sms)
        with self.lock:
            self._hold(audience, member)

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
            return [audience_body(name, people.values()) for name, people in self._lists.items()]

    def add_customer(self, email: str, store: str = "store1") -> None:
        """Seed a shop customer; its id is the MD5 of the address, as mc-woocommerce makes it."""
        with self.lock:
            self._stores.add(email, store)

    def customers(self) -> list[str]:
        """Return the addresses of all shop customers."""
        return self._stores.customers()

    def connect_store(self, store: str) -> None:
        """Connect a shop: a new one without customers, or an old one that was disconnected or is gone."""
        with self.lock:
            self._stores.connect(store)

    def disconnect_store(self, store: str) -> None:
        """Disconnect a shop: it is listed, and its customers answer 404 (mc-magento2#467)."""
        with self.lock:
            self._stores.disconnect(store)

    def remove_store(self, store: str) -> None:
        """Delete a shop with its customers, as its owner or a plugin's reconnect does (mc-woocommerce#771)."""
        with self.lock:
            del self._stores[store]

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
            detail = "Your API key may be invalid, or you've attempted to access the wrong datacenter."
            return problem(401, "API Key Invalid", detail)
        try:
            return self._route(request, request.path.removeprefix("/3.0/"))
        except RefusedCall as refusal:
            return refusal.reply

    def _authorised(self, request: Request) -> bool:
        # the data centre may be missing: mc-woocommerce sends the key without it
        keys = (self.api_key, self.api_key.rpartition("-")[0] or self.api_key)
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        if kind == "Bearer":
            return value in keys
        try:
            return base64.b64decode(value).decode().partition(":")[2] in keys
        except ValueError:
            return False

    def _route(self, request: Request, path: str) -> Reply:
        if path in ("ping", "") and request.method != "GET":
            return not_allowed("GET")
        if path == "ping":
            return as_json(200, {"health_status": "Everything's Chimpy!"})
        if path == "":
            return as_json(200, chosen(account_body(len(self.members())), request))
        if path == "lists":
            return self._lists_page(request)
        if path == "search-members":
            return self._search(request)
        if match := MEMBER.match(path):
            return self._member(request, match[1], match[2], match[3] or "")
        parts = path.split("/")
        if parts[:2] == ["ecommerce", "stores"]:
            return self._stores.answer(request, parts[2:], audience=next(iter(self._lists), ""))
        if parts[0] == "lists":
            return self._list(request, parts) if parts[1] in self._lists else not_found()
        # recorded by duartejc
        return not_modelled("this path") if parts[0] in _PATHS else not_found("Invalid path")

    def stale(self, request: Request) -> Reply:
        """Answer a read of a member from before the last write to it."""
        match = MEMBER.match(request.path.removeprefix("/3.0/"))
        if request.method != "GET" or match is None or (match[1], match[2]) not in self._before:
            return self.handle(request)
        old = self._before[match[1], match[2]]
        return as_json(200, chosen(shown(old, full(request)), request)) if old else not_found()
