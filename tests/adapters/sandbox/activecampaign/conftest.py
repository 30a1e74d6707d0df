"""One ActiveCampaign account without a limit on its rate."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from adapters.sandbox import ActiveCampaignSandbox


@pytest.fixture
def ac() -> Iterator[ActiveCampaignSandbox]:
    with ActiveCampaignSandbox(rate=None) as server:
        yield server
