"""Finding 4: who writes the database without the key turns nobody's erasure against another person."""

from __future__ import annotations

from contextlib import suppress

import pytest
import sqlalchemy as sa

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from syncer.app import App
from syncer.decisions.resync_plan import Selection
from syncer.errors import UserError
from syncer.service.drain import drain, prepare
from tests.conftest import AUDIENCES, Clock
from tests.support.attacks.tampering import undone
from tests.support.looks import look
from tests.support.walk import OTHER, PERSON, event, put, rows, states, whats

HELD = {"newsletter": ("held", None, "unsealable"), "crm": ("held", None, "unsealable")}


def worked_on(app: App) -> None:
    """Drain; a full verification at its end would find the change too, and say so."""
    with suppress(UserError):
        drain(app)


def change(app: App, key: str, **values: object) -> None:
    e = app.tables.event
    with app.engine.begin() as connection:
        connection.execute(e.update().where(e.c.event_key == key).values(**values))


def given_to_the_objector(app: App) -> None:
    """Write the pseudonym of who objected into the erasure of another."""
    change(app, "erased", subject=app.keyring.ref(OTHER))


def purged_as_if(app: App, key: str) -> None:
    (row,) = [row for row in rows(app, app.tables.event) if row.event_key == key]
    undone(app, f"UPDATE syncer_audit SET body = NULL WHERE event_id = '{row.id}'")


@pytest.fixture
def done(app: App, mailchimp: MailchimpSandbox) -> App:
    """One person erased, another who objected and stays on file; both confirmed."""
    for person in (PERSON, OTHER):
        mailchimp.add(person, AUDIENCES[0])
    put(app, "erasure", PERSON, "erased")
    put(app, "objection", OTHER, "objected")
    drain(app)
    return app


@pytest.mark.parametrize("shredded", [False, True])
def test_finding_04_an_erasure_that_was_given_to_another_person_erases_nobody(
    done: App, mailchimp: MailchimpSandbox, clock: Clock, shredded: bool
) -> None:
    given_to_the_objector(done)
    if shredded:
        change(done, "erased", email_sealed=None)
    before = whats(done)
    clock.advance(hours=1)

    found = look(done)
    worked_on(done)

    assert found["newsletter"].incidents == ()
    assert mailchimp.member(OTHER, AUDIENCES[0])["status"] == "unsubscribed"
    assert not mailchimp.forgotten(OTHER, AUDIENCES[0])
    assert not {"delivery:reappeared", "delivery:held"} & set(whats(done)[len(before) :])


@pytest.mark.slow
def test_finding_04_where_the_log_was_emptied_as_well_a_person_decides(
    done: App, mailchimp: MailchimpSandbox, clock: Clock
) -> None:
    given_to_the_objector(done)
    change(done, "erased", email_sealed=None)
    purged_as_if(done, "erased")
    clock.advance(hours=1)

    look(done)
    worked_on(done)

    assert mailchimp.member(OTHER, AUDIENCES[0])["status"] == "unsubscribed"
    (row,) = [row for row in rows(done, done.tables.event) if row.event_key == "erased"]
    assert (row.state, row.email_sealed) == ("held", None)


@pytest.mark.parametrize("subject", ["p1:of-somebody-else", None, b"\x00\x11"])
def test_finding_04_a_request_whose_person_was_changed_is_held_and_nobody_is_called(
    app: App, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox, subject: object
) -> None:
    put(app, "erasure", PERSON, "k1")
    prepare(app)
    with app.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE syncer_event SET subject = ?", (subject,))

    worked_on(app)

    held = dict.fromkeys(HELD, ("held", None, "damaged")) if isinstance(subject, bytes) else HELD
    assert states(app) == held
    assert mailchimp.request_count + activecampaign.request_count == 0


@pytest.mark.slow
@pytest.mark.parametrize("shredded", [False, True])
def test_finding_04_resync_does_not_start_the_request_of_another_over(
    done: App, mailchimp: MailchimpSandbox, shredded: bool
) -> None:
    given_to_the_objector(done)
    if shredded:
        change(done, "erased", email_sealed=None)
    (erased,) = [row.id for row in rows(done, done.tables.event) if row.event_key == "erased"]

    plan = done.resync.plan(Selection(addresses=((None, OTHER),)))

    assert erased not in {planned.event for planned in plan.deliveries}
    assert any(line.startswith(erased) and "person" in line for line in plan.skipped)


def test_finding_04_a_person_who_is_changed_between_the_plan_and_its_word_is_not_sealed(
    app: App, mailchimp: MailchimpSandbox
) -> None:
    put(app, "erasure", PERSON, "k1")
    drain(app)
    sealed = event(app).email_sealed
    plan = app.resync.plan(Selection(addresses=((None, PERSON),)))
    change(app, "k1", subject=app.keyring.ref(OTHER))

    app.resync.apply(plan, "asked again")

    assert event(app).email_sealed == sealed
    assert "delivery:reopened" not in whats(app)


def test_finding_04_what_syncer_wrote_of_a_changed_row_does_not_say_who_asked(
    app: App, mailchimp: MailchimpSandbox, clock: Clock
) -> None:
    """A request without a usable address gets a person's pseudonym, is held for it, and then made a confirmed one."""
    mailchimp.add(OTHER, AUDIENCES[0])
    put(app, "erasure", "no address at all", "k1")
    prepare(app)
    change(app, "k1", subject=app.keyring.ref(OTHER))
    d = app.tables.delivery
    due = {"state": "pending", "next_attempt_at": clock(), "claim_rank": 1}
    with app.engine.begin() as connection:
        connection.execute(d.update().values(due))
    worked_on(app)
    assert states(app) == HELD
    change(app, "k1", email_sealed=None, state="fulfilled")
    with app.engine.begin() as connection:
        connection.execute(d.update().values(state="confirmed", confirmed_at=clock(), outcome="done", code=None))

    found = look(app)
    worked_on(app)

    assert found["newsletter"].incidents == ()
    assert mailchimp.member(OTHER, AUDIENCES[0])["status"] == "subscribed"


def test_finding_04_an_address_that_a_person_brought_later_is_known_by_the_log(
    app: App, mailchimp: MailchimpSandbox, clock: Clock
) -> None:
    put(app, "erasure", "no address at all", "k1")
    drain(app)
    plan = app.resync.plan(Selection(addresses=((event(app).id, PERSON),)))
    app.resync.apply(plan, "this is who it was")
    drain(app)
    assert states(app)["newsletter"] == ("confirmed", "absent", None)
    for _ in range(2):
        clock.advance(days=7)
        drain(app)
    assert event(app).email_sealed is None
    mailchimp.add(PERSON, AUDIENCES[0], last_changed=clock.now.isoformat())

    assert look(app)["newsletter"].incidents == ((event(app).id, False),)
    drain(app)

    assert states(app)["newsletter"] == ("confirmed", "done", None)


def test_finding_04_an_address_that_is_no_text_stops_nobody_else(app: App, mailchimp: MailchimpSandbox) -> None:
    put(app, "erasure", PERSON, "k1")
    put(app, "erasure", OTHER, "k2")
    prepare(app)
    with app.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE syncer_event SET email_sealed = x'0011' WHERE event_key = 'k1'")

    worked_on(app)

    e, d = app.tables.event.c, app.tables.delivery.c
    with app.engine.connect() as connection:
        query = sa.select(e.event_key, d.state, d.code).join(app.tables.delivery, d.event_id == e.id)
        found = {tuple(row) for row in connection.execute(query)}
    assert found == {("k1", "held", "damaged"), ("k2", "confirmed", None)}
