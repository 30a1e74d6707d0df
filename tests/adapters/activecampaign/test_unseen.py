"""A contact that was deleted counts as erased once it was seen in the archive and purged there."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import responses

from adapters.activecampaign.adapter import ActiveCampaign
from adapters.contract import Action, Outcome
from adapters.errors import Transient
from adapters.sandbox import ActiveCampaignSandbox, Fault
from tests.adapters.activecampaign.scene import (
    ADDRESS,
    ASKED,
    BASE,
    OTHER,
    SUBJECT,
    calls,
    refused,
    unproven,
    with_unseen,
)

DELETE = "/contacts/[0-9]+$"
GONE = json.dumps({"message": "No result found for contact with id 1"})


@pytest.fixture(autouse=True)
def foreign_ids(sandbox: ActiveCampaignSandbox) -> None:
    """Let the archive number its contacts in its own way, and somebody else lie there under the person's id."""
    sandbox.archive_ids = "own"
    sandbox.add(OTHER)
    sandbox.archive(OTHER)
    sandbox._ids = iter(["1", *(str(number) for number in range(2, 999))])  # type: ignore[assignment]


def held_by(error: Exception) -> tuple[Any, ...]:
    """Return what a person must know of an error."""
    assert isinstance(error, Transient)
    return error.code, error.hold_as, error.unseen


def test_what_the_archive_does_not_show_is_never_confirmed(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign
) -> None:
    sandbox.add(ADDRESS)
    sandbox.archive_search = "blind"

    applied = adapter.apply(Action.DELETE, SUBJECT, ASKED)

    assert (applied.outcome, applied.unseen) == (Outcome.DONE, 1)
    assert "did not show" in applied.notes[0]
    assert held_by(unproven(adapter, SUBJECT, applied)) == ("not_yet", "archive_not_seen", 1)
    assert held_by(refused(adapter, subject=with_unseen(1))) == ("not_yet", "archive_not_seen", 1)
    assert held_by(unproven(adapter, with_unseen(1))) == ("not_yet", "archive_not_seen", 1)
    assert [one["email"] for one in sandbox.archived()] == [OTHER, ADDRESS]


def test_it_is_purged_as_soon_as_the_archive_shows_it(sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign) -> None:
    sandbox.add(ADDRESS)
    sandbox.archive_lag = 1
    applied = adapter.apply(Action.DELETE, SUBJECT, ASKED)

    assert applied.unseen == 1
    assert held_by(unproven(adapter, SUBJECT, applied)) == ("not_yet", None, 1)  # shown by now: apply purges it
    again = adapter.apply(Action.DELETE, with_unseen(1), ASKED)

    assert (again.outcome, again.unseen) == (Outcome.DONE, 0)
    assert adapter.confirm(Action.DELETE, with_unseen(1), again).unseen == 0
    assert [one["email"] for one in sandbox.archived()] == [OTHER]


def test_somebody_else_under_the_same_number_in_the_archive_is_not_purged(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign
) -> None:
    assert sandbox.add(ADDRESS) == sandbox.archived()[0]["id"] == "1"
    sandbox.archive_search = "blind"

    adapter.apply(Action.DELETE, SUBJECT, ASKED)

    assert "GET /contactArchives/*" in calls(sandbox) and "DELETE /contactArchives/*" not in calls(sandbox)


def test_a_search_that_finds_nobody_is_helped_by_the_id(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign
) -> None:
    sandbox.archive_ids = "same"
    sandbox._archive.clear()
    sandbox.add(ADDRESS)
    sandbox.archive_search = "blind"

    applied = adapter.apply(Action.DELETE, SUBJECT, ASKED)

    assert applied.unseen == 0 and sandbox.archived() == []
    assert adapter.confirm(Action.DELETE, SUBJECT, applied).outcome is Outcome.DONE


