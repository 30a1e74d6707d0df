"""A population for the sandbox: the same seed gives the same people, none of whom exists."""

from __future__ import annotations

import random

from adapters.sandbox.activecampaign.account import ActiveCampaignSandbox
from adapters.sandbox.mailchimp.account import MailchimpSandbox

STATUSES = ("subscribed",) * 6 + ("unsubscribed", "pending", "transactional", "cleaned", "archived")
DOMAINS = ("mail.test", "post.test", "xn--bcher-kva.test", "shop.test", "letters.test")


def populate(mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox, count: int, seed: int) -> list[str]:
    """Seed `count` people over both accounts and return their addresses as the providers hold them."""
    dice = random.Random(seed)
    audiences = [str(item["id"]) for item in mailchimp.audiences()]
    people = []
    for number in range(count):
        address = _address(dice, number)
        people.append(address)
        places = dice.sample(audiences, dice.randint(0, len(audiences)))
        for audience in places:
            mailchimp.add(address, audience, status=dice.choice(STATUSES))
        if dice.random() < 0.7 or not places:
            activecampaign.add(
                address,
                lists={"1": dice.choice((0, 1, 1, 2, 3)), "2": dice.choice((1, 2))},
                automations=("7",) if dice.random() < 0.5 else (),
            )
        if dice.random() < 0.1:
            mailchimp.add_customer(address)
            activecampaign.add_customer(address)
    return people


def _address(dice: random.Random, number: int) -> str:
    name = dice.choice(("ada", "grace", "Alan", "edsger", "Barbara"))
    tag = "+news" if dice.random() < 0.2 else ""
    return f"{name}{number}{tag}@{dice.choice(DOMAINS)}"
