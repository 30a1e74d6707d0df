"""The archive, where deleted contacts lie for 360 days.

One page of the vendor's reference describes the search (contact-archives), and nobody has published an answer. So
"nobody there" proves nothing of a contact that was just deleted: it counts as erased once it was seen and purged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from adapters.activecampaign.answers import expect_done, failure, is_forbidden, is_no_result, read_id
from adapters.activecampaign.calls.asking import Asking
from adapters.activecampaign.calls.listing import Listing, pages, persons
from adapters.activecampaign.rows import read_time
from adapters.addresses import is_person
from adapters.contract import Subject
from adapters.errors import AdapterError, Misconfigured, Permanent, Transient
from adapters.http.answer import Answer, shape_of
from adapters.values import in_utc, numeric_id

#: by how much the clock that dated the request may be ahead of the provider's
_CLOCKS_DIFFER = timedelta(minutes=5)

#: where the search may find its text: "by email, name or phone" (reference: restore-all-archived-contacts); people do
#: type their address into a field for the name
_SEARCHED = ("email", "firstName", "lastName", "phone")

NO_ADMIN = "the key's user is not in the Admin group"
NO_ARCHIVE = "this account offers no contact archive"


@dataclass(frozen=True, slots=True)
class ArchivedContact:
    """The person's contact in the archive. `deleted_at` (UTC) is None where none is told.

    `odd` says that one is told, in a form unknown to this version.
    """

    id: str
    deleted_at: datetime | None = None
    odd: bool = False

    def may_be_of(self, received_at: datetime, *, undated: bool) -> bool:
        """Say whether it may have been deleted because of the request: later than that, or `undated` where it has none.

        A time in an unknown form says no: the delivery is then held, and nothing is confirmed untruly.
        """
        if self.deleted_at is None:
            return undated and not self.odd
        return self.deleted_at >= in_utc(received_at) - _CLOCKS_DIFFER


def _archived(row: Mapping[str, Any]) -> ArchivedContact:
    try:
        return ArchivedContact(read_id(row), read_time(row.get("deleted_at")))
    except Permanent:
        return ArchivedContact(read_id(row), odd=True)


class Archive:
    """The archive, searched for one person."""

    def __init__(self, asking: Asking, subject: Subject) -> None:
        self._asking = asking
        self._subject = subject

    def search(self, spelling: str) -> list[ArchivedContact]:
        """Return the person's contacts in the archive.

        Raises Permanent `archived_not_purged` where it cannot be searched: a key outside the Admin group gets 404
        (reference: restore-archived-contacts), which must not be taken for "not there". `filter_ignored` for
        strangers; those who only have the person's address in theirs, or in their name, are left alone.
        """
        listing = Listing("/contactArchives", "contactArchives", "archive", (("search", spelling),))
        found = []
        for page in pages(self._asking, listing, self._refusal):
            for row in persons(page.rows, self._subject, _SEARCHED):
                found.append(_archived(row))
        self._asking.say("archived" if found else "absent")
        return found

    def shows(self, contact: str) -> bool:
        """Say whether the archive shows this contact by its id, under exactly the person's address.

        Ids in the archive may be of another kind than those of contacts: any other answer says no.
        """
        answer = self._asking.send("GET", f"/contactArchives/{contact}", "/contactArchives/{id}", scope="archive")
        if answer.status in (429, 503):
            raise failure(answer)
        rows: list[Any] = [answer.object, *answer.object.values()] if answer.status == 200 else []
        shown = any(
            isinstance(row, dict)
            and numeric_id(row.get("id", contact)) == contact
            and is_person(row.get("email"), self._subject)
            for row in rows
        )
        self._asking.say("archived" if shown else "")
        return shown

    def purge(self, archived: str) -> None:
        """Delete from the archive, for good. 200 also when it was gone (reference: delete-archived-contact).

        Raises Permanent `archived_not_purged` for a 404 that does not say so: it concerns this one contact.
        """
        path = f"/contactArchives/{archived}"
        answer = self._asking.send("DELETE", path, "/contactArchives/{id}", scope="archive")
        if is_no_result(answer):
            self._asking.say("absent")
            return
        if answer.status in (404, 405) or is_forbidden(answer):
            raise Permanent("archived_not_purged", f"the archive shows the contact, and refuses with {answer.status}")
        if answer.status != 200:
            raise self._asking.meaning(answer)
        expect_done(answer)
        self._asking.say("deleted")

    def _refusal(self, answer: Answer) -> AdapterError | None:
        """Return what an answer means at the search alone: the archive is closed to the key, or there is none."""
        if answer.maintenance:
            return None
        if is_no_result(answer):
            return Transient("unreadable", f"the archive answers a search as if for one object: {shape_of(answer)}")
        if answer.status in (404, 405, 501) or is_forbidden(answer):
            return Permanent("archived_not_purged", NO_ARCHIVE if self._is_admin() else NO_ADMIN)
        return None

    def _is_admin(self) -> bool:
        """Say whether it is not for want of rights. Raises what every call would meet, a wrong host among it."""
        try:
            return self._asking.is_admin()
        except AdapterError as error:
            if isinstance(error, Misconfigured) or (isinstance(error, Transient) and error.cools_lane):
                raise
        return True
