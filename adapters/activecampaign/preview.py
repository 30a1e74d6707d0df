"""The errands of ActiveCampaign as previews: they read and judge as ever, and what they would change is noted."""

from __future__ import annotations

from adapters.activecampaign.calls.archive import ArchivedContact
from adapters.activecampaign.calls.asking import Asking
from adapters.activecampaign.calls.contacts import Contacts, Unsubscribed
from adapters.activecampaign.calls.customers import Customers
from adapters.activecampaign.calls.exclusions import Exclusions
from adapters.activecampaign.erasure import Erasure
from adapters.activecampaign.objection import Objection
from adapters.activecampaign.rows import Contact
from adapters.activecampaign.unseen import Unseen
from adapters.activecampaign.walk import ActiveCampaignWalk
from adapters.contract import Subject
from adapters.http.evidence import Trail
from adapters.preview import Would


class PreviewedErasure(Erasure):
    """One person's erasure, as it would be."""

    def __init__(self, asking: Asking, trail: Trail, subject: Subject, would: Would, *, ecommerce: bool) -> None:
        super().__init__(asking, trail, subject, ecommerce=ecommerce)
        self._customers = PreviewedCustomers(asking, subject, would) if ecommerce else None
        self._would = would

    def _delete(self, contact: Contact, unseen: Unseen) -> None:
        self._would.call("DELETE /contacts/{id}", "contact")
        self._purge_from_archive()  # where the delete puts it

    def _purge(self, archived: ArchivedContact, unseen: Unseen) -> None:
        self._purge_from_archive()
        unseen.purged(archived)

    def _purge_from_archive(self) -> None:
        self._would.call("DELETE /contactArchives/{id}", "archive")


class PreviewedObjection(Objection):
    """One person's objection, as it would be."""

    def __init__(self, asking: Asking, trail: Trail, subject: Subject, would: Would, *, suppress: bool) -> None:
        super().__init__(asking, trail, subject, suppress=suppress)
        self._walk = ActiveCampaignWalk(asking, trail, subject, PreviewedContacts(asking, subject, would))
        self._exclusions = PreviewedExclusions(asking, would) if suppress else None


class PreviewedContacts(Contacts):
    """The contacts of one person, of which none is changed."""

    def __init__(self, asking: Asking, subject: Subject, would: Would) -> None:
        super().__init__(asking, subject)
        self._would = would
        self._left: set[str] = set()

    def unsubscribe(self, contact: str, list_id: str) -> Unsubscribed:
        """Note the call."""
        self._would.call("POST /contactLists", "list")
        return Unsubscribed.DONE

    def automations(self, contact: str) -> list[str]:
        """Return the rows by which automations would still hold the contact."""
        return [row for row in super().automations(contact) if row not in self._left]

    def leave_automation(self, row: str) -> None:
        """Note the call."""
        self._would.call("DELETE /contactAutomations/{id}", "automation")
        self._left.add(row)


class PreviewedCustomers(Customers):
    """The e-commerce customers of one person, of which none is deleted."""

    def __init__(self, asking: Asking, subject: Subject, would: Would) -> None:
        super().__init__(asking, subject)
        self._would = would

    def delete(self, customer: str) -> None:
        """Note the call."""
        self._would.call("DELETE /ecomCustomers/{id}", "e-commerce customer")


class PreviewedExclusions(Exclusions):
    """The exclusions of the account, of which none is widened."""

    def __init__(self, asking: Asking, would: Would) -> None:
        super().__init__(asking)
        self._would = would

    def _widen(self, exclusion: str) -> None:
        self._would.call("PUT /lists/exclusions/{id}", "exclusion")
