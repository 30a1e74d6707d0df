"""A resync from the console, which opens no seal: the log says who asked for what, and the lane asks the seal."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from syncer.app import App
from syncer.decisions.resync import ResyncPlan, Selection
from syncer.service.drain import drain
from tests.conftest import AUDIENCES
from tests.support.attacks.tampering import undone
from tests.support.operate.console_keys import console_of
from tests.support.walk import OTHER, PERSON, event, put, rows, states, whats

WHY = "the archive was opened"
#: what somebody with the database writes into a request that is held
CHANGES = {
    "another person": "UPDATE syncer_event SET subject = 'p1:somebody'",
    "nobody": "UPDATE syncer_event SET subject = NULL",
    "another right": "UPDATE syncer_event SET \"right\" = 'objection'",
    "another action": "UPDATE syncer_delivery SET action = 'unsubscribe'",
    "received later": "UPDATE syncer_event SET received_at = '2999-01-01 00:00:00.000000'",
}


@pytest.fixture
def held(app: App, activecampaign: ActiveCampaignSandbox) -> App:
    """An installation in which one request is held at one destination."""
    activecampaign.admin = False
    activecampaign.add(PERSON)
    put(app, "erasure", PERSON, "k1")
    drain(app)
    activecampaign.admin = True
    assert states(app)["crm"][0] == "held"
    return app


@pytest.fixture
def console(held: App) -> Iterator[App]:
    """The same installation as its console opens it."""
    with console_of(held) as opened:
        yield opened


def planned(console: App) -> ResyncPlan:
    return console.resync.plan(Selection(held=True))


def write(app: App, statement: str) -> None:
    with app.engine.begin() as connection:
        connection.exec_driver_sql(statement)


def test_a_resync_from_the_console_is_the_same_plan_and_the_same_work(held: App, console: App) -> None:
    mine, its = planned(console), held.resync.plan(Selection(held=True))

    assert mine == its
    console.resync.apply(mine, WHY)
    drain(held)
    assert states(held)["crm"][0] == "confirmed"
    assert held.verify().stands


@pytest.mark.parametrize("statement", CHANGES.values(), ids=list(CHANGES))
def test_what_a_row_says_against_the_log_is_skipped(held: App, console: App, statement: str) -> None:
    write(held, statement)

    plan = planned(console)

    assert plan.deliveries == ()
    assert "were changed in the database" in plan.skipped[0]


def test_a_row_that_changes_after_the_plan_puts_no_name_into_the_log(held: App, console: App) -> None:
    plan = planned(console)
    write(held, CHANGES["another person"])

    console.resync.apply(plan, WHY)

    assert "delivery:reopened" not in whats(held)
    assert states(held)["crm"][0] == "held"


def test_another_persons_seal_in_the_row_calls_nobody_the_lane_opens_it_first(
    held: App, console: App, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox
) -> None:
    mailchimp.add(OTHER, AUDIENCES[0])
    activecampaign.add(OTHER)
    put(held, "objection", OTHER, "k2")
    held.intake.take_all()
    (mine,) = [row.id for row in rows(held, held.tables.event) if row.event_key == "k1"]
    write(
        held,
        "UPDATE syncer_event SET email_sealed = (SELECT o.email_sealed FROM syncer_event o WHERE o.event_key = 'k2')"
        " WHERE event_key = 'k1'",
    )

    begun, _ = held.ledger.head()
    console.resync.apply(planned(console), WHY)  # nothing here can tell
    drain(held)

    ours = {row.destination: (row.state, row.code) for row in rows(held, held.tables.delivery) if row.event_id == mine}
    assert ours["crm"] == ("held", "unsealable")
    since = [entry.what for entry in held.ledger.timeline(mine) if entry.seq > begun]
    assert since == ["delivery:reopened", "delivery:held", "event:held"]


def test_what_the_log_has_no_text_of_any_more_is_left_to_the_server(held: App, console: App) -> None:
    undone(held, "UPDATE syncer_audit SET body = NULL WHERE what = 'event:received'")

    plan = planned(console)

    assert plan.deliveries == ()
    assert "the log has no text any more of who asked for what; start it over with `syncer resync" in plan.skipped[0]
    assert held.resync.plan(Selection(held=True)).deliveries  # the seal still knows
    write(held, CHANGES["another person"])
    assert planned(console).deliveries == ()


def test_a_row_of_which_the_log_lost_the_text_after_the_plan_puts_no_name_into_it_either(
    held: App, console: App
) -> None:
    plan = planned(console)
    undone(held, "UPDATE syncer_audit SET body = NULL WHERE what = 'event:received'")
    write(held, CHANGES["another person"])

    console.resync.apply(plan, WHY)

    assert "delivery:reopened" not in whats(held)


def test_an_address_that_nobody_could_use_is_left_to_where_it_can_be_opened(app: App) -> None:
    put(app, "erasure", "ada%40lovelace.test@lovelace.test", "k1")
    drain(app)
    assert event(app).code == "malformed"
    with console_of(app) as console:
        plan = planned(console)

    assert plan.deliveries == ()
    assert all("shows only where it is opened" in line for line in plan.skipped)


def test_what_was_shredded_is_skipped_as_everywhere(held: App, console: App) -> None:
    write(held, "UPDATE syncer_event SET email_sealed = NULL")

    assert "its address was shredded" in planned(console).skipped[0]
