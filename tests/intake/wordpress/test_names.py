"""What WordPress shows a recipient as: the name that its adapter gives, with ours where there are several."""

from __future__ import annotations

from syncer.app import App
from syncer.intake.wordpress.status import labels


def test_a_recipient_is_called_by_its_provider_and_two_of_one_provider_are_told_apart() -> None:
    assert labels({"news": "Mailchimp", "crm": "ActiveCampaign", "shop": "ActiveCampaign"}) == {
        "news": "Mailchimp",
        "crm": "ActiveCampaign (crm)",
        "shop": "ActiveCampaign (shop)",
    }


def test_a_providers_name_is_its_adapters_title_or_the_adapters_own_where_it_is_gone(app: App) -> None:
    assert [app.provider(name) for name in ("mailchimp", "activecampaign", "gone")] == [
        "Mailchimp",
        "ActiveCampaign",
        "gone",
    ]
