"""ActiveCampaign's calls as methods: each asks, makes sure that the answer is about the person, and reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from adapters.activecampaign.answers import (
    AUTOMATION,
    CONTACT,
    Contact,
    ListRow,
    expect,
    expect_done,
    failure,
    is_absent,
    is_forbidden,
    objects,
    read_id,
    read_rows,
)
from adapters.addresses import same_address
from adapters.errors import AdapterError, Misconfigured, Permanent, Transient
from adapters.http.answer import Answer
from adapters.http.transport import Send

_PAGE = 100  # the most the API gives (reference: pagination)


class Calls:
    """The calls of one walk. `say` writes what the last answer told of the person into the evidence."""

    def __init__(self, send: Send, say: Callable[[str], None]) -> None:
        self._send = send
        self._say = say

    def me(self) -> None:
        """Ask who the key belongs to. Raises Misconfigured when it is refused."""
        answer = self._send("GET", "/users/me", "/users/me", "account", [], None)
        if answer.status == 403 and answer.kind != "html" and not answer.maintenance:
            # a web page is the firewall before ActiveCampaign: it says nothing of the key
            raise Misconfigured("unauthorized", "ActiveCampaign does not accept the API key")
        expect(answer, "user")

    def is_admin(self) -> bool:
        """Say whether the key's user is in the Admin group: others get 403 here (reference: settings/account)."""
        answer = self._ask("GET", "/settings/account", scope="account", accept=is_forbidden)
        return answer.status == 200

    def lists(self) -> list[str]:
        """Return the names of the lists that the key sees. Raises Permanent `forbidden` where it may see none (403)."""
        return [f"{row.get('name', '')} ({read_id(row)})" for row in self._pages("/lists", "lists", scope="account")]

    def find(self, spelling: str) -> list[Contact]:
        """Return the contacts with exactly this address, with their list rows where the answer brings them.

        Raises Permanent `filter_ignored` if the answer holds anybody else: a filter that is not applied returns
        every contact of the account (PipedreamHQ/pipedream#4612).
        """
        bodies = list(
            self._bodies("/contacts", "contacts", "contact", params=[("email", spelling), ("include", "contactLists")])
        )
        people = self._exact((row for body in bodies for row in objects(body["contacts"])), spelling)
        ids = list(dict.fromkeys(read_id(row) for row in people))
        self._say("found" if ids else "absent")
        if not all("contactLists" in body for body in bodies):
            return [Contact(one, spelling) for one in ids]
        rows: dict[str, list[ListRow]] = {one: [] for one in ids}
        for body in bodies:
            for contact, more in read_rows(body["contactLists"], frozenset(ids)).items():
                rows[contact] += more
        return [Contact(one, spelling, tuple(rows[one])) for one in ids]

    def changed(self, since: datetime) -> Iterator[str]:
        """Yield the addresses of the contacts updated since then (UTC), in the order of their ids.

        By `id_greater`, whose pages do not shift (reference: pagination). A date filter that is not applied gives
        everybody, which is more than asked for and does no harm. Raises Transient `incomplete` for pages that are
        out of order or end before their total.
        """
        filters = [("filters[updated_after]", since.astimezone(UTC).isoformat(timespec="seconds"))]
        total, rows = self._after(0, filters)
        last, seen = 0, 0
        while rows:
            ids = [int(read_id(row)) for row in rows]
            if ids != sorted(set(ids)) or ids[0] <= last:
                raise Transient("incomplete", "a listing was not in the order asked for")
            yield from (str(row.get("email", "")) for row in rows)
            last, seen = ids[-1], seen + len(rows)
            _, rows = self._after(last, filters)
        if seen < total and seen < self._after(0, filters)[0]:  # fewer by now: some were deleted meanwhile
            raise Transient("incomplete", "a listing did not show as many contacts as it counts")

    def _after(self, last: int, filters: list[tuple[str, str]]) -> tuple[int, list[Mapping[str, Any]]]:
        paging = [("orders[id]", "ASC"), ("id_greater", str(last)), ("limit", str(_PAGE))]
        body = expect(self._ask("GET", "/contacts", scope="contact", params=filters + paging), "contacts")
        total = _total(body)
        if total is None:
            raise Transient("unreadable", "a listing without its total")
        return total, objects(body["contacts"])

    def is_gone(self, contact: str) -> bool:
        """Say whether the contact is proven not to exist: 404 and the words for it."""
        answer = self._ask(
            "GET", f"/contacts/{contact}", "/contacts/{id}", scope="contact", accept=lambda a: is_absent(a, CONTACT)
        )
        gone = answer.status != 200
        if not gone:
            expect(answer, "contact")
        self._say("absent" if gone else "found")
        return gone

    def delete(self, contact: str) -> Answer:
        """Delete a contact, which only moves it to the archive, and return the answer: the walk says what it means."""
        return self._send("DELETE", f"/contacts/{contact}", "/contacts/{id}", "contact", [], None)

    def rows(self, contact: str) -> tuple[ListRow, ...]:
        """Return the contact's list rows, none if the contact is gone."""
        rows = self._of_contact(contact, "contactLists", "list")
        return tuple(read_rows(rows, frozenset({contact}))[contact])

    def unsubscribe(self, contact: str, list_id: str) -> None:
        """Set the contact's row of this list to 2. Only for rows that exist: the call would create one."""
        body = {"contactList": {"list": _number(list_id), "contact": _number(contact), "status": 2}}
        expect(self._ask("POST", "/contactLists", scope="list", body=body), "contactList")
        self._say("unsubscribed")

    def automations(self, contact: str) -> list[str]:
        """Return the ids of the rows by which automations hold the contact: all but status 2, removed or done."""
        rows = self._of_contact(contact, "contactAutomations", "automation")
        active = [read_id(row) for row in rows if str(row.get("status")) != "2"]
        self._say("in automations" if active else "in no automation")
        return active

    def leave_automation(self, row: str) -> None:
        """Take the contact out of an automation. 403 "No Result found for SubscriberSeries" means it is out."""
        answer = self._ask(
            "DELETE",
            f"/contactAutomations/{row}",
            "/contactAutomations/{id}",
            scope="automation",
            accept=lambda a: is_absent(a, AUTOMATION),
        )
        if answer.status == 200:
            expect_done(answer)
        self._say("removed")

    def archived(self, spelling: str) -> list[str]:
        """Return the ids of the person's contacts in the archive, where deleted ones stay for 360 days.

        Raises Permanent `archived_not_purged` for a key outside the Admin group: it gets 404 with an empty body
        (reference: restore-archived-contacts), which must not be taken for "not there"; and `filter_ignored` for
        anybody else in the answer, since a full address is documented to match exactly.
        """
        rows = self._pages("/contactArchives", "contactArchives", "archive", params=[("search", spelling)])
        ids = [read_id(row) for row in self._exact(rows, spelling)]
        self._say("archived" if ids else "absent")
        return ids

    def purge(self, archived: str) -> None:
        """Delete from the archive, for good. 200 also when it was gone (reference: delete-archived-contact)."""
        path = f"/contactArchives/{archived}"
        expect_done(self._ask("DELETE", path, "/contactArchives/{id}", scope="archive"))
        self._say("deleted")

    def customers(self, spelling: str) -> list[str]:
        """Return the ids of the person's e-commerce customers, one per connected shop."""
        rows = self._pages(
            "/ecomCustomers", "ecomCustomers", "e-commerce customer", params=[("filters[email]", spelling)]
        )
        ids = [read_id(row) for row in self._exact(rows, spelling)]
        self._say("found" if ids else "absent")
        return ids

    def delete_customer(self, customer: str) -> None:
        """Delete an e-commerce customer; gone already is as good."""
        answer = self._ask(
            "DELETE",
            f"/ecomCustomers/{customer}",
            "/ecomCustomers/{id}",
            scope="e-commerce customer",
            accept=lambda a: is_absent(a, ("ecomcustomer", "customer")),
        )
        if answer.status == 200:
            expect_done(answer)
        self._say("deleted")

    def exclusions(self, phrase: str) -> list[Mapping[str, Any]]:
        """Return the exclusions whose phrase contains this one; the filter is contains-like in the reference."""
        return list(
            self._pages("/lists/exclusions", "exclusions", "exclusion", params=[("filters[matchPhrase]", phrase)])
        )

    def widen_exclusion(self, exclusion: str) -> None:
        """Let an exclusion hold for all channels. Raises Permanent `forbidden` without the right."""
        path = f"/lists/exclusions/{exclusion}"
        answer = self._ask("PUT", path, "/lists/exclusions/{id}", scope="exclusion", body={"channel": "all"})
        expect(answer, "channel")
        self._say("excluded")

    def _of_contact(self, contact: str, kind: str, scope: str) -> list[Mapping[str, Any]]:
        path, template = f"/contacts/{contact}/{kind}", f"/contacts/{{id}}/{kind}"
        bodies = self._bodies(path, kind, scope, template, accept=lambda a: is_absent(a, CONTACT))
        return [row for body in bodies for row in objects(body[kind])]

    def _exact(self, rows: Iterator[Mapping[str, Any]], spelling: str) -> list[Mapping[str, Any]]:
        people = list(rows)
        if not all(same_address(row.get("email"), spelling) for row in people):
            raise Permanent("filter_ignored", "ActiveCampaign answered with other people than asked for")
        return people

    def _pages(
        self, path: str, key: str, scope: str, params: list[tuple[str, str]] | None = None
    ) -> Iterator[Mapping[str, Any]]:
        for body in self._bodies(path, key, scope, params=params):
            yield from objects(body[key])

    def _bodies(
        self,
        path: str,
        key: str,
        scope: str,
        template: str | None = None,
        params: list[tuple[str, str]] | None = None,
        accept: Callable[[Answer], bool] = lambda _: False,
    ) -> Iterator[Mapping[str, Any]]:
        """Yield a listing page by page: to `meta.total` where it is given, else to a page that is not full.

        Raises Transient `unreadable` if it ends early, or changes meanwhile: rows may have moved to a page already
        read.
        """
        seen = 0
        first: int | None = None
        while True:
            paging = [("limit", str(_PAGE)), ("offset", str(seen))]
            answer = self._ask("GET", path, template, scope=scope, params=(params or []) + paging, accept=accept)
            if answer.status != 200:
                return  # accepted as absent
            body = expect(answer, key)
            number = len(objects(body[key]))
            yield body
            seen += number
            total = _total(body)
            first = total if first is None else first
            if total != first:
                raise Transient("unreadable", "a listing changed while it was read: it is read again from its start")
            if number < _PAGE and (total is None or seen >= total):
                return
            if number == 0:
                raise Transient("unreadable", "a listing ended before its total")

    def _ask(
        self,
        method: str,
        path: str,
        template: str | None = None,
        *,
        scope: str,
        params: list[tuple[str, str]] | None = None,
        body: Any = None,
        accept: Callable[[Answer], bool] = lambda _: False,
    ) -> Answer:
        """Make a call and return its answer if it is 200 or accepted; raise what it means otherwise."""
        answer = self._send(method, path, template or path, scope, params or [], body)
        if answer.status == 200 or accept(answer):
            return answer
        raise self.meaning(answer, archive=path.startswith("/contactArchives"))

    def meaning(self, answer: Answer, *, archive: bool = False) -> AdapterError:
        """Return the failure of an answer; for a 403 that may be a bad key or throttling, ask once whose the key is."""
        if archive and answer.status == 404 and answer.kind == "empty":
            return Permanent(
                "archived_not_purged", "the key's user is not in the Admin group: no access to the archive"
            )
        error = failure(answer)
        if answer.status == 403 and error.code == "rate_limited":
            try:
                self.me()
            except Misconfigured as refused:
                return refused
            except AdapterError:
                return error  # no answer to that either: wait and see
        return error


def _number(text: str) -> int | str:
    return int(text) if text.isdigit() else text


def _total(body: Mapping[str, Any]) -> int | None:
    meta = body.get("meta")
    total = str(meta.get("total")) if isinstance(meta, dict) else ""
    return int(total) if total.isascii() and total.isdigit() else None
