"""What is ActiveCampaign's own: archive, automations, exclusions, ambiguous answers, and the adapter's settings."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import responses

from adapters.activecampaign.adapter import ActiveCampaign
from adapters.contract import Action, Handle, Outcome, SettingsError, Subject
from adapters.errors import AdapterError, Misconfigured, Permanent, Transient
from adapters.sandbox import ActiveCampaignSandbox, Fault

ADDRESS = "jane.roe+news@mailbox.test"
OTHER = "somebody.else@mailbox.test"
SUBJECT = Subject("ref", (ADDRESS,))
ASKED = datetime.now(UTC)
LATER = (ASKED + timedelta(days=2)).isoformat(timespec="seconds")
BASE = "https://account.api-us1.com/api/3"


@pytest.fixture
def sandbox() -> Iterator[ActiveCampaignSandbox]:
    with ActiveCampaignSandbox(rate=None) as server:
        yield server


@pytest.fixture
def configure() -> Iterator[Callable[..., ActiveCampaign]]:
    made: list[ActiveCampaign] = []

    def make(sandbox: ActiveCampaignSandbox | None = None, **options: Any) -> ActiveCampaign:
        url, key = (sandbox.url, sandbox.api_key) if sandbox else (BASE, "token")
        made.append(ActiveCampaign.configured({"base_url": url, "requests_per_second": 2000, **options}, key))
        return made[-1]

    yield make
    for adapter in made:
        adapter.close()


@pytest.fixture
def adapter(sandbox: ActiveCampaignSandbox, configure: Callable[..., ActiveCampaign]) -> ActiveCampaign:
    return configure(sandbox)


def lists_of(sandbox: ActiveCampaignSandbox) -> dict[str, str]:
    contact = sandbox.contact(ADDRESS)
    assert contact is not None
    return {name: str(status) for name, status in contact["lists"].items()}


def calls(sandbox: ActiveCampaignSandbox) -> list[str]:
    return [f"{one.method} {re.sub(r'/[0-9]+', '/*', one.path.removeprefix('/api/3'))}" for one in sandbox.requests]


def refused(adapter: ActiveCampaign, action: Action = Action.DELETE) -> AdapterError:
    with pytest.raises(AdapterError) as caught:
        adapter.apply(action, SUBJECT, ASKED)
    return caught.value


def test_an_erasure_is_six_calls_without_e_commerce(
    sandbox: ActiveCampaignSandbox, configure: Callable[..., ActiveCampaign]
) -> None:
    sandbox.add(ADDRESS, lists={"1": 1})
    adapter = configure(sandbox, ecommerce=False)

    adapter.confirm(Action.DELETE, SUBJECT, adapter.apply(Action.DELETE, SUBJECT, ASKED))

    assert calls(sandbox) == [
        "GET /contacts",
        "DELETE /contacts/*",
        "GET /contactArchives",
        "DELETE /contactArchives/*",
        "GET /contacts/*",
        "GET /contactArchives",
    ]
    assert sandbox.contacts() == [] and sandbox.archived() == []


def test_an_erasure_is_seven_calls_with_e_commerce(sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign) -> None:
    sandbox.add(ADDRESS, lists={"1": 1})

    adapter.confirm(Action.DELETE, SUBJECT, adapter.apply(Action.DELETE, SUBJECT, ASKED))

    assert len(sandbox.requests) == 7


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


def test_fault_058_all_contacts_of_the_address_are_erased(configure: Callable[..., ActiveCampaign]) -> None:
    adapter = configure(ecommerce=False)
    people = [{"id": "5", "email": ADDRESS}, {"id": "6", "email": ADDRESS.upper()}]
    archived = [{"id": "5", "email": ADDRESS}, {"id": "6", "email": ADDRESS}, {"id": "7", "email": ADDRESS}]
    with responses.RequestsMock() as mock:
        mock.get(f"{BASE}/contacts", json={"contacts": people, "contactLists": [], "meta": {"total": "2"}})
        for one in people:
            mock.delete(f"{BASE}/contacts/{one['id']}", json={})
        mock.get(f"{BASE}/contactArchives", json={"contactArchives": archived, "meta": {"total": "3"}})
        for one in archived:
            mock.delete(f"{BASE}/contactArchives/{one['id']}", body="")
        receipt = adapter.apply(Action.DELETE, SUBJECT, ASKED)

        assert len(mock.calls) == 7 and set(receipt.handles) >= {
            Handle("contact", "5"),
            Handle("contact", "6"),
            Handle("archived", "7"),
        }


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


def test_list_rows_that_the_search_does_not_bring_are_read_apart(configure: Callable[..., ActiveCampaign]) -> None:
    adapter = configure()
    with responses.RequestsMock() as mock:
        mock.get(f"{BASE}/contacts", json={"contacts": [{"id": "5", "email": ADDRESS}], "meta": {"total": "1"}})
        mock.get(
            f"{BASE}/contacts/5/contactLists",
            json={"contactLists": [{"contact": 5, "list": "3", "status": 1, "sdate": LATER}]},
        )

        assert refused(adapter).code == "newer_consent"


def test_a_list_row_of_another_contact_stops_everything(configure: Callable[..., ActiveCampaign]) -> None:
    adapter = configure()
    rows = [{"contact": "6", "list": "3", "status": "1"}]
    with responses.RequestsMock() as mock:
        mock.get(f"{BASE}/contacts", json={"contacts": [{"id": "5", "email": ADDRESS}], "contactLists": rows})

        assert refused(adapter, Action.UNSUBSCRIBE).code == "filter_ignored"


@pytest.mark.parametrize("sdate", [None, "", "0000-00-00 00:00:00", "2020-01-01T10:00:00-05:00"])
def test_a_missing_or_old_time_is_no_newer_consent(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign, sdate: str | None
) -> None:
    sandbox.add(ADDRESS, lists={"1": 1}, sdate=sdate)

    assert adapter.apply(Action.DELETE, SUBJECT, ASKED).outcome is Outcome.DONE


def test_the_time_of_a_list_already_left_is_no_newer_consent(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign
) -> None:
    sandbox.add(ADDRESS, lists={"1": 2}, sdate=LATER)

    assert adapter.apply(Action.UNSUBSCRIBE, SUBJECT, ASKED).outcome is Outcome.DONE


def test_unsubscribe_changes_only_rows_that_can_be_reached(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign
) -> None:
    sandbox.add(ADDRESS, lists={"1": 0, "2": 1, "3": 2, "4": 3, "5": 91})

    receipt = adapter.apply(Action.UNSUBSCRIBE, SUBJECT, ASKED)

    assert lists_of(sandbox) == {"1": "2", "2": "2", "3": "2", "4": "3", "5": "91"}
    assert calls(sandbox).count("POST /contactLists") == 2
    assert "2, 3, 91 receive nothing" in receipt.notes[0]
    assert adapter.confirm(Action.UNSUBSCRIBE, SUBJECT, receipt).outcome is Outcome.DONE


def test_fault_066_an_unknown_row_status_is_held(sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign) -> None:
    sandbox.add(ADDRESS, lists={"1": 1, "2": 7})

    error = refused(adapter, Action.UNSUBSCRIBE)

    assert isinstance(error, Permanent) and error.code == "unknown_state"
    assert lists_of(sandbox) == {"1": "1", "2": "7"}


def test_automations_are_left_also_one_that_the_unsubscribing_starts(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign
) -> None:
    sandbox.add(ADDRESS, lists={"1": 1}, automations=("7", "8"))
    sandbox.goodbye_automation = "9"

    receipt = adapter.apply(Action.UNSUBSCRIBE, SUBJECT, ASKED)

    assert calls(sandbox).count("DELETE /contactAutomations/*") == 3
    assert calls(sandbox)[-1] == "GET /contacts/*/contactAutomations"  # read once more: leaving may start another
    assert adapter.confirm(Action.UNSUBSCRIBE, SUBJECT, receipt).outcome is Outcome.DONE


def test_a_contact_in_an_automation_is_not_confirmed(sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign) -> None:
    sandbox.add(ADDRESS, automations=("7",))

    with pytest.raises(Transient, match="not_yet"):
        adapter.confirm(Action.UNSUBSCRIBE, SUBJECT)


def test_an_automation_that_was_left_meanwhile_is_no_failure(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign
) -> None:
    sandbox.add(ADDRESS, automations=("7",))
    gone = json.dumps({"message": "No Result found for SubscriberSeries with id 3"})
    sandbox.fault(
        Fault(status=403, body=gone, content_type="application/json", method="DELETE", path="/contactAutomations/")
    )

    assert adapter.apply(Action.UNSUBSCRIBE, SUBJECT, ASKED).outcome is Outcome.DONE


@pytest.mark.parametrize("status", [400, 403, 406, 418, 422])
def test_a_blocked_delete_stops_the_mail_and_is_tried_daily(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign, status: int
) -> None:
    sandbox.add(ADDRESS, lists={"1": 1, "2": 0}, automations=("7",))
    body = json.dumps({"message": "You don't have permission"})
    sandbox.fault(
        Fault(status=status, body=body, content_type="application/json", method="DELETE", path="/contacts/[0-9]+$")
    )

    error = refused(adapter)

    assert isinstance(error, Transient) and (error.code, error.retry_after) == ("delete_blocked", 86400.0)
    assert "mail is stopped" in str(error)
    assert status in [step.status for step in error.steps if step.call == "DELETE /contacts/{id}"]
    assert lists_of(sandbox) == {"1": "2", "2": "2"}
    assert adapter.confirm(Action.UNSUBSCRIBE, SUBJECT).outcome is Outcome.DONE
    assert adapter.apply(Action.DELETE, SUBJECT, ASKED).outcome is Outcome.DONE


def test_a_used_up_allowance_blocks_the_delete(sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign) -> None:
    sandbox.add(ADDRESS, lists={"1": 1})
    sandbox.allowance = 0

    assert refused(adapter).code == "delete_blocked"
    assert lists_of(sandbox) == {"1": "2"}


def test_a_blocked_delete_whose_mail_could_not_be_stopped_is_tried_sooner(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign
) -> None:
    sandbox.add(ADDRESS, lists={"1": 1})
    sandbox.fault(Fault(status=418, body="", method="DELETE"))
    sandbox.fault(Fault(status=500, body="", method="POST"))

    error = refused(adapter)

    assert isinstance(error, Transient) and (error.code, error.retry_after) == ("delete_blocked", None)
    assert "could not be stopped" in error.detail


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault(status=500, body="", method="DELETE"), "unavailable"),
        (Fault(status=504, body="<html>", content_type="text/html", method="DELETE"), "unavailable"),
        (Fault(kind="reset", method="DELETE"), "cut_off"),
    ],
    ids=["500", "504", "reset"],
)
def test_a_failing_delete_stops_the_mail_at_least(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign, fault: Fault, code: str
) -> None:
    sandbox.add(ADDRESS, lists={"1": 1})
    sandbox.fault(fault)

    error = refused(adapter)

    assert isinstance(error, Transient) and error.code == code
    assert lists_of(sandbox) == {"1": "2"}


def test_throttling_of_the_delete_just_cools(sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign) -> None:
    sandbox.add(ADDRESS, lists={"1": 1})
    sandbox.fault(Fault(status=429, body="", method="DELETE"))

    error = refused(adapter)

    assert isinstance(error, Transient) and error.cools_lane
    assert lists_of(sandbox) == {"1": "1"} and calls(sandbox)[-1] == "DELETE /contacts/*"


def test_e_commerce_customers_are_erased_too(sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign) -> None:
    sandbox.add_customer(ADDRESS)
    sandbox.add_customer(OTHER)

    with pytest.raises(Transient, match="not_yet"):
        adapter.confirm(Action.DELETE, SUBJECT)
    receipt = adapter.apply(Action.DELETE, SUBJECT, ASKED)

    assert receipt.outcome is Outcome.DONE and receipt.handles[0].kind == "customer"
    assert adapter.confirm(Action.DELETE, SUBJECT, receipt).outcome is Outcome.DONE
    assert adapter.confirm(Action.DELETE, SUBJECT).outcome is Outcome.ABSENT


def test_a_key_without_e_commerce_erases_the_contact_and_is_held(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign
) -> None:
    sandbox.add(ADDRESS, lists={"1": 1})
    body = json.dumps({"errors": [{"status": 403, "title": "Forbidden", "detail": "-"}]})
    sandbox.fault(Fault(status=403, body=body, content_type="text/plain", path="/ecomCustomers"))

    error = refused(adapter)

    assert isinstance(error, Permanent) and error.code == "forbidden" and "ecommerce = false" in error.detail
    assert sandbox.contacts() == [] and sandbox.archived() == []


def test_a_stranger_among_the_customers_stops_the_erasure(configure: Callable[..., ActiveCampaign]) -> None:
    adapter = configure()
    with responses.RequestsMock() as mock:
        mock.get(f"{BASE}/contacts", json={"contacts": [{"id": "5", "email": ADDRESS}], "contactLists": []})
        mock.get(f"{BASE}/ecomCustomers", json={"ecomCustomers": [{"id": "9", "email": OTHER}]})

        assert refused(adapter).code == "filter_ignored"


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


def test_an_unclear_403_asks_who_the_key_belongs_to(sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign) -> None:
    sandbox.fault(Fault(status=403, body="", path="/contacts$"))
    throttled = refused(adapter)
    sandbox.fault(Fault(status=403, body="", times=None))
    dead = refused(adapter)

    assert isinstance(throttled, Transient) and throttled.cools_lane and throttled.code == "rate_limited"
    assert isinstance(dead, Misconfigured) and dead.code == "unauthorized"
    assert [step.call for step in throttled.steps] == ["GET /contacts", "GET /users/me"]


def test_a_wrong_key_pauses(sandbox: ActiveCampaignSandbox) -> None:
    adapter = ActiveCampaign.configured({"base_url": sandbox.url, "requests_per_second": 2000}, "wrong")
    try:
        with pytest.raises(Misconfigured):
            adapter.ping()
    finally:
        adapter.close()


def test_fault_035_a_login_page_pauses(sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign) -> None:
    sandbox.fault(Fault(kind="login_page"))

    error = refused(adapter)

    assert isinstance(error, Misconfigured) and error.code == "login_page"


@pytest.mark.parametrize(("body", "content_type"), [("<html>", "text/html"), ("", None), ("{}", "application/json")])
def test_fault_043_another_404_is_a_wrong_address_and_no_absence(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign, body: str, content_type: str | None
) -> None:
    sandbox.fault(Fault(status=404, body=body, content_type=content_type))

    error = refused(adapter)

    assert isinstance(error, Misconfigured) and error.code == "wrong_address"


def test_both_spellings_of_an_international_domain_are_searched(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign
) -> None:
    subject = Subject("ref", ("jane@xn--strae-oqa.test", "jane@straße.test"))
    sandbox.add("jane@straße.test", lists={"1": 1})

    receipt = adapter.apply(Action.DELETE, subject, ASKED)

    assert receipt.outcome is Outcome.DONE and sandbox.contacts() == [] and sandbox.archived() == []
    assert adapter.confirm(Action.DELETE, subject, receipt).outcome is Outcome.DONE


def test_the_plus_sign_reaches_the_provider(sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign) -> None:
    sandbox.add(ADDRESS.replace("+", " "), lists={"1": 1})

    assert adapter.apply(Action.DELETE, SUBJECT, ASKED).outcome is Outcome.ABSENT


def test_the_pace_holds_for_all_senders(configure: Callable[..., ActiveCampaign]) -> None:
    with ActiveCampaignSandbox(rate=50.0) as sandbox:
        adapter = configure(sandbox, requests_per_second=45)
        people = [Subject(f"ref-{n}", (f"person{n}@mailbox.test",)) for n in range(20)]
        began = time.monotonic()
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(lambda one: adapter.apply(Action.UNSUBSCRIBE, one, ASKED), people))

        assert time.monotonic() - began >= 19 * 1.035 / 45 - 0.01
        assert sandbox.throttled == 0


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"base_url": None}, "base_url"),
        ({"base_url": "http://account.api-us1.com"}, "base_url"),
        ({"requests_per_second": 0}, "requests_per_second"),
        ({"requests_per_second": -1}, "requests_per_second"),
        ({"requests_per_second": "4"}, "requests_per_second"),
        ({"requests_per_second": True}, "requests_per_second"),
        ({"requests_per_second": float("nan")}, "requests_per_second"),
        ({"requests_per_second": float("inf")}, "requests_per_second"),
        ({"ecommerce": 1}, "ecommerce"),
    ],
)
def test_an_unusable_setting_is_named(options: dict[str, Any], named: str) -> None:
    with pytest.raises(SettingsError) as caught:
        ActiveCampaign.configured({"base_url": BASE, **options}, "token")

    assert caught.value.key == named


def test_the_base_url_is_required() -> None:
    with pytest.raises(SettingsError) as caught:
        ActiveCampaign.configured({}, "token")

    assert caught.value.key == "base_url"
