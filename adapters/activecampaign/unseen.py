"""How many contacts were deleted and not yet seen in the archive: none of them counts as erased."""

from __future__ import annotations

from datetime import datetime

from adapters.activecampaign.calls.archive import ArchivedContact
from adapters.activecampaign.rows import Contact
from adapters.contract import Subject
from adapters.http.evidence import Trail
from adapters.values import in_utc


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
        self._others: list[ArchivedContact] = []
        self._deletes = False

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
        self._deletes = True
        self._sent[contact.id] = 0 if counted else 1
        self._count(self._sent[contact.id])

    def not_deleted(self, contact: Contact) -> None:
        """Take a contact back: the answer proves that this delete did nothing."""
        self._count(-self._sent.pop(contact.id))

    def purged(self, archived: ArchivedContact) -> None:
        """Note that a contact was seen in the archive and purged there."""
        if self._sent.pop(archived.id, None) is not None:
            self._count(-1)
        else:
            self._others.append(archived)

    def settle(self) -> None:
        """Count those of another id, once all are known, where their date does not speak against it.

        Whether the archive keeps the ids of contacts is written nowhere. One without a date may have lain there for
        months beside the one just deleted. But every attempt purges all that is shown, so what only a later one is
        shown, which deletes nobody itself, is new.
        """
        while self._others:
            if self._others.pop().may_be_of(self._received_at, undated=not self._deletes):
                self._count(-1)

    def _count(self, by: int) -> None:
        self._trail.unseen = max(0, (self._trail.unseen or 0) + by)
