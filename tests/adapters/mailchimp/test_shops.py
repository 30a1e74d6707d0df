"""Shops come and go and fail on their own: members are erased first, and objections never ask for a shop."""

from __future__ import annotations

import json

import pytest

from adapters.contract import Action, Handle, Outcome
from adapters.errors import Misconfigured, Permanent, Transient
from adapters.mailchimp.adapter import Mailchimp
from adapters.sandbox import Fault
from adapters.sandbox.faults import LOGIN_PAGE
from tests.adapters.mailchimp.account import (
    ADDRESS,
    ASKED,
    OBJECTIONS,
    ONE,
    OTHER,
    Account,
    person,
    refused,
    unconfirmed,
)

OLD, SHOP = "oldshop", "shop"


def named(store: str) -> str:
    """Return a shop as errors name it: not by its id, which is a text of the shop's."""
    return f"Store {person().label(store)}"


@pytest.mark.parametrize("action", OBJECTIONS)
def test_an_objection_asks_for_no_shop(mc: Account, adapter: Mailchimp, action: Action) -> None:
    mc.odd.stores_forbidden = True
    mc.add(ADDRESS, ONE)

    receipt = adapter.apply(action, person(), ASKED)
    adapter.confirm(action, person(), receipt)
    adapter.confirm(action, person())
    adapter.ping()

    assert receipt.outcome is Outcome.DONE
    assert mc.calls("ecommerce") == []


@pytest.mark.parametrize(("status", "title"), [(403, "Forbidden"), (404, "Resource Not Found")])
def test_a_key_without_the_right_to_shops_erases_members_first(
    mc: Account, adapter: Mailchimp, status: int, title: str
) -> None:
    mc.add(ADDRESS, ONE)
    mc.refuses("/ecommerce/stores", title, status)

    error = refused(adapter)

    assert isinstance(error, Permanent) and error.code == "forbidden" and "ecommerce = false" in error.detail
    assert mc.member(ADDRESS, ONE) is None
    assert unconfirmed(adapter).code == "forbidden"
    adapter.ping()
    found = {check.name: check for check in adapter.check()}
    assert [name for name, check in found.items() if not check.ok] == ["e-commerce"]
    assert "forbidden" in found["e-commerce"].detail and "ecommerce = false" in found["e-commerce"].remedy


def test_whoever_is_still_a_member_is_told_before_shops_that_may_not_be_seen(mc: Account, adapter: Mailchimp) -> None:
    mc.add(ADDRESS, ONE)
    mc.odd.stores_forbidden = True

    assert unconfirmed(adapter).code == "not_yet"


def test_one_shop_that_may_not_be_seen_is_named_and_the_other_erased(mc: Account, adapter: Mailchimp) -> None:
    for shop in (OLD, SHOP):
        mc.add_customer(ADDRESS, shop)
    mc.refuses(f"/ecommerce/stores/{OLD}/", "Forbidden", 403)

    error = refused(adapter)

    assert error.code == "forbidden" and named(OLD) in error.detail
    assert len(mc.customers()) == 1


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault(status=500, times=None), "unavailable"),
        (Fault(status=400, times=None), "rejected"),
        (Fault(status=200, body=LOGIN_PAGE, content_type="text/html", times=None), "unreadable"),
        (Fault(kind="redirect", times=None), "unreadable"),
        (Fault(status=404, body="", times=None), "unreadable"),
        (Fault(status=200, body="{}", content_type="application/json", times=None), "unreadable"),
    ],
    ids=["500", "400", "login page", "redirect", "404 of a proxy", "no rows"],
)
@pytest.mark.parametrize("path", ["/ecommerce/stores$", f"/ecommerce/stores/{OLD}/customers$"])
def test_shops_that_fail_in_any_way_neither_keep_members_nor_pause_the_lane(
    mc: Account, adapter: Mailchimp, path: str, fault: Fault, code: str
) -> None:
    mc.add(ADDRESS, ONE)
    for shop in (OLD, SHOP):
        mc.add_customer(ADDRESS, shop)
    fault.path = path
    mc.fault(fault)

    error = refused(adapter)

    assert error.code == code and not isinstance(error, Misconfigured)
    assert (named(OLD) if "customers" in path else "E-commerce") in error.detail
    assert mc.member(ADDRESS, ONE) is None
    assert len(mc.customers()) == (1 if "customers" in path else 2)


def test_a_customer_that_cannot_be_deleted_is_named_and_the_others_are(mc: Account, adapter: Mailchimp) -> None:
    for shop in (OLD, SHOP):
        mc.add_customer(ADDRESS, shop)
    mc.fault(Fault(status=500, path=f"/ecommerce/stores/{OLD}/", method="DELETE"))

    error = refused(adapter)

    assert error.code == "unavailable" and named(OLD) in error.detail
    assert len(mc.customers()) == 1
    assert adapter.apply(Action.DELETE, person(), ASKED).handles == (Handle("store", OLD),)


# -- shops that come and go ------------------------------------------------------------------------------------


def test_a_shop_deleted_while_its_proof_lasts_stops_nothing(mc: Account, adapter: Mailchimp) -> None:
    mc.add_customer(OTHER, OLD)
    mc.add_customer(ADDRESS, SHOP)
    mc.add(ADDRESS, ONE)
    adapter.apply(Action.DELETE, person("nobody@mailbox.test"), ASKED)
    mc.remove_store(OLD)
    mc.clear_requests()

    receipt = adapter.apply(Action.DELETE, person(), ASKED)

    assert receipt.outcome is Outcome.DONE and mc.customers() == [] and mc.member(ADDRESS, ONE) is None
    assert len([call for call in mc.calls() if call == "GET /ecommerce/stores"]) == 1
    assert "gone" in {step.state for step in receipt.steps}
    assert adapter.confirm(Action.DELETE, person(), receipt).outcome is Outcome.DONE
    assert adapter.confirm(Action.DELETE, person()).outcome is Outcome.ABSENT


