"""Finding 4, where a row says that something was done: nothing ends and nothing counts unless the log says it too."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from adapters.sandbox import ActiveCampaignSandbox, Fault, MailchimpSandbox
from syncer.app import App
from syncer.decisions.resync_plan import Selection
from syncer.service.drain import drain, prepare
from tests.conftest import AUDIENCES, Clock
from tests.support.attacks.tampering import undone
from tests.support.purging import old_and_new
from tests.support.walk import PERSON, event, put, rows, states, whats

AT = "2026-01-01 00:00:00.000000"
OVER = "next_attempt_at = NULL, claim_rank = NULL WHERE destination = 'newsletter'"
#: what one UPDATE makes of a delivery that nobody began
THROUGH = {
    "confirmed": f"UPDATE syncer_delivery SET state='confirmed', outcome='done', confirmed_at='{AT}', {OVER}",
    "exempt": f"UPDATE syncer_delivery SET state='exempt', {OVER}",
    "withdrawn": f"UPDATE syncer_delivery SET state='exempt', code='withdrawn', {OVER}",
}
HELD = ("held", "damaged")


@pytest.fixture
def app(make_app: Callable[..., App]) -> App:
    return make_app(recheck_days="[]")


def change(app: App, statement: str) -> None:
    with app.engine.begin() as connection:
        connection.exec_driver_sql(statement)


def put_and_changed(app: App, statement: str) -> None:
    put(app, "erasure", PERSON, "k1")
    prepare(app)
    change(app, statement)


def at(app: App, destination: str) -> tuple[str, str | None]:
    state, _, code = states(app)[destination]
    return state, code


def test_finding_04_a_row_that_says_withdrawn_keeps_no_other_destination_from_being_asked_again(
    app: App, activecampaign: ActiveCampaignSandbox
) -> None:
    put_and_changed(app, THROUGH["withdrawn"])
    activecampaign.fault(Fault(status=500, body="", times=None))

    drain(app)

    assert at(app, "crm")[0] == "retrying"


@pytest.mark.slow
@pytest.mark.parametrize("statement", THROUGH.values(), ids=list(THROUGH))
def test_finding_04_an_event_is_not_fulfilled_by_a_row_that_says_it_is_through(
    app: App, mailchimp: MailchimpSandbox, statement: str
) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    put_and_changed(app, statement)

    drain(app)

    assert "event:fulfilled" not in whats(app) and "identity:shredded" not in whats(app)
    assert at(app, "newsletter") == HELD
    assert (event(app).state, event(app).code) == HELD
    assert event(app).email_sealed is not None
    app.resync.apply(app.resync.plan(Selection(held=True)), "the row was changed")
    drain(app)
    assert mailchimp.member(PERSON, AUDIENCES[0]) is None
    assert (event(app).state, whats(app).count("event:fulfilled")) == ("fulfilled", 1)
    assert app.verify().ok


def test_finding_04_an_event_is_not_fulfilled_while_a_planned_delivery_is_deleted(app: App) -> None:
    put_and_changed(app, "DELETE FROM syncer_delivery WHERE destination = 'newsletter'")

    drain(app)

    assert "event:fulfilled" not in whats(app)
    assert (event(app).state, event(app).code) == HELD


def test_finding_04_an_address_is_not_shredded_because_a_row_calls_its_event_fulfilled(app: App) -> None:
    put_and_changed(app, THROUGH["confirmed"])
    change(app, f"UPDATE syncer_event SET state = 'fulfilled', fulfilled_at = '{AT}', rechecks_done = 9")

    drain(app)

    assert "identity:shredded" not in whats(app) and event(app).email_sealed is not None
    assert at(app, "newsletter") == HELD


def test_finding_04_a_time_of_application_set_by_hand_makes_nobody_done(app: App) -> None:
    put_and_changed(app, f"UPDATE syncer_delivery SET applied_at = '{AT}', confirmed_at = '{AT}', outcome = 'done'")

    drain(app)

    assert {row.outcome for row in rows(app, app.tables.delivery)} == {"absent"}


@pytest.mark.slow
@pytest.mark.parametrize("attempts", [0, 1])
def test_finding_04_a_delivery_that_only_its_row_calls_applied_is_held(app: App, attempts: int) -> None:
    put_and_changed(
        app, f"UPDATE syncer_delivery SET state='applied', attempts={attempts} WHERE destination='newsletter'"
    )

    drain(app)

    assert at(app, "newsletter") == HELD
    told = [row for row in app.ledger.rows() if row["destination"] == "newsletter" and row["event"]]
    assert [row["what"] for row in told] == ["delivery:held"]


def test_finding_04_an_event_whose_texts_were_purged_can_be_fulfilled_anew_and_no_other_that_lost_its_texts(
    app: App, clock: Clock
) -> None:
    old_and_new(app, clock)
    app.purge.carry_out()
    old = next(row for row in rows(app, app.tables.event) if row.event_key == "old")
    new = next(row for row in rows(app, app.tables.event) if row.event_key == "new")
    undone(app, f"UPDATE syncer_audit SET body = NULL WHERE event_id = '{new.id}'")
    through = f"state='confirmed', outcome='done', confirmed_at='{AT}', next_attempt_at = NULL, claim_rank = NULL"
    change(app, f"UPDATE syncer_delivery SET {through} WHERE event_id = '{new.id}'")
    change(app, f"UPDATE syncer_event SET state = 'open' WHERE id IN ('{old.id}', '{new.id}')")

    with app.transactions.write() as tx:
        app.store.settle(tx, [old.id, new.id])

    after = {row.event_key: row.state for row in rows(app, app.tables.event)}
    assert (after["old"], after["new"]) == ("fulfilled", "held")
