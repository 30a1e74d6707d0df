"""Every adapter under the contract: those shipped here, and those of installed packages that bring a stage."""

from __future__ import annotations

import pytest

from tests.adapters import recipe
from tests.adapters.contract import AdapterContract
from tests.adapters.contract_collation import CollationContract
from tests.adapters.contract_evidence import EvidenceContract
from tests.adapters.contract_listing import ListingContract
from tests.adapters.contract_preview import PreviewContract
from tests.adapters.contract_world import WorldContract
from tests.adapters.stages import STAGES

CONTRACT = (AdapterContract, EvidenceContract, PreviewContract, ListingContract, WorldContract, CollationContract)

for _stage in STAGES.values():
    _name = f"Test{_stage.__name__.removesuffix('Stage')}"
    globals()[_name] = type(_name, CONTRACT, {"stage_class": _stage, "__module__": __name__})


@pytest.mark.parametrize("name", recipe.begun())
def test_nothing_is_left_to_write_for_an_adapter(name: str) -> None:
    step = recipe.next_step(name)

    if step:
        pytest.fail(step, pytrace=False)


def test_every_stage_stands_under_the_contract() -> None:
    under_contract = {one.stage_class for one in globals().values() if getattr(one, "stage_class", None)}

    assert under_contract == set(STAGES.values())
