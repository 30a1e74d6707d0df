"""Listings end by themselves, whatever the pages are like."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import responses

from adapters.activecampaign.adapter import ActiveCampaign
from adapters.contract import Action
from adapters.errors import Transient
from tests.adapters.activecampaign.scene import ADDRESS, BASE, SUBJECT


def test_every_page_of_a_listing_is_read(configure: Callable[..., ActiveCampaign]) -> None:
    adapter = configure()
    rows = [{"contact": "5", "list": str(n), "status": "2"} for n in range(100)]
    late = [{"contact": "5", "list": "100", "status": "1"}]
    with responses.RequestsMock() as mock:
        for page in (rows, late):
            mock.get(f"{BASE}/contacts/5/contactLists", json={"contactLists": page})
        mock.get(f"{BASE}/contacts", json={"contacts": [{"id": "5", "email": ADDRESS}], "meta": {"total": "1"}})

        with pytest.raises(Transient, match="not_yet"):
            adapter.confirm(Action.UNSUBSCRIBE, SUBJECT)
        assert "offset=100" in str(mock.calls[-1].request.url)
