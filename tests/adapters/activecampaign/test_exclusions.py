"""The exclusion list: read, widened, or asked for by hand."""

from __future__ import annotations

import json

import pytest

from adapters.activecampaign.adapter import ActiveCampaign
from adapters.contract import Action, Outcome
from adapters.errors import AdapterError, Misconfigured, Permanent, Transient
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


@pytest.mark.parametrize("others", [0, 3000])
def test_a_big_domain_costs_no_more_calls_than_any_other(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign, others: int
) -> None:
    for number in range(others):
        sandbox.add_exclusion(f"x{number}@mailbox.test")

    error = refused(adapter, Action.SUPPRESS)

    assert isinstance(error, Permanent) and error.code == "exclusion_needed"
    assert calls(sandbox).count("GET /lists/exclusions") <= 3


@pytest.mark.slow
@pytest.mark.parametrize(("phrase", "match"), [(ADDRESS, "exact"), ("@mailbox.test", "end")], ids=["address", "domain"])
def test_the_rule_that_covers_is_found_among_thousands(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign, phrase: str, match: str
) -> None:
    for number in range(3000):
        sandbox.add_exclusion(f"x{number}@mailbox.test")
    sandbox.add_exclusion(phrase, match)

    receipt = adapter.apply(Action.SUPPRESS, SUBJECT, ASKED)

    assert adapter.confirm(Action.SUPPRESS, SUBJECT, receipt).outcome is Outcome.DONE
    assert calls(sandbox).count("GET /lists/exclusions") <= 4


@pytest.mark.parametrize("status", [403, 404, 500])
def test_exclusions_that_cannot_be_read_are_never_taken_for_cover(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign, status: int
) -> None:
    sandbox.add(ADDRESS, lists={"1": 1})
    sandbox.add_exclusion(ADDRESS)
    body = json.dumps({"message": "You don't have permission to access this resource"})
    sandbox.fault(
        Fault(status=status, body=body, content_type="application/json", path="/lists/exclusions", times=None)
    )

    error = refused(adapter, Action.SUPPRESS)

    assert not isinstance(error, Misconfigured) and "the exclusion" in error.detail
    assert lists_of(sandbox) == {"1": "2"}
    with pytest.raises(AdapterError):
        adapter.confirm(Action.SUPPRESS, SUBJECT)
