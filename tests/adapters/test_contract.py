"""Every registered adapter under the contract."""

from __future__ import annotations

from adapters import registry
from tests.adapters.activecampaign.stage import ActiveCampaignStage
from tests.adapters.contract import AdapterContract
from tests.adapters.contract_collation import CollationContract
from tests.adapters.contract_listing import ListingContract
from tests.adapters.contract_world import WorldContract
from tests.adapters.mailchimp.stage import MailchimpStage
from tests.adapters.stages import STAGES


class TestMailchimp(AdapterContract, ListingContract, WorldContract, CollationContract):
    stage_class = MailchimpStage


class TestActiveCampaign(AdapterContract, ListingContract, WorldContract, CollationContract):
    stage_class = ActiveCampaignStage


def test_every_registered_adapter_stands_on_a_stage_and_under_the_contract() -> None:
    under_contract = {test.stage_class for test in AdapterContract.__subclasses__()}

    assert set(STAGES) == set(registry.names())
    assert set(STAGES.values()) == under_contract
    assert set(AdapterContract.__subclasses__()) == set(ListingContract.__subclasses__())
    assert set(AdapterContract.__subclasses__()) == set(WorldContract.__subclasses__())
    assert set(AdapterContract.__subclasses__()) == set(CollationContract.__subclasses__())


def test_the_registry_knows_each_adapter_by_its_own_name() -> None:
    assert all(registry.load(name).name == name for name in registry.names())