def test_a_deletion_by_hand_last_month_is_purged_and_does_not_count_for_todays(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign
) -> None:
    sandbox.clock = lambda: ASKED - timedelta(days=30)
    sandbox.archive(ADDRESS)
    sandbox.clock = lambda: datetime.now(UTC)
    sandbox.archive_lag = 1
    adapter.confirm(Action.DELETE, SUBJECT)  # from now on the old one is shown, and a new one is not yet
    sandbox.add(ADDRESS)

    applied = adapter.apply(Action.DELETE, SUBJECT, ASKED)

    assert applied.unseen == 1
    assert [one["email"] for one in sandbox.archived()] == [OTHER, ADDRESS]  # the old one is gone


def test_who_was_never_live_needs_no_sighting(sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign) -> None:
    sandbox.archive_search = "blind"

    assert adapter.apply(Action.DELETE, SUBJECT, ASKED).outcome is Outcome.ABSENT
    assert adapter.confirm(Action.DELETE, SUBJECT).outcome is Outcome.ABSENT


@pytest.mark.parametrize(
    ("fault", "unseen"),
    [
        (Fault(kind="reset", after_effect=True), 1),
        (Fault(kind="reset"), 1),
        (Fault(status=500, body=""), 1),
        (Fault(status=503, body=""), 1),
        (Fault(status=504, body="", after_effect=True), 1),
        (Fault(status=408, body=""), 1),
        (Fault(status=202, body="", after_effect=True), 1),
        (Fault(status=200, body="<html>", content_type="text/html", after_effect=True), 1),
        (Fault(status=404, body=GONE, content_type="application/json"), 0),
        (Fault(status=404, body="<html>", content_type="text/html"), 0),
        (Fault(status=423, body=""), 0),
        (Fault(status=429, body=""), 0),
        (Fault(kind="redirect"), 0),
    ],
    ids=lambda value: f"{value.kind}-{value.status}-{value.after_effect}" if isinstance(value, Fault) else str(value),
)
def test_a_delete_whose_answer_is_lost_is_counted_and_one_that_is_refused_is_not(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign, fault: Fault, unseen: int
) -> None:
    sandbox.add(ADDRESS)
    sandbox.archive_search = "blind"
    fault.path, fault.method = DELETE, "DELETE"
    sandbox.fault(fault)

    try:
        seen = adapter.apply(Action.DELETE, SUBJECT, ASKED).unseen
    except Exception as error:
        seen = error.unseen  # type: ignore[attr-defined]

    assert seen == unseen


def test_a_delete_that_did_not_happen_is_not_counted_twice(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign
) -> None:
    sandbox.add(ADDRESS)  # long before the request
    sandbox.fault(Fault(kind="reset", path=DELETE, method="DELETE", times=2))
    assert refused(adapter).unseen == 1
    assert refused(adapter, subject=with_unseen(1)).unseen == 1

    applied = adapter.apply(Action.DELETE, with_unseen(1), ASKED)

    assert applied.unseen == 0
    assert adapter.confirm(Action.DELETE, with_unseen(1), applied).outcome is Outcome.DONE


def test_one_who_came_back_after_the_request_is_counted_beside_the_first(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign
) -> None:
    sandbox.add(ADDRESS, udate=(ASKED + timedelta(hours=1)).isoformat(timespec="seconds"))
    sandbox.archive_search = "blind"

    assert adapter.apply(Action.DELETE, with_unseen(1), ASKED).unseen == 2


def test_a_stale_search_after_the_delete_does_not_make_the_count_forget(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign
) -> None:
    sandbox.add(ADDRESS)
    sandbox.archive_search = "blind"
    adapter.apply(Action.DELETE, SUBJECT, ASKED)
    sandbox.fault(Fault(kind="stale", method="GET", path="/contacts$"))

    applied = adapter.apply(Action.DELETE, with_unseen(1), ASKED)

    assert "DELETE /contacts/*" in calls(sandbox) and applied.unseen == 1


