"""What was deleted is seen in the archive and purged there, or not confirmed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import responses

from adapters.activecampaign.adapter import ActiveCampaign
from adapters.contract import Action, Outcome
from adapters.errors import Permanent, Transient
from adapters.sandbox import ActiveCampaignSandbox
from tests.adapters.activecampaign.scene import ADDRESS, ASKED, BASE, OTHER, SUBJECT, refused


def test_a_contact_archived_by_hand_is_purged(sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign) -> None:
    sandbox.archive(ADDRESS)
    sandbox.archive(OTHER)

    with pytest.raises(Transient, match="not_yet"):
        adapter.confirm(Action.DELETE, SUBJECT)
    receipt = adapter.apply(Action.DELETE, SUBJECT, ASKED)

    assert receipt.outcome is Outcome.DONE
    assert [one["email"] for one in sandbox.archived()] == [OTHER]
    assert adapter.confirm(Action.DELETE, SUBJECT, receipt).outcome is Outcome.DONE
    assert adapter.confirm(Action.DELETE, SUBJECT).outcome is Outcome.ABSENT


def test_fault_067_without_the_right_to_the_archive_nothing_is_confirmed(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign
) -> None:
    sandbox.add(ADDRESS, lists={"1": 1})
    sandbox.admin = False

    for _ in range(2):
        error = refused(adapter)
        assert isinstance(error, Permanent) and error.code == "archived_not_purged"
    with pytest.raises(Permanent, match="archived_not_purged"):
        adapter.confirm(Action.DELETE, SUBJECT)

    assert sandbox.contact(ADDRESS) is None and len(sandbox.archived()) == 1
    checks = {check.name: check for check in adapter.check()}
    assert not checks["archive"].ok and not checks["admin"].ok and "Admin group" in checks["archive"].remedy


@pytest.mark.parametrize("answered", [[OTHER], [ADDRESS, OTHER]], ids=["alone", "beside the person"])
def test_strangers_in_the_archive_search_are_not_purged(
    configure: Callable[..., ActiveCampaign], answered: list[str]
) -> None:
    adapter = configure(ecommerce=False)
    rows = [{"id": str(number), "email": email} for number, email in enumerate(answered)]
    with responses.RequestsMock() as mock:
        mock.get(f"{BASE}/contacts", json={"contacts": [], "meta": {"total": "0"}})
        mock.get(f"{BASE}/contactArchives", json={"contactArchives": rows})

        assert refused(adapter).code == "filter_ignored"


def test_an_archive_that_answers_without_its_key_proves_nothing(configure: Callable[..., ActiveCampaign]) -> None:
    adapter = configure(ecommerce=False)
    with responses.RequestsMock() as mock:
        mock.get(f"{BASE}/contacts", json={"contacts": [], "meta": {"total": "0"}})
        mock.get(f"{BASE}/contactArchives", json={"meta": {"total": "0"}})

        assert refused(adapter).code == "unreadable"
