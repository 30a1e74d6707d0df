"""What the sandboxes hold of a person, and how they are made to fail."""

from __future__ import annotations

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from syncer.app import App
from syncer.decisions.resync_plan import Selection
from tests.conftest import AUDIENCES

REACHED = ("subscribed", "pending", "transactional")


def gone(mailchimp: MailchimpSandbox, crm: ActiveCampaignSandbox, address: str) -> dict[str, bool]:
    return {
        "newsletter": all(mailchimp.member(address, audience) is None for audience in AUDIENCES),
        "crm": crm.contact(address) is None
        and address not in {row["email"].lower() for row in crm.archived()}
        and address not in {email.lower() for email in crm.customers()},
    }


def silent(mailchimp: MailchimpSandbox, crm: ActiveCampaignSandbox, address: str) -> dict[str, bool]:
    contact = crm.contact(address)
    return {
        "newsletter": not any(
            (mailchimp.member(address, audience) or {}).get("status") in REACHED for audience in AUDIENCES
        ),
        "crm": contact is None
        or (
            not {"0", "1"} & {str(status) for status in contact["lists"].values()}
            and set(contact["automations"].values()) <= {"2"}
        ),
    }


def reopen(app: App) -> None:
    """Do what an operator does about held deliveries, once the provider is well again."""
    plan = app.resync.plan(Selection(held=True))
    if plan.deliveries:
        app.resync.apply(plan, "the provider is well again")
