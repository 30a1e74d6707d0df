"""What was deleted is seen in the archive and purged there, or not confirmed."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import responses

from adapters.activecampaign.adapter import ActiveCampaign
from adapters.contract import Action, Outcome, Subject
from adapters.errors import Misconfigured, Permanent, Transient
from adapters.sandbox import ActiveCampaignSandbox, Fault
from tests.adapters.activecampaign.scene import ADDRESS, ASKED, BASE, OTHER, SUBJECT, refused, unproven, with_unseen


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
    assert [name for name, check in checks.items() if not check.ok] == ["admin"]  # the cause, not what follows from it
    assert "Admin group" in checks["admin"].remedy and "archive" not in checks


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


@pytest.mark.parametrize("absent", ["route", "html", "object", "empty"])
def test_an_account_without_an_archive_concerns_that_step_alone(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign, absent: str
) -> None:
    sandbox.add(ADDRESS, lists={"1": 1})
    sandbox.add(OTHER, lists={"1": 1})
    sandbox.add_customer(ADDRESS)
    sandbox.archive_absent = absent

    error = refused(adapter)

    assert isinstance(error, Permanent) and error.code == "archived_not_purged"
    assert "this account offers no contact archive" in error.detail and error.unseen == 1
    assert sandbox.contact(ADDRESS) is None and sandbox.customers() == []
    assert unproven(adapter).code == "archived_not_purged"
    objector = Subject("ref", (OTHER,))
    assert adapter.apply(Action.UNSUBSCRIBE, objector, ASKED).outcome is Outcome.DONE
    checks = {check.name: check for check in adapter.check()}
    assert checks["admin"].ok and not checks["archive"].ok
    assert "Admin" not in checks["archive"].detail + checks["archive"].remedy
    assert "every erasure will be held" in checks["archive"].remedy


def test_the_right_given_later_lets_the_erasure_end(sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign) -> None:
    sandbox.add(ADDRESS, lists={"1": 1})
    sandbox.admin = False
    error = refused(adapter)
    assert "the key's user is not in the Admin group" in error.detail and error.unseen == 1
    sandbox.admin = True

    applied = adapter.apply(Action.DELETE, with_unseen(1), ASKED)

    assert applied.unseen == 0 and sandbox.archived() == []
    assert adapter.confirm(Action.DELETE, with_unseen(1), applied).outcome is Outcome.DONE


def test_what_a_key_outside_the_admin_group_means_is_said_beforehand(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign
) -> None:
    sandbox.admin = False

    checks = {check.name: check for check in adapter.check()}

    assert "the key's user is not in the Admin group" in checks["admin"].detail
    assert "Admin group" in checks["admin"].remedy and "every erasure will be held" in checks["admin"].remedy


def test_a_search_answered_like_one_object_is_no_empty_archive(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign
) -> None:
    sandbox.archive_absent = "no_result"

    for error in (refused(adapter), unproven(adapter)):
        assert isinstance(error, Transient) and error.code == "unreadable"
        assert "an object with the keys message" in error.detail


def test_an_unknown_envelope_is_told_by_its_keys(sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign) -> None:
    sandbox.add(ADDRESS, lists={"1": 1})
    sandbox.add_customer(ADDRESS)
    sandbox.archive_envelope = "archivedContacts"

    error = refused(adapter)

    assert isinstance(error, Transient) and error.code == "unreadable" and error.unseen == 1
    assert "the keys archivedContacts, meta" in error.detail
    assert sandbox.contacts() == [] and sandbox.customers() == []


@pytest.mark.parametrize(
    "fault",
    [Fault(kind="login_page"), Fault(kind="redirect"), Fault(status=400, body=""), Fault(status=405, body="")],
    ids=["login page", "redirect", "400", "405"],
)
def test_an_odd_answer_of_the_archive_does_not_pause_the_lane(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign, fault: Fault
) -> None:
    sandbox.add(ADDRESS, lists={"1": 1})
    fault.path, fault.times = "/contactArchives", None
    sandbox.fault(fault)

    assert not isinstance(refused(adapter), Misconfigured)
    assert not isinstance(unproven(adapter), Misconfigured)
    assert sandbox.contacts() == []


@pytest.mark.parametrize("body", ["", "<html>", "{}"])
def test_an_archived_contact_that_cannot_be_purged_does_not_keep_the_others(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign, body: str
) -> None:
    for _ in range(3):
        sandbox.archive(ADDRESS)
    sandbox.fault(Fault(status=404, body=body, method="DELETE", path="/contactArchives/"))

    error = refused(adapter)

    assert isinstance(error, Permanent) and error.code == "archived_not_purged" and "archived contact" in error.detail
    assert len(sandbox.archived()) == 1
    assert adapter.apply(Action.DELETE, SUBJECT, ASKED).outcome is Outcome.DONE


def test_an_archived_contact_that_is_gone_meanwhile_is_purged(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign
) -> None:
    sandbox.archive(ADDRESS)
    gone = json.dumps({"message": "No Result found for ContactArchive with id 1"})
    sandbox.fault(
        Fault(status=404, body=gone, content_type="application/json", method="DELETE", path="/contactArchives/")
    )

    assert adapter.apply(Action.DELETE, SUBJECT, ASKED).outcome is Outcome.DONE
    assert unproven(adapter).code == "not_yet"  # the search, not the purge, says that it is gone


def test_a_restore_that_runs_is_waited_for(sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign) -> None:
    sandbox.fault(Fault(status=409, body="", path="/contactArchives"))

    assert refused(adapter).code == "conflict"


def test_a_wrong_host_is_not_called_an_account_without_an_archive(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign
) -> None:
    sandbox.fault(Fault(status=404, body="<html>", content_type="text/html", times=None))

    checks = {check.name: check for check in adapter.check()}

    assert list(checks) == ["key"]
    assert checks["key"].detail.startswith("wrong_address")
