"""The listing of everybody finds who came back without leaving a date; the listing by date need not."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from adapters.activecampaign.adapter import ActiveCampaign
from adapters.contract import Seen
from adapters.errors import Transient
from adapters.http import evidence
from adapters.sandbox import ActiveCampaignSandbox, Fault
from tests.adapters.activecampaign.scene import ADDRESS, OTHER

YESTERDAY = datetime.now(UTC) - timedelta(days=1)


def test_a_subscription_without_a_date_is_seen_among_everybody(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign
) -> None:
    sandbox.add(ADDRESS, lists={"1": 2})
    sandbox.add(OTHER, lists={"1": 2, "2": 3})
    sandbox.subscribe(ADDRESS, "1")

    assert not adapter.dates_every_change
    assert list(adapter.changed(YESTERDAY)) == []
    assert list(adapter.changed(None)) == [Seen("contact", ADDRESS, True), Seen("contact", OTHER, False)]


@pytest.mark.parametrize(
    ("statuses", "reached"),
    [({"1": 0}, True), ({"1": 2, "2": 1}, True), ({"1": 91}, False), ({"1": 2, "2": 7}, None), ({}, None)],
)
def test_it_says_whether_mail_reaches_the_contact(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign, statuses: dict[str, int], reached: bool | None
) -> None:
    sandbox.add(ADDRESS, lists=statuses)
    sandbox.add(OTHER, lists={"1": 1})

    assert list(adapter.changed(None))[0].reached is reached


@pytest.mark.parametrize("rows", [{}, {"contactLists": []}, {"contactLists": None}], ids=["none", "empty", "null"])
def test_where_the_listing_brings_no_list_rows_nobody_is_called_unreached(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign, rows: dict[str, Any]
) -> None:
    pages = [{"contacts": [{"id": "5", "email": ADDRESS}], "meta": {"total": "1"}, **rows}]
    pages += [{"contacts": [], "meta": {"total": "1"}, **rows}]
    for page in pages:
        sandbox.fault(Fault(status=200, body=json.dumps(page), content_type="application/json", path="/contacts$"))

    assert [one.reached for one in adapter.changed(None)] == [None]


def test_odd_contacts_are_passed_over_and_the_others_listed(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign
) -> None:
    rows = [
        {"id": "5", "email": ""},  # known by a telephone number only
        {"id": "6", "email": None},
        {"id": None, "email": OTHER},
        None,
        "a word",
        {"id": "9" * 5000, "email": OTHER},
        {"id": "8", "email": ADDRESS},
    ]
    for page in (rows, []):
        body = json.dumps({"contacts": page, "meta": {"total": "7"}})
        sandbox.fault(Fault(status=200, body=body, content_type="application/json", path="/contacts$"))

    assert [one.address for one in adapter.changed(None)] == [OTHER, OTHER, ADDRESS]


@pytest.mark.parametrize("total", ["9" * 5000, -1, 1.5, True, [], None])
def test_a_total_that_is_no_number_of_contacts_is_not_believed(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign, total: object
) -> None:
    sandbox.add(ADDRESS)
    body = json.dumps({"contacts": [], "meta": {"total": total}})
    sandbox.fault(Fault(status=200, body=body, content_type="application/json", path="/contacts$"))

    with pytest.raises(Transient, match="unreadable"):
        list(adapter.changed(None))


@pytest.mark.parametrize("since", [None, YESTERDAY])
def test_a_page_that_repeats_ends_the_listing(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign, since: datetime | None
) -> None:
    body = json.dumps({"contacts": [{"id": "5", "email": ADDRESS}], "meta": {"total": "1"}})
    sandbox.fault(Fault(status=200, body=body, content_type="application/json", path="/contacts$", times=None))

    with pytest.raises(Transient, match="incomplete"):
        list(adapter.changed(since))

    assert len(sandbox.requests) == 2


@pytest.mark.parametrize("since", [None, YESTERDAY])
def test_a_listing_of_an_account_is_not_hurried_like_a_walk(
    sandbox: ActiveCampaignSandbox,
    adapter: ActiveCampaign,
    monkeypatch: pytest.MonkeyPatch,
    since: datetime | None,
) -> None:
    sandbox.add(ADDRESS, udate=datetime.now(UTC).isoformat())
    hours = iter(range(0, 10**6, 3600))
    monkeypatch.setattr(evidence, "time", SimpleNamespace(monotonic=lambda: next(hours)))

    assert [one.address for one in adapter.changed(since)] == [ADDRESS]


def test_an_account_that_refuses_to_include_list_rows_is_still_listed(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign
) -> None:
    sandbox.add(ADDRESS, lists={"1": 1})
    sandbox.fault(Fault(status=422, body="", path="/contacts$"))

    assert list(adapter.changed(None)) == [Seen("contact", ADDRESS, None)]
    assert ["include" in one.query for one in sandbox.requests] == [True, False, False]
