"""Audiences are apart: what one of them refuses, hides or loses concerns that one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from adapters.contract import Action, Outcome
from adapters.errors import Misconfigured, Permanent, Transient
from adapters.mailchimp.adapter import Mailchimp
from adapters.sandbox import Fault
from adapters.sandbox.faults import LOGIN_PAGE
from tests.adapters.mailchimp.account import (
    ADDRESS,
    ASKED,
    AUDIENCES,
    LATER,
    NEW,
    OBJECTIONS,
    ONE,
    OTHER,
    THREE,
    TWO,
    Account,
    person,
    refused,
    unconfirmed,
)

#: answers to one audience's calls, and the code of the failure that names it
REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "400": ({"status": 400}, "rejected"),
    "410 to a change": ({"status": 410}, "unknown_state"),
    "422": ({"status": 422}, "rejected"),
    "500": ({"status": 500}, "unavailable"),
    "502": ({"status": 502, "body": "<html></html>", "content_type": "text/html"}, "unavailable"),
    "404 of a proxy": ({"status": 404, "body": "<html></html>", "content_type": "text/html"}, "unreadable"),
    "200 without a body": ({"kind": "empty_200"}, "unreadable"),
    "200 of another shape": ({"status": 200, "body": "[]", "content_type": "application/json"}, "unreadable"),
    "cut": ({"kind": "cut"}, "cut_off"),
    "hung up": ({"kind": "close"}, "cut_off"),
}
METHODS = {Action.DELETE: "POST", Action.UNSUBSCRIBE: "PATCH", Action.SUPPRESS: "PATCH"}


@pytest.mark.slow
@pytest.mark.parametrize("name", REFUSALS)
@pytest.mark.parametrize("action", Action)
def test_an_audience_that_refuses_the_change_does_not_stop_the_others(
    mc: Account, adapter: Mailchimp, action: Action, name: str
) -> None:
    for audience in AUDIENCES:
        mc.add(ADDRESS, audience)
    how, code = REFUSALS[name]
    mc.fault(Fault(path=f"/lists/{ONE}/members/", method=METHODS[action], times=None, **how))

    error = refused(adapter, action)

    assert error.code == code and f"Audience {ONE}" in error.detail and TWO not in error.detail
    done = None if action is Action.DELETE else "unsubscribed"
    assert [mc.status(audience) for audience in AUDIENCES] == ["subscribed", done, done]
    assert len([step for step in error.steps if step.call.startswith(METHODS[action])]) == 3


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in REFUSALS if "change" not in name])
@pytest.mark.parametrize("action", Action)
def test_an_audience_that_cannot_be_read_does_not_stop_the_others(
    mc: Account, adapter: Mailchimp, action: Action, name: str
) -> None:
    mc.add(ADDRESS, TWO)
    how, code = REFUSALS[name]
    mc.fault(Fault(path=f"/lists/{ONE}/members/", times=None, **how))

    error = refused(adapter, action)

    assert error.code == code and f"Audience {ONE}" in error.detail and TWO not in error.detail
    assert mc.status(TWO) == (None if action is Action.DELETE else "unsubscribed")
    assert mc.status(THREE) == ("unsubscribed" if action is Action.SUPPRESS else None)
    assert mc.status(ONE) is None and {one.method for one in mc.requests if ONE in one.path} == {"GET"}
    assert unconfirmed(adapter, action).code == code


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize(("status", "kind"), [(401, Misconfigured), (429, Transient), (503, Transient)])
def test_a_bad_key_and_a_busy_provider_stop_at_once(
    mc: Account, adapter: Mailchimp, status: int, kind: type[Exception], method: str
) -> None:
    for audience in AUDIENCES:
        mc.add(ADDRESS, audience)
    mc.fault(Fault(status=status, path=f"/lists/{ONE}/members/", method=method, times=None))

    error = refused(adapter)

    assert isinstance(error, kind) and error.steps[-1].status == status
    assert [mc.status(audience) for audience in AUDIENCES] == ["subscribed"] * 3


def test_what_waits_comes_before_what_a_person_must_do_and_both_are_named(mc: Account, adapter: Mailchimp) -> None:
    for audience in AUDIENCES:
        mc.add(ADDRESS, audience)
    mc.refuses(f"/lists/{ONE}/members/", "Invalid Resource", 400, "POST")
    mc.fault(Fault(status=500, headers={"Retry-After": "90"}, path=f"/lists/{TWO}/members/", method="POST", times=None))

    error = refused(adapter)

    assert isinstance(error, Transient) and (error.code, error.hold_as) == ("unavailable", "rejected")
    assert error.retry_after == 90 and not error.cools_lane
    assert f"Audience {ONE}" in error.detail and f"Audience {TWO}" in error.detail
    assert mc.status(THREE) is None
    mc.clear_faults()
    assert adapter.apply(Action.DELETE, person(), ASKED).outcome is Outcome.DONE


def test_newer_consent_in_one_audience_changes_nothing_though_another_cannot_be_read(
    mc: Account, adapter: Mailchimp
) -> None:
    mc.add(ADDRESS, TWO)
    mc.add(ADDRESS, THREE, timestamp_opt=LATER)
    mc.fault(Fault(status=500, path=f"/lists/{ONE}/members/", times=None))

    assert refused(adapter).code == "newer_consent"
    assert mc.status(TWO) == "subscribed"


def test_newer_consent_counts_with_a_status_that_is_unknown(mc: Account, adapter: Mailchimp) -> None:
    mc.add(ADDRESS, TWO)
    mc.add(ADDRESS, THREE, status="paused", timestamp_opt=LATER)

    assert refused(adapter).code == "newer_consent"
    assert mc.status(TWO) == "subscribed"


@pytest.mark.parametrize("action", Action)
def test_somebody_else_in_one_audience_stops_every_change(mc: Account, adapter: Mailchimp, action: Action) -> None:
    mc.add(ADDRESS, ONE)
    body = json.dumps({"email_address": OTHER, "list_id": TWO, "status": "subscribed"})
    mc.fault(Fault(status=200, body=body, content_type="application/json", path=f"/lists/{TWO}/members/", times=None))

    assert refused(adapter, action).code == "filter_ignored"
    assert mc.status(ONE) == "subscribed"


@pytest.mark.parametrize(("asked", "answered"), [("ada@strasse.test", "ada@straße.test"), ("é@m.test", "e@m.test")])
def test_a_collation_of_the_provider_touches_no_neighbour(
    mc: Account, adapter: Mailchimp, asked: str, answered: str
) -> None:
    body = json.dumps({"email_address": answered, "list_id": ONE, "status": "subscribed"})
    mc.fault(Fault(status=200, body=body, content_type="application/json", path=f"/lists/{ONE}/members/", times=None))

    assert refused(adapter, subject=person(asked)).code == "filter_ignored"
    assert {one.method for one in mc.requests} == {"GET"}


# -- rights ----------------------------------------------------------------------------------------------------


def test_an_audience_that_the_key_may_not_see_is_named_and_pauses_no_lane(mc: Account, adapter: Mailchimp) -> None:
    mc.add(ADDRESS, TWO)
    mc.refuses(f"/lists/{ONE}/members/", "Forbidden", 403)

    error = refused(adapter)

    assert isinstance(error, Permanent) and error.code == "forbidden" and f"Audience {ONE}" in error.detail
    assert mc.status(TWO) is None


@pytest.mark.parametrize("title", ["Forbidden", "User Disabled"])
def test_a_key_that_lost_its_rights_pauses_the_lane_though_its_audiences_were_just_proven(
    mc: Account, adapter: Mailchimp, title: str
) -> None:
    adapter.apply(Action.UNSUBSCRIBE, person(OTHER), ASKED)
    mc.refuses("/lists", title, 403)

    error = refused(adapter)

    assert isinstance(error, Misconfigured) and error.code == "unauthorized"


# -- required merge fields -------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["subscribed", None])
def test_an_audience_with_a_required_field_takes_every_change(
    mc: Account, adapter: Mailchimp, status: str | None
) -> None:
    mc.required_merge_fields[ONE] = ("BIRTHDAY",)
    mc.odd.sms_channel = "obeyed"
    if status:
        mc.add(ADDRESS, ONE, status=status, sms="subscribed")

    receipt = adapter.apply(Action.SUPPRESS, person(), ASKED)

    assert [mc.status(audience) for audience in AUDIENCES] == ["unsubscribed"] * 3
    assert adapter.confirm(Action.SUPPRESS, person(), receipt).outcome is Outcome.DONE
    writes = [one for one in mc.requests if one.method in ("PATCH", "PUT")]
    assert len(writes) == (4 if status else 3)
    assert all(one.query.get("skip_merge_validation") == "true" for one in writes)


def test_an_audience_that_takes_no_entry_all_the_same_is_named_and_the_others_have_one(
    mc: Account, adapter: Mailchimp
) -> None:
    mc.refuses(f"/lists/{ONE}/members/", "Invalid Resource", 400, "PUT")

    error = refused(adapter, Action.SUPPRESS)

    assert isinstance(error, Permanent) and error.code == "rejected" and f"Audience {ONE}" in error.detail
    assert [mc.status(audience) for audience in AUDIENCES] == [None, "unsubscribed", "unsubscribed"]


# -- audiences that come and go while their proof lasts --------------------------------------------------------


@pytest.mark.parametrize("action", Action)
def test_an_audience_deleted_while_its_proof_lasts_proves_nobody_absent(
    mc: Account, configure: Callable[..., Mailchimp], action: Action
) -> None:
    adapter = configure(audiences=[ONE])
    adapter.apply(action, person(OTHER), ASKED)
    mc.remove_audience(ONE)

    assert refused(adapter, action).code == "wrong_address"
    assert unconfirmed(adapter, action).code == "wrong_address"


@pytest.mark.parametrize("action", Action)
def test_an_audience_deleted_among_others_is_left_out(mc: Account, adapter: Mailchimp, action: Action) -> None:
    mc.add(ADDRESS, ONE)
    adapter.apply(Action.UNSUBSCRIBE, person(OTHER), ASKED)
    mc.remove_audience(TWO)

    receipt = adapter.apply(action, person(), ASKED)

    assert receipt.outcome is Outcome.DONE and TWO not in repr(receipt.handles)
    assert adapter.confirm(action, person(), receipt).outcome is Outcome.DONE
    assert adapter.confirm(action, person())


def test_an_audience_deleted_since_lacks_no_entry(mc: Account, adapter: Mailchimp) -> None:
    adapter.apply(Action.SUPPRESS, person(), ASKED)
    mc.remove_audience(TWO)

    assert adapter.confirm(Action.SUPPRESS, person()).outcome is Outcome.DONE


def test_an_audience_deleted_before_its_entry_is_made_is_left_out(mc: Account, adapter: Mailchimp) -> None:
    class Owner(Fault):
        def fits(self, method: str, path: str, query: Any) -> bool:
            if method == "PUT" and TWO in path:
                with mc.lock:
                    mc._lists.pop(TWO, None)
            return False

    mc.fault(Owner())

    receipt = adapter.apply(Action.SUPPRESS, person(), ASKED)

    assert [mc.status(audience) for audience in (ONE, THREE)] == ["unsubscribed"] * 2
    assert adapter.confirm(Action.SUPPRESS, person(), receipt).outcome is Outcome.DONE


def test_a_listed_audience_that_answers_404_to_a_new_entry_is_named(mc: Account, adapter: Mailchimp) -> None:
    mc.refuses(f"/lists/{ONE}/members/", "Resource Not Found", 404, "PUT")

    error = refused(adapter, Action.SUPPRESS)

    assert isinstance(error, Transient) and error.code == "unreadable" and f"Audience {ONE}" in error.detail
    assert mc.status(TWO) == "unsubscribed"


@pytest.mark.parametrize("action", Action)
def test_an_audience_made_while_the_proof_lasts_is_seen(mc: Account, adapter: Mailchimp, action: Action) -> None:
    receipt = adapter.apply(action, person(), ASKED)
    mc.add_audience(NEW)
    mc.add(ADDRESS, NEW)

    assert unconfirmed(adapter, action).code == "not_yet"
    assert adapter.apply(action, person(), ASKED).outcome is Outcome.DONE
    assert mc.status(NEW) == (None if action is Action.DELETE else "unsubscribed")
    assert adapter.confirm(action, person())
    assert receipt.steps


def test_who_is_nowhere_is_absent_for_one_call_more(mc: Account, adapter: Mailchimp) -> None:
    adapter.apply(Action.UNSUBSCRIBE, person(OTHER), ASKED)
    mc.clear_requests()

    assert adapter.apply(Action.UNSUBSCRIBE, person(), ASKED).outcome is Outcome.ABSENT
    assert mc.calls() == [*(f"GET /lists/{audience}/members/*" for audience in AUDIENCES), "GET /lists"]


# -- answers that prove nothing --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("title", "content_type"),
    [
        ("Resource Not Found.", "application/problem+json"),
        ("Not Found", "application/problem+json"),
        ("Resource Not Found", "application/json"),
        ("Resource Not Found", "text/plain"),
    ],
)
@pytest.mark.parametrize("action", [Action.DELETE, Action.UNSUBSCRIBE])
def test_a_404_in_other_words_than_mailchimps_proves_nobody_absent(
    mc: Account, adapter: Mailchimp, action: Action, title: str, content_type: str
) -> None:
    body = json.dumps({"title": title, "status": 404, "detail": "-", "instance": "-", "jane@mailbox.test": 1})
    mc.fault(Fault(status=404, body=body, content_type=content_type, path="/members/", times=None))

    for error in (refused(adapter, action), unconfirmed(adapter, action)):
        assert isinstance(error, Transient) and error.code == "unreadable"
        assert "an object with the keys title, status, detail, instance, ?" in error.detail


def test_many_audiences_that_fail_are_told_shortly(configure: Callable[..., Mailchimp]) -> None:
    with Account(audiences=[f"{number:010x}" for number in range(40)]) as many:
        adapter = Mailchimp.configured({"base_url": many.url}, many.api_key)
        many.fault(Fault(status=500, path="/members/", times=None))

        error = refused(adapter)

        assert len(error.detail) < 300 and "and 37 more" in error.detail
        adapter.close()


def test_a_login_page_on_the_way_still_pauses_the_lane(mc: Account, adapter: Mailchimp) -> None:
    mc.add(ADDRESS, ONE)
    mc.fault(Fault(status=200, body=LOGIN_PAGE, content_type="text/html", path="/members/", times=None))

    assert isinstance(refused(adapter), Misconfigured)


# -- what is archived ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", OBJECTIONS)
def test_an_archived_contact_is_not_said_to_be_unsubscribed(mc: Account, adapter: Mailchimp, action: Action) -> None:
    mc.add(ADDRESS, ONE, status="archived")
    mc.fault(Fault(status=405, method="PATCH", times=None))

    notes = " ".join(adapter.apply(action, person(), ASKED).notes)

    assert "Whether it was unsubscribed before, Mailchimp does not show" in notes
    assert "archived" in " ".join(item.text for item in Mailchimp.remains[Action.UNSUBSCRIBE])


# -- audiences that cannot be shown -------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault(status=500, body=""), "unavailable"),
        (Fault(kind="empty_200"), "unreadable"),
        (Fault(status=404, body="<html></html>", content_type="text/html"), "unreadable"),
        (Fault(status=200, body='{"id": "b2c3d4e5f6"}', content_type="application/json"), "unreadable"),
    ],
    ids=["500", "nothing", "a proxy's 404", "another audience"],
)
def test_an_audience_of_the_settings_that_cannot_be_shown_does_not_stop_the_others(
    mc: Account, configure: Callable[..., Mailchimp], action: Action, fault: Fault, code: str
) -> None:
    adapter = configure(audiences=[ONE, TWO])
    mc.add(ADDRESS, TWO)
    mc.fault(replace(fault, path=f"/lists/{ONE}$", times=None))

    error = refused(adapter, action)

    assert error.code == code and f"Audience {ONE}" in error.detail and TWO not in error.detail
    assert mc.status(TWO) == (None if action is Action.DELETE else "unsubscribed")
    assert unconfirmed(adapter, action).code == code
    mc.clear_faults()
    assert adapter.apply(action, person(), ASKED) is not None


def test_an_audience_of_the_settings_that_the_key_may_not_see_does_not_stop_the_others(
    mc: Account, configure: Callable[..., Mailchimp]
) -> None:
    adapter = configure(audiences=[ONE, TWO])
    mc.add(ADDRESS, TWO)
    mc.refuses(f"/lists/{ONE}$", "Forbidden", 403)

    error = refused(adapter)

    assert isinstance(error, Permanent) and error.code == "forbidden" and ONE in error.detail
    assert mc.status(TWO) is None
    with pytest.raises(Permanent, match=ONE):
        list(adapter.changed(None))


def test_an_audience_with_an_id_of_an_unknown_form_does_not_stop_the_others(mc: Account, adapter: Mailchimp) -> None:
    mc.add_audience("eu-1/2")
    mc.add(ADDRESS, TWO)

    error = refused(adapter)

    assert isinstance(error, Permanent) and error.code == "unknown_state"
    assert mc.status(TWO) is None


@pytest.mark.parametrize("fault", [Fault(kind="login_page"), Fault(kind="redirect")])
@pytest.mark.parametrize("action", Action)
def test_an_audience_whose_members_are_met_by_a_page_or_a_redirect_does_not_stop_the_others(
    mc: Account, adapter: Mailchimp, action: Action, fault: Fault
) -> None:
    mc.add(ADDRESS, TWO)
    mc.fault(replace(fault, path=f"/lists/{ONE}/members/", method="GET", times=None))

    error = refused(adapter, action)

    assert isinstance(error, Transient) and error.code == "unreadable" and ONE in error.detail
    assert mc.status(TWO) == (None if action is Action.DELETE else "unsubscribed")


@pytest.mark.parametrize("kind", ["login_page", "redirect"])
@pytest.mark.parametrize("action", Action)
def test_a_change_that_is_met_by_a_page_in_one_audience_pauses_after_the_others_were_changed(
    mc: Account, adapter: Mailchimp, action: Action, kind: str
) -> None:
    for audience in AUDIENCES:
        mc.add(ADDRESS, audience)
    mc.fault(Fault(kind=kind, path=f"/lists/{ONE}/members/", method=METHODS[action], times=None))

    error = refused(adapter, action)

    assert isinstance(error, Misconfigured) and ONE in error.detail
    done = None if action is Action.DELETE else "unsubscribed"
    assert [mc.status(audience) for audience in AUDIENCES] == ["subscribed", done, done]


def test_an_account_of_many_audiences_gets_the_time_that_it_needs(
    mc: Account, adapter: Mailchimp, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = [0.0]
    monkeypatch.setattr("adapters.http.evidence.time.monotonic", lambda: seconds[0])
    for number in range(400):
        mc.add_audience(f"ffff{number:06}")
    mc.add(ADDRESS, THREE)
    answer = mc.handle

    def slow(request: Any) -> Any:
        seconds[0] += 1.0
        return answer(request)

    monkeypatch.setattr(mc, "handle", slow)

    assert adapter.apply(Action.DELETE, person(), ASKED).outcome is Outcome.DONE
    assert mc.status(THREE) is None
