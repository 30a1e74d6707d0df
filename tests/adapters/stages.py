"""One stage per provider, which puts its sandbox into the situations that the contract speaks of.

A new adapter writes one class here, adds it to STAGES and inherits every test of contract.py.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from datetime import datetime
from typing import Any, ClassVar

from adapters.activecampaign.adapter import ActiveCampaign
from adapters.contract import Adapter
from adapters.errors import AdapterError, Misconfigured, Permanent, Transient
from adapters.mailchimp.adapter import Mailchimp
from adapters.sandbox import ActiveCampaignSandbox, Fault, MailchimpSandbox

AUDIENCES = ("a1b2c3d4e5", "b2c3d4e5f6")

Kind = type[AdapterError]


class Stage(ABC):
    """A provider and an adapter that points at it."""

    #: what a status means when it answers every call, without and with a JSON body; None: see the adapter's tests
    meanings: ClassVar[dict[int, tuple[Kind, Kind]]] = {
        301: (Misconfigured, Misconfigured),
        307: (Misconfigured, Misconfigured),
        400: (Permanent, Permanent),
        401: (Misconfigured, Misconfigured),
        403: (Transient, Misconfigured),
        404: (Misconfigured, Misconfigured),
        405: (Permanent, Permanent),
        409: (Transient, Transient),
        410: (Permanent, Permanent),
        414: (Permanent, Permanent),
        422: (Permanent, Permanent),
        429: (Transient, Transient),
        500: (Transient, Transient),
        502: (Transient, Transient),
        503: (Transient, Transient),
        504: (Transient, Transient),
    }
    sandbox: Any
    adapter: Adapter

    @abstractmethod
    def __init__(self) -> None:
        """Start the sandbox and configure the adapter for it."""

    @abstractmethod
    def knows(self, address: str, *, since: datetime | None = None, changed: datetime | None = None) -> None:
        """Let the provider hold the person everywhere it can, reachable by mail; opted in at `since`."""

    @abstractmethod
    def holds(self, address: str) -> bool:
        """Say whether any trace of the person is left that an erasure must remove."""

    @abstractmethod
    def reaches(self, address: str) -> bool:
        """Say whether mail would still go to the person."""

    @abstractmethod
    def everybody(self) -> Any:
        """Return a comparable picture of all people held."""

    @abstractmethod
    def mixes_people_up(self, other: str) -> None:
        """Let the provider answer with this other person whoever is asked for."""

    @abstractmethod
    def shortens_its_listing(self) -> None:
        """Let a listing count more people than it shows, however often it is read."""

    @abstractmethod
    def suppresses(self, address: str) -> None:
        """Prepare what an operator must do by hand before `suppress` can succeed, if anything."""

    @property
    @abstractmethod
    def error_body(self) -> dict[str, Any]:
        """The JSON of an error as this provider sends it, but for its status."""

    def answers(self, status: int, *, with_body: bool = False, headers: dict[str, str] | None = None) -> None:
        """Answer every call from now on with this status."""
        self.sandbox.fault(
            Fault(
                status=status,
                body=json.dumps({**self.error_body, "status": status}) if with_body else "",
                headers=headers or {},
                content_type=self.error_type if with_body else None,
                times=None,
            )
        )

    error_type: ClassVar[str] = "application/json"

    def breaks(self, fault: Fault) -> None:
        """Put this fault in the way."""
        self.sandbox.fault(fault)

    def works_again(self) -> None:
        """Take all faults out of the way."""
        self.sandbox.clear_faults()

    def is_unreachable(self) -> None:
        """Close the provider's door."""
        self.sandbox.close()

    def close(self) -> None:
        """End adapter and sandbox."""
        self.adapter.close()
        self.sandbox.close()


class MailchimpStage(Stage):
    error_type = "application/problem+json"

    def __init__(self) -> None:
        self.sandbox = MailchimpSandbox(audiences=AUDIENCES)
        self.sandbox.start()
        self.adapter = Mailchimp.configured({"base_url": self.sandbox.url}, self.sandbox.api_key)

    def knows(self, address: str, *, since: datetime | None = None, changed: datetime | None = None) -> None:
        for audience in AUDIENCES:
            options = {"timestamp_opt": since.isoformat(timespec="seconds")} if since else {}
            options |= {"last_changed": changed.isoformat(timespec="seconds")} if changed else {}
            self.sandbox.add(address, audience, **options)

    def holds(self, address: str) -> bool:
        return any(self.sandbox.member(address, audience) for audience in AUDIENCES)

    def reaches(self, address: str) -> bool:
        members = [self.sandbox.member(address, audience) for audience in AUDIENCES]
        return any(member and member["status"] in ("subscribed", "pending", "transactional") for member in members)

    def everybody(self) -> Any:
        return self.sandbox.members()

    def mixes_people_up(self, other: str) -> None:
        body = json.dumps({"email_address": other, "list_id": AUDIENCES[0], "status": "subscribed"})
        self.sandbox.fault(Fault(status=200, body=body, content_type="application/json", path="/members/", times=None))

    def shortens_its_listing(self) -> None:
        body = {"members": [{"id": "1", "email_address": "one@short.test"}], "total_items": 2}
        self.sandbox.fault(
            Fault(status=200, body=json.dumps(body), content_type="application/json", path="/members$", times=None)
        )

    def suppresses(self, address: str) -> None:
        pass

    @property
    def error_body(self) -> dict[str, Any]:
        return {"type": "about:blank", "title": "Resource Not Found", "detail": "-", "instance": "-"}


class ActiveCampaignStage(Stage):
    meanings: ClassVar[dict[int, tuple[Kind, Kind]]] = {
        **Stage.meanings,
        402: (Misconfigured, Misconfigured),
        403: (Misconfigured, Misconfigured),  # GET /users/me is refused as well
    }

    def __init__(self) -> None:
        self.sandbox = ActiveCampaignSandbox(rate=None)
        self.sandbox.start()
        self.adapter = ActiveCampaign.configured(
            {"base_url": self.sandbox.url, "requests_per_second": 2000}, self.sandbox.api_key
        )

    def knows(self, address: str, *, since: datetime | None = None, changed: datetime | None = None) -> None:
        options = {"sdate": since.isoformat(timespec="seconds")} if since else {}
        options |= {"udate": changed.isoformat(timespec="seconds")} if changed else {}
        self.sandbox.add(address, lists={"1": 1, "2": 1}, automations=("7",), **options)

    def holds(self, address: str) -> bool:
        return self.sandbox.contact(address) is not None or bool(
            [one for one in self.sandbox.archived() if one["email"].lower() == address.lower()]
        )

    def reaches(self, address: str) -> bool:
        contact = self.sandbox.contact(address)
        return contact is not None and any(str(status) in "01" for status in contact["lists"].values())

    def everybody(self) -> Any:
        return self.sandbox.contacts()

    def mixes_people_up(self, other: str) -> None:
        self.sandbox.add(other, lists={"1": 1})
        self.sandbox.ignore_filter = True

    def shortens_its_listing(self) -> None:
        body = {"contacts": [], "meta": {"total": "2"}}
        self.sandbox.fault(
            Fault(status=200, body=json.dumps(body), content_type="application/json", path="/contacts$", times=None)
        )

    def suppresses(self, address: str) -> None:
        self.sandbox.add_exclusion(address, "exact", "all")

    @property
    def error_body(self) -> dict[str, Any]:
        return {"message": "something"}


STAGES: dict[str, type[Stage]] = {"mailchimp": MailchimpStage, "activecampaign": ActiveCampaignStage}
