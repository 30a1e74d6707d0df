"""Mailchimp on the stage of the contract."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, ClassVar

from adapters.contract import Action
from adapters.mailchimp.adapter import Mailchimp
from adapters.sandbox import Fault, MailchimpSandbox
from tests.adapters.stage import Stage

AUDIENCES = ("a1b2c3d4e5", "b2c3d4e5f6")


def _refusal(path: str, method: str, content_type: str) -> Fault:
    return Fault(
        status=400, body='{"title": "Bad Request", "status": 400}', content_type=content_type, path=path, method=method,
        times=None,
    )  # fmt: skip


class MailchimpStage(Stage):
    adapter_class = Mailchimp
    sandbox: MailchimpSandbox
    place = AUDIENCES[0]
    error_type = "application/problem+json"
    findings: ClassVar[dict[str, tuple[str, ...]]] = {
        "unproven": ("A2 text messages", "B9 a 404 in other words"),
        "elsewhere": ("B5 one audience refuses", "B7 shops are forbidden"),
        "harmless": ("B3 neighbours", "B4 a required field"),
        "endless": ("B2 pages repeat",),
        "unknown_shape": ("B6 an unknown shape",),
    }

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
        self.tells("/members/", {"email_address": other, "list_id": AUDIENCES[0], "status": "subscribed"})

    def shortens_its_listing(self) -> None:
        self.tells("/members$", {"members": [{"id": "1", "email_address": "one@short.test"}], "total_items": 2})

    def prepares(self, finding: str, address: str) -> Action:
        first, odd, fault = AUDIENCES[0], self.sandbox.odd, self.sandbox.fault
        if finding != "B4 a required field":
            self.knows(address)
        if finding == "A2 text messages":
            self.sandbox.add(address, first, status="unsubscribed", sms="subscribed")
        elif finding == "B4 a required field":
            self.sandbox.required_merge_fields = {first: ("FNAME",)}
            return Action.SUPPRESS
        elif finding == "B5 one audience refuses":
            fault(_refusal(f"lists/{first}/members/", "PATCH", self.error_type))
        elif finding == "B7 shops are forbidden":
            odd.stores_forbidden = True
            return Action.DELETE
        elif finding == "B2 pages repeat":
            self.sandbox.add_customer(address)
            odd.repeats_pages = True
            return Action.DELETE
        elif finding == "B3 neighbours":
            self.sandbox.add_customer(address)
            self.sandbox.add_customer("mary." + address)
            odd.customer_filter = "contains"
            return Action.DELETE
        elif finding == "B6 an unknown shape":
            self.tells("/members/", {"rows": []})
        elif finding == "B9 a 404 in other words":
            body = json.dumps({**self.error_body, "title": "Resource Not Found.", "status": 404})
            fault(
                Fault(status=404, body=body, content_type=self.error_type, path="/members/", method="GET", times=None)
            )
            return Action.DELETE
        return Action.UNSUBSCRIBE

    def did_the_rest(self, finding: str, address: str) -> bool:
        if finding == "B7 shops are forbidden":
            return not self.holds(address)
        member = self.sandbox.member(address, AUDIENCES[1])
        return member is not None and member["status"] == "unsubscribed"

    def subscribes_again(self, address: str) -> None:
        self.sandbox.add(address, AUDIENCES[1], status="subscribed")

    def collates(self) -> None:
        self.sandbox.odd.customer_filter = "collated"

    def holds_in_every_place(self, address: str) -> None:
        self.knows(address)
        self.sandbox.add_customer(address)

    def picture(self, address: str) -> Any:
        members = [self.sandbox.member(address, audience) for audience in AUDIENCES]
        return members, self.sandbox.customers().count(address)

    @property
    def error_body(self) -> dict[str, Any]:
        return {"type": "about:blank", "title": "Resource Not Found", "detail": "-", "instance": "-"}
