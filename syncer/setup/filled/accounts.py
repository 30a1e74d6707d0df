"""The accounts that this machine plays for a demo, and the settings that point at them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from adapters.sandbox.people import populate

AUDIENCES = ("a1b2c3d4e5", "b2c3d4e5f6", "c3d4e5f6a7")

_SETTINGS = """\
[destinations.newsletter]
adapter = "mailchimp"
api_key_env = "DEMO_MAILCHIMP_KEY"
base_url = "{newsletter}"
erasure = "delete"
objection = "suppress"

[destinations.crm]
adapter = "activecampaign"
api_key_env = "DEMO_ACTIVECAMPAIGN_KEY"
base_url = "{crm}"
requests_per_second = {rate}
erasure = "delete"
objection = "unsubscribe"

{shop_note}[destinations.shop]
adapter = "activecampaign"
api_key_env = "DEMO_ACTIVECAMPAIGN_KEY"
base_url = "{shop}"
requests_per_second = {rate}
erasure = "delete"
objection = "unsubscribe"
"""
#: what the settings say of a shop whose key has too few rights
_NO_ADMIN = "# a key whose user is not in the Admin group: it may delete, but not purge the contact archive\n"


@dataclass(frozen=True, slots=True)
class PlayedAccounts:
    """One account for each destination of a demo; `bystanders` are known there and never ask for anything."""

    newsletter: MailchimpSandbox
    crm: ActiveCampaignSandbox
    shop: ActiveCampaignSandbox
    bystanders: tuple[str, ...]
    rate: int

    @property
    def keys(self) -> tuple[str, ...]:
        """The accounts' keys."""
        return self.newsletter.api_key, self.crm.api_key

    @property
    def settings(self) -> str:
        """The tables of the destinations, for a settings.toml."""
        urls = {"newsletter": self.newsletter.url, "crm": self.crm.url, "shop": self.shop.url}
        return _SETTINGS.format(**urls, rate=self.rate, shop_note="" if self.shop.admin else _NO_ADMIN)


@contextmanager
def played_accounts(people: int, rate: int, *, shop_admin: bool = True) -> Iterator[PlayedAccounts]:
    """Play the accounts for the block, with so many people who never ask.

    They take `rate` calls a second. Their keys stand in the environment meanwhile, as an administrator's do.
    """
    with (
        MailchimpSandbox(audiences=AUDIENCES) as newsletter,
        ActiveCampaignSandbox(rate=float(rate)) as crm,
        ActiveCampaignSandbox(rate=float(rate), admin=shop_admin) as shop,
    ):
        bystanders = tuple(populate(newsletter, crm, people, 7))
        accounts = PlayedAccounts(newsletter, crm, shop, bystanders, rate)
        with _in_environment({"DEMO_MAILCHIMP_KEY": newsletter.api_key, "DEMO_ACTIVECAMPAIGN_KEY": crm.api_key}):
            yield accounts


@contextmanager
def _in_environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
