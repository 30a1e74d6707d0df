"""What an erasure and an objection have in common: one person's contacts, and the receipt."""

from __future__ import annotations

from dataclasses import replace

from adapters.activecampaign.calls.asking import Asking
from adapters.activecampaign.calls.contacts import Contacts
from adapters.activecampaign.failures import Failures
from adapters.activecampaign.mail import Mail
from adapters.activecampaign.rows import Contact
from adapters.addresses import spellings_of
from adapters.contract import Handle, Outcome, Receipt, Subject
from adapters.http.evidence import Trail


class ActiveCampaignWalk:
    """One person's walk through the account: find, hold on newer consent, act, read back."""

    def __init__(self, asking: Asking, trail: Trail, subject: Subject, contacts: Contacts | None = None) -> None:
        self.spellings = spellings_of(subject)
        self.trail = trail
        self.subject = subject
        self.contacts = contacts or Contacts(asking, subject)
        self.failures = Failures()
        self.mail = Mail(self.contacts, self.failures)
        trail.unseen = subject.unseen

    def find(self) -> list[Contact]:
        """Return the person's live contacts, each once."""
        found = [contact for spelling in self.spellings for contact in self.contacts.find(spelling)]
        return list({contact.id: contact for contact in found}.values())

    def find_with_rows(self) -> list[Contact]:
        """Return the person's live contacts with their list rows, read apart where the search brought none."""
        return [
            contact if contact.rows else replace(contact, rows=self.contacts.rows(contact.id))
            for contact in self.find()
        ]

    def receipt(self, outcome: Outcome, handles: tuple[Handle, ...]) -> Receipt:
        """Return the receipt of what was done until now."""
        notes = tuple(dict.fromkeys(self.mail.notes))
        return Receipt(outcome, self.trail.steps, notes, handles, self.trail.unseen or 0)
