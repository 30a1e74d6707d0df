"""An erasure at ActiveCampaign: delete, see it in the archive, purge it there, and prove all of it by reading back."""

from __future__ import annotations

from datetime import datetime

from adapters.activecampaign.answers import CONTACT, expect_done, is_absent
from adapters.activecampaign.calls.archive import Archive, ArchivedContact
from adapters.activecampaign.calls.asking import Asking
from adapters.activecampaign.calls.customers import Customers
from adapters.activecampaign.failures import Failures
from adapters.activecampaign.mail import Mail
from adapters.activecampaign.rows import Contact, newer_consent
from adapters.activecampaign.unseen import Unseen
from adapters.activecampaign.walk import ActiveCampaignWalk
from adapters.contract import Handle, Outcome, Receipt, Subject
from adapters.errors import AdapterError, Permanent, Transient
from adapters.handles import ids_of
from adapters.http.answer import Answer
from adapters.http.evidence import Trail

#: how often a delete that ActiveCampaign blocks is tried again, in seconds: the allowance is renewed monthly
_BLOCKED_WAIT = 86400.0
_NOT_SHOWN = "The archive did not show every contact just deleted; it is searched again until it does."


class Erasure:
    """One person's erasure."""

    def __init__(self, asking: Asking, trail: Trail, subject: Subject, *, ecommerce: bool) -> None:
        self._walk = ActiveCampaignWalk(asking, trail, subject)
        self._asking = asking
        self._archive = Archive(asking, subject)
        self._customers = Customers(asking, subject) if ecommerce else None

    def apply(self, received_at: datetime) -> Receipt:
        """Delete the live contacts, purge the archive, delete the e-commerce customers.

        One that fails does not keep the others. Raises Transient `not_yet` where nobody is found, and a contact that
        was deleted earlier is still unseen.
        """
        walk = self._walk
        contacts = walk.find_with_rows()
        consent = newer_consent(contacts, walk.subject, received_at)
        if consent:
            raise consent
        unseen = Unseen(walk.trail, walk.subject, received_at)
        for contact in contacts:
            with walk.failures.in_one("a contact"):
                self._delete(contact, unseen)
        archived = self._purge_archive(unseen)
        customers = self._delete_customers()
        walk.failures.raise_first()
        if unseen and not contacts and not archived:
            raise _not_seen()
        if unseen:
            walk.mail.notes.append(_NOT_SHOWN)
        handles = (
            *(Handle("contact", contact.id) for contact in contacts),
            *(Handle("archived", one) for one in archived),
            *(Handle("customer", one) for one in customers),
        )
        return walk.receipt(Outcome.DONE if handles else Outcome.ABSENT, handles)

    def confirm(self, applied: Receipt | None) -> Receipt:
        """Prove the contacts gone, by id where they are known and by address, the archive and the customers too."""
        walk, handles = self._walk, applied.handles if applied else ()
        if applied:
            walk.trail.unseen = applied.unseen
        gone = all(walk.contacts.is_gone(one) for one in ids_of("contact", handles))
        # by address in any case: the person may have been added again, within seconds (recorded re-creations)
        if not gone or any(walk.contacts.find(spelling) for spelling in walk.spellings):
            raise Transient("not_yet", "the person is still there")
        if any(self._archive.search(spelling) for spelling in walk.spellings):
            raise Transient("not_yet", "the person is still in the archive")
        if walk.trail.unseen:
            raise _not_seen()
        if self._customers and (not handles or ids_of("customer", handles)):
            find = self._customers.find
            if any(find(spelling) for spelling in walk.spellings):
                raise Transient("not_yet", "the person is still an e-commerce customer")
        return walk.receipt(applied.outcome if applied else Outcome.ABSENT, handles)

    def _delete(self, contact: Contact, unseen: Unseen) -> None:
        """Delete one contact; if that does not go through at once, at least no more mail goes out."""
        try:
            self._send_delete(contact, unseen)
        except Transient as error:
            if error.code == "rate_limited":
                raise
            failures = Failures()
            stopped = self._stop_mail(contact, failures) and not failures
            if error.code != "delete_blocked":
                raise
            # a day's wait is right only while no mail goes out meanwhile
            mail = "mail is stopped" if stopped else "mail could not be stopped yet"
            wait = _BLOCKED_WAIT if stopped else None
            raise Transient("delete_blocked", f"{error.detail}; {mail}", retry_after=wait) from None

    def _send_delete(self, contact: Contact, unseen: Unseen) -> None:
        steps = len(self._walk.trail.steps)
        unseen.sending(contact)
        try:
            answer = self._walk.contacts.delete(contact.id)
        except AdapterError as error:
            if error.code == "unreachable" or self._is_refused(steps):
                unseen.not_deleted(contact)
            raise
        if self._is_refused(steps):
            unseen.not_deleted(contact)
        if is_absent(answer, CONTACT):
            self._walk.trail.state("absent")
            return
        if answer.status != 200:
            raise self._delete_failure(answer)
        expect_done(answer)
        self._walk.trail.state("deleted")

    def _is_refused(self, steps: int) -> bool:
        """Say whether the call after so many steps did nothing for certain: never sent, or answered with a refusal.

        A 408 comes from a proxy that lost patience: what stood behind it may have obeyed.
        """
        made = self._walk.trail.steps[steps:]
        status = made[0].status if made else 400
        return status is not None and 300 <= status < 500 and status != 408

    def _delete_failure(self, answer: Answer) -> AdapterError:
        """Return why a delete was refused. Status and body of a used-up delete allowance are documented nowhere.

        So every 4xx without another known meaning counts as that (help article 115001663450).
        """
        error = self._asking.meaning(answer)
        if error.code == "unknown_state":
            return Transient("unknown_state", "the delete answered 410: the state is read again")
        if isinstance(error, Permanent):
            return Transient("delete_blocked", f"ActiveCampaign refused the delete with HTTP {answer.status}")
        return error

    def _stop_mail(self, contact: Contact, failures: Failures) -> bool:
        try:
            Mail(self._walk.contacts, failures).stop(contact)
        except AdapterError:
            return False  # the failure of the delete is the one to report
        return True

    def _purge_archive(self, unseen: Unseen) -> list[str]:
        """Purge the person's contacts from the archive and return their ids.

        What was just deleted and is not found by address is looked for by its id.
        """
        failures, before = self._walk.failures, len(self._walk.failures)
        found: dict[str, ArchivedContact] = {}
        for spelling in self._walk.spellings:
            with failures.in_one("the archive"):
                found |= {one.id: one for one in self._archive.search(spelling)}
        searched = len(failures) == before
        try:
            for one in found.values():
                with failures.in_one("an archived contact"):
                    self._purge(one, unseen)
            for contact in unseen.ids if searched else ():
                with failures.in_one("an archived contact"):
                    if contact not in found and self._archive.shows(contact):
                        found[contact] = ArchivedContact(contact)
                        self._purge(found[contact], unseen)
        finally:
            unseen.settle()
        return list(found)

    def _purge(self, archived: ArchivedContact, unseen: Unseen) -> None:
        """Purge one that was seen; a lost answer counts too, for it may be gone and never be shown again."""
        try:
            self._archive.purge(archived.id)
        except Permanent:
            raise  # refused: it will be shown again
        except AdapterError:
            unseen.purged(archived)
            raise
        unseen.purged(archived)

    def _delete_customers(self) -> list[str]:
        """Delete the person's e-commerce customers; return their ids."""
        if self._customers is None:
            return []
        failures, found = self._walk.failures, list[str]()
        for spelling in self._walk.spellings:
            with failures.in_one("e-commerce customers"):
                found += self._customers.find(spelling)
        found = list(dict.fromkeys(found))
        for one in found:
            with failures.in_one("an e-commerce customer"):
                self._customers.delete(one)
        return found


def _not_seen() -> Transient:
    return Transient("not_yet", "the archive does not show a contact that was deleted", hold_as="archive_not_seen")
