"""What a verification since the last state, a report and a dossier see of rows and entries that somebody changed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from syncer.app import App
from syncer.service.drain import drain
from tests.conftest import Clock
from tests.support.attacks.halfway import change_row, some_work, state
from tests.support.attacks.tampering import undone
from tests.support.documents.reports import whole
from tests.support.servers import ENGINES
from tests.support.walk import put, rows, written

everywhere = pytest.mark.parametrize("engine", ENGINES, indirect=True)

AFTER: dict[str, tuple[str, dict[str, Any], str]] = {
    "a new event": ("event", {"state": "open"}, "its state is open"),
    "a new delivery": ("delivery", {"attempts": 30}, "its attempts is 30"),
}


@everywhere
def test_a_changed_row_of_an_event_that_an_entry_since_then_names_is_found(app: App) -> None:
    some_work(app)
    for table, values, named in AFTER.values():
        before = {each: rows(app, each) for each in (app.tables.event, app.tables.delivery)}
        change_row(app, table, "new", **values)

        finding = app.verify_since()

        assert (finding.scope, finding.tables_differ) == ("since", True)
        assert named in str(finding.reason)
        put_rows_back(app, before)
    assert app.verify_since().ok


def put_rows_back(app: App, before: dict[sa.Table, list[Any]]) -> None:
    with app.engine.begin() as connection:
        for table in reversed(list(before)):
            connection.execute(table.delete())
        for table, kept in before.items():
            connection.execute(table.insert(), [written(table, row) for row in kept])


@pytest.mark.slow
@everywhere
def test_an_old_event_that_is_gone_on_with_is_held_against_all_its_entries(app: App, clock: Clock) -> None:
    some_work(app)
    drain(app)  # the open one, received before the state
    assert app.verify_since().ok

    change_row(app, "event", "open", subject="p1:somebody")

    assert "its subject is p1:somebody" in str(app.verify_since().reason)


@pytest.mark.slow
def test_an_old_entry_of_an_event_that_is_gone_on_with_must_be_the_keys(app: App) -> None:
    some_work(app)
    drain(app)
    (opened,) = [each for each in rows(app, app.tables.event) if each.event_key == "open"]
    first = min(entry.seq for entry in app.ledger.timeline(opened.id))
    assert first <= state(app).seq
    undone(app, f"UPDATE syncer_audit SET body = replace(body, 'erasure', 'objection') WHERE seq = {first}")

    finding = app.verify_since()

    assert (finding.scope, finding.reason) == ("full", f"entry {first} was altered")


@everywhere
def test_an_entry_of_an_event_that_was_never_received_is_named_by_both(app: App) -> None:
    some_work(app)
    with app.transactions.write() as tx:
        tx.audit.add("operator:looked_up", event="nobody's", facts={"events": 1})
    last = app.ledger.head()[0]

    for finding in (app.verify_since(), app.verify(), app.verify(pause=lambda _: None)):
        assert (finding.ok, finding.first_bad) == (False, last)
        assert finding.reason == f"entry {last} concerns an event that was never received"


def test_an_old_row_that_nothing_named_since_is_found_by_the_whole_one_alone(app: App) -> None:
    some_work(app)
    change_row(app, "event", "old", state="open")

    assert app.verify_since().ok
    assert "its state is open" in str(app.verify().reason)


def test_an_old_request_that_is_shown_is_held_against_the_log(app: App) -> None:
    some_work(app)
    old = next(each.id for each in rows(app, app.tables.event) if each.event_key == "old")
    assert app.verify_since([old]).ok
    assert app.verification.objection([old]) is None

    change_row(app, "event", "old", state="open")

    for said in (app.verify_since([old]).reason, app.verification.objection([old])):
        assert "its state is open" in str(said)
    assert not whole(app).integrity.verified


def id_of(app: App, key: str) -> str:
    (found,) = [each.id for each in rows(app, app.tables.event) if each.event_key == key]
    return str(found)


def take_out(app: App, event: str) -> None:
    """Delete the rows of a request."""
    with app.engine.begin() as connection:
        connection.execute(app.tables.delivery.delete().where(app.tables.delivery.c.event_id == event))
        connection.execute(app.tables.event.delete().where(app.tables.event.c.id == event))


@pytest.mark.slow
@everywhere
@pytest.mark.parametrize("span", [(None, None), (-3, None), (None, 3), (-3, 3)])
def test_a_request_that_somebody_takes_out_of_the_tables_is_missed_by_the_report_of_its_time(
    app: App, clock: Clock, span: tuple[int | None, int | None]
) -> None:
    some_work(app)
    take_out(app, id_of(app, "old"))
    since, until = (None if days is None else clock() + timedelta(days=days) for days in span)

    with app.propagation.report(since, until) as report:
        integrity = report.log.integrity

    assert "was received and is not in its table" in str(integrity.reason)
    assert app.verify_since().ok  # which looks at no request that nothing named since


def test_a_request_that_somebody_takes_out_of_tables_and_log_is_missed_by_the_report_of_its_time(app: App) -> None:
    some_work(app)
    old = id_of(app, "old")
    first = min(entry.seq for entry in app.ledger.timeline(old))
    for table, column in (("delivery", "event_id"), ("event", "id"), ("audit", "event_id")):
        undone(app, f"DELETE FROM syncer_{table} WHERE {column} = '{old}'")

    assert whole(app).integrity.reason == f"entry {first} is missing"


def test_an_entry_that_no_more_says_what_it_is_hides_no_request_from_the_report_of_its_time(app: App) -> None:
    some_work(app)
    old = id_of(app, "old")
    first = min(entry.seq for entry in app.ledger.timeline(old))
    take_out(app, old)
    undone(app, f"UPDATE syncer_audit SET what = 'event:held' WHERE seq = {first}")

    assert str(whole(app).integrity.reason).startswith(f"entry {first} ")


@pytest.mark.slow
def test_a_time_that_somebody_changed_does_not_move_the_span(app: App, clock: Clock) -> None:
    some_work(app)
    old = id_of(app, "old")
    last = max(entry.seq for entry in app.ledger.timeline(old))
    take_out(app, old)
    undone(app, f"UPDATE syncer_audit SET at = '2001-01-01T00:00:00.000000Z' WHERE seq <= {last}")

    with app.propagation.report(clock() - timedelta(days=3), None) as report:
        assert not report.log.integrity.verified


@pytest.mark.slow
def test_what_lies_outside_a_span_is_not_read_for_it(app: App, clock: Clock) -> None:
    some_work(app)
    clock.advance(days=40)
    put(app, "erasure", "later@x.test", "later")
    drain(app)
    app.notary.make()
    assert app.verify().ok
    undone(app, "UPDATE syncer_audit SET body = 'x' WHERE seq = 2")

    with app.propagation.report(clock() - timedelta(days=3), None) as report:
        assert report.log.integrity.verified
    assert not whole(app).integrity.verified


def test_a_dossier_says_that_a_row_it_shows_was_changed(app: App) -> None:
    some_work(app)
    old = next(each.id for each in rows(app, app.tables.event) if each.event_key == "old")
    facts = app.dossiers.facts(app.dossiers.history(app.dossiers.of_event(old)))
    assert (facts.log.verified, facts.log.reason) == (True, None)

    change_row(app, "delivery", "old", attempts=7)

    facts = app.dossiers.facts(app.dossiers.history(app.dossiers.of_event(old)))
    assert not facts.log.verified
    assert "its attempts is 7" in str(facts.log.reason)
