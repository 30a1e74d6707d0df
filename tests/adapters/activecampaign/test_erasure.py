"""An erasure at ActiveCampaign: what it calls, what blocks it, what else it deletes."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import responses

from adapters.activecampaign.adapter import ActiveCampaign
from adapters.contract import Action, Handle, Outcome, Subject, plain_form
from adapters.errors import Misconfigured, Permanent, Transient
from adapters.sandbox import ActiveCampaignSandbox, Fault
from tests.adapters.activecampaign.scene import (
    ADDRESS,
    ASKED,
    BASE,
    LATER,
    OTHER,
    SUBJECT,
    calls,
    lists_of,
    refused,
    unproven,
)


def in_ascii(address: str) -> str | None:
    """Return the normal form of an address, as whoever calls an adapter gives it."""
    return (plain_form(address) or "").replace("straße", "xn--strae-oqa") or None


def test_an_erasure_is_seven_calls_without_e_commerce(
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
        "GET /contacts",
        "GET /contactArchives",
    ]
    assert sandbox.contacts() == [] and sandbox.archived() == []


def test_an_erasure_is_eight_calls_with_e_commerce(sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign) -> None:
    sandbox.add(ADDRESS, lists={"1": 1})

    adapter.confirm(Action.DELETE, SUBJECT, adapter.apply(Action.DELETE, SUBJECT, ASKED))

    assert len(sandbox.requests) == 8


def test_a_person_whom_a_shop_adds_again_at_once_is_not_confirmed(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign
) -> None:
    sandbox.add(ADDRESS, lists={"1": 1})
    sandbox.comes_back_after_delete = True

    applied = adapter.apply(Action.DELETE, SUBJECT, ASKED)

    assert applied.unseen == 0 and unproven(adapter, SUBJECT, applied).code == "not_yet"
    sandbox.comes_back_after_delete = False
    again = adapter.apply(Action.DELETE, SUBJECT, ASKED)
    assert adapter.confirm(Action.DELETE, SUBJECT, again).outcome is Outcome.DONE
    assert sandbox.contacts() == [] and sandbox.archived() == []


def test_fault_058_all_contacts_of_the_address_are_erased(configure: Callable[..., ActiveCampaign]) -> None:
    adapter = configure(ecommerce=False)
    people = [{"id": "5", "email": ADDRESS}, {"id": "6", "email": ADDRESS.upper()}]
    archived = [{"id": "5", "email": ADDRESS}, {"id": "6", "email": ADDRESS}, {"id": "7", "email": ADDRESS}]
    with responses.RequestsMock() as mock:
        rows = [{"contact": one["id"], "list": "1", "status": "2"} for one in people]
        mock.get(f"{BASE}/contacts", json={"contacts": people, "contactLists": rows, "meta": {"total": "2"}})
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


@pytest.mark.parametrize("sdate", [None, "", "0000-00-00 00:00:00", "2020-01-01T10:00:00-05:00"])
def test_a_missing_or_old_time_is_no_newer_consent(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign, sdate: str | None
) -> None:
    sandbox.add(ADDRESS, lists={"1": 1}, sdate=sdate)

    assert adapter.apply(Action.DELETE, SUBJECT, ASKED).outcome is Outcome.DONE


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


def test_a_stranger_among_the_customers_is_left_alone_and_does_not_keep_the_contact(
    configure: Callable[..., ActiveCampaign], sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign
) -> None:
    sandbox.add(ADDRESS, lists={"1": 1})
    sandbox.add_customer(ADDRESS)
    body = json.dumps({"ecomCustomers": [{"id": "9", "email": ADDRESS}, {"id": "10", "email": OTHER}]})
    sandbox.fault(Fault(status=200, body=body, content_type="application/json", path="/ecomCustomers$", times=None))

    error = refused(adapter)

    assert isinstance(error, Permanent) and error.code == "filter_ignored" and "e-commerce customers" in error.detail
    assert sandbox.contacts() == [] and sandbox.archived() == []
    assert not [one for one in calls(sandbox) if one.startswith("DELETE /ecom")]


@pytest.mark.parametrize("status", [404, 405])
def test_an_account_without_the_calls_on_customers_erases_the_contact(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign, status: int
) -> None:
    sandbox.add(ADDRESS, lists={"1": 1})
    sandbox.fault(Fault(status=status, body="<html>", content_type="text/html", path="/ecomCustomers", times=None))

    error = refused(adapter)

    assert not isinstance(error, Misconfigured) and "e-commerce customers" in error.detail
    assert sandbox.contacts() == [] and sandbox.archived() == []


def test_one_customer_that_fails_does_not_keep_the_others(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign
) -> None:
    for connection in ("0", "1", "2"):
        sandbox.add_customer(ADDRESS, connection)
    sandbox.fault(Fault(status=500, body="", method="DELETE", path="/ecomCustomers/"))

    error = refused(adapter)

    assert isinstance(error, Transient) and "an e-commerce customer" in error.detail
    assert len(sandbox.customers()) == 1
    assert adapter.apply(Action.DELETE, SUBJECT, ASKED).outcome is Outcome.DONE and sandbox.customers() == []


def test_one_contact_that_is_refused_does_not_keep_the_other(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign
) -> None:
    sandbox.add(ADDRESS, lists={"1": 1})
    sandbox.add(ADDRESS, lists={"2": 1})
    sandbox.add_customer(ADDRESS)
    sandbox.fault(Fault(status=418, body="", method="DELETE", path="/contacts/[0-9]+$"))

    error = refused(adapter)

    assert isinstance(error, Transient) and error.code == "delete_blocked" and error.retry_after
    assert [one["lists"] for one in sandbox.contacts()] == [{"1": "2"}]
    assert sandbox.archived() == [] and sandbox.customers() == []


def test_newer_consent_of_one_contact_changes_nothing_for_the_other(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign
) -> None:
    sandbox.add(ADDRESS, lists={"1": 1})
    sandbox.add(ADDRESS, lists={"1": 1}, sdate=LATER)

    for action in Action:
        assert refused(adapter, action).code == "newer_consent"

    assert {one.method for one in sandbox.requests} == {"GET"}


def test_consent_that_the_search_does_not_show_is_found_at_the_contact(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign
) -> None:
    contact = sandbox.add(ADDRESS, lists={"1": 1}, sdate=LATER)
    body = json.dumps({"contacts": [{"id": contact, "email": ADDRESS}], "contactLists": [], "meta": {"total": "1"}})
    sandbox.fault(Fault(status=200, body=body, content_type="application/json", path="/contacts$", times=None))

    for action in Action:
        assert refused(adapter, action).code == "newer_consent"


def test_both_spellings_of_an_international_domain_are_searched(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign
) -> None:
    subject = Subject("ref", ("jane@xn--strae-oqa.test", "jane@straße.test"), in_ascii)
    sandbox.add("jane@straße.test", lists={"1": 1})

    receipt = adapter.apply(Action.DELETE, subject, ASKED)

    assert receipt.outcome is Outcome.DONE and sandbox.contacts() == [] and sandbox.archived() == []
    assert adapter.confirm(Action.DELETE, subject, receipt).outcome is Outcome.DONE


def test_the_plus_sign_reaches_the_provider(sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign) -> None:
    sandbox.add(ADDRESS.replace("+", " "), lists={"1": 1})

    assert adapter.apply(Action.DELETE, SUBJECT, ASKED).outcome is Outcome.ABSENT


@pytest.mark.parametrize("kind", ["login_page", "redirect"])
def test_a_delete_that_is_met_by_a_page_pauses_after_all_else_was_done(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign, kind: str
) -> None:
    sandbox.add(ADDRESS)
    sandbox.archive(ADDRESS)
    sandbox.add(ADDRESS)
    sandbox.add_customer(ADDRESS)
    sandbox.fault(Fault(kind=kind, method="DELETE", path="/contacts/", times=None))

    error = refused(adapter)

    assert isinstance(error, Misconfigured)
    assert sandbox.archived() == [] and sandbox.customers() == []
