"""What both providers hold, read once: the truth that a judge compares syncer's word with."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox

#: states of a Mailchimp member to whom mail is sent
REACHED = {"subscribed", "pending", "transactional"}


@dataclass(frozen=True, slots=True)
class Books:
    """Everything, by address in lower case: places in Mailchimp and ActiveCampaign with what stands there."""

    newsletter: dict[str, list[Any]] = field(repr=False)
    crm: dict[str, list[Any]] = field(repr=False)

    def held_of(self, address: str) -> dict[str, Any]:
        """Return what each destination holds of a person."""
        return {"newsletter": self.newsletter.get(address, []), "crm": self.crm.get(address, [])}

    def gone(self, address: str) -> dict[str, bool]:
        """Say for each destination whether nothing of the person is left."""
        return {name: not held for name, held in self.held_of(address).items()}

    def silent(self, address: str) -> dict[str, bool]:
        """Say for each destination whether the person gets no mail any more."""
        return {
            "newsletter": not any(status in REACHED for _, status in self.newsletter.get(address, [])),
            "crm": not any(place == "contact" and _mailed(held) for place, held in self.crm.get(address, [])),
        }


def _mailed(contact: dict[str, Any]) -> bool:
    lists = {str(status) for status in contact["lists"].values()}
    return bool({"0", "1"} & lists) or not set(contact["automations"].values()) <= {"2"}


def read(mailchimp: MailchimpSandbox, crm: ActiveCampaignSandbox) -> Books:
    """Read everything both sandboxes hold."""
    newsletter: dict[str, list[Any]] = defaultdict(list)
    for audience, address, status in sorted(mailchimp.members()):
        newsletter[address.lower()].append((audience, status))
    for address in mailchimp.customers():
        newsletter[address.lower()].append(("shop", "customer"))
    contacts: dict[str, list[Any]] = defaultdict(list)
    for place, rows in (("contact", crm.contacts()), ("archive", crm.archived())):
        for row in rows:
            contacts[row["email"].lower()].append((place, row))
    for address in crm.customers():
        contacts[address.lower()].append(("shop", {}))
    return Books(dict(newsletter), dict(contacts))
