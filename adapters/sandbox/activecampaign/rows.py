"""The calls on the rows by which lists and automations hold a contact."""

from __future__ import annotations

import copy
from typing import Any

from adapters.sandbox.activecampaign.bodies import answer, missing, not_modelled, page_of
from adapters.sandbox.activecampaign.contact_bodies import contact_body
from adapters.sandbox.activecampaign.holdings import AccountHoldings
from adapters.sandbox.activecampaign.row_bodies import (
    automation_row_body,
    changed_row_body,
    created_row_body,
    list_row_body,
)
from adapters.sandbox.messages import Reply, Request


class RowCalls(AccountHoldings):
    """The calls on /contactLists and /contactAutomations, and the listings of one contact's."""

    def _rows_of(self, request: Request, contact: dict[str, Any], kind: str) -> Reply:
        """List a contact's rows. Documented without paging; live links name `contactAutomations?limit=1000`."""
        if kind == "contactLists":
            rows = [list_row_body(contact, key, row) for key, row in contact["rows"].items()]
        else:
            rows = [automation_row_body(contact, key, row) for key, row in contact["series"].items()]
        if self.row_paging == "ignored":
            return answer(200, {kind: rows})
        if self.row_paging == "repeated":
            request.query.pop("offset", None)
        content: dict[str, Any] = {kind: page_of(rows, request)}
        if self.row_paging == "counted":
            content["meta"] = {"total": str(len(rows))}
        return answer(200, content)

    def _contact_lists(self, request: Request, parts: list[str]) -> Reply:
        """Set a contact's row of a list: 201 where the relation is made (recorded), 200 where it existed.

        The contact's `udate` does not move: in the recording it is a second older than the row.
        """
        if request.method != "POST" or parts:
            return not_modelled(request)
        wanted = request.fields("contactList")
        contact = self._contacts.get(str(wanted.get("contact")))
        if contact is None:
            return missing("Subscriber", str(wanted.get("contact", 0)))
        name, status = str(wanted.get("list")), str(wanted.get("status"))
        self._before = {contact["id"]: copy.deepcopy(contact)}
        key, row, created = self._set_row(contact, name, status)
        row["sdate" if status == "1" else "udate"] = self.now()
        if status == "2" and self.goodbye_automation:
            contact["series"][str(next(self._ids))] = {"automation": self.goodbye_automation, "status": "1"}
        show = created_row_body if created else changed_row_body
        content = {
            "contacts": [contact_body(contact, self.url)],
            "contactList": show(contact, key, row, self.url),
        }
        return answer(201 if created else 200, content)

    def _contact_automations(self, request: Request, parts: list[str]) -> Reply:
        if len(parts) != 1 or request.method not in ("GET", "DELETE"):
            return not_modelled(request)
        for contact in self._contacts.values():
            row = contact["series"].get(parts[0])
            if row is not None and request.method == "DELETE":
                row |= {"status": "2", "remdate": self.now()}
                return answer(200, {})
            if row is not None:
                return answer(200, {"contactAutomation": automation_row_body(contact, parts[0], row)})
        # missing: 403 on DELETE, 404 on GET, with the same text (page contactautomations)
        return missing("SubscriberSeries", parts[0], 403 if request.method == "DELETE" else 404)
