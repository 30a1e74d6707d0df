"""Finding 4, while the daemon runs: who writes the database without the key changes nobody's erasure or objection."""

from __future__ import annotations

from contextlib import closing, suppress
from datetime import date

import pytest

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from syncer.app import App
from syncer.decisions.resync_plan import Selection
from syncer.errors import SealError, UserError
from syncer.service.drain import drain, prepare
from tests.conftest import AUDIENCES, Clock
from tests.support.attacks.tampering import undone
from tests.support.looks import look
from tests.support.older import sealed_before
from tests.support.walk import OTHER, PERSON, event, put, rows, states, whats

HELD = {"newsletter": ("held", None, "unsealable"), "crm": ("held", None, "unsealable")}
#: what one UPDATE does to a request that waits; the first two are those of the finding
CHANGES = {
    "an erasure becomes an unsubscription": "UPDATE syncer_delivery SET action = 'unsubscribe'",
    "another right": "UPDATE syncer_event SET \"right\" = 'objection'",
    "no right": 'UPDATE syncer_event SET "right" = NULL',
    "received later": "UPDATE syncer_event SET received_at = '2999-01-01 00:00:00.000000'",
    "received earlier": "UPDATE syncer_event SET received_at = '2001-01-01 00:00:00.000000'",
    "no action": "UPDATE syncer_delivery SET action = NULL",
}


#: who knows the guard makes its marks fit as well: only the seal is left to tell
FITTING = (
    "UPDATE syncer_delivery SET untried = CASE WHEN action = 'delete' THEN 1 END WHERE attempts = 0",
    'UPDATE syncer_delivery SET claim_rank = CASE WHEN (SELECT "right" FROM syncer_event WHERE id = event_id)'
    " = 'objection' THEN 0 ELSE 1 END WHERE claim_rank IS NOT NULL",
)


def change(app: App, statement: str) -> None:
    with app.engine.begin() as connection:
        for each in (statement, *FITTING):
            connection.exec_driver_sql(each)


def worked_on(app: App) -> None:
    """Drain; a full verification at its end would find the change too, and say so."""
    with suppress(UserError):
        drain(app)


def calls(mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox) -> int:
    return mailchimp.request_count + activecampaign.request_count


@pytest.mark.slow
@pytest.mark.parametrize("statement", CHANGES.values(), ids=list(CHANGES))
def test_finding_04_a_changed_erasure_is_held_and_nobody_is_called(
    app: App, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox, statement: str
) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    put(app, "erasure", PERSON, "k1")
    prepare(app)
    change(app, statement)

    drain(app)

    assert states(app) == HELD
    assert calls(mailchimp, activecampaign) == 0
    assert "delivery:attempted" not in whats(app)
    assert event(app).state == "held"


def test_finding_04_an_objection_that_was_made_an_erasure_deletes_nobody(
    app: App, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox
) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    put(app, "objection", PERSON, "k1")
    prepare(app)
    change(app, "UPDATE syncer_delivery SET action = 'delete'")
    change(app, "UPDATE syncer_event SET \"right\" = 'erasure'")

    drain(app)

    assert states(app) == HELD
    assert calls(mailchimp, activecampaign) == 0


def test_finding_04_one_changed_destination_does_not_keep_the_other_from_being_done(
    app: App, mailchimp: MailchimpSandbox
) -> None:
    put(app, "erasure", PERSON, "k1")
    prepare(app)
    change(app, "UPDATE syncer_delivery SET action = 'unsubscribe' WHERE destination = 'newsletter'")

    drain(app)

    assert states(app) == {"newsletter": HELD["newsletter"], "crm": ("confirmed", "absent", None)}
    assert mailchimp.request_count == 0


