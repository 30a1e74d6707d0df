"""Rows that stopped the intake, or made another's request vanish; on three engines, the queue in two places."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.sandbox import MailchimpSandbox
from syncer.app import App
from syncer.database.connections import writing
from syncer.intake.queue import moment
from syncer.service.drain import drain, prepare
from tests.conftest import AUDIENCES, Clock
from tests.support.processes import inside, inside_json
from tests.support.servers import ENGINES
from tests.support.walk import OTHER, PERSON, put, rows

on_every_engine = pytest.mark.parametrize("engine", ENGINES, indirect=True)
THIRD = "third@list.test"


@pytest.fixture(params=["one database", "queue apart"])
def shape(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "queue apart":
        monkeypatch.setenv("SYNCER_QUEUE__URL", f"sqlite:///{tmp_path}/queue.db")
    return str(request.param)


def states(app: App) -> list[str]:
    return sorted(row.state for row in rows(app, app.tables.event))


def people(app: App, state: str) -> set[str]:
    """Return the addresses of the events that stand so and were not fulfilled and forgotten."""
    found = [row for row in rows(app, app.tables.event) if row.state == state and row.email_sealed]
    return {app.keyring.open(row.email_sealed, row.id).address for row in found}


def open_rows(app: App) -> list[Any]:
    with app.queue.engine.connect() as connection:
        q = app.tables.queue.c
        return list(connection.execute(sa.select(q.id, q.email).where(q.taken_at.is_(None))))


def sql(app: App, *statements: str) -> None:
    with writing(app.queue.engine) as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


# -- keys ---------------------------------------------------------------------------------------------------


@on_every_engine
def test_finding_06_a_row_with_the_key_of_another_does_not_stop_those_behind_it(
    shape: str, app: App, mailchimp: MailchimpSandbox
) -> None:
    for person in (PERSON, OTHER, THIRD):
        mailchimp.add(person, AUDIENCES[0])
    put(app, "erasure", PERSON, "a@b")  # unusable: an address might stand in it
    put(app, "erasure", OTHER, "row:1")
    put(app, "erasure", THIRD, "good")

    drain(app)

    assert states(app) == ["fulfilled", "fulfilled", "held"]
    assert people(app, "held") == {PERSON}
    assert open_rows(app) == []
    assert [mailchimp.member(person, AUDIENCES[0]) is None for person in (OTHER, THIRD)] == [True, True]


@on_every_engine
def test_finding_06_a_key_written_for_a_row_to_come_makes_nobody_s_request_vanish(shape: str, app: App) -> None:
    put(app, "erasure", OTHER, "row:2")
    put(app, "erasure", PERSON, "a@b")
    put(app, "erasure", THIRD, "good")

    drain(app)

    assert states(app) == ["fulfilled", "fulfilled", "held"]
    assert people(app, "held") == {PERSON}


@pytest.mark.slow
def test_finding_06_a_row_whose_key_is_another_s_is_held_and_never_blanked_without_a_word(shape: str, app: App) -> None:
    put(app, "erasure", PERSON, "order-1")
    prepare(app)
    sql(app, "DELETE FROM syncer_queue")
    put(app, "erasure", OTHER, "order-1")

    drain(app)

    assert people(app, "held") == {OTHER}
    assert open_rows(app) == []
    assert inside(app.settings.path, "status").returncode == 1


def test_finding_06_a_text_and_a_blob_with_one_key_are_two_requests(shape: str, app: App) -> None:
    sql(
        app,
        f"INSERT INTO syncer_queue (event_key, kind, email) VALUES ('same', 'erasure', '{PERSON}')",
        f"INSERT INTO syncer_queue (event_key, kind, email) VALUES (CAST('same' AS BLOB), 'erasure', '{OTHER}')",
        f"INSERT INTO syncer_queue (event_key, kind, email) VALUES (CAST('blob' AS BLOB), 'erasure', '{PERSON}')",
    )
    put(app, "erasure", THIRD, "good")

    drain(app)

    assert states(app) == ["fulfilled", "fulfilled", "fulfilled", "held"]
    assert people(app, "held") == {OTHER}
    assert open_rows(app) == []


#: what makes two different keys one in the event table, as an administrator may set it
LOOSE = {
    "sqlite": ("CREATE UNIQUE INDEX loose ON syncer_event (event_key COLLATE NOCASE)",),
    "mariadb": (
        "ALTER TABLE syncer_event MODIFY event_key VARCHAR(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"
        " NOT NULL",
    ),
    "postgresql": ("CREATE UNIQUE INDEX loose ON syncer_event (lower(event_key))",),
}


@pytest.mark.slow
@on_every_engine
def test_finding_06_keys_that_only_the_database_takes_for_one_are_held_one_by_one(app: App, engine: str) -> None:
    sql(app, *LOOSE[engine])
    for number in range(90):
        put(app, "erasure", f"p{number}@list.test", f"order-{number}")
    put(app, "erasure", OTHER, "ORDER-7")
    put(app, "erasure", PERSON, "good")

    drain(app)

    assert states(app) == ["fulfilled"] * 91 + ["held"]
    assert people(app, "held") == {OTHER}
    assert open_rows(app) == []


# -- rows that the database refuses -------------------------------------------------------------------------

#: a trigger or a constraint that lets no event of one source in
REFUSING = {
    "sqlite": (
        "CREATE TRIGGER odd BEFORE INSERT ON syncer_event WHEN NEW.source = 'odd'"
        " BEGIN SELECT RAISE(ABORT, 'not this one'); END",
    ),
    "mariadb": ("ALTER TABLE syncer_event ADD CONSTRAINT odd CHECK (source IS NULL OR source <> 'odd')",),
    "postgresql": ("ALTER TABLE syncer_event ADD CONSTRAINT odd CHECK (source <> 'odd')",),
}
#: one that lets nothing in of whatever was told to be unwritable
NEVER = {
    "sqlite": (
        "CREATE TRIGGER never BEFORE INSERT ON syncer_event WHEN NEW.right IS NULL"
        " BEGIN SELECT RAISE(ABORT, 'never'); END",
    ),
    "mariadb": ("ALTER TABLE syncer_event ADD CONSTRAINT never CHECK (`right` IS NOT NULL)",),
    "postgresql": ('ALTER TABLE syncer_event ADD CONSTRAINT never CHECK ("right" IS NOT NULL)',),
}


@on_every_engine
def test_finding_06_a_row_that_the_database_refuses_is_held_with_less_of_it(app: App, engine: str) -> None:
    sql(app, *REFUSING[engine])
    put(app, "erasure", PERSON, "k1", source="odd")
    put(app, "erasure", OTHER, "k2", source="shop")

    drain(app)

    assert states(app) == ["fulfilled", "held"]
    assert people(app, "held") == {PERSON}
    assert open_rows(app) == []
    assert inside_json(app.settings.path, "status")["queue"] == {"waiting": 0, "refused": 0}


@on_every_engine
def test_finding_06_a_row_that_nobody_can_write_stays_with_an_alarm_and_stops_nobody(app: App, engine: str) -> None:
    sql(app, *NEVER[engine])
    for number in range(250):  # more than a batch
        put(app, "erasure", f"p{number}@list.test", f"bad {number}@")
    put(app, "no right", PERSON, "k1")
    put(app, "erasure", OTHER, "k2")

    for _ in range(2):
        drain(app)

    assert {row.event_key for row in rows(app, app.tables.event) if row.state == "fulfilled"} == {"k2"}
    left = open_rows(app)
    assert [row.email for row in left] == [PERSON]
    assert inside_json(app.settings.path, "status")["queue"] == {"waiting": len(left), "refused": len(left)}
    done = inside(app.settings.path, "status")
    assert (done.returncode, "ALARM" in done.stdout) == (1, True)
    assert [row["what"] for row in app.ledger.rows()].count("intake:refused") <= len(left)
    assert app.verify().ok
    # mended: the rows are taken, and the alarm ends by itself
    word = {"sqlite": "DROP TRIGGER never", "mariadb": "ALTER TABLE syncer_event DROP CONSTRAINT never"}
    sql(app, word.get(engine, "ALTER TABLE syncer_event DROP CONSTRAINT never"))
    drain(app)
    assert inside_json(app.settings.path, "status")["queue"] == {"waiting": 0, "refused": 0}


def test_finding_06_rows_that_cannot_be_marked_stop_nobody_behind_them_and_end_no_loop(app: App) -> None:
    sql(
        app,
        "CREATE TRIGGER again BEFORE UPDATE ON syncer_queue WHEN NEW.id <= 210 BEGIN SELECT RAISE(IGNORE); END",
    )
    for number in range(210):
        put(app, "erasure", f"p{number}@list.test", f"k{number}")
    put(app, "erasure", OTHER, "behind")

    prepare(app)
    first = len(rows(app, app.tables.event))
    prepare(app)

    assert first == 211
    status = inside_json(app.settings.path, "status")
    assert status["queue"] == {"waiting": 210, "refused": 210}


@pytest.mark.slow
@pytest.mark.parametrize("row_id", [-(2**63), -1, 0, 2**63 - 1])
def test_finding_06_any_number_of_a_row_is_a_number(shape: str, app: App, row_id: int) -> None:
    put(app, "erasure", PERSON, "a@b", id=row_id)
    put(app, "erasure", OTHER, "good")

    drain(app)

    assert states(app) == ["fulfilled", "held"]
    assert open_rows(app) == []


def test_finding_06_a_queue_without_numbers_of_ours_is_taken_too_and_a_row_without_one_is_shown(app: App) -> None:
    columns = ", ".join(column.name for column in app.tables.queue.c if column.name != "id")
    sql(app, "DROP TABLE syncer_queue", f"CREATE TABLE syncer_queue (id, {columns})")
    for row_id in ("'x@y'", "1.5", "x'ff00'", "NULL"):
        sql(
            app,
            f"INSERT INTO syncer_queue (id, event_key, kind, email) VALUES ({row_id}, {row_id}, 'erasure', '{PERSON}')",
        )

    drain(app)

    assert len(rows(app, app.tables.event)) == 3
    assert inside_json(app.settings.path, "status")["queue"] == {"waiting": 1, "refused": 1}


@on_every_engine
def test_finding_06_a_row_that_changes_between_reading_and_marking_is_read_again(app: App, engine: str) -> None:
    put(app, "erasure", PERSON, "k1")
    read = app.queue.waiting(10)
    sql(app, f"UPDATE syncer_queue SET email = '{OTHER}'")

    with writing(app.queue.engine) as connection:
        app.queue.mark_taken(connection, read, app.clock())

    assert [row.email for row in open_rows(app)] == [OTHER]


def test_finding_06_a_nul_makes_no_other_address_of_what_stands_before_it(shape: str, app: App) -> None:
    sql(
        app,
        "INSERT INTO syncer_queue (event_key, kind, email)"
        f" VALUES ('k1', 'erasure', '{PERSON}' || char(0) || '@evil.test')",
    )

    drain(app)

    assert states(app) == ["held"]


# -- times --------------------------------------------------------------------------------------------------


def test_finding_06_a_time_in_a_year_that_utc_does_not_have_stops_no_sweep(app: App) -> None:
    sql(
        app,
        "INSERT INTO syncer_queue (event_key, kind, email, created_at, source_ref)"
        " VALUES ('wordpress:1:7:x', 'erasure', 'a@b.test', '0001-01-01T00:00:00+23:00', '1:7')",
        "INSERT INTO syncer_queue (event_key, kind, email, created_at, source_ref)"
        " VALUES ('wordpress:1:8:x', 'erasure', 'a@b.test', '9999-12-31T23:59:59-23:00', '1:8')",
    )

    assert [made[2] for made in app.queue.made("wordpress:")] == [None, None]
    prepare(app)
    assert len(rows(app, app.tables.event)) == 2


@settings(max_examples=300)
@given(st.one_of(st.text(max_size=40), st.datetimes(timezones=st.timezones()), st.binary(), st.integers(), st.floats()))
def test_finding_06_a_time_is_read_or_refused_and_nothing_else(value: object) -> None:
    try:
        found = moment(value)
    except ValueError:
        return
    assert found is None or found.utcoffset() == timedelta(0)


def test_finding_23_a_time_of_receipt_ahead_of_ours_beats_no_consent_and_is_on_record_as_given(
    app: App, clock: Clock, make_app: Callable[..., App]
) -> None:
    ahead = clock() + timedelta(hours=20)
    put(app, "erasure", PERSON, "k1", received_at=ahead)
    put(app, "erasure", OTHER, "k2", received_at=datetime(2026, 1, 2, tzinfo=UTC))
    prepare(app)

    early, late = sorted(rows(app, app.tables.event), key=lambda row: row.received_at)
    assert (early.received_at, late.received_at) == (datetime(2026, 1, 2, tzinfo=UTC), clock())
    received = {
        event.id: next(entry.facts or {} for entry in app.reader.show(event.id).audit if entry.what == "event:received")
        for event in (early, late)
    }
    assert received[late.id]["received_at"] == clock().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert received[late.id]["received_as_given"] == ahead.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert "received_as_given" not in received[early.id]
