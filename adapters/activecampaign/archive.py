"""The archive, where deleted contacts lie for 360 days, and the count of those not yet seen there.

One page of the vendor's reference describes the search (contact-archives), and nobody has published an answer. So
"nobody there" proves nothing of a contact that was just deleted: it counts as erased once it was seen and purged.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from adapters.activecampaign.answers import expect_done, failure, is_forbidden, is_no_result, read_id
from adapters.activecampaign.asking import Asking
from adapters.activecampaign.listing import Listing, persons, rows_of
from adapters.activecampaign.rows import Contact, in_utc, read_time
from adapters.addresses import is_person
from adapters.contract import Subject
from adapters.errors import AdapterError, Permanent, Transient
from adapters.http.answer import Answer, shape_of
from adapters.http.evidence import Trail

#: by how much the clock that dated the request may be ahead of the provider's
_CLOCKS_DIFFER = timedelta(minutes=5)

NO_ADMIN = "the key's user is not in the Admin group"
NO_ARCHIVE = "this account offers no contact archive"


@dataclass(frozen=True, slots=True)
class ArchivedContact:
    """The person's contact in the archive. `deleted_at` is as ActiveCampaign writes it."""

    id: str
    deleted_at: object

    def may_be_of(self, received_at: datetime) -> bool:
        """Say whether it may have been deleted because of the request: later than that, or nobody knows when.

        A time in an unknown form says no: the delivery is then held, and nothing is confirmed untruly.
        """
        try:
            deleted = read_time(self.deleted_at)
        except ValueError:
            return False
        return deleted is None or deleted >= in_utc(received_at) - _CLOCKS_DIFFER


class Archive:
    """The archive, searched for one person."""

    def __init__(self, asking: Asking, subject: Subject) -> None:
        self._asking = asking
        self._subject = subject

    def search(self, spelling: str) -> list[ArchivedContact]:
        """Return the person's contacts in the archive.

        Raises Permanent `archived_not_purged` where it cannot be searched: a key outside the Admin group gets 404
        (reference: restore-archived-contacts), which must not be taken for "not there". `filter_ignored` for
        strangers; those whose address only contains the person's are left alone, as one page says "contains".
        """
        listing = Listing("/contactArchives", "contactArchives", "archive", (("search", spelling),))
        found = []
        for row in rows_of(self._asking, listing, self._refusal):
            found += [ArchivedContact(read_id(one), one.get("deleted_at")) for one in persons((row,), self._subject)]
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
            and str(row.get("id", contact)) == contact
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
        try:
            return self._asking.is_admin()
        except Transient as error:
            if error.cools_lane:
                raise
        except AdapterError:
            pass
        return True


class Unseen:
    """Counts on the trail what was deleted at this destination and was not yet seen in the archive.

    The ids of earlier attempts are not kept, only their number. A contact that is older than the request, and live
    while some are unseen, is one whose delete was sent before and did not happen: it is not counted a second time.
    """

    def __init__(self, trail: Trail, subject: Subject, received_at: datetime) -> None:
        self._trail = trail
        self._trail.unseen = subject.unseen
        self._carried = subject.unseen
        self._received_at = in_utc(received_at)
        #: id of a contact whose delete was sent -> by how much it raised the count
        self._sent: dict[str, int] = {}

    def __bool__(self) -> bool:
        return bool(self._trail.unseen)

    @property
    def ids(self) -> tuple[str, ...]:
        """The contacts of this walk that were deleted, or may have been, and are not seen yet."""
        return tuple(self._sent)

    def sending(self, contact: Contact) -> None:
        """Count a contact before its delete is sent: an answer may be lost, and the contact gone."""
        counted = self._carried > 0 and contact.created is not None and contact.created < self._received_at
        self._carried -= counted
        self._sent[contact.id] = 0 if counted else 1
        self._count(self._sent[contact.id])

    def not_deleted(self, contact: Contact) -> None:
        """Take a contact back: the answer proves that this delete did nothing."""
        self._count(-self._sent.pop(contact.id))

    def purged(self, contact: str) -> bool:
        """Note that a contact of the archive is purged; say whether it is one that this walk deleted, by its id."""
        mine = self._sent.pop(contact, None) is not None
        if mine:
            self._count(-1)
        return mine

    def purged_other(self, archived: ArchivedContact) -> None:
        """Note a purged contact of another id: it is one of the unseen where its date does not speak against it."""
        if archived.may_be_of(self._received_at):
            self._count(-1)

    def _count(self, by: int) -> None:
        self._trail.unseen = max(0, (self._trail.unseen or 0) + by)
