"""An objection at ActiveCampaign: off every list, out of every automation; for suppress, onto the exclusion list."""

from __future__ import annotations

from datetime import datetime

from adapters.activecampaign.calls.asking import Asking
from adapters.activecampaign.calls.exclusions import Exclusions
from adapters.activecampaign.rows import LEFT, REACHED, Contact, newer_consent
from adapters.activecampaign.walk import ActiveCampaignWalk
from adapters.contract import Handle, Outcome, Receipt, Subject
from adapters.errors import Permanent, Transient
from adapters.handles import ids_of
from adapters.http.evidence import Trail


class Objection:
    """One person's objection."""

    def __init__(self, asking: Asking, trail: Trail, subject: Subject, *, suppress: bool) -> None:
        self._walk = ActiveCampaignWalk(asking, trail, subject)
        self._exclusions = Exclusions(asking) if suppress else None

    def apply(self, received_at: datetime) -> Receipt:
        """Set every list row by which mail comes to 2, then leave the automations; for suppress, exclude too.

        One that fails, or whose status is unknown, does not keep the others.
        """
        walk = self._walk
        contacts = walk.find_with_rows()
        consent = newer_consent(contacts, walk.subject, received_at)
        if consent:
            raise consent
        if not all(contact.rows for contact in contacts):
            # a contact without list rows: a key that may see no lists is not shown them
            with walk.failures.in_one("the lists"):
                walk.contacts.require_lists()
        for contact in contacts:
            walk.mail.stop(contact)
        if self._exclusions:
            for spelling in self._spellings(contacts):
                with walk.failures.in_one("the exclusion"):
                    self._exclusions.require(spelling)
        walk.failures.raise_first()
        handles = tuple(Handle("contact", contact.id) for contact in contacts)
        return walk.receipt(Outcome.DONE if handles or self._exclusions else Outcome.ABSENT, handles)

    def confirm(self, applied: Receipt | None) -> Receipt:
        """Read lists and automations again; for suppress, the exclusion.

        A contact that is gone by its id is searched by address: the person may have been added again.
        """
        walk, handles = self._walk, applied.handles if applied else ()
        known = ids_of("contact", handles)
        kept = [one for one in known if self._is_kept(one)]
        # where an address has several spellings, only the search tells under which one the exclusion must be
        unsure = self._exclusions is not None and len(walk.spellings) > 1
        contacts = walk.find() if len(kept) < len(known) or not handles or unsure else []
        for contact in contacts:
            if contact.id not in known:
                self._is_kept(contact.id)
        if self._exclusions and not all(self._exclusions.cover(one).covered for one in self._spellings(contacts)):
            raise Transient("not_yet", "no exclusion covers the person")
        held = bool(kept or contacts or self._exclusions)
        outcome = applied.outcome if applied else Outcome.DONE if held else Outcome.ABSENT
        return walk.receipt(outcome, handles)

    def _is_kept(self, contact: str) -> bool:
        """Prove that no mail reaches a contact; say whether there still is one. Raises Transient `not_yet`."""
        rows = self._walk.contacts.rows(contact)
        if any(row.status in REACHED for row in rows):
            raise Transient("not_yet", "the person is still on a list")
        if not rows and self._walk.contacts.is_gone(contact):
            return False
        if not rows:
            self._walk.contacts.require_lists()
        if self._walk.contacts.automations(contact):
            raise Transient("not_yet", "the person is still in an automation")
        if any(row.status not in LEFT for row in rows):
            raise Permanent("unknown_state", "a list row has a status unknown to this version")
        return True

    def _spellings(self, contacts: list[Contact]) -> list[str]:
        """Return the addresses that must be excluded, as ActiveCampaign holds them."""
        return list(dict.fromkeys(contact.spelling for contact in contacts)) or [self._walk.spellings[0]]