def test_finding_04_a_delivery_made_up_for_another_destination_is_held(
    app: App, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox
) -> None:
    put(app, "objection", PERSON, "k1")
    prepare(app)
    change(app, "DELETE FROM syncer_delivery WHERE destination = 'crm'")
    change(app, "UPDATE syncer_delivery SET destination = 'crm', adapter = 'activecampaign', action = 'delete'")

    drain(app)

    assert states(app) == {"crm": HELD["crm"]}
    assert calls(mailchimp, activecampaign) == 0


def test_finding_04_a_due_day_that_was_moved_changes_nothing_of_what_is_done(
    app: App, mailchimp: MailchimpSandbox
) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    put(app, "erasure", PERSON, "k1")
    prepare(app)
    with app.engine.begin() as connection:
        for table in (app.tables.event, app.tables.delivery):
            connection.execute(table.update().values(due_on=date(2999, 1, 1)))

    drain(app)

    assert states(app)["newsletter"] == ("confirmed", "done", None)


def test_finding_04_the_seal_of_another_request_of_the_same_person_does_not_open(
    app: App, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox
) -> None:
    put(app, "objection", PERSON, "k1")
    put(app, "erasure", PERSON, "k2")
    prepare(app)
    objection, erasure = sorted(rows(app, app.tables.event), key=lambda row: row.event_key)
    e = app.tables.event
    with app.engine.begin() as connection:
        connection.execute(
            e.update().where(e.c.id == objection.id).values(right="erasure", email_sealed=erasure.email_sealed)
        )
        d = app.tables.delivery
        connection.execute(d.update().where(d.c.event_id == objection.id).values(action="delete"))
        connection.execute(d.update().where(d.c.event_id == erasure.id).values(action="unsubscribe"))
        for each in FITTING:
            connection.exec_driver_sql(each)

    drain(app)

    assert {(row.state, row.code) for row in rows(app, app.tables.delivery)} == {("held", "unsealable")}
    assert calls(mailchimp, activecampaign) == 0


# -- what comes later ----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_finding_04_a_recheck_reads_nothing_back_by_a_changed_action(
    app: App, mailchimp: MailchimpSandbox, clock: Clock
) -> None:
    put(app, "erasure", PERSON, "k1")
    drain(app)
    change(app, "UPDATE syncer_delivery SET action = 'unsubscribe'")
    clock.advance(days=2)
    before = mailchimp.request_count

    worked_on(app)

    assert states(app) == HELD
    assert mailchimp.request_count == before


def test_finding_04_reconcile_says_unsealable_of_a_changed_row(app: App, mailchimp: MailchimpSandbox) -> None:
    put(app, "erasure", PERSON, "k1")
    drain(app)
    change(app, "UPDATE syncer_delivery SET action = 'unsubscribe'")
    before = mailchimp.request_count

    with closing(app.adapter("newsletter")) as adapter:
        (compared,) = app.drift.compare("newsletter", adapter)

    assert (compared.today, compared.code) == ("unknown", "unsealable")
    assert mailchimp.request_count == before


@pytest.mark.slow
@pytest.mark.parametrize("shredded", [False, True])
def test_finding_04_somebody_who_is_back_is_held_where_the_action_was_changed(
    app: App, mailchimp: MailchimpSandbox, clock: Clock, shredded: bool
) -> None:
    put(app, "erasure", PERSON, "k1")
    drain(app)
    for _ in range(2 * shredded):
        clock.advance(days=7)
        drain(app)
    assert (event(app).email_sealed is None) == shredded
    change(app, "UPDATE syncer_delivery SET action = 'unsubscribe'")
    mailchimp.add(PERSON, AUDIENCES[0], status="unsubscribed", last_changed=clock.now.isoformat())

    found = look(app)

    assert found["newsletter"].incidents == ((event(app).id, False),)
    assert states(app)["newsletter"] == HELD["newsletter"]


