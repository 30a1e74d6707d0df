"""The rig of the fault cases; servers and certificates are those of the transport's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from syncer.app import App
from tests.adapters.conftest import certificates, connect, serve
from tests.conftest import Clock
from tests.faults.net import Rig

__all__ = ["certificates", "connect", "serve"]


@pytest.fixture
def rig(
    make_app: Callable[..., App], mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox, clock: Clock
) -> Iterator[Rig]:
    made = Rig(make_app(), mailchimp, activecampaign, clock)
    yield made
    made.close()
