"""Finding 4: one UPDATE, INSERT or DELETE behind the program's back is named by `audit verify`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from adapters.sandbox import Fault, MailchimpSandbox
from syncer.app import App
from syncer.database.connections import writing
from syncer.service.drain import drain, prepare
from tests.conftest import AUDIENCES, Clock
from tests.support import eventful
from tests.support.looks import look_at
from tests.support.servers import ENGINES
from tests.support.walk import OTHER, PERSON, put, written

FAR = "2999-01-01 00:00:00.000000"


def done(app: App, clock: Clock) -> None:
    """One erasure that is through, one objection that is through, one that is under way, and one that is held."""
    put(app, "erasure", PERSON, "done")
    put(app, "objection", OTHER, "objected")
    drain(app)
    put(app, "erasure", "wrong@x.test", "withdrawn")
    prepare(app)
    (mistake,) = [event for event in app.reader.events() if event.event_key == "withdrawn"]
    app.withdrawals.withdraw(mistake.id, "the wrong person was typed")
    put(app, "erasure", "not an address", "held")
    put(app, "erasure", "open@x.test", "open")
    prepare(app)
    look_at(app, "newsletter")
    app.notary.make()


def by_key(key: str) -> str:
    return f"event_id = (SELECT id FROM syncer_event WHERE event_key = '{key}')"


EVENT = "UPDATE syncer_event SET {} WHERE event_key = '{}'"
DELIVERY = "UPDATE syncer_delivery SET {} WHERE destination = 'crm' AND {}"

#: statement(s) -> what the answer names
ATTACKS: dict[str, tuple[list[str], str]] = {
    "erasure made an unsubscription": ([DELIVERY.format("action = 'unsubscribe'", by_key("open"))], "its action is"),
    "objection made an erasure": ([DELIVERY.format("action = 'delete'", by_key("objected"))], "its action is"),
    "called confirmed": (
        [DELIVERY.format("state = 'confirmed', next_attempt_at = NULL, claim_rank = NULL", by_key("open"))],
        "is confirmed in its table, but not in the log",
    ),
    "put aside as held": (
        [DELIVERY.format("state = 'held', next_attempt_at = NULL, claim_rank = NULL", by_key("open"))],
        "is held in its table",
    ),
    "called exempt": ([DELIVERY.format("state = 'exempt'", by_key("held"))], "is exempt in its table"),
    "ground changed": ([DELIVERY.format("code = 'legal_claims'", by_key("withdrawn"))], "its code is legal_claims"),
    "outcome changed": ([DELIVERY.format("outcome = 'done'", by_key("done"))], "its outcome is done"),
    "attempts changed": ([DELIVERY.format("attempts = 30", by_key("open"))], "its attempts is 30"),
    "delivery put off for good": ([DELIVERY.format(f"next_attempt_at = '{FAR}'", by_key("open"))], "next_attempt_at"),
    "delivery never taken up": ([DELIVERY.format("next_attempt_at = NULL", by_key("open"))], "ever take it up"),
    "delivery out of every rank": ([DELIVERY.format("claim_rank = NULL", by_key("open"))], "ever take it up"),
    "delivery not urgent": ([DELIVERY.format("due_on = '2999-01-01'", by_key("open"))], "its due_on is 2999-01-01"),
    "delivery deleted": ([f"DELETE FROM syncer_delivery WHERE destination = 'crm' AND {by_key('open')}"], "deleted it"),
    "delivery moved": ([DELIVERY.format("destination = 'elsewhere'", by_key("open"))], "never named that destination"),
    "delivery added": (
        [
            "INSERT INTO syncer_delivery (event_id, destination, adapter, state, attempts, due_on) "
            "SELECT id, 'more', 'mailchimp', 'pending', 0, '2026-12-01' FROM syncer_event WHERE event_key = 'open'"
        ],
        "never named that destination",
    ),
    "event and deliveries deleted": (
        [f"DELETE FROM syncer_delivery WHERE {by_key('open')}", "DELETE FROM syncer_event WHERE event_key = 'open'"],
        "is not in its table: somebody deleted it",
    ),
    "fulfilled event deleted": (
        [f"DELETE FROM syncer_delivery WHERE {by_key('done')}", "DELETE FROM syncer_event WHERE event_key = 'done'"],
        "is not in its table: somebody deleted it",
    ),
    "event added": (
        [
            "INSERT INTO syncer_event (id, event_key, received_at, due_on, state, created_at, rechecks_done) "
            "VALUES ('x', 'x', '2026-11-01 00:00:00', '2026-12-01', 'open', '2026-11-01 00:00:00', 0)"
        ],
        "event x is in its table, but the log never received it",
    ),
    "never due": ([EVENT.format("due_on = '2999-01-01'", "open")], "its due_on is 2999-01-01"),
    "received later": ([EVENT.format(f"received_at = '{FAR}'", "open")], "its received_at is 2999-01-01T00:00:00"),
    "another right": ([EVENT.format("\"right\" = 'objection'", "done")], "its right is objection"),
    "another person": ([EVENT.format("subject = 'p1:somebody'", "done")], "its subject is p1:somebody"),
    "nobody's": ([EVENT.format("subject = NULL", "done")], "its subject is empty"),
    "a person for what nobody could read": ([EVENT.format("subject = 'p1:x'", "held")], "its subject is p1:x"),
    "called fulfilled": ([EVENT.format("state = 'fulfilled'", "open")], "its state is fulfilled"),
    "called open": ([EVENT.format("state = 'open'", "held")], "its state is open"),
    "fulfilled earlier": ([EVENT.format("fulfilled_at = '2026-01-01 00:00:00'", "done")], "its fulfilled_at is"),
    "known by another key": ([EVENT.format("event_key = 'another'", "open")], "its event_key is another"),
    "from another source": ([EVENT.format("source = 'form'", "open")], "its source is form"),
    "another request's": ([EVENT.format("source_ref = '1:17'", "done")], "its source_ref is 1:17"),
    "looked at in the future": ([f"UPDATE syncer_watch SET looked_at = '{FAR}'"], "its looked_at is 2999"),
    "listed in the future": ([f"UPDATE syncer_watch SET listed_at = '{FAR}'"], "its listed_at is 2999"),
    "lane cools for good": ([f"UPDATE syncer_lane SET cool_until = '{FAR}'"], "its cool_until is 2999"),
    "lane is never probed": ([f"UPDATE syncer_lane SET probe_at = '{FAR}'"], "its probe_at is 2999"),
}


def changed(app: App, statements: list[str]) -> None:
    quote = "`" if app.engine.dialect.name == "mysql" else '"'
    with writing(app.engine) as connection:
        for statement in statements:
            connection.exec_driver_sql(statement.replace('"', quote))


def why(app: App) -> str:
    finding = app.verify()
    assert (finding.ok, finding.declared_lost, finding.first_bad) == (False, False, None)
    return str(finding.reason)


@pytest.fixture
def mixed(app: App, clock: Clock, mailchimp: MailchimpSandbox) -> App:
    for address in (PERSON, OTHER):
        mailchimp.add(address, AUDIENCES[0])
    done(app, clock)
    assert app.verify().ok
    return app


@pytest.mark.slow
@pytest.mark.parametrize("attack", ATTACKS)
def test_finding_04_one_change_of_a_table_is_named(mixed: App, attack: str) -> None:
    statements, named = ATTACKS[attack]
    changed(mixed, statements)

    assert named in why(mixed)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_finding_04_each_engine_names_every_change(mixed: App) -> None:
    for attack, (statements, named) in ATTACKS.items():
        with mixed.engine.connect() as connection:
            before = {table: connection.execute(sa.select(table)).all() for table in touched(mixed)}
        changed(mixed, statements)

        assert named in why(mixed), attack

        with writing(mixed.engine) as connection:
            for table in reversed(touched(mixed)):
                connection.execute(table.delete())
            for table, rows in before.items():
                connection.execute(table.insert(), [written(table, row) for row in rows])
    assert mixed.verify().ok


def touched(app: App) -> list[sa.Table]:
    return [app.tables.event, app.tables.delivery, app.tables.lane, app.tables.watch]


@pytest.mark.parametrize("value", ["'infinity'", "'-infinity'"])
@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_finding_04_a_time_without_a_value_is_named_and_not_raised(mixed: App, value: str) -> None:
    changed(mixed, [EVENT.format(f"received_at = {value}", "open")])

    assert "cannot be read" in why(mixed)


@pytest.mark.slow
@pytest.mark.parametrize("value", ["'soon'", "12", "x'ff'", "''", "'2999'"])
def test_finding_04_whatever_sqlite_keeps_in_a_column_is_named_and_not_raised(mixed: App, value: str) -> None:
    for statement in (
        EVENT.format(f"received_at = {value}", "open"),
        EVENT.format(f"state = {value}", "open"),
        DELIVERY.format(f"next_attempt_at = {value}", by_key("open")),
        DELIVERY.format(f"state = {value}", by_key("open")),
        f"UPDATE syncer_watch SET looked_at = {value}",
    ):
        with mixed.engine.connect() as connection:
            connection.exec_driver_sql(statement)
            connection.commit()

        assert why(mixed)


@pytest.mark.slow
@pytest.mark.parametrize("column", ["received_at", "fulfilled_at"])
def test_finding_04_a_time_that_sqlite_would_compare_otherwise_is_named(mixed: App, column: str) -> None:
    changed(mixed, [EVENT.format(f"{column} = replace({column}, ' ', 'T') || 'Z'", "done")])

    assert f"its {column} is" in why(mixed)


# -- what the product really does is no attack ---------------------------------------------------------------


@pytest.mark.slow
def test_finding_04_everything_that_happens_in_ten_weeks_agrees(tmp_path_factory: pytest.TempPathFactory) -> None:
    with eventful.installation(tmp_path_factory.mktemp("agrees")) as (app, _, _):
        finding = app.verify()

        assert (finding.ok, finding.reason) == (True, None)


def step_again(app: App, clock: Clock, mailchimp: MailchimpSandbox) -> Iterator[str]:
    """Yield after each thing that the product may do with requests."""
    mailchimp.add(PERSON, AUDIENCES[0])
    fault = Fault(status=500, body="<html>", content_type="text/html", times=3)
    mailchimp.fault(fault)
    put(app, "erasure", PERSON, "k1")
    drain(app)
    yield "tried again after an error"
    clock.advance(hours=7)
    drain(app)
    yield "carried out"
    clock.advance(days=1, hours=1)
    prepare(app)
    yield "a recheck was begun"
    mailchimp.add(PERSON, AUDIENCES[0])
    drain(app)
    yield "found again in a recheck"
    mailchimp.add(PERSON, AUDIENCES[0])
    look_at(app, "newsletter")
    yield "found again by a look"
    drain(app)
    put(app, "erasure", "damaged address", "k2")
    drain(app)
    yield "held as it came"
    (held,) = [event for event in app.reader.events() if event.event_key == "k2"]
    from syncer.decisions.resync_plan import Selection
    from syncer.domain.rights import Ground

    plan = app.resync.plan(Selection(addresses=((held.id, OTHER),)))
    app.resync.apply(plan, "she wrote again")
    yield "its address came again"
    drain(app)
    yield "carried out with the new address"
    app.resync.apply(app.resync.plan(Selection(confirmed_since=clock.now - timedelta(days=30))), "look again")
    yield "sent back to be read"
    drain(app)
    put(app, "erasure", "gone@x.test", "k3")
    app.intake.take_all()
    app.store.hold_removed(["crm"])
    yield "its destination was removed"
    (removed,) = [event for event in app.reader.events() if event.event_key == "k3"]
    app.interventions.exempt(removed.id, "newsletter", Ground.OTHER, "the account was closed")
    yield "exempt"
    put(app, "erasure", "wrong@x.test", "k6")
    app.intake.take_all()
    (mistake,) = [event for event in app.reader.events() if event.event_key == "k6"]
    app.withdrawals.withdraw(mistake.id, "the wrong person was typed")
    yield "withdrawn"
    drain(app)
    app.interventions.pause("crm", "a review")
    put(app, "objection", "tired@x.test", "k4")
    drain(app)
    yield "paused half-way"
    app.interventions.resume("crm", "over")
    mailchimp.api_key = "revoked"
    put(app, "erasure", "late@x.test", "k5")
    drain(app)
    yield "paused by the program, its attempt given back"


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_finding_04_after_each_step_of_the_product_tables_and_log_agree(
    make_app: Callable[..., App], clock: Clock, mailchimp: MailchimpSandbox, engine: str
) -> None:
    app = make_app()
    for number, what in enumerate(step_again(app, clock, mailchimp)):
        finding: Any = app.verify()
        assert finding.ok, f"{number}: {what}: {finding.reason}"


def test_finding_04_events_that_were_purged_are_passed_over(app: App, clock: Clock) -> None:
    clock.advance(days=-90 * 31)  # the server's clock must see them old too
    put(app, "erasure", PERSON, "old")
    drain(app)
    clock.advance(days=40 * 31)
    for _ in range(3):
        prepare(app)
        drain(app)
    clock.advance(days=40 * 31)
    assert app.purge.carry_out().bodies

    assert app.verify().ok


def test_a_request_that_was_late_already_when_it_came_is_no_contradiction(app: App, clock: Clock) -> None:
    put(app, "erasure", PERSON, "late", received_at=clock() - timedelta(days=400))
    prepare(app)

    assert app.verify().ok, app.verify().reason
    changed(app, [f"UPDATE syncer_delivery SET due_on = '2999-01-01' WHERE {by_key('late')}"])
    assert "its due_on is 2999-01-01" in why(app)


def test_a_clock_that_ran_ahead_and_was_set_right_is_no_contradiction(app: App, clock: Clock) -> None:
    put(app, "erasure", PERSON, "k1")
    clock.advance(days=2)
    drain(app)
    look_at(app, "newsletter")
    clock.advance(days=-2)
    put(app, "erasure", OTHER, "k2")
    drain(app)

    assert app.verify().ok, app.verify().reason
