"""ActiveCampaign on the stage of the contract."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, ClassVar

from adapters.activecampaign.adapter import ActiveCampaign
from adapters.contract import Action
from adapters.errors import Misconfigured
from adapters.sandbox import ActiveCampaignSandbox, Fault
from adapters.sandbox.matching import UNICODE_CI
from tests.adapters.stage import Kind, Stage


class ActiveCampaignStage(Stage):
    adapter_class = ActiveCampaign
    sandbox: ActiveCampaignSandbox
    place = "1"
    meanings: ClassVar[dict[int, tuple[Kind, Kind]]] = {
        **Stage.meanings,
        402: (Misconfigured, Misconfigured),
        403: (Misconfigured, Misconfigured),  # GET /users/me is refused as well
    }
    findings: ClassVar[dict[str, tuple[str, ...]]] = {
        "unproven": ("A1 the archive shows nobody", "A4 added again at once", "B1 no archive"),
        "elsewhere": ("B1 no archive", "B5 one list refuses"),
        "harmless": ("B3 neighbours", "B8 the relation is created"),
        "endless": ("B2 rows repeat",),
        "unknown_shape": ("B6 an unknown envelope",),
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
        self.tells("/contacts$", {"contacts": [], "meta": {"total": "2"}})

    def suppresses(self, address: str) -> None:
        self.sandbox.add_exclusion(address, "exact", "all")

    def prepares(self, finding: str, address: str) -> Action:
        crm = self.sandbox
        crm.add("before@mailbox.test")  # so that the archive's own numbers differ from the contacts'
        self.knows(address)
        if finding == "A1 the archive shows nobody":
            crm.archive_search, crm.archive_ids = "blind", "own"
        elif finding == "A4 added again at once":
            crm.comes_back_after_delete = True
        elif finding == "B1 no archive":
            crm.add_customer(address)
            crm.archive_absent = "route"
        elif finding == "B2 rows repeat":
            crm.add(address, automations=tuple(str(number) for number in range(100)))
            crm.row_paging = "repeated"
            return Action.UNSUBSCRIBE
        elif finding == "B3 neighbours":
            crm.archive_search = crm.collation = "contains"
            crm.archive("mary.mary." + address)
        elif finding == "B5 one list refuses":
            crm.fault(
                Fault(status=422, body="{}", content_type="application/json", path="contactLists$", method="POST")
            )
            return Action.UNSUBSCRIBE
        elif finding == "B6 an unknown envelope":
            crm.archive_envelope = "rows"
        elif finding == "B8 the relation is created":
            body = json.dumps({"contacts": [], "contactList": {"id": "9", "status": 2}})
            crm.fault(
                Fault(status=201, body=body, content_type="application/json", path="contactLists$", method="POST",
                      after_effect=True, times=None)
            )  # fmt: skip
            return Action.UNSUBSCRIBE
        return Action.DELETE

    def did_the_rest(self, finding: str, address: str) -> bool:
        contact = self.sandbox.contact(address)
        if finding == "B1 no archive":
            return contact is None and address not in self.sandbox.customers()
        return contact is not None and sorted(map(str, contact["lists"].values())) == ["1", "2"]

    def subscribes_again(self, address: str) -> None:
        self.sandbox.subscribe(address, "1")

    def collates(self) -> None:
        self.sandbox.collation = UNICODE_CI

    def holds_in_every_place(self, address: str) -> None:
        self.sandbox.archive(address)
        self.knows(address)
        self.sandbox.add_customer(address)
        self.sandbox.add_exclusion(address, "exact", "several", ["1"])

    def picture(self, address: str) -> Any:
        crm = self.sandbox
        held = [one for one in (*crm.contacts(), *crm.archived()) if one["email"] == address]
        exclusions = [row for row in crm.exclusions() if row["matchPhrase"] == address]
        return held, crm.customers().count(address), exclusions

    @property
    def error_body(self) -> dict[str, Any]:
        return {"message": "something"}
