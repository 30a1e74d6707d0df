"""The stages of all providers: a new adapter writes one beside its tests and names it here.

It then inherits every test of contract.py, contract_listing.py and contract_world.py.
"""

from __future__ import annotations

from tests.adapters.activecampaign.stage import ActiveCampaignStage
from tests.adapters.mailchimp.stage import MailchimpStage
from tests.adapters.stage import Stage

STAGES: dict[str, type[Stage]] = {"mailchimp": MailchimpStage, "activecampaign": ActiveCampaignStage}
