"""Group E, the queue: what producers write, twice, wrongly, late or not at all, on every kind of database."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, tzinfo

import pytest
import sqlalchemy as sa

from adapters.sandbox import MailchimpSandbox
from syncer.app import App, open_app
from syncer.domain.deadlines import due_on
from syncer.errors import UserError
from syncer.intake.parse import RowParser
from syncer.intake.take import Intake
from syncer.service.drain import drain, prepare
from tests.conftest import AUDIENCES, Clock
from tests.support.bad_rows import ANYWHERE, MARIADB, POSTGRESQL, SQLITE
from tests.support.processes import inside as run
from tests.support.servers import ENGINES
from tests.support.walk import OTHER, PERSON, put, rows, whats

on_every_engine = pytest.mark.parametrize("engine", ENGINES, indirect=True)


def events(app: App) -> dict[str, tuple[str, str | None]]:
    """Return event key -> (state, code)."""
    return {row.event_key: (row.state, row.code) for row in rows(app, app.tables.event)}


def sql(app: App, statement: str) -> None:
    """Do something to the database as somebody else would, on a connection that is not strict."""
    with app.queue.engine.begin() as connection:
        if connection.dialect.name == "mysql":
            connection.exec_driver_sql("SET sql_mode = ''")
            statement = statement.replace("%", "%%")
        connection.exec_driver_sql(statement)
        if connection.dialect.name == "mysql":
            connection.exec_driver_sql("SET sql_mode = DEFAULT")


@on_every_engine
def test_fault_076_the_same_request_twice_is_one_event_and_two_requests_of_one_person_are_two(
    app: App, mailchimp: MailchimpSandbox, clock: Clock
) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    put(app, "erasure", PERSON, "this year")
    put(app, "erasure", PERSON, "this year")
    drain(app)
    put(app, "erasure", PERSON, "this year")
    put(app, "erasure", PERSON, "a year before", received_at=clock() - timedelta(days=365))

    drain(app)

    assert events(app) == {"this year": ("fulfilled", None), "a year before": ("fulfilled", None)}
    assert whats(app).count("event:received") == 2


@on_every_engine
def test_fault_077_a_row_edited_after_it_was_taken_is_not_obeyed_and_the_taken_copy_counts(
    app: App, mailchimp: MailchimpSandbox
) -> None:
    for address in (PERSON, OTHER):
        mailchimp.add(address, AUDIENCES[0])
    put(app, "erasure", PERSON, "k1")
    prepare(app)

    sql(app, f"UPDATE syncer_queue SET email = '{OTHER}', kind = 'objection'")
    drain(app)

    (event,) = rows(app, app.tables.event)
    assert (event.right, event.state) == ("erasure", "fulfilled")
    assert mailchimp.member(PERSON, AUDIENCES[0]) is None
    other = mailchimp.member(OTHER, AUDIENCES[0])
    assert other is not None
    assert other["status"] == "subscribed"


@on_every_engine
def test_fault_078_a_row_deleted_after_it_was_taken_goes_on_to_its_end(app: App, mailchimp: MailchimpSandbox) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    put(app, "erasure", PERSON, "k1")
    prepare(app)

    sql(app, "DELETE FROM syncer_queue")
    drain(app)

    assert events(app) == {"k1": ("fulfilled", None)}
    assert mailchimp.member(PERSON, AUDIENCES[0]) is None


@on_every_engine
def test_fault_079_malformed_rows_are_held_with_a_reason_and_the_rows_behind_them_are_taken(
    app: App, engine: str
) -> None:
    insert = "INSERT INTO syncer_queue (event_key, kind, email) VALUES"
    everywhere = (
        f"{insert} ('bad', NULL, NULL)",
        f"{insert} ('bad', 'purge', '{PERSON}')",
        f"{insert} ('bad', 'erasure', 'ada@foo…bar.test')",
        *ANYWHERE,
    )
    own = {"sqlite": SQLITE, "mariadb": MARIADB, "postgresql": POSTGRESQL}[engine]
    for number, statement in enumerate(everywhere + own):
        sql(app, statement.replace("'bad'", f"'bad{number}'"))
        put(app, "erasure", OTHER, f"good{number}")
    count = len(everywhere + own)
    sql(app, f"{insert} ('emoji', 'erasure', 'ada😀@lovelace.test')")  # unusual, but an address (RFC 6531)

    drain(app)

    states = events(app)
    assert states["emoji"] == ("fulfilled", None)
    assert {key: states[key] for key in states if key.startswith("good")} == {
        f"good{number}": ("fulfilled", None) for number in range(count)
    }
    assert {key: states[key] for key in states if key.startswith("bad")} == {
        f"bad{number}": ("held", "malformed") for number in range(count)
    }
    held = app.reader.events(state="held")
    reasons = [
        (entry.facts or {})["detail"]
        for event in held
        for entry in app.reader.show(event.id).audit
        if entry.what == "event:held"
    ]
    assert len(reasons) == count
    assert all(reasons)


@on_every_engine
@pytest.mark.parametrize("hours", [-1, 1])
def test_fault_080_a_database_clock_an_hour_off_ours_changes_no_lease_no_intake_and_no_due_day(
    app: App, engine: str, clock: Clock, hours: int
) -> None:
    received = clock()
    other_clock = Clock(clock() + timedelta(hours=hours))
    with open_app(app.settings, clock=other_clock) as other:
        other.leases.owner = "otherhost|boot|1|1"
        put(app, "erasure", PERSON, "k1", received_at=received)

        prepare(app)
        prepare(other)
        lease = app.leases.acquire("crm")

        assert lease is not None
        assert other.leases.acquire("crm") is None
        assert app.leases.renew(lease)
        app.leases.release(lease)
        drain(other)
        drain(app)
        (event,) = rows(app, app.tables.event)
        assert event.state == "fulfilled"
        assert event.due_on == due_on(received, app.settings.deadlines.zone, 30)
        assert whats(app).count("delivery:attempted") == 2


@on_every_engine
def test_fault_081_a_newer_schema_is_refused_and_an_older_one_names_db_upgrade(app: App) -> None:
    sql(app, "UPDATE syncer_alembic_version SET version_num = '9999'")
    sql(app, "UPDATE syncer_schema SET compatible_from = '9999'")
    with pytest.raises(UserError, match="schema 9999 is newer than this syncer") as newer:
        open_app(app.settings)
    sql(app, "UPDATE syncer_alembic_version SET version_num = '0000'")
    with pytest.raises(UserError, match="`syncer db upgrade`") as older:
        open_app(app.settings)

    assert (newer.value.exit_code, older.value.exit_code) == (2, 2)


def test_fault_081_a_daemon_refuses_a_newer_schema_in_one_line_and_does_not_wait_for_it(app: App) -> None:
    sql(app, "UPDATE syncer_alembic_version SET version_num = '9999'")
    sql(app, "UPDATE syncer_schema SET compatible_from = '9999'")

    done = run(app.settings.path, "run")

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


@on_every_engine
def test_fault_082_keys_that_a_collation_takes_for_one_stay_two_events(app: App) -> None:
    keys = ["request 1", "Request 1", "réquest 1", "request 1 "]
    for key in keys:
        put(app, "erasure", PERSON, key)

    drain(app)

    assert events(app) == dict.fromkeys(keys, ("fulfilled", None))


def test_fault_083_a_row_that_no_parser_can_place_in_time_is_held_at_once_and_asked_for_once(app: App) -> None:
    # a year that UTC does not have: 14 hours before the year 1
    sql(
        app,
        "INSERT INTO syncer_queue (event_key, kind, email, received_at)"
        f" VALUES ('bad', 'erasure', '{PERSON}', '0001-01-01T00:00:00+14:00')",
    )
    put(app, "erasure", OTHER, "good")

    drain(app)
    drain(app)

    assert events(app) == {"bad": ("held", "malformed"), "good": ("fulfilled", None)}
    assert app.queue.count() == 0
    assert whats(app).count("event:received") == 2


class Broken(tzinfo):
    """A time zone whose data fails for one day of receipt."""

    key = "Broken"

    def utcoffset(self, moment: datetime | None) -> timedelta:
        if moment is not None and moment.date() == date(2026, 2, 3):
            raise RuntimeError("broken data")
        return timedelta(0)

    def dst(self, moment: datetime | None) -> timedelta:
        return timedelta(0)

    def fromutc(self, moment: datetime) -> datetime:
        self.utcoffset(moment)
        return moment


def test_fault_083_a_row_that_crashes_its_reading_each_time_is_held_at_once_with_its_address_kept(app: App) -> None:
    parser = RowParser(app.keyring, app.settings.destinations, replace(app.rule, zone=Broken()))  # type: ignore[arg-type]
    intake = Intake(app.queue, app.transactions, app.store, parser, app.refused_rows)
    put(app, "erasure", PERSON, "bad", received_at=datetime(2026, 2, 3, 12, tzinfo=UTC))
    put(app, "erasure", OTHER, "good")

    assert intake.take_all() == 2
    drain(app)

    assert events(app) == {"bad": ("held", "malformed"), "good": ("fulfilled", None)}
    (bad,) = [row for row in rows(app, app.tables.event) if row.event_key == "bad"]
    assert app.keyring.address(bad.email_sealed, bad.id) == PERSON


#: 50,000 events, every seventh an objection, due days in no order, each waiting at both destinations
EVENTS = """
INSERT INTO syncer_event (id, event_key, "right", subject, received_at, due_on, state, created_at, rechecks_done)
WITH RECURSIVE n(n) AS (VALUES (0) UNION ALL SELECT n + 1 FROM n WHERE n < 49999)
SELECT printf('00000000-0000-7000-8000-%012d', n), 'key' || n, iif(n % 7, 'erasure', 'objection'), 's' || n,
    '2026-01-01 00:00:00.000000', date('2026-02-01', '+' || (n * 7919 % 30) || ' days'), 'open',
    '2026-01-01 00:00:00.000000', 0 FROM n
