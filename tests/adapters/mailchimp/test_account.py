"""What is Mailchimp's own: statuses, audiences, stores, tombstones, and the settings of the adapter."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import responses

from adapters.contract import Action, Handle, Outcome, SettingsError, Subject
from adapters.errors import AdapterError, Misconfigured, Permanent, Transient
from adapters.mailchimp.adapter import Mailchimp
from adapters.sandbox import Fault, MailchimpSandbox
from syncer.privacy.keyring import Keyring
from syncer.privacy.keyring import subject as subject_of

ONE, TWO, THREE = AUDIENCES = ("a1b2c3d4e5", "b2c3d4e5f6", "c3d4e5f6a7")
ADDRESS = "jane.roe+news@mailbox.test"
SUBJECT = Subject("ref", (ADDRESS,))
KEYRING = Keyring(b"k" * 32)
ASKED = datetime.now(UTC)
LATER = (ASKED + timedelta(days=2)).isoformat(timespec="seconds")
STATUSES = ("subscribed", "unsubscribed", "cleaned", "pending", "transactional", "archived")


@pytest.fixture
def sandbox() -> Iterator[MailchimpSandbox]:
    with MailchimpSandbox(audiences=AUDIENCES) as server:
        yield server


@pytest.fixture
def configure() -> Iterator[Callable[..., Mailchimp]]:
    made: list[Mailchimp] = []

    def make(sandbox: MailchimpSandbox, **options: Any) -> Mailchimp:
        made.append(Mailchimp.configured({"base_url": sandbox.url, **options}, sandbox.api_key))
        return made[-1]

    yield make
    for adapter in made:
        adapter.close()


@pytest.fixture
def adapter(sandbox: MailchimpSandbox, configure: Callable[..., Mailchimp]) -> Mailchimp:
    return configure(sandbox)


def status_of(sandbox: MailchimpSandbox, audience: str, address: str = ADDRESS) -> str | None:
    member = sandbox.member(address, audience)
    return member["status"] if member else None


def calls(sandbox: MailchimpSandbox) -> list[str]:
    return [f"{request.method} {re.sub(r'[0-9a-f]{32}', '*', request.path)}" for request in sandbox.requests]


def refused(adapter: Mailchimp, action: Action = Action.DELETE) -> AdapterError:
    with pytest.raises(AdapterError) as caught:
        adapter.apply(action, SUBJECT, ASKED)
    return caught.value


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_is_erased(sandbox: MailchimpSandbox, adapter: Mailchimp, status: str) -> None:
    sandbox.add(ADDRESS, ONE, status=status)

    receipt = adapter.apply(Action.DELETE, SUBJECT, ASKED)

    assert receipt.outcome is Outcome.DONE
    assert sandbox.member(ADDRESS, ONE) is None and sandbox.forgotten(ADDRESS, ONE)
    assert adapter.confirm(Action.DELETE, SUBJECT, receipt).steps[-1].state == "absent"


@pytest.mark.parametrize("status", STATUSES)
def test_unsubscribe_changes_only_who_can_be_reached(
    sandbox: MailchimpSandbox, adapter: Mailchimp, status: str
) -> None:
    sandbox.add(ADDRESS, ONE, status=status)
    reached = status in ("subscribed", "pending", "transactional")

    receipt = adapter.apply(Action.UNSUBSCRIBE, SUBJECT, ASKED)

    assert status_of(sandbox, ONE) == ("unsubscribed" if reached else status)
    assert {request.method for request in sandbox.requests} == ({"GET", "PATCH"} if reached else {"GET"})
    assert adapter.confirm(Action.UNSUBSCRIBE, SUBJECT, receipt).outcome is Outcome.DONE
    assert bool(receipt.notes) is (not reached or status == "transactional")
    assert (f"{status}, gets no mail" in " ".join(receipt.notes)) is not reached


def test_unsubscribe_never_creates_anybody(sandbox: MailchimpSandbox, adapter: Mailchimp) -> None:
    receipt = adapter.apply(Action.UNSUBSCRIBE, SUBJECT, ASKED)

    assert receipt.outcome is Outcome.ABSENT and receipt.handles == ()
    assert sandbox.members() == MailchimpSandbox(audiences=AUDIENCES).members()


def test_all_audiences_are_worked_on(sandbox: MailchimpSandbox, adapter: Mailchimp) -> None:
    sandbox.add(ADDRESS, ONE)
    sandbox.add(ADDRESS, THREE, status="cleaned")

    receipt = adapter.apply(Action.DELETE, SUBJECT, ASKED)

    assert [sandbox.forgotten(ADDRESS, audience) for audience in AUDIENCES] == [True, False, True]
    assert sorted(receipt.handles) == [Handle("audience", ONE), Handle("audience", THREE)]
    states = {step.scope: step.state for step in receipt.steps}
    assert states[f"audience {TWO}"] == "absent" and states[f"audience {ONE}"] == "deleted"


def test_only_the_configured_audiences_are_worked_on(
    sandbox: MailchimpSandbox, configure: Callable[..., Mailchimp]
) -> None:
    sandbox.add(ADDRESS, ONE)
    sandbox.add(ADDRESS, TWO)

    configure(sandbox, audiences=[ONE]).apply(Action.DELETE, SUBJECT, ASKED)

    assert status_of(sandbox, ONE) is None and status_of(sandbox, TWO) == "subscribed"


def test_newer_consent_in_one_audience_stops_the_change_in_all(sandbox: MailchimpSandbox, adapter: Mailchimp) -> None:
    sandbox.add(ADDRESS, ONE)
    sandbox.add(ADDRESS, THREE, timestamp_opt=LATER)

    error = refused(adapter)

    assert isinstance(error, Permanent) and error.code == "newer_consent"
    assert "timestamp_opt" in error.detail and LATER[:10] in error.detail and THREE in error.detail
    assert status_of(sandbox, ONE) == "subscribed"


@pytest.mark.parametrize("status", ["unsubscribed", "cleaned", "archived"])
def test_newer_consent_does_not_matter_where_nothing_would_change(
    sandbox: MailchimpSandbox, adapter: Mailchimp, status: str
) -> None:
    sandbox.add(ADDRESS, ONE, status=status, timestamp_opt=LATER)

    assert adapter.apply(Action.UNSUBSCRIBE, SUBJECT, ASKED).outcome is Outcome.DONE


@pytest.mark.parametrize("action", Action)
def test_fault_066_an_unknown_status_is_held_and_the_other_audiences_are_done(
    sandbox: MailchimpSandbox, adapter: Mailchimp, action: Action
) -> None:
    sandbox.add(ADDRESS, ONE, status="paused")
    sandbox.add(ADDRESS, TWO)

    error = refused(adapter, action)

    assert isinstance(error, Permanent) and error.code == "unknown_state"
    assert f"Audience {ONE}" in error.detail and TWO not in error.detail
    assert status_of(sandbox, ONE) == "paused"
    assert status_of(sandbox, TWO) == (None if action is Action.DELETE else "unsubscribed")


def test_fault_064_suppress_leaves_a_tombstone_where_the_person_is_absent(
    sandbox: MailchimpSandbox, adapter: Mailchimp
) -> None:
    sandbox.add(ADDRESS, ONE)

    receipt = adapter.apply(Action.SUPPRESS, SUBJECT, ASKED)

    assert [status_of(sandbox, audience) for audience in AUDIENCES] == ["unsubscribed"] * 3
    assert adapter.confirm(Action.SUPPRESS, SUBJECT, receipt).outcome is Outcome.DONE
    assert adapter.confirm(Action.SUPPRESS, SUBJECT).outcome is Outcome.DONE


def test_suppress_is_not_confirmed_where_an_audience_shows_nothing(
    sandbox: MailchimpSandbox, adapter: Mailchimp
) -> None:
    sandbox.add(ADDRESS, ONE, status="unsubscribed")

    with pytest.raises(Transient, match="suppression_missing"):
        adapter.confirm(Action.SUPPRESS, SUBJECT)


def test_fault_065_an_address_erased_for_good_counts_as_suppressed(
    sandbox: MailchimpSandbox, configure: Callable[..., Mailchimp]
) -> None:
    adapter = configure(sandbox, audiences=[ONE])
    sandbox.add(ADDRESS, ONE)
    adapter.apply(Action.DELETE, SUBJECT, ASKED)

    receipt = adapter.apply(Action.SUPPRESS, SUBJECT, ASKED)

    assert receipt.outcome is Outcome.DONE and receipt.handles == (Handle("forgotten", ONE),)
    assert "cannot be added again" in receipt.notes[0]
    assert adapter.confirm(Action.SUPPRESS, SUBJECT, receipt).outcome is Outcome.DONE
    # alone, a read cannot tell it from an address never seen; the next apply finds the 400 again
    with pytest.raises(Transient, match="suppression_missing"):
        adapter.confirm(Action.SUPPRESS, SUBJECT)


def test_suppress_tries_to_turn_an_archived_contact_around(sandbox: MailchimpSandbox, adapter: Mailchimp) -> None:
    sandbox.add(ADDRESS, ONE, status="archived")

    receipt = adapter.apply(Action.SUPPRESS, SUBJECT, ASKED)

    assert f"PATCH /3.0/lists/{ONE}/members/*" in calls(sandbox)
    assert adapter.confirm(Action.SUPPRESS, SUBJECT, receipt).outcome is Outcome.DONE


def test_suppress_lives_with_an_archived_contact_that_cannot_be_changed(
    sandbox: MailchimpSandbox, configure: Callable[..., Mailchimp]
) -> None:
    adapter = configure(sandbox, audiences=[ONE])
    sandbox.add(ADDRESS, ONE, status="archived")
    sandbox.fault(Fault(status=405, body="", method="PATCH"))

    receipt = adapter.apply(Action.SUPPRESS, SUBJECT, ASKED)

    assert "archived" in receipt.notes[0]
    assert adapter.confirm(Action.SUPPRESS, SUBJECT, receipt).outcome is Outcome.DONE


def test_e_commerce_customers_are_erased_too(sandbox: MailchimpSandbox, adapter: Mailchimp) -> None:
    sandbox.add_customer(ADDRESS, store="store1")
    sandbox.add_customer("somebody.else@mailbox.test", store="store1")

    receipt = adapter.apply(Action.DELETE, SUBJECT, ASKED)

    assert receipt.outcome is Outcome.DONE and receipt.handles == (Handle("store", "store1"),)
    assert len(sandbox.customers()) == 1
    assert adapter.confirm(Action.DELETE, SUBJECT, receipt).outcome is Outcome.DONE
    assert adapter.confirm(Action.DELETE, SUBJECT).outcome is Outcome.ABSENT


def test_a_customer_who_is_left_is_not_confirmed(sandbox: MailchimpSandbox, adapter: Mailchimp) -> None:
    sandbox.add(ADDRESS, ONE)
    receipt = adapter.apply(Action.DELETE, SUBJECT, ASKED)
    sandbox.add_customer(ADDRESS, store="store1")

    assert adapter.confirm(Action.DELETE, SUBJECT, receipt).outcome is Outcome.DONE  # only where it acted
    adapter.close()
    again = Mailchimp.configured({"base_url": sandbox.url}, sandbox.api_key)  # stores are read again
    with pytest.raises(Transient, match="not_yet"):
        again.confirm(Action.DELETE, SUBJECT)
    again.close()


def test_an_objection_leaves_customers_alone(sandbox: MailchimpSandbox, adapter: Mailchimp) -> None:
    sandbox.add_customer(ADDRESS, store="store1")

    assert adapter.apply(Action.UNSUBSCRIBE, SUBJECT, ASKED).outcome is Outcome.ABSENT
    assert len(sandbox.customers()) == 1


def test_without_e_commerce_no_store_is_asked(sandbox: MailchimpSandbox, configure: Callable[..., Mailchimp]) -> None:
    sandbox.add_customer(ADDRESS, store="store1")

    configure(sandbox, ecommerce=False).apply(Action.DELETE, SUBJECT, ASKED)

    assert not any("ecommerce" in call for call in calls(sandbox))


def test_fault_043_an_unknown_audience_pauses(sandbox: MailchimpSandbox, configure: Callable[..., Mailchimp]) -> None:
    adapter = configure(sandbox, audiences=[ONE, "0000000000"])

    error = refused(adapter)

    assert isinstance(error, Misconfigured) and error.code == "wrong_address"
    assert not next(check for check in adapter.check() if check.name == "audiences").ok


def test_fault_043_a_vanished_audience_pauses(sandbox: MailchimpSandbox, configure: Callable[..., Mailchimp]) -> None:
    adapter = configure(sandbox, audiences=[ONE])
    sandbox.remove_audience(ONE)

    assert refused(adapter).code == "wrong_address"


def test_an_account_without_audiences_pauses(configure: Callable[..., Mailchimp]) -> None:
    with MailchimpSandbox(audiences=()) as sandbox:
        error = refused(configure(sandbox))

        assert isinstance(error, Misconfigured)


def test_fault_042_a_404_that_is_not_mailchimps_own_is_no_absence(
    sandbox: MailchimpSandbox, adapter: Mailchimp
) -> None:
    for body, content_type in (
        ("", None),
        ("<html>not here</html>", "text/html"),
        ('{"error": "x"}', "application/json"),
        ('{"title": "Resource Not Found", "status": 404}', "application/json"),
    ):
        sandbox.fault(Fault(status=404, body=body, content_type=content_type, path="/members/"))

        error = refused(adapter)

        assert isinstance(error, Transient) and error.code == "unreadable"


def test_fault_044_a_405_on_the_erasure_is_tried_again(sandbox: MailchimpSandbox, adapter: Mailchimp) -> None:
    sandbox.add(ADDRESS, ONE)
    sandbox.fault(Fault(status=405, body="", method="POST"))

    error = refused(adapter)

    assert isinstance(error, Transient) and error.code == "rejected"
    assert adapter.apply(Action.DELETE, SUBJECT, ASKED).outcome is Outcome.DONE


def test_an_erasure_that_found_the_person_gone_meanwhile_succeeds(
    sandbox: MailchimpSandbox, adapter: Mailchimp
) -> None:
    sandbox.add(ADDRESS, ONE)
    problem = json.dumps({"type": "-", "title": "Resource Not Found", "status": 404, "detail": "-", "instance": "-"})
    sandbox.fault(Fault(status=404, body=problem, content_type="application/problem+json", method="POST"))

    assert adapter.apply(Action.DELETE, SUBJECT, ASKED).outcome is Outcome.DONE


@pytest.mark.parametrize("name", ["reset", "close", "cut", "redirect", "login_page", "gzip", "empty_200"])
def test_an_answer_lost_after_the_effect_ends_well(sandbox: MailchimpSandbox, adapter: Mailchimp, name: str) -> None:
    sandbox.add(ADDRESS, ONE)
    sandbox.fault(Fault(kind=name, after_effect=True, method="POST"))

    error = refused(adapter)
    again = adapter.apply(Action.DELETE, SUBJECT, ASKED)

    assert isinstance(error, Transient | Misconfigured)
    assert "POST /lists/{list}/members/{id}/actions/delete-permanent" in [step.call for step in error.steps]
    assert again.outcome is Outcome.ABSENT


def test_both_spellings_of_an_international_domain_are_searched(sandbox: MailchimpSandbox, adapter: Mailchimp) -> None:
    subject = subject_of(KEYRING, "jane@straße.test")
    sandbox.add("jane@straße.test", TWO)

    receipt = adapter.apply(Action.DELETE, subject, ASKED)

    assert receipt.outcome is Outcome.DONE and sandbox.member("jane@straße.test", TWO) is None
    assert adapter.confirm(Action.DELETE, subject).outcome is Outcome.ABSENT


def test_the_letter_case_of_the_provider_does_not_matter(sandbox: MailchimpSandbox, adapter: Mailchimp) -> None:
    sandbox.add("Jane.Roe+News@Mailbox.test", ONE)

    assert adapter.apply(Action.DELETE, SUBJECT, ASKED).outcome is Outcome.DONE
    assert sandbox.member(ADDRESS, ONE) is None


def test_an_erasure_is_three_calls(configure: Callable[..., Mailchimp]) -> None:
    with MailchimpSandbox(audiences=(ONE,)) as sandbox:
        adapter = configure(sandbox)
        adapter.apply(Action.DELETE, SUBJECT, ASKED)  # proves audiences and stores, for a minute
        sandbox.add(ADDRESS, ONE)
        sandbox.clear_requests()

        adapter.confirm(Action.DELETE, SUBJECT, adapter.apply(Action.DELETE, SUBJECT, ASKED))

        member = f"/3.0/lists/{ONE}/members/*"
        assert calls(sandbox) == [f"GET {member}", f"POST {member}/actions/delete-permanent", f"GET {member}"]


def test_the_address_stands_in_no_path_and_the_audience_id_in_no_template(
    sandbox: MailchimpSandbox, adapter: Mailchimp
) -> None:
    sandbox.add(ADDRESS, ONE)

    receipt = adapter.apply(Action.DELETE, SUBJECT, ASKED)

    assert not any("jane" in request.path for request in sandbox.requests)
    assert not any(ONE in step.call for step in receipt.steps)
    assert {step.request_id for step in receipt.steps} != {None}


def test_the_check_shows_account_and_audiences(sandbox: MailchimpSandbox, adapter: Mailchimp) -> None:
    checks = {check.name: check for check in adapter.check()}

    assert all(check.ok for check in checks.values()) and set(checks) == {"key", "audiences", "e-commerce"}
    assert all(audience in checks["audiences"].detail for audience in AUDIENCES)


def test_never_more_calls_at_one_time_than_allowed(configure: Callable[..., Mailchimp]) -> None:
    with MailchimpSandbox(audiences=(ONE,), latency=0.02) as sandbox:
        adapter = configure(sandbox, max_connections=3)
        subjects = [Subject(f"ref-{n}", (f"person{n}@mailbox.test",)) for n in range(12)]
        for subject in subjects:
            sandbox.add(subject.address, ONE)
        with ThreadPoolExecutor(12) as pool:
            list(pool.map(lambda subject: adapter.apply(Action.DELETE, subject, ASKED), subjects))

        assert sandbox.peak_connections <= 3 and sandbox.throttled == 0


@pytest.mark.parametrize(
    ("options", "key", "named"),
    [
        ({"audiences": "some"}, "key-us1", "audiences"),
        ({"audiences": []}, "key-us1", "audiences"),
        ({"audiences": ["../ping"]}, "key-us1", "audiences"),
        ({"audiences": [7]}, "key-us1", "audiences"),
        ({"max_connections": 0}, "key-us1", "max_connections"),
        ({"max_connections": 11}, "key-us1", "max_connections"),
        ({"max_connections": True}, "key-us1", "max_connections"),
        ({"ecommerce": "yes"}, "key-us1", "ecommerce"),
        ({"base_url": "http://mailchimp.example"}, "key-us1", "base_url"),
        ({"base_url": "https://us1.api.mailchimp.com/2.0"}, "key-us1", "base_url"),
        ({}, "key", "api_key"),
        ({}, "key-us1-us2", "api_key"),
        ({}, "key-us1.evil.example/", "api_key"),
        ({}, "key-US1", "api_key"),
        ({}, "", "api_key"),
    ],
)
def test_an_unusable_setting_is_named(options: dict[str, Any], key: str, named: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Mailchimp.configured(options, key)

    assert caught.value.key == named
    assert len(key) < 4 or key not in str(caught.value)


@pytest.mark.parametrize("base_url", [None, "https://us7.api.mailchimp.com", "https://us7.api.mailchimp.com/3.0/"])
def test_the_data_centre_comes_from_the_key_or_the_address(base_url: str | None) -> None:
    adapter = Mailchimp.configured({"base_url": base_url} if base_url else {}, "key-us7")
    with responses.RequestsMock() as mock:
        mock.get("https://us7.api.mailchimp.com/3.0/ping", json={"health_status": "Everything's Chimpy!"})
        mock.get("https://us7.api.mailchimp.com/3.0/lists", json={"lists": [{"id": "list1"}], "total_items": 1})
        adapter.ping()

        assert mock.calls[0].request.headers["Authorization"].startswith("Basic ")
    adapter.close()


def test_a_ping_that_says_something_else_is_no_success() -> None:
    adapter = Mailchimp.configured({}, "key-us7")
    with responses.RequestsMock() as mock:
        mock.get("https://us7.api.mailchimp.com/3.0/ping", json={"health_status": "Fine"})
        with pytest.raises(Transient, match="unreadable"):
            adapter.ping()
    adapter.close()


def test_audiences_are_paged_to_their_total() -> None:
    adapter = Mailchimp.configured({"ecommerce": False}, "key-us7")
    base = "https://us7.api.mailchimp.com/3.0/lists"
    pages = [[{"id": f"list{n}", "name": "n"} for n in range(3)], [{"id": "list9", "name": "n"}]]
    not_found = {"type": "-", "title": "Resource Not Found", "status": 404, "detail": "", "instance": ""}
    with responses.RequestsMock() as mock:
        for page in pages * 2:
            mock.get(base, json={"lists": page, "total_items": 4})
        mock.get(
            re.compile(base + "/.*"),
            status=404,
            body=json.dumps(not_found),
            content_type="application/problem+json",
        )
        receipt = adapter.apply(Action.DELETE, SUBJECT, ASKED)

        assert "offset=3" in str(mock.calls[1].request.url)
    adapter.close()
    assert receipt.outcome is Outcome.ABSENT
    assert [step.call for step in receipt.steps] == [
        *["GET /lists"] * 2,
        *["GET /lists/{list}/members/{id}"] * 4,
        *["GET /lists"] * 2,  # nobody was found: do the audiences still exist?
    ]


def test_a_listing_that_ends_early_proves_nothing() -> None:
    adapter = Mailchimp.configured({"ecommerce": False}, "key-us7")
    with responses.RequestsMock() as mock:
        mock.get("https://us7.api.mailchimp.com/3.0/lists", json={"lists": [{"id": "list1"}], "total_items": 2})
        mock.get("https://us7.api.mailchimp.com/3.0/lists", json={"lists": [], "total_items": 2})

        assert refused(adapter).code == "unreadable"
    adapter.close()


@pytest.mark.parametrize(
    "change", [{"email_address": "other@mailbox.test"}, {"list_id": "zzzzzzzzzz"}], ids=["person", "audience"]
)
def test_a_member_of_another_address_or_audience_is_not_touched(change: dict[str, str]) -> None:
    adapter = Mailchimp.configured({"audiences": [ONE], "ecommerce": False}, "key-us7")
    base = f"https://us7.api.mailchimp.com/3.0/lists/{ONE}"
    key = hashlib.md5(ADDRESS.encode()).hexdigest()
    with responses.RequestsMock() as mock:
        mock.get(base, json={"id": ONE, "name": "n"})
        member = {"email_address": ADDRESS, "list_id": ONE, "status": "subscribed", **change}
        mock.get(f"{base}/members/{key}", json=member)

        assert refused(adapter).code == "filter_ignored"
    adapter.close()
