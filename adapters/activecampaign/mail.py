"""Stopping the mail to a contact: off every list that reaches it, then out of its automations."""

from __future__ import annotations

from adapters.activecampaign.calls.contacts import Contacts, Unsubscribed
from adapters.activecampaign.failures import Failures
from adapters.activecampaign.rows import LEFT, REACHED, Contact
from adapters.errors import Permanent, Transient

#: how often automations are read and left in one apply; unsubscribing can itself start one
_ROUNDS = 3


class Mail:
    """What reaches the contacts of one person, and the notes on what was left or made."""

    def __init__(self, contacts: Contacts, failures: Failures) -> None:
        self._contacts = contacts
        self._failures = failures
        self.notes: list[str] = []

    def stop(self, contact: Contact) -> None:
        """Stop it wherever that is safe; a list or an automation that fails does not keep the others."""
        for row in contact.rows or ():
            if row.status in REACHED:
                with self._failures.in_one(f"list {row.list or '?'}"):
                    self._unsubscribe(contact, row.list)
            elif row.status not in LEFT:
                with self._failures.in_one(f"list {row.list or '?'}"):
                    raise Permanent("unknown_state", "a list row has a status unknown to this version")
        left = sorted({row.status for row in contact.rows or () if row.status in LEFT})
        if left:
            self.notes.append(f"List rows of status {', '.join(left)} receive nothing; left as they are.")
        with self._failures.in_one("automations"):
            self._leave_automations(contact)

    def _unsubscribe(self, contact: Contact, list_id: str) -> None:
        if not list_id:
            raise Transient("unreadable", "a list row without the id of its list")
        if self._contacts.unsubscribe(contact.id, list_id) is Unsubscribed.CREATED:
            self.notes.append(f"The entry on list {list_id} was new to ActiveCampaign; it was made as unsubscribed.")

    def _leave_automations(self, contact: Contact) -> None:
        for _ in range(_ROUNDS):
            active = self._contacts.automations(contact.id)
            before = len(self._failures)
            for automation in active:
                with self._failures.in_one("an automation"):
                    self._contacts.leave_automation(automation)
            if len(self._failures) - before == len(active):
                return  # none, or none that could be left