@pytest.mark.parametrize(
    ("deleted_at", "unseen"),
    [
        (None, 0),
        ("0000-00-00 00:00:00", 0),
        (ASKED.isoformat(timespec="seconds"), 0),
        ((ASKED - timedelta(days=30)).isoformat(timespec="seconds"), 1),
        ("last Tuesday", 1),
    ],
    ids=["none", "zeros", "today", "last month", "unknown form"],
)
def test_a_contact_of_another_number_counts_by_its_date(
    configure: Callable[..., ActiveCampaign], deleted_at: str | None, unseen: int
) -> None:
    adapter = configure(ecommerce=False)
    row = {"id": "77", "email": ADDRESS, "deleted_at": deleted_at}
    with responses.RequestsMock() as mock:
        mock.get(f"{BASE}/contacts", json={"contacts": [], "meta": {"total": "0"}})
        mock.get(f"{BASE}/contactArchives", json={"contactArchives": [row], "meta": {"total": "1"}})
        mock.delete(f"{BASE}/contactArchives/77", json={})

        assert adapter.apply(Action.DELETE, with_unseen(1), ASKED).unseen == unseen


@pytest.mark.parametrize("deleted_at", [None, "0000-00-00 00:00:00", ""])
def test_an_old_entry_without_a_date_does_not_count_for_the_contact_just_deleted(
    configure: Callable[..., ActiveCampaign], deleted_at: str | None
) -> None:
    adapter = configure(ecommerce=False)
    live, old = {"id": "5", "email": ADDRESS}, {"id": "77", "email": ADDRESS, "deleted_at": deleted_at}
    gone = {"message": "No Result found for ContactArchive with id 5"}
    with responses.RequestsMock() as mock:
        mock.get(f"{BASE}/contacts", json={"contacts": [live], "contactLists": [], "meta": {"total": "1"}})
        mock.get(f"{BASE}/contacts/5/contactLists", json={"contactLists": []})
        mock.delete(f"{BASE}/contacts/5", json={})
        mock.get(f"{BASE}/contactArchives", json={"contactArchives": [old], "meta": {"total": "1"}})
        mock.delete(f"{BASE}/contactArchives/77", json={})
        mock.get(f"{BASE}/contactArchives/5", json=gone, status=404)

        assert adapter.apply(Action.DELETE, SUBJECT, ASKED).unseen == 1


def test_one_sighting_counts_for_one_contact(configure: Callable[..., ActiveCampaign]) -> None:
    adapter = configure(ecommerce=False)
    with responses.RequestsMock() as mock:
        mock.get(f"{BASE}/contacts", json={"contacts": [], "meta": {"total": "0"}})
        mock.get(f"{BASE}/contactArchives", json={"contactArchives": [{"id": "77", "email": ADDRESS}]})
        mock.delete(f"{BASE}/contactArchives/77", json={})

        assert adapter.apply(Action.DELETE, with_unseen(3), ASKED).unseen == 2


@pytest.mark.parametrize("obeyed", [True, False])
@pytest.mark.parametrize("ids", ["own", "same"])
def test_a_purge_whose_answer_is_lost_was_a_sighting(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign, obeyed: bool, ids: str
) -> None:
    sandbox._archive.clear()
    sandbox.archive_ids = ids
    sandbox.add(ADDRESS)
    sandbox.fault(Fault(kind="reset", method="DELETE", path="/contactArchives/", after_effect=obeyed))

    error = refused(adapter)

    assert error.unseen == 0 and "an archived contact" in error.detail
    again = adapter.apply(Action.DELETE, SUBJECT, ASKED)
    assert again.outcome is (Outcome.ABSENT if obeyed else Outcome.DONE)
    assert adapter.confirm(Action.DELETE, SUBJECT, again).unseen == 0 and sandbox.archived() == []


def test_a_purge_that_is_refused_is_none(sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign) -> None:
    sandbox.add(ADDRESS)
    sandbox.fault(Fault(status=405, body="", method="DELETE", path="/contactArchives/"))

    assert refused(adapter).unseen == 1
    assert adapter.apply(Action.DELETE, with_unseen(1), ASKED).unseen == 0


def test_an_objection_leaves_the_count_as_it_is(sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign) -> None:
    sandbox.add(ADDRESS, lists={"1": 1})

    receipt = adapter.apply(Action.UNSUBSCRIBE, with_unseen(2), ASKED)

    assert receipt.unseen == adapter.confirm(Action.UNSUBSCRIBE, with_unseen(2), receipt).unseen == 2
