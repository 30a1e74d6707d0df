"""An objection at ActiveCampaign: lists and automations."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import responses

from adapters.activecampaign.adapter import ActiveCampaign
from adapters.contract import Action, Outcome
from adapters.errors import Permanent, Transient
from adapters.sandbox import ActiveCampaignSandbox, Fault
from tests.adapters.activecampaign.scene import ADDRESS, ASKED, BASE, LATER, SUBJECT, calls, lists_of, refused


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

    assert isinstance(error, Permanent) and error.code == "unknown_state" and "list 2" in error.detail
    assert lists_of(sandbox) == {"1": "2", "2": "7"}  # what is known is stopped meanwhile
    assert calls(sandbox).count("DELETE /contactAutomations/*") == 1
    with pytest.raises(Permanent, match="unknown_state"):
        adapter.confirm(Action.UNSUBSCRIBE, SUBJECT)


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


def test_one_list_that_is_refused_does_not_keep_the_others(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign
) -> None:
    sandbox.add(ADDRESS, lists={"1": 1, "2": 1, "3": 1}, automations=("7",))
    body = json.dumps({"errors": [{"title": "The list does not exist.", "code": "related_missing"}]})
    sandbox.fault(Fault(status=422, body=body, content_type="application/json", method="POST"))

    error = refused(adapter, Action.UNSUBSCRIBE)

    assert isinstance(error, Permanent) and error.code == "rejected" and error.detail.startswith("list 1: ")
    assert lists_of(sandbox) == {"1": "1", "2": "2", "3": "2"}
    assert "DELETE /contactAutomations/*" in calls(sandbox)


def test_what_time_can_cure_is_raised_before_what_needs_a_person(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign
) -> None:
    sandbox.add(ADDRESS, lists={"1": 1, "2": 1})
    sandbox.fault(Fault(status=422, body="", method="POST"))
    sandbox.fault(Fault(status=500, body="", method="POST"))

    error = refused(adapter, Action.UNSUBSCRIBE)

    assert isinstance(error, Transient) and (error.code, error.hold_as) == ("unavailable", "rejected")
    assert error.detail.startswith("list 2: ") and "failed too: list 1" in error.detail


def test_one_automation_that_fails_does_not_keep_the_others(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign
) -> None:
    sandbox.add(ADDRESS, lists={"1": 1}, automations=("7", "8", "9"))
    sandbox.fault(Fault(status=422, body="", method="DELETE", times=3))

    error = refused(adapter, Action.UNSUBSCRIBE)

    assert isinstance(error, Permanent) and "an automation" in error.detail
    assert calls(sandbox).count("DELETE /contactAutomations/*") == 3  # none could be left: not asked again and again
    assert adapter.apply(Action.UNSUBSCRIBE, SUBJECT, ASKED).outcome is Outcome.DONE


def test_throttling_ends_the_walk_at_once(sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign) -> None:
    sandbox.add(ADDRESS, lists={"1": 1, "2": 1})
    sandbox.fault(Fault(status=429, body="", method="POST", times=None))

    error = refused(adapter, Action.UNSUBSCRIBE)

    assert isinstance(error, Transient) and error.cools_lane
    assert calls(sandbox).count("POST /contactLists") == 1


def test_a_relation_that_the_call_creates_is_done_and_noted(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign
) -> None:
    sandbox.add(ADDRESS, lists={"1": 1}, automations=())
    body = json.dumps({"contactList": {"list": "1", "contact": "1", "status": 2}})
    sandbox.fault(Fault(status=201, body=body, content_type="application/json", method="POST", path="/contactLists"))

    receipt = adapter.apply(Action.UNSUBSCRIBE, SUBJECT, ASKED)

    assert receipt.outcome is Outcome.DONE and "list 1 was new" in receipt.notes[0]


def test_a_contact_that_is_gone_meanwhile_needs_no_unsubscribing(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign
) -> None:
    sandbox.add(ADDRESS, lists={"1": 1, "2": 1}, automations=())
    gone = json.dumps({"message": "No Result found for Subscriber with id 1"})
    sandbox.fault(Fault(status=404, body=gone, content_type="application/json", method="POST", times=None))

    assert adapter.apply(Action.UNSUBSCRIBE, SUBJECT, ASKED).outcome is Outcome.DONE


def test_a_person_deleted_and_added_again_is_not_confirmed_by_the_old_id(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign
) -> None:
    sandbox.add(ADDRESS, lists={"1": 1})
    applied = adapter.apply(Action.UNSUBSCRIBE, SUBJECT, ASKED)
    sandbox.archive(ADDRESS)
    assert adapter.confirm(Action.UNSUBSCRIBE, SUBJECT, applied).outcome is Outcome.DONE

    sandbox.add(ADDRESS, lists={"1": 1})

    with pytest.raises(Transient, match="not_yet"):
        adapter.confirm(Action.UNSUBSCRIBE, SUBJECT, applied)


def test_an_automation_of_another_contact_is_not_left(sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign) -> None:
    sandbox.add(ADDRESS, lists={"1": 1})
    body = json.dumps({"contactAutomations": [{"id": "5", "contact": "99", "status": "1"}]})
    sandbox.fault(Fault(status=200, body=body, content_type="application/json", path="/contactAutomations$"))

    assert refused(adapter, Action.UNSUBSCRIBE).code == "filter_ignored"
    assert "DELETE /contactAutomations/*" not in calls(sandbox) and lists_of(sandbox) == {"1": "2"}


@pytest.mark.parametrize("status", [400, 422])
def test_an_account_that_refuses_to_include_list_rows_is_asked_for_them_apart(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign, status: int
) -> None:
    sandbox.add(ADDRESS, lists={"1": 1})
    sandbox.fault(Fault(status=status, body="", path="/contacts$"))

    assert adapter.apply(Action.UNSUBSCRIBE, SUBJECT, ASKED).outcome is Outcome.DONE
    assert lists_of(sandbox) == {"1": "2"}
