"""The rig of the fault cases; servers and certificates are those of the transport's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from syncer.app import App
from tests.adapters.conftest import certificates, connect, serve
from tests.conftest import Clock
from tests.faults.net import Rig

__all__ = ["certificates", "connect", "serve"]


@pytest.fixture
def make_rig(
    make_app: Callable[..., App], mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox, clock: Clock
) -> Iterator[Callable[..., Rig]]:
    """Make an installation between relays, with the settings that `settings_file` knows."""
    made: list[Rig] = []

    def make(**options: Any) -> Rig:
        made.append(Rig(make_app(**options), mailchimp, activecampaign, clock))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def rig(make_rig: Callable[..., Rig]) -> Rig:
    return make_rig()
