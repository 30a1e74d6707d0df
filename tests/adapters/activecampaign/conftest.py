"""A sandbox, and adapters that point at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from adapters.activecampaign.adapter import ActiveCampaign
from adapters.sandbox import ActiveCampaignSandbox
from tests.adapters.activecampaign.scene import BASE


@pytest.fixture
def sandbox() -> Iterator[ActiveCampaignSandbox]:
    with ActiveCampaignSandbox(rate=None) as server:
        yield server


@pytest.fixture
def configure() -> Iterator[Callable[..., ActiveCampaign]]:
    made: list[ActiveCampaign] = []

    def make(sandbox: ActiveCampaignSandbox | None = None, **options: Any) -> ActiveCampaign:
        url, key = (sandbox.url, sandbox.api_key) if sandbox else (BASE, "token")
        made.append(ActiveCampaign.configured({"base_url": url, "requests_per_second": 2000, **options}, key))
        return made[-1]

    yield make
    for adapter in made:
        adapter.close()


@pytest.fixture
def adapter(sandbox: ActiveCampaignSandbox, configure: Callable[..., ActiveCampaign]) -> ActiveCampaign:
    return configure(sandbox)
