"""What was deleted at a destination is confirmed only once it was seen where deleted contacts are kept, and purged."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa

from adapters.sandbox import ActiveCampaignSandbox, Fault
from syncer.app import App
from syncer.database.connections import reading
from syncer.domain.patience import DAY, HOURS
from syncer.service.drain import drain
from tests.conftest import Clock
from tests.support.processes import inside as run
from tests.support.servers import ENGINES
from tests.support.walk import OTHER, PERSON, event, put, states


def crm(app: App) -> tuple[str, str | None]:
    state, _, code = states(app)["crm"]
    return state, code


def waits(app: App, clock: Clock, hours: timedelta, step: timedelta = timedelta(hours=1)) -> None:
    """Let time pass, with work whenever something is due."""
    for _ in range(int(hours / step)):
        clock.now += step
        drain(app)


@pytest.fixture(autouse=True)
def _own_ids(activecampaign: ActiveCampaignSandbox) -> None:
    # or the contact would be read there by the id that was deleted; somebody before it, so that the numbers differ
    activecampaign.archive_ids = "own"
    activecampaign.add(OTHER)


def unseen(app: App) -> int | None:
    d = app.tables.delivery.c
    with reading(app.engine) as connection:
        return connection.execute(sa.select(d.unseen).where(d.destination == "crm")).scalar()


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_an_archive_that_never_shows_it_is_held_after_hours_and_never_confirmed(
    app: App, clock: Clock, activecampaign: ActiveCampaignSandbox
) -> None:
    activecampaign.archive_search = "blind"
    activecampaign.add(PERSON)
    put(app, "erasure", PERSON, "k1")
    drain(app)
    assert crm(app) == ("retrying", "not_yet") and unseen(app) == 1

    waits(app, clock, HOURS * 3)

    assert crm(app) == ("held", "archive_not_seen")
    assert event(app).state == "held"
    assert "archive" in run(app.settings.path, "show", event(app).id).stdout
    assert [one["email"] for one in activecampaign.archived()] == [PERSON]
    assert app.ledger.verify().ok


@pytest.mark.slow
def test_an_archive_that_lags_behind_is_purged_when_it_shows_the_contact(
    app: App, clock: Clock, activecampaign: ActiveCampaignSandbox
) -> None:
    activecampaign.archive_lag = 12
    activecampaign.add(PERSON)
    put(app, "erasure", PERSON, "k1")
    drain(app)
    assert crm(app)[0] == "retrying"

    waits(app, clock, HOURS)

    assert crm(app) == ("confirmed", None) and unseen(app) in (0, None)
    assert activecampaign.archived() == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["reset", "close"])
def test_a_delete_whose_answer_was_lost_counts_as_done_until_the_archive_shows_it(
    app: App, clock: Clock, activecampaign: ActiveCampaignSandbox, kind: str
) -> None:
    activecampaign.archive_search = "blind"
    activecampaign.add(PERSON)
    activecampaign.fault(Fault(kind=kind, after_effect=True, method="DELETE", path="/contacts/", times=1))
    put(app, "erasure", PERSON, "k1")
    drain(app)
    waits(app, clock, HOURS / 2)

    assert activecampaign.contact(PERSON) is None
    assert crm(app) == ("retrying", "not_yet"), "gone from the contacts, and nowhere seen"


@pytest.mark.slow
def test_a_resync_looks_again_and_still_confirms_nothing_unseen(
    app: App, clock: Clock, activecampaign: ActiveCampaignSandbox
) -> None:
    activecampaign.archive_search = "blind"
    activecampaign.add(PERSON)
    put(app, "erasure", PERSON, "k1")
    drain(app)
    waits(app, clock, HOURS * 3)
    assert crm(app)[0] == "held"

    run(app.settings.path, "resync", "--held", "--reason", "looked by hand", "--yes")
    drain(app)
    assert crm(app) == ("retrying", "not_yet")
    activecampaign.archive_search = "exact"
    waits(app, clock, HOURS)

    assert crm(app) == ("confirmed", None)
    assert activecampaign.archived() == []


def test_somebody_who_was_never_there_needs_no_sighting(
    app: App, clock: Clock, activecampaign: ActiveCampaignSandbox
) -> None:
    activecampaign.archive_search = "blind"
    activecampaign.fault(Fault(status=503, body="", times=1))
    put(app, "erasure", PERSON, "k1")
    drain(app)
    waits(app, clock, timedelta(hours=2))

    assert states(app)["crm"] == ("confirmed", "absent", None)


@pytest.mark.slow
def test_an_archive_with_another_envelope_is_held_after_a_day_with_the_names_of_its_keys(
    app: App, clock: Clock, activecampaign: ActiveCampaignSandbox
) -> None:
    activecampaign.archive_envelope = "archivedContacts"
    put(app, "erasure", PERSON, "k1")
    drain(app)
    assert crm(app) == ("retrying", "unreadable")

    waits(app, clock, DAY * 2, timedelta(hours=3))

    assert crm(app) == ("held", "unreadable")
    assert "archivedContacts" in " ".join(run(app.settings.path, "show", event(app).id).stdout.split())


@pytest.mark.slow
@pytest.mark.parametrize("way", ["route", "html", "object", "empty"])
def test_an_account_without_an_archive_holds_erasures_and_carries_objections_out(
    make_app: Callable[..., App], activecampaign: ActiveCampaignSandbox, way: str
) -> None:
    app = make_app()
    activecampaign.archive_absent = way
    activecampaign.add(PERSON)
    put(app, "erasure", "nobody@absent.test", "k1")
    put(app, "objection", PERSON, "k2")

    drain(app)

    row = app.leases.get("crm")
    assert row is not None and not row.paused
    held = app.reader.events()
    by_right = {str(one.right): one.deliveries[1] for one in held}
    assert (by_right["erasure"].state, by_right["erasure"].code) == ("held", "archived_not_purged")
    assert by_right["objection"].state == "confirmed"
