"""However much a provider answers, a walk reads little of it, keeps less, and comes to an end."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import pytest

from adapters.activecampaign.adapter import ActiveCampaign
from adapters.contract import Action, Subject
from adapters.errors import AdapterError, Permanent, Transient
from adapters.http import evidence
from adapters.http.transport import Transport
from adapters.mailchimp.adapter import Mailchimp
from adapters.paging import MOST_PLACES, PERSON_PAGES
from adapters.sandbox import Fault, MailchimpSandbox
from adapters.sandbox.messages import Reply, Request, as_json
from tests.adapters.attacks.multitude import PEOPLE, ManyContacts, ManyMembers

PERSON = Subject("ref", ("ada@many.test",))
ASKED = datetime.now(UTC)
#: bytes that reading may take at its height: a page and what is made of it, not an account
LITTLE = 12 << 20


@contextmanager
def little_memory() -> Iterator[None]:
    """Fail where more than LITTLE is held at one time within the block; the sandbox answers in the same process."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < LITTLE
    finally:
        tracemalloc.stop()


def crm(sandbox: ManyContacts) -> ActiveCampaign:
    return ActiveCampaign.configured({"base_url": sandbox.url, "requests_per_second": 5000}, sandbox.api_key)


def newsletter(sandbox: ManyMembers, **options: Any) -> Mailchimp:
    return Mailchimp.configured({"base_url": sandbox.url, **options}, sandbox.api_key)


def refused(adapter: ActiveCampaign | Mailchimp, action: Action = Action.DELETE) -> AdapterError:
    with pytest.raises(AdapterError) as caught:
        adapter.apply(action, PERSON, ASKED)
    return caught.value


# -- a filter that is not applied -----------------------------------------------------------------------------


@pytest.mark.parametrize("many", [r"/contacts$", r"/contactArchives$", r"/ecomCustomers$"])
@pytest.mark.parametrize("verb", ["apply", "confirm", "opted_in"])
def test_finding_07_a_filter_not_applied_in_a_large_crm_costs_a_page(many: str, verb: str) -> None:
    with ManyContacts() as sandbox, little_memory():
        sandbox.many = many
        with closing(crm(sandbox)) as adapter:
            calls: dict[str, Callable[[], object]] = {
                "apply": lambda: adapter.apply(Action.DELETE, PERSON, ASKED),
                "confirm": lambda: adapter.confirm(Action.DELETE, PERSON),
                "opted_in": lambda: adapter.opted_in(PERSON),
            }
            if verb == "opted_in" and many != r"/contacts$":
                assert adapter.opted_in(PERSON) is None
                return

            with pytest.raises(Permanent) as caught:
                calls[verb]()

            assert caught.value.code == "filter_ignored" and len(sandbox.pages) == 1


@pytest.mark.parametrize("verb", ["apply", "confirm"])
def test_finding_07_a_filter_not_applied_in_a_large_shop_costs_a_page(verb: str) -> None:
    with ManyMembers() as sandbox, little_memory():
        sandbox.connect_store("shop")
        adapter = newsletter(sandbox)
        make: Callable[..., object] = adapter.apply if verb == "apply" else adapter.confirm

        with pytest.raises(Permanent) as caught:
            make(Action.DELETE, PERSON, *([ASKED] if verb == "apply" else []))

        assert caught.value.code == "filter_ignored" and len(sandbox.pages) == 1
        adapter.close()


@pytest.mark.slow
@pytest.mark.parametrize("many", [r"/contacts$", r"/contactArchives$", r"/ecomCustomers$"])
def test_finding_07_a_crm_that_finds_neighbours_without_end_is_given_up_after_some_pages(many: str) -> None:
    with ManyContacts() as sandbox, little_memory():
        sandbox.many, sandbox.address = many, "{}ada@many.test".format
        adapter = crm(sandbox)

        error = refused(adapter)

        assert isinstance(error, Transient) and error.code == "unreadable"
        assert len(sandbox.pages) <= PERSON_PAGES + 1
        adapter.close()


@pytest.mark.slow  # hundreds of pages
def test_finding_07_a_shop_that_finds_neighbours_without_end_is_given_up_after_some_pages() -> None:
    with ManyMembers() as sandbox, little_memory():
        sandbox.connect_store("shop")
        sandbox.address = "{}ada@many.test".format
        adapter = newsletter(sandbox)

        error = refused(adapter)

        assert isinstance(error, Transient) and error.code == "unreadable"
        assert len(sandbox.pages) <= PERSON_PAGES + 1
        adapter.close()


# -- a listing of everybody -----------------------------------------------------------------------------------


def test_finding_07_a_listing_of_everybody_in_a_crm_is_passed_on_as_it_comes() -> None:
    with ManyContacts() as sandbox, little_memory():
        sandbox.people = 4000
        adapter = crm(sandbox)
        contacts = adapter.changed(None)

        seen = sum(1 for _ in islice(contacts, 250))
        assert (seen, len(sandbox.pages)) == (250, 3), "no page is asked for before it is needed"
        seen += sum(1 for _ in contacts)

        assert seen == 4000
        adapter.close()


