"""Text messages reach people whose mail is off: the same contact, another channel."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from adapters.contract import Action, Outcome
from adapters.errors import Misconfigured, Permanent, Transient
from adapters.mailchimp.adapter import Mailchimp
from adapters.sandbox import Fault
from tests.adapters.mailchimp.account import (
    ADDRESS,
    ASKED,
    LATER,
    OBJECTIONS,
    ONE,
    TWO,
    Account,
    person,
    refused,
    unconfirmed,
)

MAIL = ("subscribed", "unsubscribed", "cleaned", "pending", "transactional", "archived")


@pytest.mark.slow
@pytest.mark.parametrize("sms", ["subscribed", "pending"])
@pytest.mark.parametrize("status", MAIL)
@pytest.mark.parametrize("action", OBJECTIONS)
def test_an_objection_ends_text_messages_whatever_the_mail_status(
    mc: Account, adapter: Mailchimp, action: Action, status: str, sms: str
) -> None:
    mc.odd.sms_channel = "obeyed"
    mc.add(ADDRESS, ONE, status=status, sms=sms)

    receipt = adapter.apply(action, person(), ASKED)

    assert mc.sms(ONE) == "unsubscribed"
    assert f"Audience {ONE}: text messages were ended, too." in receipt.notes
    assert adapter.confirm(action, person(), receipt).outcome is Outcome.DONE
    assert adapter.confirm(action, person()).outcome is Outcome.DONE


@pytest.mark.slow
@pytest.mark.parametrize("channel", ["ignored", "refused"])
@pytest.mark.parametrize("status", MAIL)
@pytest.mark.parametrize("action", OBJECTIONS)
def test_who_can_still_be_reached_by_sms_is_held_with_mail_stopped_everywhere(
    mc: Account, adapter: Mailchimp, action: Action, status: str, channel: str
) -> None:
    mc.odd.sms_channel = channel
    mc.add(ADDRESS, ONE, status=status, sms="subscribed")
    mc.add(ADDRESS, TWO)

    error = refused(adapter, action)

    assert isinstance(error, Permanent) and error.code == "sms_reachable"
    assert f"Audience {ONE}" in error.detail and "by hand" in error.detail and "mail is stopped" in error.detail
    assert ("HTTP 400" in error.detail) is (channel == "refused")
    assert mc.status(ONE) not in ("subscribed", "pending", "transactional") and mc.status(TWO) == "unsubscribed"
    assert error.steps[-1].state.endswith("SMS subscribed")
    assert "receives nothing" not in str(error)


@pytest.mark.parametrize("action", OBJECTIONS)
def test_a_confirm_alone_sees_who_can_be_reached_by_sms(mc: Account, adapter: Mailchimp, action: Action) -> None:
    for audience in (ONE, TWO):
        mc.add(ADDRESS, audience, status="unsubscribed", sms="subscribed" if audience == TWO else None)

    error = unconfirmed(adapter, Action.UNSUBSCRIBE)

    assert isinstance(error, Permanent) and error.code == "sms_reachable" and f"Audience {TWO}" in error.detail
    assert {request.method for request in mc.requests} == {"GET"}


def test_mail_that_still_goes_out_counts_for_more_than_sms(mc: Account, adapter: Mailchimp) -> None:
    mc.add(ADDRESS, ONE, status="unsubscribed", sms="subscribed")
    mc.add(ADDRESS, TWO)

    assert unconfirmed(adapter, Action.UNSUBSCRIBE).code == "not_yet"


@pytest.mark.parametrize("sms", ["unsubscribed", "nonsubscribed", None])
def test_who_gets_no_text_messages_costs_no_further_call(mc: Account, adapter: Mailchimp, sms: str | None) -> None:
    mc.add(ADDRESS, ONE, sms=sms)

    receipt = adapter.apply(Action.UNSUBSCRIBE, person(), ASKED)

    assert [call for call in mc.calls() if not call.startswith("GET")] == [f"PATCH /lists/{ONE}/members/*"]
    assert receipt.outcome is Outcome.DONE


def test_an_account_that_tells_nothing_of_sms_is_served_as_ever(mc: Account, adapter: Mailchimp) -> None:
    mc.add(ADDRESS, ONE)
    for member in mc._lists[ONE].values():
        del member["sms_subscription_status"], member["sms_subscription_last_updated"]

    assert adapter.apply(Action.UNSUBSCRIBE, person(), ASKED).outcome is Outcome.DONE
    assert adapter.confirm(Action.UNSUBSCRIBE, person()).outcome is Outcome.DONE


def test_an_unknown_sms_status_is_held_after_the_rest_was_done(mc: Account, adapter: Mailchimp) -> None:
    mc.add(ADDRESS, ONE, sms="whatsapp")
    mc.add(ADDRESS, TWO)

    error = refused(adapter, Action.UNSUBSCRIBE)

    assert isinstance(error, Permanent) and error.code == "unknown_state" and "SMS" in error.detail
    assert (mc.status(ONE), mc.status(TWO)) == ("unsubscribed", "unsubscribed")
    assert "whatsapp" not in str(error) + repr(error.steps)
    assert unconfirmed(adapter, Action.UNSUBSCRIBE).code == "unknown_state"


@pytest.mark.parametrize(
    "how", [{"status": 500}, {"status": 503}, {"status": 409}, {"kind": "close"}, {"kind": "reset"}], ids=repr
)
def test_a_call_for_sms_that_failed_is_repeated_for_hours_and_then_held(
    mc: Account, adapter: Mailchimp, how: dict[str, Any]
) -> None:
    mc.odd.sms_channel = "obeyed"
    mc.add(ADDRESS, ONE, status="unsubscribed", sms="subscribed")
    mc.add(ADDRESS, TWO, status="unsubscribed")
    mc.fault(Fault(method="PATCH", **how))

    error = refused(adapter, Action.UNSUBSCRIBE)

    assert isinstance(error, Transient) and error.hold_as == "sms_reachable" and not error.cools_lane
    assert adapter.apply(Action.UNSUBSCRIBE, person(), ASKED).outcome is Outcome.DONE


def test_a_call_for_sms_counts_by_what_is_read_back(mc: Account, adapter: Mailchimp) -> None:
    mc.odd.sms_channel = "obeyed"
    mc.add(ADDRESS, ONE, status="unsubscribed", sms="subscribed")
    mc.fault(Fault(status=504, body="", method="PATCH", after_effect=True))

    assert adapter.apply(Action.UNSUBSCRIBE, person(), ASKED).outcome is Outcome.DONE


def test_a_right_that_the_undocumented_call_lacks_pauses_no_lane(mc: Account, adapter: Mailchimp) -> None:
    mc.add(ADDRESS, ONE, status="unsubscribed", sms="subscribed")
    mc.refuses("/members/", "Forbidden", 403, "PATCH")

    assert refused(adapter, Action.UNSUBSCRIBE).code == "sms_reachable"


@pytest.mark.parametrize(("status", "kind"), [(401, Misconfigured), (429, Transient)])
def test_what_strikes_every_call_is_not_taken_for_a_refusal_of_sms(
    mc: Account, adapter: Mailchimp, status: int, kind: type[Exception]
) -> None:
    mc.add(ADDRESS, ONE, status="unsubscribed", sms="subscribed")
    mc.fault(Fault(status=status, body="", method="PATCH"))

    error = refused(adapter, Action.UNSUBSCRIBE)

    assert isinstance(error, kind) and error.code in ("unauthorized", "rate_limited")


def test_the_day_of_the_last_sms_change_after_the_request_is_told_to_who_decides(
    mc: Account, adapter: Mailchimp
) -> None:
    for audience, when in ((ONE, LATER), (TWO, "2020-01-01T00:00:00+00:00")):
        mc.add(ADDRESS, audience, status="unsubscribed", sms="subscribed")
        for member in mc._lists[audience].values():
            member["sms_subscription_last_updated"] = when

    error = refused(adapter, Action.UNSUBSCRIBE)

    assert error.code == "sms_reachable"
    assert f"{datetime.fromisoformat(LATER):%Y-%m-%d}, after the request" in error.detail
    assert "2020" not in error.detail


def test_an_erasure_takes_the_number_with_it_and_says_what_cannot_be_seen(mc: Account, adapter: Mailchimp) -> None:
    mc.add(ADDRESS, ONE, status="unsubscribed", sms="subscribed")

    receipt = adapter.apply(Action.DELETE, person(), ASKED)

    assert mc.member(ADDRESS, ONE) is None and "PATCH" not in " ".join(mc.calls())
    assert "SMS" in receipt.notes[0]
    assert adapter.confirm(Action.DELETE, person(), receipt).outcome is Outcome.DONE


@pytest.mark.parametrize("action", Action)
def test_what_remains_names_the_other_channel(action: Action) -> None:
    assert "mobile number" in " ".join(item.text for item in Mailchimp.remains[action])


@pytest.mark.parametrize("sms", ["subscribed", "nonsubscribed"])
def test_a_sign_up_by_sms_after_the_request_keeps_the_contact_from_being_erased(
    mc: Account, adapter: Mailchimp, sms: str
) -> None:
    mc.add(ADDRESS, ONE, status="unsubscribed", sms=sms, timestamp_signup=LATER)
    reached = sms == "subscribed"

    assert adapter.opted_in(person()) == (datetime.fromisoformat(LATER) if reached else None)
    if reached:
        assert refused(adapter).code == "newer_consent"
        assert mc.member(ADDRESS, ONE) is not None
    else:
        assert adapter.apply(Action.DELETE, person(), ASKED).outcome is Outcome.DONE


@pytest.mark.parametrize("action", Action)
def test_the_number_itself_is_never_asked_for(mc: Account, adapter: Mailchimp, action: Action) -> None:
    mc.odd.sms_channel = "obeyed"
    mc.add(ADDRESS, ONE, sms="subscribed")

    adapter.confirm(action, person(), adapter.apply(action, person(), ASKED))
    list(adapter.changed(None))

    reads = [request for request in mc.requests if "/members" in request.path and request.method == "GET"]
    assert reads and all("phone" not in request.query.get("fields", "phone") for request in reads)
