"""The exclusion list: read, widened, or asked for by hand."""

from __future__ import annotations

import json

import pytest

from adapters.activecampaign.adapter import ActiveCampaign
from adapters.contract import Action, Outcome
from adapters.errors import Permanent, Transient
from adapters.sandbox import ActiveCampaignSandbox, Fault
from tests.adapters.activecampaign.scene import ADDRESS, ASKED, SUBJECT, calls, lists_of, refused


@pytest.mark.parametrize(
    ("phrase", "match", "channel"),
    [
        (ADDRESS, "exact", "all"),
        (ADDRESS.upper(), "exact", "allEmail"),
        ("@mailbox.test", "end", "all"),
    ],
)
def test_an_exclusion_that_covers_the_person_is_enough(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign, phrase: str, match: str, channel: str
) -> None:
    sandbox.add(ADDRESS, lists={"1": 1})
    sandbox.add_exclusion(phrase, match, channel)

    receipt = adapter.apply(Action.SUPPRESS, SUBJECT, ASKED)

    assert lists_of(sandbox) == {"1": "2"} and "PUT /lists/exclusions/*" not in calls(sandbox)
    assert adapter.confirm(Action.SUPPRESS, SUBJECT, receipt).outcome is Outcome.DONE


@pytest.mark.parametrize("channel", ["allSms", "several", "email"])
def test_a_narrower_exclusion_is_widened(sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign, channel: str) -> None:
    sandbox.add_exclusion(ADDRESS, "exact", channel)

    receipt = adapter.apply(Action.SUPPRESS, SUBJECT, ASKED)

    assert receipt.outcome is Outcome.DONE
    assert adapter.confirm(Action.SUPPRESS, SUBJECT, receipt).outcome is Outcome.DONE


@pytest.mark.parametrize(
    ("phrase", "match"), [("x" + ADDRESS, "exact"), ("other@mailbox.test", "end"), ("@mailbox.test", "exact")]
)
def test_without_an_exclusion_the_person_is_unsubscribed_and_held(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign, phrase: str, match: str
) -> None:
    sandbox.add(ADDRESS, lists={"1": 1})
    sandbox.add_exclusion(phrase, match, "all")

    error = refused(adapter, Action.SUPPRESS)

    assert isinstance(error, Permanent) and error.code == "exclusion_needed"
    assert "Import as excluded email address" in error.detail
    assert lists_of(sandbox) == {"1": "2"}
    with pytest.raises(Transient, match="not_yet"):
        adapter.confirm(Action.SUPPRESS, SUBJECT)


def test_an_exclusion_that_cannot_be_widened_is_held(sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign) -> None:
    sandbox.add_exclusion(ADDRESS, "exact", "allSms")
    body = json.dumps({"message": "You don't have permission to access this resource"})
    sandbox.fault(Fault(status=403, body=body, content_type="application/json", method="PUT"))

    assert refused(adapter, Action.SUPPRESS).code == "exclusion_needed"