"""
DELIVERIES = """
INSERT INTO syncer_delivery
    (event_id, destination, adapter, action, state, attempts, next_attempt_at, claim_rank, due_on, untried)
SELECT id, d.name, d.name, CASE "right" WHEN 'erasure' THEN 'delete' ELSE 'unsubscribe' END, 'pending', 0, created_at,
    "right" = 'erasure', due_on, CASE "right" WHEN 'erasure' THEN 1 END
FROM syncer_event, (SELECT 'newsletter' AS name UNION SELECT 'crm') AS d
"""


@pytest.fixture
def backlog(app: App) -> App:
    """Give an installation with 100,000 waiting deliveries."""
    sql(app, EVENTS)
    sql(app, DELIVERIES)
    return app


def test_fault_084_of_a_backlog_objections_go_first_then_the_nearest_due_day_in_bounded_memory(
    backlog: App, clock: Clock
) -> None:
    d = backlog.tables.delivery.c
    with backlog.engine.connect() as connection:
        due = {row.id: row.due_on for row in connection.execute(sa.select(d.id, d.due_on))}
    backlog.store.claim("crm", clock(), 100)  # the statement is compiled once

    tracemalloc.start()
    first = backlog.store.claim("crm", clock(), 100)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert Counter(item.right for item in first) == {"objection": 100}
    assert [due[item.id] for item in first] == sorted(due[item.id] for item in first)
    assert {due[item.id] for item in first} == {date(2026, 2, 1)}
    assert peak < 2_000_000
    # a lane without objections is served its nearest due day, whatever the other lane still has
    with backlog.engine.begin() as connection:
        gone = sa.update(backlog.tables.delivery).where(d.claim_rank == 0, d.destination == "crm")
        connection.execute(gone.values(claim_rank=None, state="confirmed"))
    assert {item.right for item in backlog.store.claim("newsletter", clock(), 100)} == {"objection"}
    erasures = backlog.store.claim("crm", clock(), 100)
    assert {item.right for item in erasures} == {"erasure"}
    assert {due[item.id] for item in erasures} == {date(2026, 2, 1)}