@pytest.mark.slow
def test_finding_07_a_listing_of_everybody_in_an_audience_is_passed_on_as_it_comes() -> None:
    with ManyMembers() as sandbox, little_memory():
        sandbox.many, sandbox.rows = r"/members$", 8_000
        adapter = newsletter(sandbox)
        members = adapter.changed(None)

        seen = sum(1 for _ in islice(members, 1200))
        assert (seen, len(sandbox.pages)) == (1200, 3), "no page is asked for before it is needed"
        seen += sum(1 for _ in members)

        assert seen == 2 * 8_000, "once as they are, once for those who are archived"
        adapter.close()


def test_finding_07_the_evidence_of_a_listing_is_that_of_its_last_calls() -> None:
    audiences = [f"{number:010x}" for number in range(evidence.LAST_CALLS)]
    with MailchimpSandbox(audiences=audiences) as sandbox:
        sandbox.fault(Fault(status=400, body="", path=f"/{audiences[0]}/members$", times=None))
        adapter = Mailchimp.configured({"base_url": sandbox.url}, sandbox.api_key)

        with pytest.raises(Permanent) as caught:
            list(adapter.changed(None))

        assert sandbox.request_count > 1.5 * evidence.LAST_CALLS
        assert len(caught.value.steps) == evidence.LAST_CALLS
        adapter.close()


# -- audiences and shops without end --------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("what", ["lists", "stores"])
def test_finding_07_no_account_is_believed_to_have_audiences_or_shops_without_end(what: str) -> None:
    with ManyMembers() as sandbox, little_memory():
        sandbox.many, sandbox.rows = rf"/{what}$", 10**6
        sandbox.row = lambda number: {"id": f"{number:010x}", "name": "n" * 500}  # type: ignore[method-assign]
        adapter = newsletter(sandbox)

        error = refused(adapter)

        assert isinstance(error, Transient) and error.code == "unreadable"
        assert len(sandbox.pages) <= MOST_PLACES // 500 + 1
        adapter.close()


class ElsewhereEachTime(ManyMembers):
    """An account that lists another audience each time, and knows none of them."""

    def handle(self, request: Request) -> Reply:
        """Answer one call."""
        if request.path == "/3.0/lists":
            self.pages.append(request.path)
            row = {"id": f"{len(self.pages):010x}", "name": "another one"}
            return as_json(200, {"lists": [row], "total_items": 1})
        return super().handle(request)


def test_finding_07_audiences_that_are_others_each_time_come_to_an_end() -> None:
    with ElsewhereEachTime(()) as sandbox:
        adapter = newsletter(sandbox)

        assert refused(adapter).code == "unreadable"
        with pytest.raises(Transient, match="incomplete"):
            list(adapter.changed(None))

        assert len(sandbox.pages) <= 30
        adapter.close()


# -- a deadline for each verb ---------------------------------------------------------------------------------


def slow_crm(sandbox: ManyContacts) -> ActiveCampaign:
    transport = Transport(f"{sandbox.url}/api/3", headers={"Api-Token": sandbox.api_key}, connections=1)
    return ActiveCampaign(transport, ecommerce=True, patience=0.3)


def slow_newsletter(sandbox: ManyMembers) -> Mailchimp:
    transport = Transport(f"{sandbox.url}/3.0", headers={"Authorization": f"Bearer {sandbox.api_key}"}, connections=1)
    return Mailchimp(transport, audiences=None, ecommerce=True, connections=1, patience=0.3)


@pytest.mark.parametrize("verb", ["apply", "confirm"])
@pytest.mark.parametrize("provider", ["activecampaign", "mailchimp"])
def test_finding_07_a_verb_ends_when_its_time_is_over(
    provider: str, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence, "PER_PLACE", 0.0)
    sandbox: Any = ManyContacts() if provider == "activecampaign" else ManyMembers()
    sandbox.address, sandbox.latency = "{}ada@many.test".format, 0.05
    with sandbox:
        if provider == "mailchimp":
            sandbox.connect_store("shop")
        adapter: Any = slow_crm(sandbox) if provider == "activecampaign" else slow_newsletter(sandbox)

        with pytest.raises(Transient) as caught:
            adapter.apply(Action.DELETE, PERSON, ASKED) if verb == "apply" else adapter.confirm(Action.DELETE, PERSON)

        assert caught.value.code == "timed_out" and 0 < len(caught.value.steps) < 30
        assert caught.value.retry_after == evidence.REST, "or the burst would make the same walk again at once"
        adapter.close()


def test_finding_07_the_people_of_this_test_would_not_fit() -> None:
    assert PEOPLE * 2600 > 50 * LITTLE