def test_finding_04_resync_starts_nothing_over_until_the_row_says_what_was_received(
    app: App, mailchimp: MailchimpSandbox
) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    put(app, "erasure", PERSON, "k1")
    prepare(app)
    change(app, "UPDATE syncer_delivery SET action = 'unsubscribe'")
    drain(app)
    brought = Selection(addresses=((None, PERSON),))

    plan = app.resync.plan(brought)

    assert plan.deliveries == ()
    assert all("changed in the database" in line for line in plan.skipped)
    change(app, "UPDATE syncer_delivery SET action = 'delete'")
    app.resync.apply(app.resync.plan(brought), "the row is right again")
    drain(app)
    assert states(app)["newsletter"] == ("confirmed", "done", None)


def test_finding_04_an_address_that_comes_again_is_sealed_with_what_the_log_received(
    app: App, clock: Clock, mailchimp: MailchimpSandbox
) -> None:
    put(app, "erasure", PERSON, "k1")
    for _ in range(3):
        drain(app)
        clock.advance(days=7)
    assert event(app).email_sealed is None
    plan = app.resync.plan(Selection(addresses=((None, PERSON),)))
    change(app, "UPDATE syncer_delivery SET action = 'unsubscribe'")  # between the plan and its word
    before = mailchimp.request_count

    app.resync.apply(plan, "asked again")
    worked_on(app)

    assert states(app) == HELD
    assert mailchimp.request_count == before


# -- addresses sealed by an older syncer ---------------------------------------------------------------------


def sealed_as_before(app: App) -> None:
    e = app.tables.event
    old = sealed_before(app.keyring, PERSON, event(app).id)
    with app.engine.begin() as connection:
        connection.execute(e.update().values(email_sealed=old))


def test_an_address_that_an_older_syncer_sealed_still_opens(app: App, mailchimp: MailchimpSandbox) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    put(app, "erasure", PERSON, "k1")
    prepare(app)
    sealed_as_before(app)

    drain(app)

    assert states(app)["newsletter"] == ("confirmed", "done", None)


@pytest.mark.slow
@pytest.mark.parametrize("statement", CHANGES.values(), ids=list(CHANGES))
def test_finding_04_a_changed_row_with_an_older_seal_is_compared_with_the_log(
    app: App, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox, statement: str
) -> None:
    put(app, "erasure", PERSON, "k1")
    prepare(app)
    sealed_as_before(app)
    change(app, statement)

    drain(app)

    assert states(app) == HELD
    assert calls(mailchimp, activecampaign) == 0


def test_finding_04_an_older_seal_is_not_believed_where_the_log_was_changed_along_with_the_row(app: App) -> None:
    put(app, "erasure", PERSON, "k1")
    prepare(app)
    sealed_as_before(app)
    (delivery,) = app.store.claim("newsletter", app.clock(), 10)
    assert app.seals.open(delivery) == PERSON
    change(app, "UPDATE syncer_delivery SET action = 'unsubscribe'")
    undone(app, "UPDATE syncer_audit SET body = replace(body, ':delete', ':unsubscribe')")
    (delivery,) = app.store.claim("newsletter", app.clock(), 10)

    with pytest.raises(SealError, match="the log does not know the request"):
        app.seals.open(delivery)


def test_addresses_that_an_older_syncer_sealed_are_sealed_anew(app: App) -> None:
    put(app, "erasure", PERSON, "k1")
    app.intake.take_all()
    sealed_as_before(app)

    assert app.resealing.run() == ()

    assert app.keyring.open(event(app).email_sealed, event(app).id).actions == {"newsletter": "delete", "crm": "delete"}


def test_an_address_whose_event_the_log_does_not_know_is_named_and_stays_as_it_is(app: App) -> None:
    put(app, "erasure", PERSON, "k1")
    app.intake.take_all()
    sealed_as_before(app)
    (first,) = rows(app, app.tables.event)
    for key in ("k2", "k3"):
        put(app, "erasure", OTHER, key)
    app.intake.take_all()
    undone(app, "UPDATE syncer_audit SET mac = zeroblob(32) WHERE seq = 1")

    assert app.resealing.run() == (first.id,)

    assert {row.id: row.email_sealed for row in rows(app, app.tables.event)}[first.id] == first.email_sealed
