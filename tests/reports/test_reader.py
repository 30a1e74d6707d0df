"""Reading events whose rows somebody else wrote: the others are shown, and the damaged one waits for a person."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from adapters.sandbox import MailchimpSandbox
from syncer.app import App
from syncer.domain.endings import Ending
from syncer.service.drain import drain, prepare
from tests.conftest import AUDIENCES, Clock
from tests.support.processes import inside, inside_json
from tests.support.walk import OTHER, PERSON, put

DELIVERY = [{"state": "lost"}, {"action": "erase"}, {"outcome": "gone"}]
EVENT = [{"state": "lost"}, {"right": "oblivion"}]


def damage(app: App, table: sa.Table, values: dict[str, str]) -> str:
    """Write words into one event's row, or those of its deliveries; return the event's id."""
    put(app, "erasure", PERSON, "k1")
    put(app, "erasure", OTHER, "k2")
    prepare(app)
    event_id = next(event.id for event in app.reader.events() if event.event_key == "k1")
    column = table.c.id if table is app.tables.event else table.c.event_id
    with app.engine.begin() as connection:
        connection.execute(table.update().where(column == event_id).values(values))
    return event_id


@pytest.mark.slow
@pytest.mark.parametrize("table", ["event", "delivery"])
@pytest.mark.parametrize("number", range(3))
def test_finding_06_a_word_that_syncer_never_writes_is_shown_as_damaged_among_the_others(
    app: App, table: str, number: int
) -> None:
    cases = {"event": EVENT, "delivery": DELIVERY}[table]
    event_id = damage(app, getattr(app.tables, table), cases[number % len(cases)])

    shown = {event.event_key: event for event in app.reader.events()}
    held = app.reader.events(state="held")

    assert (shown["k1"].state, shown["k1"].code) == ("held", "damaged")
    assert (shown["k2"].state, shown["k2"].code) == ("open", None)
    assert [event.id for event in held] == [event_id]
    for words in (("events",), ("show", event_id), ("report",)):
        done = inside(app.settings.path, *words, "--json") if words[0] != "report" else inside(
            app.settings.path, *words, "--format", "json"
        )  # fmt: skip
        assert '"damaged"' in done.stdout, done.stderr
    for form in ("text", "csv", "html"):
        assert inside(app.settings.path, "report", "--format", form).returncode == 1
    assert inside(app.settings.path, "find", stdin=PERSON).returncode in (0, 1)


@pytest.mark.parametrize("outcome", ["accepted", "not_applicable"])
def test_an_outcome_that_no_row_holds_is_shown_as_damaged_and_stops_no_report(app: App, outcome: str) -> None:
    event_id = damage(app, app.tables.delivery, {"state": "confirmed", "outcome": outcome})

    (event,) = app.reader.events(event_id=event_id)

    assert {item.code for item in event.deliveries} == {"damaged"}
    assert inside(app.settings.path, "show", event_id).returncode == 1
    for form in ("text", "csv", "html"):
        assert inside(app.settings.path, "report", "--format", form).returncode == 1


@pytest.mark.parametrize("table", ["event", "delivery"])
def test_finding_06_a_state_that_syncer_never_writes_counts_as_held_in_status(app: App, table: str) -> None:
    damage(app, getattr(app.tables, table), {"state": "lost"})

    status = inside_json(app.settings.path, "status")

    held = status["events"]["held"], status["destinations"]["newsletter"]["held"]
    assert held == ((1, 0) if table == "event" else (0, 1))
    assert inside(app.settings.path, "status").returncode == 1


@pytest.mark.slow
@pytest.mark.parametrize("table", ["event", "delivery"])
@pytest.mark.parametrize("number", range(3))
def test_finding_06_a_damaged_row_stops_no_lane_and_is_held_with_an_entry(app: App, table: str, number: int) -> None:
    cases = {"event": EVENT, "delivery": [*DELIVERY, {"state": "exempt"}]}[table]
    event_id = damage(app, getattr(app.tables, table), cases[number % len(cases)])

    drain(app)

    shown = {event.event_key: event for event in app.reader.events()}
    assert shown["k2"].state == "fulfilled"
    if cases[number % len(cases)] != {"state": "lost"} or table == "delivery":
        assert {item.code for item in shown["k1"].deliveries} == {"damaged"}
        assert [entry.what for entry in app.reader.show(event_id).audit].count("delivery:held") == 2
    assert app.ledger.verify().ok


def test_finding_06_a_hundred_damaged_rows_in_front_and_a_time_that_is_none_stop_no_lane(app: App) -> None:
    for number in range(120):
        put(app, "objection", f"p{number}@list.test", f"k{number}")
    put(app, "erasure", OTHER, "last")
    prepare(app)
    d = app.tables.delivery
    with app.engine.begin() as connection:
        connection.execute(d.update().where(d.c.claim_rank == 0).values(action="erase"))
        connection.exec_driver_sql("UPDATE syncer_event SET received_at = 'soon' WHERE event_key = 'k7'")

    drain(app)

    with app.engine.connect() as connection:
        states = sa.select(d.c.state, d.c.code, sa.func.count()).group_by(d.c.state, d.c.code)
        found = {tuple(row) for row in connection.execute(states)}
    assert found == {("held", "damaged", 240), ("confirmed", None, 2)}


def test_finding_06_a_resync_passes_over_a_row_with_a_foreign_state(app: App) -> None:
    event_id = damage(app, app.tables.delivery, {"state": "lost"})
    from syncer.decisions.resync_plan import Selection

    plan = app.resync.plan(Selection(events=(event_id,)))

    assert plan.deliveries == ()
    assert len(plan.skipped) == 2


def test_an_answer_that_came_late_is_late_in_events_show_status_and_metrics(app: App, clock: Clock) -> None:
    put(app, "erasure", PERSON, "late", received_at=clock() - timedelta(days=50))
    put(app, "erasure", OTHER, "in time")
    drain(app)

    (late,) = inside_json(app.settings.path, "events", "--state", "late")
    status = inside_json(app.settings.path, "status")["events"]
    shown = inside(app.settings.path, "show", str(late["case"]))

    assert (late["event_key"], late["ending"], late["late"], late["overdue"]) == ("late", "everywhere", True, False)
    assert (status["answered_late"], status["overdue"]) == (1, 0)
    assert "ANSWERED LATE" in shown.stdout
    assert "syncer_answered_late_events 1.0" in inside(app.settings.path, "metrics").stdout


def test_an_answer_stays_in_time_when_the_person_came_back_after_the_day(
    app: App, clock: Clock, mailchimp: MailchimpSandbox
) -> None:
    put(app, "erasure", PERSON, "k1", received_at=clock() - timedelta(days=28))
    drain(app)
    mailchimp.add(PERSON, AUDIENCES[0])
    clock.advance(days=8)
    drain(app)

    (event,) = app.reader.events()

    assert event.ending is Ending.EVERYWHERE
    assert event.fulfilled_at == clock.now  # carried out once more, long after the day it was due
    assert not event.late
    assert app.status.read().events.answered_late == 0


def test_a_case_number_is_that_of_the_entry_of_the_receipt(app: App) -> None:
    put(app, "erasure", PERSON, "k1")
    prepare(app)
    (event,) = app.reader.events()
    (received,) = (entry for entry in app.reader.show(event.id).audit if entry.what == "event:received")

    assert event.case == received.seq
    assert app.reader.resolve(f"#{event.case}") == app.reader.resolve(str(event.case)) == event.id


@pytest.mark.parametrize("typed", ["1", "99999", "9" * 19])
def test_a_number_that_is_no_case_is_refused_in_one_line(app: App, typed: str) -> None:
    done = inside(app.settings.path, "show", typed)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.strip() == f"there is no case {typed}; `syncer events` lists them"


def test_events_are_chosen_by_time_destination_right_and_number(app: App, clock: Clock) -> None:
    for number, kind in enumerate(("erasure", "objection", "erasure")):
        put(app, kind, f"p{number}@filter.test", f"k{number}")
        prepare(app)
        clock.advance(days=1)
    first = clock() - timedelta(days=2, hours=1)

    def chosen(*words: str) -> list[str]:
        return [event["event_key"] for event in inside_json(app.settings.path, "events", *words)]

    assert chosen("--until", first.isoformat()) == ["k0"]
    assert chosen("--since", first.isoformat(), "--right", "erasure") == ["k2"]
    assert chosen("--destination", "crm", "--limit", "2") == ["k1", "k2"]
    assert chosen("--right", "objection") == ["k1"]
    assert inside(app.settings.path, "events", "--destination", "nowhere").returncode == 2
    assert inside(app.settings.path, "events", "--since", "2027-01-01", "--until", "2026-01-01").returncode == 2


def test_a_request_that_was_withdrawn_is_never_called_late(app: App, clock: Clock) -> None:
    put(app, "erasure", PERSON, "k1", received_at=clock() - timedelta(days=50))
    prepare(app)
    (event,) = app.reader.events()
    assert event.late

    app.withdrawals.withdraw(event.id, "the wrong person was typed", None)

    assert [(event.ending, event.late) for event in app.reader.events()] == [(Ending.WITHDRAWN, False)]
    assert app.status.read().events.answered_late == 0
    assert app.reader.events(state="late") == []


def test_an_objection_past_its_target_when_it_came_was_late_on_arrival(app: App, clock: Clock) -> None:
    put(app, "objection", PERSON, "k1", received_at=clock() - timedelta(days=3))
    put(app, "objection", OTHER, "k2", received_at=clock() - timedelta(hours=47))
    prepare(app)
    clock.advance(hours=2)

    counts = app.status.read().events

    assert (counts.overdue, counts.late_on_arrival) == (2, 1)


@pytest.mark.slow
def test_the_list_names_how_a_request_ended_and_the_target_that_an_objection_missed(app: App, clock: Clock) -> None:
    put(app, "objection", PERSON, "k1", received_at=clock() - timedelta(days=3))
    drain(app)

    listed = inside(app.settings.path, "events").stdout

    missed = clock() - timedelta(days=1)
    assert f"{missed:%Y-%m-%d %H:%MZ} late" in listed
    assert "carried out everywhere" in listed


@pytest.mark.slow
@pytest.mark.parametrize("at", ["2026-10-02T00:00:00.000000Z", "2026-10-01", "yesterday"])
def test_an_entry_that_somebody_else_added_neither_hides_a_late_answer_nor_stops_the_reading(
    app: App, clock: Clock, at: str
) -> None:
    put(app, "erasure", PERSON, "k1", received_at=clock() - timedelta(days=50))
    drain(app)
    (event,) = app.reader.events()
    t = app.tables.audit
    with app.engine.begin() as connection:
        last = connection.execute(sa.select(sa.func.max(t.c.seq))).scalar_one()
        added = {"seq": last + 1, "at": at, "what": "event:fulfilled", "event_id": event.id, "body": "{}"}
        connection.execute(t.insert().values(**added, leaf=bytes(32), mac=bytes(32)))

    assert [event.late for event in app.reader.events()] == [True]
    assert app.status.read().events.answered_late == 1


@pytest.mark.parametrize("words", [("show", "1" * 5000), ("events", "--destination", "\udcff"), ("pause", "\udcff")])
def test_odd_words_are_refused_in_one_line(app: App, words: tuple[str, ...]) -> None:
    more = ("--reason", "planned work") if words[0] == "pause" else ()

    done = inside(app.settings.path, *words, *more)

    assert done.returncode == 2
    assert "internal error" not in done.stderr
    assert done.stderr.count("\n") == 1