def test_a_shop_that_came_while_the_proof_lasts_is_searched_too(mc: Account, adapter: Mailchimp) -> None:
    mc.add_customer(OTHER, OLD)
    adapter.apply(Action.DELETE, person("nobody@mailbox.test"), ASKED)
    mc.remove_store(OLD)
    mc.add_customer(ADDRESS, SHOP)  # the plugin was connected anew

    assert adapter.apply(Action.DELETE, person(), ASKED).outcome is Outcome.DONE
    assert mc.customers() == []


def test_a_shop_made_since_is_read_back_by_a_confirm_alone(mc: Account, adapter: Mailchimp) -> None:
    adapter.apply(Action.DELETE, person(), ASKED)
    mc.add_customer(ADDRESS, SHOP)

    assert unconfirmed(adapter).code == "not_yet"


def test_a_shop_deleted_before_it_is_read_back_is_confirmed(mc: Account, adapter: Mailchimp) -> None:
    mc.add_customer(ADDRESS, OLD)
    receipt = adapter.apply(Action.DELETE, person(), ASKED)
    mc.remove_store(OLD)

    assert adapter.confirm(Action.DELETE, person(), receipt).outcome is Outcome.DONE


def test_a_listed_shop_whose_customers_stay_404_is_named_after_all_else_was_erased(
    mc: Account, adapter: Mailchimp
) -> None:
    mc.add(ADDRESS, ONE)
    for shop in (OLD, SHOP):
        mc.add_customer(ADDRESS, shop)
    mc.disconnect_store(OLD)

    error = refused(adapter)

    assert isinstance(error, Transient) and error.code == "unreadable" and named(OLD) in error.detail
    assert mc.member(ADDRESS, ONE) is None and len(mc.customers()) == 1
    assert unconfirmed(adapter).code == "unreadable"
    mc.connect_store(OLD)
    assert adapter.apply(Action.DELETE, person(), ASKED).outcome is Outcome.DONE
    assert mc.customers() == []


# -- who a customer is -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["collated", "contains"])
def test_neighbours_that_the_filter_lets_through_stay(mc: Account, adapter: Mailchimp, how: str) -> None:
    neighbour = {"collated": "ada@straße.test", "contains": "nada@strasse.test.other.test"}[how]
    mc.odd.customer_filter = how  # type: ignore[assignment]
    for email in ("Ada@Strasse.test", neighbour):
        mc.add_customer(email, SHOP)

    receipt = adapter.apply(Action.DELETE, person("ada@strasse.test"), ASKED)

    assert mc.customers() == [neighbour]
    assert adapter.confirm(Action.DELETE, person("ada@strasse.test"), receipt).outcome is Outcome.DONE
    assert adapter.confirm(Action.DELETE, person("ada@strasse.test")).outcome is Outcome.ABSENT


def test_a_filter_that_was_not_applied_costs_one_page_and_no_stranger(mc: Account, adapter: Mailchimp) -> None:
    mc.add(ADDRESS, ONE)
    mc.add_customer(ADDRESS, SHOP)
    mc.add_customer(ADDRESS, OLD)
    for number in range(1200):
        mc.add_customer(f"person{number}@many.test", SHOP)
    mc.odd.customer_fits = lambda email, wanted: True  # type: ignore[method-assign]

    error = refused(adapter)

    assert isinstance(error, Permanent) and error.code == "filter_ignored" and named(SHOP) in error.detail
    assert len(mc.calls(f"/{SHOP}/customers")) == 1
    assert len(mc.customers()) == 1201  # only the other shop's, whose every row was the person's
    assert mc.member(ADDRESS, ONE) is None


def test_strangers_behind_the_person_leave_the_shop_as_it_is(mc: Account, adapter: Mailchimp) -> None:
    people = [{"id": "1", "email_address": ADDRESS}, {"id": "2", "email_address": OTHER}]
    mc.add_customer(ADDRESS, SHOP)
    body = json.dumps({"customers": people, "total_items": 2})
    mc.fault(Fault(status=200, body=body, content_type="application/json", path="/customers$", times=None))

    assert refused(adapter).code == "filter_ignored"
    assert {one.method for one in mc.requests} == {"GET"}


@pytest.mark.parametrize("row", [{"id": "1"}, {"id": "1", "email_address": None}, {"id": "1", "email_address": ""}])
def test_a_customer_without_an_address_is_a_stranger(mc: Account, adapter: Mailchimp, row: dict[str, str]) -> None:
    mc.add_customer(ADDRESS, SHOP)
    body = json.dumps({"customers": [row], "total_items": 1})
    mc.fault(Fault(status=200, body=body, content_type="application/json", path="/customers$", times=None))

    assert refused(adapter).code == "filter_ignored"


def test_a_listing_of_customers_that_repeats_itself_ends_with_the_person_deleted(
    mc: Account, adapter: Mailchimp
) -> None:
    mc.add(ADDRESS, ONE)
    mc.add_customer(ADDRESS, SHOP)
    body = json.dumps({"customers": [{"id": "x1", "email_address": ADDRESS}], "total_items": 900})
    mc.fault(Fault(status=200, body=body, content_type="application/json", path="/customers$", times=None))

    error = refused(adapter)

    assert error.code == "unreadable" and named(SHOP) in error.detail
    assert mc.member(ADDRESS, ONE) is None
    assert mc.calls("DELETE") == [f"DELETE /ecommerce/stores/{SHOP}/customers/x1"]
    assert len(mc.calls("GET /ecommerce/stores/shop/customers")) == 2
