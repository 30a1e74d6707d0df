"""Every fault of the sandbox in turn: nothing is confirmed that is not so, and all ends well after it."""

from __future__ import annotations

import random
from typing import Any

import pytest

from adapters.sandbox import FAULTS, ActiveCampaignSandbox, MailchimpSandbox
from adapters.sandbox.people import populate
from syncer.app import App
from syncer.privacy.addresses import normalise
from syncer.service.drain import drain
from tests.conftest import AUDIENCES, Clock
from tests.support.providers import gone, reopen, silent
from tests.support.walk import PERSON, put, rows


@pytest.mark.parametrize("right", ["erasure", "objection"])
@pytest.mark.parametrize("name", sorted(FAULTS))
def test_no_fault_makes_a_lie_and_all_ends_well_after_it(
    app: App,
    mailchimp: MailchimpSandbox,
    activecampaign: ActiveCampaignSandbox,
    clock: Clock,
    name: str,
    right: str,
) -> None:
    for audience in AUDIENCES[:2]:
        mailchimp.add(PERSON, audience)
    activecampaign.add(PERSON)
    for server in (mailchimp, activecampaign):
        fault = FAULTS[name]()
        fault.times = None
        server.fault(fault)
    put(app, right, PERSON, "k1")
    truth = gone if right == "erasure" else silent

    drain(app)

    now = truth(mailchimp, activecampaign, PERSON)
    for row in rows(app, app.tables.delivery):
        assert row.state != "confirmed" or now[row.destination], f"{row.destination} was confirmed under {name}"
    for server in (mailchimp, activecampaign):
        server.clear_faults()
    for _ in range(6):
        reopen(app)
        clock.advance(hours=25)
        drain(app)
    assert {row.state for row in rows(app, app.tables.delivery)} == {"confirmed"}, name
    assert all(truth(mailchimp, activecampaign, PERSON).values())
    assert app.ledger.verify().ok


def test_three_hundred_mixed_events_agree_person_by_person_with_the_providers_books(
    app: App, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox
) -> None:
    people = populate(mailchimp, activecampaign, 500, 20261124)
    dice = random.Random(5)
    chosen = dice.sample(people, 280) + [f"nobody{number}@absent.test" for number in range(20)]
    erased = {normalise(address) for address in chosen[:180]}
    objectors = {normalise(address) for address in chosen[180:]}
    others = {normalise(address) for address in people} - erased - objectors
    before = books(mailchimp, activecampaign, others)
    for number, address in enumerate(chosen):
        put(app, "erasure" if number < 180 else "objection", address, f"k{number}")

    result = drain(app)

    assert (result.taken, result.still_due) == (300, 0)
    assert {row.state for row in rows(app, app.tables.delivery)} == {"confirmed"}
    assert len(rows(app, app.tables.event)) == 300
    for address in erased:
        assert all(gone(mailchimp, activecampaign, address).values())
    for address in objectors:
        assert all(silent(mailchimp, activecampaign, address).values())
    assert erased.isdisjoint(email.lower() for email in mailchimp.customers())
    assert books(mailchimp, activecampaign, others) == before
    assert mailchimp.peak_connections <= 10
    assert app.ledger.verify().ok


def books(mailchimp: MailchimpSandbox, crm: ActiveCampaignSandbox, people: set[str]) -> list[Any]:
    """Return everything that both providers hold of these people."""
    return [
        sorted(row for row in mailchimp.members() if row[1].lower() in people),
        sorted(
            (c["email"], str(c["lists"]), str(c["automations"])) for c in crm.contacts() if c["email"].lower() in people
        ),
        sorted(email for email in mailchimp.customers() + crm.customers() if email.lower() in people),
    ]
