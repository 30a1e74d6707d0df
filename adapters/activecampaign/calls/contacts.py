"""The calls on live contacts: find them, delete them, take them off lists and out of automations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

from adapters.activecampaign.answers import AUTOMATION, CONTACT, expect_done, is_absent, objects, read_id
from adapters.activecampaign.calls.asking import Asking
from adapters.activecampaign.calls.listing import INCLUDE, Listing, pages, persons
from adapters.activecampaign.rows import Contact, ListRow, is_stranger, known_time, read_row, read_status
from adapters.contract import Subject, plain_form
from adapters.errors import Permanent
from adapters.http.answer import Answer
from adapters.values import numeric_id


class Unsubscribed(Enum):
    """What came of taking a contact off a list: as asked, by a relation that had not been there, or it is gone."""

    DONE = "unsubscribed"
    CREATED = "created"
    GONE = "absent"


class Contacts:
    """The live contacts of one person."""

    def __init__(self, asking: Asking, subject: Subject) -> None:
        self._asking = asking
        self._subject = subject

    def find(self, spelling: str) -> list[Contact]:
        """Return the person's contacts, with their list rows where the answer brings them.

        Raises Permanent `filter_ignored` if a page holds a stranger, or list rows of a contact that is not in it;
        neighbours, and the list rows that come along with them, are left alone.
        """
        try:
            return self._find(spelling, INCLUDE)
        except Permanent as error:
            if error.code != "rejected":
                raise
        return self._find(spelling, ())

    def _find(self, spelling: str, include: tuple[tuple[str, str], ...]) -> list[Contact]:
        params = (("email", spelling), *include)
        found: dict[str, Contact] = {}
        answered: set[str] = set()
        rows: dict[str, list[ListRow]] | None = {}
        for page in pages(self._asking, Listing("/contacts", "contacts", "contact", params)):
            for row in persons(page.rows, self._subject):
                held = plain_form(str(row.get("email"))) or spelling
                found[read_id(row)] = Contact(read_id(row), held, known_time(row.get("cdate")))
            answered |= {numeric_id(row.get("id")) for row in page.rows} - {""}
            rows = self._included(page.body.get("contactLists"), answered, found, rows)
        self._asking.say("found" if found else "absent")
        if rows is None:
            return list(found.values())
        return [Contact(one.id, one.spelling, one.created, tuple(rows.get(one.id, ()))) for one in found.values()]

    def is_gone(self, contact: str) -> bool:
        """Say whether the contact is proven not to exist: 404 and the words for it."""
        answer = self._asking.ask(
            "GET", f"/contacts/{contact}", "/contacts/{id}", scope="contact", accept=lambda a: is_absent(a, CONTACT)
        )
        gone = answer.status != 200
        if not gone:
            self._asking.expect(answer, "contact")
        self._asking.say("absent" if gone else "found")
        return gone

    def delete(self, contact: str) -> Answer:
        """Delete a contact, which only moves it to the archive, and return the answer: the walk says what it means."""
        return self._asking.send("DELETE", f"/contacts/{contact}", "/contacts/{id}", scope="contact")

    def rows(self, contact: str) -> tuple[ListRow, ...]:
        """Return the contact's list rows, none if the contact is gone. Raises Permanent `filter_ignored`."""
        rows = []
        for row in self._of_contact(contact, "contactLists", "list"):
            if is_stranger(row, {contact}):
                raise _strange("list rows")
            rows.append(read_row(row))
        return tuple(rows)

    def unsubscribe(self, contact: str, list_id: str) -> Unsubscribed:
        """Set the contact's row of this list to 2. Only for rows that exist: the call would create one, as 201 says."""
        body = {"contactList": {"list": int(list_id), "contact": int(contact), "status": 2}}
        answer = self._asking.ask(
            "POST", "/contactLists", scope="list", body=body, accept=lambda a: a.status == 201 or is_absent(a, CONTACT)
        )
        if is_absent(answer, CONTACT):
            self._asking.say("absent")
            return Unsubscribed.GONE
        self._asking.expect(answer, "contactList", status=answer.status)
        self._asking.say("unsubscribed")
        return Unsubscribed.CREATED if answer.status == 201 else Unsubscribed.DONE

    def automations(self, contact: str) -> list[str]:
        """Return the ids of the rows by which automations hold the contact: all but status 2, removed or done."""
        active = []
        for row in self._of_contact(contact, "contactAutomations", "automation"):
            if "contact" in row and is_stranger(row, {contact}):
                raise _strange("automations")
            if read_status(row) != "2":
                active.append(read_id(row))
        self._asking.say("in automations" if active else "in no automation")
        return active

    def leave_automation(self, row: str) -> None:
        """Take the contact out of an automation. "No Result found for SubscriberSeries" means it is out."""
        path = f"/contactAutomations/{row}"
        answer = self._asking.ask(
            "DELETE",
            path,
            "/contactAutomations/{id}",
            scope="automation",
            accept=lambda a: is_absent(a, AUTOMATION),
        )
        if answer.status == 200:
            expect_done(answer)
        self._asking.say("removed")

    def require_lists(self) -> None:
        """Make sure that the key sees lists. Raises Permanent `forbidden` where it may see none (403)."""
        answer = self._asking.ask("GET", "/lists", scope="account", params=(("limit", "1"),))
        self._asking.expect(answer, "lists")
        self._asking.say("visible")

    def _of_contact(self, contact: str, kind: str, scope: str) -> Iterator[Mapping[str, Any]]:
        """Yield the rows as their pages come; none is kept."""
        path, template = f"/contacts/{contact}/{kind}", f"/contacts/{{id}}/{kind}"
        listing = Listing(path, kind, scope, template=template, absent=CONTACT)
        for page in pages(self._asking, listing):
            yield from page.rows

    def _included(
        self,
        value: object,
        answered: set[str],
        found: dict[str, Contact],
        rows: dict[str, list[ListRow]] | None,
    ) -> dict[str, list[ListRow]] | None:
        """Add the list rows that a page of contacts brings; None once a page brings none (`include` is unwritten)."""
        if rows is None or not isinstance(value, list):
            return None
        for row in objects(value):
            if is_stranger(row, answered):
                raise _strange("list rows")
            if not is_stranger(row, found):
                rows.setdefault(numeric_id(row.get("contact")), []).append(read_row(row))
        return rows


def _strange(what: str) -> Permanent:
    return Permanent("filter_ignored", f"ActiveCampaign answered with {what} of another contact")
