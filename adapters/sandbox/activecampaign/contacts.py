"""The calls on contacts: find, create, change, delete."""

from __future__ import annotations

import copy
from typing import Any

from adapters.sandbox.activecampaign.bodies import (
    answer,
    beyond,
    message,
    missing,
    not_modelled,
    ordered,
    page_of,
    refusal,
    updated,
)
from adapters.sandbox.activecampaign.contact_bodies import (
    PAGE_INPUT,
    contact_body,
    created_body,
    listed_body,
    single_body,
)
from adapters.sandbox.activecampaign.documented import CONTACT_PARTS, UNMODELLED_FILTERS
from adapters.sandbox.activecampaign.row_bodies import automation_row_body, list_row_body
from adapters.sandbox.activecampaign.rows import RowCalls
from adapters.sandbox.matching import matcher
from adapters.sandbox.messages import Reply, Request

_WRITABLE = ("email", "firstName", "lastName", "phone")


class ContactCalls(RowCalls):
    """Everything below /contacts, and /contact/sync."""

    def _contact_calls(self, request: Request, parts: list[str]) -> Reply:
        if not parts:
            return {"GET": self._find, "POST": self._create}.get(request.method, not_modelled)(request)
        if not parts[0].isdigit():
            return not_modelled(request)
        if len(parts) > 1:
            return self._contact_part(request, parts)
        contact = self._contacts.get(parts[0])
        if request.method == "DELETE":
            return self._delete(parts[0], contact)
        if request.method not in ("GET", "PUT"):
            return not_modelled(request)
        if contact is None:
            # GET says "Result" and "Subscriber" (page get-contact)
            return missing("Subscriber", parts[0])
        return self._read(contact) if request.method == "GET" else self._change(contact, request)

    def _contact_part(self, request: Request, parts: list[str]) -> Reply:
        if len(parts) > 2 or parts[1] not in CONTACT_PARTS:
            return message(404, "No Route matched")
        contact = self._contacts.get(parts[0])
        if contact is None:
            return missing("Subscriber", parts[0])
        if request.method != "GET" or parts[1] not in ("contactLists", "contactAutomations"):
            return not_modelled(request)
        return self._rows_of(request, contact, parts[1])

    def _find(self, request: Request) -> Reply:
        if UNMODELLED_FILTERS & request.query.keys() or request.query.get("status", "-1") != "-1":
            return not_modelled(request)
        contacts = ordered(updated(self._matching(request.query.get("email")), request), request)
        page = page_of(beyond(contacts, request), request)
        content: dict[str, Any] = {
            "scoreValues": [],
            "contacts": [listed_body(contact, self.url) for contact in page],
            "meta": {"total": str(len(contacts)), "sortable": True, "page_input": PAGE_INPUT},
        }
        if "contactLists" in request.query.get("include", ""):
            content["contactLists"] = [
                list_row_body(contact, key, row) for contact in page for key, row in contact["rows"].items()
            ]
        return answer(200, content)

    def _matching(self, wanted: str | None) -> list[dict[str, Any]]:
        # a filter that is not applied answers everybody (a public connector's report); so does an empty one
        if self.ignore_filter or not wanted:
            return list(self._contacts.values())
        fits = matcher(self.collation, wanted)
        return [contact for contact in self._contacts.values() if fits(contact["email"])]

    def _read(self, contact: dict[str, Any]) -> Reply:
        lists = [list_row_body(contact, key, row) for key, row in contact["rows"].items()]
        automations = [automation_row_body(contact, key, row) for key, row in contact["series"].items()]
        content = {
            "contactAutomations": automations,
            "contactLists": lists,
            **{name: [] for name in ("deals", "fieldValues", "geoIps", "accountContacts")},
            "contact": single_body(contact, self.url),
        }
        return answer(200, content)

    # -- writes ---------------------------------------------------------------------------------------------

    def _create(self, request: Request) -> Reply:
        """Create a contact: 201, also right after a deletion, under a new id (54 of 54 recorded)."""
        wanted = _wanted(request)
        if (refused := _refused(wanted.get("email"))) is not None:
            return refused
        if self._holder(wanted["email"]) is not None:
            return _duplicate()
        return self._made(wanted)

    def _sync(self, request: Request, parts: list[str]) -> Reply:
        """Create a contact or change the one of this address: 201 or 200 (both recorded)."""
        if parts != ["sync"] or request.method != "POST":
            return not_modelled(request)
        wanted = _wanted(request)
        if (refused := _refused(wanted.get("email"))) is not None:
            return refused
        contact = self._holder(wanted["email"])
        return self._made(wanted) if contact is None else self._changed(contact, wanted)

    def _change(self, contact: dict[str, Any], request: Request) -> Reply:
        wanted = _wanted(request)
        if "email" in wanted:
            if (refused := _refused(wanted["email"])) is not None:
                return refused
            if self._holder(wanted["email"]) not in (None, contact):
                return _duplicate()
        return self._changed(contact, wanted)

    def _made(self, wanted: dict[str, Any]) -> Reply:
        name = self.add(wanted["email"], lists={}, automations=(), udate=self.now())
        contact = self._contacts[name]
        contact |= {"firstName": "", "lastName": ""} | wanted
        return answer(201, {"contact": created_body(contact, self.url)})

    def _changed(self, contact: dict[str, Any], wanted: dict[str, Any]) -> Reply:
        self._before = {contact["id"]: copy.deepcopy(contact)}
        contact |= {**wanted, "udate": self.now()}
        return answer(200, {"contact": contact_body(contact, self.url)})

    def _holder(self, email: str) -> dict[str, Any] | None:
        """Return the live contact of an address; letter case aside, there is one at most."""
        fits = matcher("exact", email)
        return next((contact for contact in self._contacts.values() if fits(contact["email"])), None)

    def _delete(self, name: str, contact: dict[str, Any] | None) -> Reply:
        if contact is None:
            # DELETE says "result" and "contact" (page delete-contact)
            return message(404, f"No result found for contact with id {name}")
        if self.allowance is not None:
            if self.allowance <= 0:
                # status and body of this refusal are unknown; something outside every documented message
                return message(423, "Deletion is unavailable for this account")
            self.allowance -= 1
        self._before = {name: copy.deepcopy(contact)}
        # not an erasure: it goes to the archive for 360 days (page contact-archives)
        self._put_away(name)
        if self.comes_back_after_delete:
            self._made({"email": contact["email"]})
        return answer(200, {})


def _wanted(request: Request) -> dict[str, Any]:
    """Return the fields of a contact that a body sets."""
    wanted = request.fields("contact")
    return {name: wanted[name] for name in _WRITABLE if name in wanted}


def _refused(email: Any) -> Reply | None:
    """Return the refusal of what is no address; rudderlabs/rudder-transformer met it."""
    if isinstance(email, str) and "@" in email.strip("@"):
        return None
    return refusal("Contact Email Address is not valid.", "email_invalid", "email")


def _duplicate() -> Reply:
    return refusal("Email address already exists in the system", "duplicate", "email")
