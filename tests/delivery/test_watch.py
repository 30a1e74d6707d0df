"""People who come back, found by pseudonym long after their address was shredded; and the drift report."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from adapters.sandbox import ActiveCampaignSandbox, Fault, MailchimpSandbox
from syncer.app import App
from syncer.database.connections import reading
from syncer.service.drain import drain
from tests.conftest import AUDIENCES, Clock
from tests.support.looks import look
from tests.support.processes import inside as run
from tests.support.processes import inside_json as as_json
from tests.support.processes import started, until
from tests.support.servers import ENGINES
from tests.support.walk import OTHER, PERSON, event, put, states

LATER = timedelta(days=40)


@pytest.fixture
def app(make_app: Callable[..., App]) -> App:
    return make_app(recheck_days="[]")  # so that nothing but the pseudonym is left


def comes_back(
    clock: Clock, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox, *, opted_in: str, address: str
) -> None:
    """Bring the person back with this opt-in time, as the shop's import does."""
    mailchimp.add(address, AUDIENCES[1], timestamp_opt=opted_in, last_changed=clock.now.isoformat())
    activecampaign.add(address, sdate=opted_in, udate=clock.now.isoformat())


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_an_erased_person_who_is_imported_again_is_found_by_pseudonym_and_erased_again(
    app: App, clock: Clock, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox
) -> None:
    put(app, "erasure", PERSON, "k1")
    drain(app)
    assert event(app).email_sealed is None
    clock.now += LATER
    comes_back(clock, mailchimp, activecampaign, opted_in="2020-01-01T00:00:00+00:00", address=PERSON.upper())
    mailchimp.add(OTHER, AUDIENCES[1], last_changed=clock.now.isoformat())

    looks = look(app)

    assert {name: len(seen.incidents) for name, seen in looks.items()} == {"newsletter": 1, "crm": 1}
    assert all(seen.complete for seen in looks.values())
    assert {state for state, _, _ in states(app).values()} == {"retrying"}
    assert event(app).state == "open"
    drain(app)
    assert {state for state, _, _ in states(app).values()} == {"confirmed"}
    assert mailchimp.member(PERSON, AUDIENCES[1]) is None
    assert activecampaign.contact(PERSON) is None
    assert mailchimp.member(OTHER, AUDIENCES[1]) is not None
    assert event(app).email_sealed is None  # shredded again
    assert [item.incidents for item in look(app).values()] == [(), ()]
    assert app.ledger.verify().ok


@pytest.mark.slow
def test_somebody_who_opted_in_anew_is_held_for_a_person(
    app: App, clock: Clock, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox
) -> None:
    put(app, "erasure", PERSON, "k1")
    drain(app)
    clock.now += LATER
    comes_back(clock, mailchimp, activecampaign, opted_in=clock.now.isoformat(timespec="seconds"), address=PERSON)

    look(app)

    assert {(state, code) for state, _, code in states(app).values()} == {("held", "newer_consent")}
    assert event(app).state == "held"
    drain(app)
    assert mailchimp.member(PERSON, AUDIENCES[1]) is not None
    facts = [item.facts or {} for item in app.ledger.timeline(event(app).id) if item.what == "delivery:reappeared"]
    assert {fact["found_by"] for fact in facts} == {"watch"}
    assert all(fact["opted_in_at"] > fact["received_at"] for fact in facts)


def test_an_objector_who_is_still_unsubscribed_is_no_incident_but_a_resubscribed_one_is(
    app: App, clock: Clock, mailchimp: MailchimpSandbox
) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    put(app, "objection", PERSON, "k1")
    drain(app)
    clock.now += LATER
    mailchimp.add(PERSON, AUDIENCES[0], status="unsubscribed", last_changed=clock.now.isoformat())

    assert look(app)["newsletter"].incidents == ()

    mailchimp.add(PERSON, AUDIENCES[0], status="subscribed", last_changed=clock.now.isoformat())
    assert len(look(app)["newsletter"].incidents) == 1


