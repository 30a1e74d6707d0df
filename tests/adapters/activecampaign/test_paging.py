"""Listings end by themselves, whatever their pages are like, and shrink where a page fails."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest
import responses

from adapters.activecampaign.adapter import ActiveCampaign
from adapters.contract import Action, Outcome
from adapters.errors import Transient
from adapters.sandbox import ActiveCampaignSandbox, Fault
from adapters.sandbox.messages import Reply
from tests.adapters.activecampaign.scene import ADDRESS, ASKED, BASE, SUBJECT, Capped, calls, lists_of, refused


@pytest.fixture
def capped() -> Iterator[Capped]:
    with Capped(rate=None) as server:
        yield server


def busy(sandbox: ActiveCampaignSandbox, automations: int, lists: int = 1) -> None:
    """Let the person be in so many automations and on so many lists."""
    sandbox.add(
        ADDRESS,
        lists={str(number): 1 for number in range(1, lists + 1)},
        automations=tuple(str(number) for number in range(automations)),
    )


@pytest.mark.slow
@pytest.mark.parametrize("rows", [1, 19, 20, 21, 99, 100, 101, 200, 250])
@pytest.mark.parametrize("paging", ["ignored", "honoured", "counted"])
def test_a_contact_with_many_rows_is_read_to_the_end_and_no_further(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign, paging: str, rows: int
) -> None:
    busy(sandbox, rows)
    sandbox.row_paging = paging

    receipt = adapter.apply(Action.UNSUBSCRIBE, SUBJECT, ASKED)

    held = sandbox.contact(ADDRESS)
    assert held and set(held["automations"].values()) == {"2"}
    assert calls(sandbox).count("DELETE /contactAutomations/*") == rows
    assert calls(sandbox).count("GET /contacts/*/contactAutomations") <= 2 * (rows // 100 + 2)
    assert adapter.confirm(Action.UNSUBSCRIBE, SUBJECT, receipt).outcome is Outcome.DONE


def test_the_first_page_again_and_again_ends(sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign) -> None:
    busy(sandbox, 250)
    sandbox.row_paging = "repeated"

    adapter.apply(Action.UNSUBSCRIBE, SUBJECT, ASKED)

    assert calls(sandbox).count("GET /contacts/*/contactAutomations") <= 6


@pytest.mark.parametrize("most", [1, 7, 20, 33])
def test_pages_smaller_than_asked_for_are_followed_where_there_is_a_total(capped: Capped, most: int) -> None:
    busy(capped, 70)
    capped.most, capped.row_paging = most, "counted"

    apply(capped)

    held = capped.contact(ADDRESS)
    assert held and set(held["automations"].values()) == {"2"}


@pytest.mark.parametrize("most", [20, 50])
def test_pages_of_the_default_size_are_followed_without_a_total(capped: Capped, most: int) -> None:
    busy(capped, 130)
    capped.most, capped.row_paging = most, "honoured"

    apply(capped)

    held = capped.contact(ADDRESS)
    assert held and set(held["automations"].values()) == {"2"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "failure",
    [
        Reply(504, b"", None),
        Reply(500, b"<html>", "text/html"),
        Reply(200, b'{"contactAutomations":["' + b"x" * (1 << 20) + b'"]}', "application/json"),
    ],
    ids=["504", "500", "too big"],
)
@pytest.mark.parametrize("fails_above", [60, 12, 10])
def test_a_page_that_fails_is_asked_for_in_smaller_ones(capped: Capped, failure: Reply, fails_above: int) -> None:
    busy(capped, 45)
    capped.fails_above, capped.failure, capped.row_paging = fails_above, failure, "honoured"

    apply(capped)

    held = capped.contact(ADDRESS)
    assert held and set(held["automations"].values()) == {"2"} and lists_of(capped) == {"1": "2"}


def test_a_page_that_fails_at_every_size_is_given_up(capped: Capped) -> None:
    busy(capped, 5)
    capped.fails_above = 0

    with pytest.raises(Transient, match="unavailable"):
        apply(capped)

    assert len(capped.requests) <= 6


def test_a_connection_that_is_cut_is_asked_for_less(sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign) -> None:
    busy(sandbox, 3)
    sandbox.fault(Fault(kind="reset", path="/contactAutomations$", method="GET", times=2))

    assert adapter.apply(Action.UNSUBSCRIBE, SUBJECT, ASKED).outcome is Outcome.DONE


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/contacts$", {"contacts": [{"id": "5", "email": ADDRESS}], "meta": {"total": "2"}}),
        ("/contactArchives$", {"contactArchives": [{"id": "5", "email": ADDRESS}], "meta": {"total": "9"}}),
        ("/contactArchives$", {"contactArchives": [], "meta": {"total": "1"}}),
        ("/ecomCustomers$", {"ecomCustomers": [{"id": "5", "email": ADDRESS}], "meta": {"total": 101}}),
    ],
    ids=["contacts", "archive", "empty archive", "customers"],
)
def test_a_listing_that_counts_more_than_it_shows_is_named(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign, path: str, body: dict[str, Any]
) -> None:
    sandbox.fault(Fault(status=200, body=json.dumps(body), content_type="application/json", path=path, times=None))

    error = refused(adapter)

    assert isinstance(error, Transient) and error.code == "unreadable" and "more rows than it shows" in error.detail
    assert len(sandbox.requests) <= 6


def test_a_listing_without_end_is_given_up(configure: Callable[..., ActiveCampaign]) -> None:
    adapter = configure()
    numbers = iter(range(10**9))

    def page(_: Any) -> tuple[int, dict[str, str], str]:
        rows = [{"id": str(next(numbers)), "contact": "5", "list": "1", "status": "2"} for _ in range(100)]
        return 200, {"Content-Type": "application/json"}, json.dumps({"contactLists": rows})

    with responses.RequestsMock() as mock:
        mock.get(f"{BASE}/contacts", json={"contacts": [{"id": "5", "email": ADDRESS}]})
        mock.add_callback("GET", f"{BASE}/contacts/5/contactLists", page)

        error = refused(adapter, Action.UNSUBSCRIBE)

        assert isinstance(error, Transient) and error.code == "unreadable" and len(mock.calls) <= 102


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


def test_full_size_contacts_that_pass_the_limit_of_an_answer_are_listed(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign
) -> None:
    people = [f"person{number}@mailbox.test" for number in range(150)]
    for one in people:
        sandbox.add(one, lists={str(number): 1 for number in range(30)}, automations=())

    seen = list(adapter.changed(None))

    assert [one.address for one in seen] == people and all(one.reached for one in seen)
    assert {one.query["limit"] for one in sandbox.requests} == {"100", "25"}


def test_a_listing_of_what_changed_shrinks_too(capped: Capped) -> None:
    people = [f"person{number}@mailbox.test" for number in range(70)]
    for one in people:
        capped.add(one, lists={}, udate=datetime.now(UTC).isoformat())
    capped.fails_above = 30

    with configured(capped) as adapter:
        assert [one.address for one in adapter.changed(ASKED.replace(year=2025))] == people


def apply(server: Capped) -> None:
    """Let the person's objection be carried out."""
    with configured(server) as adapter:
        adapter.apply(Action.UNSUBSCRIBE, SUBJECT, ASKED)


def configured(server: Capped) -> closing[ActiveCampaign]:
    return closing(ActiveCampaign.configured({"base_url": server.url, "requests_per_second": 2000}, server.api_key))
