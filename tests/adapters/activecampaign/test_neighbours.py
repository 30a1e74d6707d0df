"""Who only looks like the person to the provider is left alone; exactly the person is acted on."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import responses

from adapters.activecampaign.adapter import ActiveCampaign
from adapters.contract import Action, Outcome, Subject
from adapters.errors import Permanent
from adapters.sandbox import ActiveCampaignSandbox, Fault
from tests.adapters.activecampaign.scene import ADDRESS, ASKED, BASE, LATER, OTHER, calls, refused

STRASSE = Subject("ref", ("ada@strasse.test",))
#: other people, whom a collation or a contains-match takes for her
NEIGHBOURS = ("ada@straße.test", "adá@strasse.test", "nada@strasse.test", "ada@strasse.test.org", "ＡDA@strasse.test")


@pytest.fixture
def loose(sandbox: ActiveCampaignSandbox) -> ActiveCampaignSandbox:
    """Yield a sandbox whose every filter compares as loosely as any has been seen to."""
    sandbox.collation = "utf8mb4_unicode_ci"
    sandbox.archive_search = "contains"
    return sandbox


@pytest.mark.parametrize("collation", ["utf8mb4_unicode_ci", "contains"])
@pytest.mark.parametrize("action", [Action.DELETE, Action.UNSUBSCRIBE])
def test_a_person_who_only_has_neighbours_is_absent(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign, action: Action, collation: str
) -> None:
    sandbox.collation = collation
    for one in NEIGHBOURS:
        sandbox.add(one, lists={"1": 1}, sdate=LATER)
        sandbox.add_customer(one)
    before = sandbox.contacts()

    assert adapter.apply(action, STRASSE, ASKED).outcome is Outcome.ABSENT
    assert adapter.confirm(action, STRASSE).outcome is Outcome.ABSENT

    assert sandbox.contacts() == before and len(sandbox.customers()) == len(NEIGHBOURS)
    assert {one.method for one in sandbox.requests} == {"GET"}


@pytest.mark.parametrize("collation", ["utf8mb4_unicode_ci", "contains"])
def test_exactly_the_person_among_neighbours_is_erased(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign, collation: str
) -> None:
    sandbox.collation, sandbox.archive_search = collation, "contains"
    for one in (*NEIGHBOURS, "Ada@Strasse.test"):
        sandbox.add(one, lists={"1": 1}, sdate=None)
        sandbox.add_customer(one)
    for one in NEIGHBOURS:
        sandbox.add(one)
        sandbox.archive(one)

    applied = adapter.apply(Action.DELETE, STRASSE, ASKED)

    assert applied.outcome is Outcome.DONE
    assert adapter.confirm(Action.DELETE, STRASSE, applied).outcome is Outcome.DONE
    for left in (sandbox.contacts(), sandbox.archived()):
        assert sorted(one["email"] for one in left) == sorted(NEIGHBOURS)
    assert sorted(sandbox.customers()) == sorted(NEIGHBOURS)


def test_a_neighbours_odd_list_row_holds_nobody_up(loose: ActiveCampaignSandbox, adapter: ActiveCampaign) -> None:
    loose.add("ada@straße.test", lists={"1": 1}, sdate="last Tuesday")
    loose.add("ada@strasse.test", lists={"1": 1})

    assert adapter.apply(Action.UNSUBSCRIBE, STRASSE, ASKED).outcome is Outcome.DONE
    assert [one["lists"] for one in loose.contacts()] == [{"1": "1"}, {"1": "2"}]


def test_the_archive_of_a_neighbour_holds_nobody_up(loose: ActiveCampaignSandbox, adapter: ActiveCampaign) -> None:
    loose.archive("nada@strasse.test")
    loose.archive("ada@strasse.test")

    applied = adapter.apply(Action.DELETE, STRASSE, ASKED)

    assert adapter.confirm(Action.DELETE, STRASSE, applied).outcome is Outcome.DONE
    assert [one["email"] for one in loose.archived()] == ["nada@strasse.test"]


def test_an_archived_person_whose_name_is_the_address_is_left_alone(configure: Callable[..., ActiveCampaign]) -> None:
    adapter = configure(ecommerce=False)
    row = {"id": "7", "email": OTHER, "firstName": ADDRESS, "lastName": "", "phone": ""}
    with responses.RequestsMock() as mock:
        mock.get(f"{BASE}/contacts", json={"contacts": [], "meta": {"total": "0"}})
        mock.get(f"{BASE}/contactArchives", json={"contactArchives": [row], "meta": {"total": "1"}})

        assert adapter.apply(Action.DELETE, Subject("ref", (ADDRESS,)), ASKED).outcome is Outcome.ABSENT


def test_a_search_of_the_archive_that_is_not_applied_purges_nobody(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign
) -> None:
    sandbox.archive(OTHER)
    sandbox.archive(ADDRESS)
    sandbox.archive_search = "ignored"

    error = refused(adapter)

    assert isinstance(error, Permanent) and error.code == "filter_ignored"
    assert len(sandbox.archived()) == 2


def test_a_filter_that_is_not_applied_costs_one_page(sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign) -> None:
    for number in range(500):
        sandbox.add(f"person{number}@mailbox.test")
    sandbox.add(ADDRESS)
    sandbox.ignore_filter = True

    for action in Action:
        sandbox.clear_requests()
        assert refused(adapter, action).code == "filter_ignored"
        assert calls(sandbox) == ["GET /contacts"]


@pytest.mark.parametrize(
    ("phrase", "match"),
    [
        ("ada@straße.test", "exact"),
        ("@straße.test", "end"),
        ("ada@ſtrasse.test", "exact"),
        ("", "end"),
    ],
    ids=["other domain", "rule of another domain", "long s", "empty"],
)
def test_an_exclusion_that_only_looks_like_the_address_covers_nobody(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign, phrase: str, match: str
) -> None:
    body = {"exclusions": [{"id": "1", "matchPhrase": phrase, "matchType": match, "channel": "all", "lists": []}]}
    sandbox.fault(
        Fault(status=200, body=json.dumps(body), content_type="application/json", path="/exclusions$", times=None)
    )

    assert refused(adapter, Action.SUPPRESS, STRASSE).code == "exclusion_needed"