def test_an_incomplete_listing_is_refused_and_read_again_from_the_same_moment(
    app: App, clock: Clock, mailchimp: MailchimpSandbox
) -> None:
    put(app, "erasure", PERSON, "k1")
    drain(app)
    look(app)
    clock.now += LATER
    mailchimp.add(PERSON, AUDIENCES[2], last_changed=clock.now.isoformat())
    body = '{"members": [], "total_items": 1}'
    mailchimp.fault(Fault(status=200, body=body, content_type="application/json", path="/members$", times=None))

    refused = look(app)["newsletter"]

    assert (refused.complete, refused.code, refused.incidents) == (False, "incomplete", ())
    mailchimp.clear_faults()
    clock.now += timedelta(days=1)
    again = look(app)["newsletter"]
    assert again.since == refused.since
    assert len(again.incidents) == 1


def test_a_look_is_due_once_a_day(app: App, clock: Clock) -> None:
    put(app, "erasure", PERSON, "k1")
    drain(app)
    day = timedelta(hours=24)
    assert app.watch.due("newsletter", day)
    look(app)

    assert not app.watch.due("newsletter", day)
    clock.now += day
    assert app.watch.due("newsletter", day)


def test_no_address_is_kept_of_anybody_seen(app: App, clock: Clock, mailchimp: MailchimpSandbox) -> None:
    put(app, "erasure", PERSON, "k1")
    drain(app)
    clock.now += LATER
    mailchimp.add(OTHER, AUDIENCES[0], last_changed=clock.now.isoformat())
    look(app)

    with reading(app.engine) as connection:
        dump = [str(row) for table in app.tables.own for row in connection.execute(sa.select(table))]
    assert not any("hopper" in line for line in dump)


@pytest.mark.slow
def test_the_command_and_the_daemon_find_who_is_back(
    app: App, tmp_path: Path, mailchimp: MailchimpSandbox, clock: Clock
) -> None:
    put(app, "erasure", PERSON, "k1")
    drain(app)
    mailchimp.add(PERSON, AUDIENCES[0], last_changed=clock.now.isoformat())

    done = run(app.settings.path, "watch")
    assert done.returncode == 1, done.stderr
    assert "1 came back" in done.stdout
    log = tmp_path / "log"
    with started(app.settings.path, "run", log=log) as daemon:
        until(lambda: mailchimp.member(PERSON, AUDIENCES[0]) is None, 20)
        rows = as_json(app.settings.path, "watch")
        daemon.terminate()
        daemon.wait(timeout=30)

    assert {item["code"] for item in rows} == {"lane_is_owned"}
    assert "lovelace" not in log.read_text(encoding="utf-8") + done.stdout + done.stderr


# -- drift --------------------------------------------------------------------------------------------------


def test_reconcile_says_what_is_no_longer_as_recorded_and_changes_nothing(
    make_app: Callable[..., App], mailchimp: MailchimpSandbox
) -> None:
    app = make_app(recheck_days="[1, 7]")
    put(app, "erasure", PERSON, "k1")
    put(app, "erasure", OTHER, "k2")
    drain(app)
    mailchimp.add(OTHER, AUDIENCES[0])
    before = states_of_all(app)

    rows = as_json(app.settings.path, "reconcile")
    done = run(app.settings.path, "reconcile")

    odd = [(row["destination"], row["today"], row["code"]) for row in rows if row["today"] != "as_recorded"]
    assert odd == [("newsletter", "drifted", "not_yet")]
    assert len(rows) == 4
    assert done.returncode == 1
    assert "newsletter: 1 of 2 as recorded" in done.stdout
    assert states_of_all(app) == before


def test_reconcile_without_an_answer_proves_nothing(make_app: Callable[..., App], mailchimp: MailchimpSandbox) -> None:
    app = make_app(recheck_days="[1]")
    put(app, "erasure", PERSON, "k1")
    drain(app)
    mailchimp.fault(Fault(status=500, body="", times=None))

    rows = as_json(app.settings.path, "reconcile")

    assert {(row["destination"], row["today"]) for row in rows} == {("newsletter", "unknown"), ("crm", "as_recorded")}


def states_of_all(app: App) -> list[Any]:
    with reading(app.engine) as connection:
        return list(connection.execute(sa.select(app.tables.delivery).order_by(app.tables.delivery.c.id)))
