"""From the queue to the provider: what was typed in holds up nothing, and no clock hides a person's new consent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from adapters.sandbox import ActiveCampaignSandbox, Fault, MailchimpSandbox
from syncer.app import App
from syncer.service.drain import drain
from tests.conftest import AUDIENCES, Clock
from tests.support.looks import look
from tests.support.walk import PERSON, event, put, states

DAYS = timedelta(days=40)


@pytest.fixture
def app(make_app: Callable[..., App]) -> App:
    return make_app(recheck_days="[]")


def types_the_address_in(clock: Clock, mailchimp: MailchimpSandbox, crm: ActiveCampaignSandbox) -> None:
    """Do what anybody can: write an address into a sign-up form. Nobody confirms."""
    now = clock.now.isoformat(timespec="seconds")
    mailchimp.add(PERSON, AUDIENCES[0], "pending", timestamp_opt="", timestamp_signup=now, last_changed=now)
    crm.add(PERSON, lists={"1": 0}, sdate=now, udate=now)


def test_finding_10_an_address_typed_into_a_form_after_the_request_is_erased_with_the_rest(
    app: App, clock: Clock, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox
) -> None:
    put(app, "erasure", PERSON, "k1", received_at=clock.now - timedelta(hours=2))
    types_the_address_in(clock, mailchimp, activecampaign)

    drain(app)

    assert event(app).state == "fulfilled"
    assert mailchimp.member(PERSON, AUDIENCES[0]) is None and activecampaign.contact(PERSON) is None


def test_finding_10_an_address_typed_in_again_is_found_by_the_look_and_erased_again(
    app: App, clock: Clock, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox
) -> None:
    put(app, "erasure", PERSON, "k1")
    drain(app)
    clock.now += DAYS
    types_the_address_in(clock, mailchimp, activecampaign)

    found = look(app)

    assert {name: [newer for _, newer in seen.incidents] for name, seen in found.items()} == {
        "newsletter": [False],
        "crm": [False],
    }
    drain(app)
    assert event(app).state == "fulfilled"
    assert mailchimp.member(PERSON, AUDIENCES[0]) is None and activecampaign.contact(PERSON) is None


def test_finding_23_a_request_dated_ahead_does_not_beat_an_opt_in_made_since_it_came(
    app: App, clock: Clock, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox
) -> None:
    put(app, "erasure", PERSON, "k1", received_at=clock.now + timedelta(hours=20))
    mailchimp.fault(Fault(status=500, body="", times=None))
    activecampaign.fault(Fault(status=500, body="", times=None))
    drain(app)
    clock.now += timedelta(hours=1)
    opted_in = clock.now.isoformat(timespec="seconds")
    mailchimp.add(PERSON, AUDIENCES[0], timestamp_opt=opted_in)
    activecampaign.add(PERSON, sdate=opted_in)
    clock.now += timedelta(hours=9)
    mailchimp.clear_faults()
    activecampaign.clear_faults()

    drain(app)

    assert {(state, code) for state, _, code in states(app).values()} == {("held", "newer_consent")}
    assert mailchimp.member(PERSON, AUDIENCES[0]) is not None and activecampaign.contact(PERSON) is not None


def test_finding_23_nor_does_it_where_the_look_finds_the_person(
    app: App, clock: Clock, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox
) -> None:
    put(app, "erasure", PERSON, "k1", received_at=clock.now + timedelta(hours=20))
    drain(app)
    clock.now += timedelta(hours=1)
    now = clock.now.isoformat(timespec="seconds")
    mailchimp.add(PERSON, AUDIENCES[0], timestamp_opt=now, last_changed=now)
    activecampaign.add(PERSON, sdate=now, udate=now)

    look(app)

    assert {(state, code) for state, _, code in states(app).values()} == {("held", "newer_consent")}


@pytest.mark.slow
@pytest.mark.parametrize("when", ["9999-12-31T23:59:59-23:00", "2999-01-01T00:00:00+00:00"])
def test_finding_22_an_opt_in_of_the_year_9999_ends_in_no_crash_anywhere(
    app: App, clock: Clock, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox, when: str
) -> None:
    put(app, "erasure", PERSON, "k1")
    drain(app)
    clock.now += DAYS
    mailchimp.add(PERSON, AUDIENCES[0], timestamp_opt=when, last_changed=clock.now.isoformat())
    activecampaign.add(PERSON, sdate=when, udate=clock.now.isoformat())

    found = look(app)
    drain(app)

    codes = {look.code for look in found.values()} | {code for _, _, code in states(app).values()}
    assert "crashed" not in codes
    assert codes <= {None, "unknown_state"}
    assert app.ledger.verify().ok
