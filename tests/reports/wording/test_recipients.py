"""What recipients are called."""

from __future__ import annotations

from adapters.contract import Evidence
from adapters.mailchimp.adapter import Mailchimp
from syncer.reports.wording.recipients import RecipientName, called, recipient


def test_a_recipient_is_called_by_its_provider_and_no_two_are_called_the_same() -> None:
    names = {
        "newsletter": recipient("newsletter", "mailchimp", Mailchimp),
        "shop": recipient("shop", "mailchimp", Mailchimp),
        "old": recipient("old", "brevo", None),
        "older": recipient("older", None, None),
    }

    assert called(names) == {
        "newsletter": "Mailchimp (newsletter)",
        "shop": "Mailchimp (shop)",
        "old": "brevo",
        "older": "older",
    }
    assert called({"crm": RecipientName("activecampaign", "ActiveCampaign")}) == {"crm": "ActiveCampaign"}


def test_a_recipient_says_how_sure_anybody_can_be_of_it_and_one_that_is_not_installed_says_nothing() -> None:
    class Told(Mailchimp):
        evidence = Evidence.ACCEPTED

    assert recipient("newsletter", "mailchimp", Mailchimp).evidence is Evidence.READ_BACK
    assert recipient("ads", "told", Told).evidence is Evidence.ACCEPTED
    assert recipient("old", "brevo", None).evidence is None
