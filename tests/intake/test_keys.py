"""Keys that come back: a row is passed over only where it repeats a request, and whatever else it is stays visible."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import structlog

from adapters.sandbox import MailchimpSandbox
from syncer.app import App
from syncer.database.connections import writing
from syncer.service.drain import drain, prepare
from tests.conftest import AUDIENCES, Clock
from tests.support.servers import ENGINES
from tests.support.walk import OTHER, PERSON, put, rows, whats

on_every_engine = pytest.mark.parametrize("engine", ENGINES, indirect=True)


@pytest.fixture(params=["one database", "queue apart"])
def shape(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "queue apart":
        monkeypatch.setenv("SYNCER_QUEUE__URL", f"sqlite:///{tmp_path}/queue.db")
    return str(request.param)


def tidy(app: App) -> None:
    """Delete what was taken, as an administrator may; on SQLite the next row has the same id again."""
    with writing(app.queue.engine) as connection:
        connection.execute(app.tables.queue.delete().where(app.tables.queue.c.taken_at.is_not(None)))


def restart_ids(app: App, engine: str) -> None:
    """Empty the queue so that its numbers begin anew."""
    statement = "TRUNCATE syncer_queue" + (" RESTART IDENTITY" if engine == "postgresql" else "")
    with writing(app.queue.engine) as connection:
        connection.exec_driver_sql("DELETE FROM syncer_queue" if engine == "sqlite" else statement)


def queued(app: App) -> list[tuple[int, str | None, bool]]:
    """Return (id, address, taken) of every queue row."""
    q = app.tables.queue.c
    with app.queue.engine.connect() as connection:
        found = connection.execute(sa.select(q.id, q.email, q.taken_at).order_by(q.id))
        return [(row.id, row.email, row.taken_at is not None) for row in found]


def events(app: App) -> dict[str, tuple[str, str | None]]:
    return {row.event_key: (row.state, row.code) for row in rows(app, app.tables.event)}


def detail(app: App, event_id: str) -> Any:
    (held,) = [one for one in app.reader.show(event_id).audit if one.what == "event:held"]
    return (held.facts or {})["detail"]


# -- keys that stand for unusable ones ----------------------------------------------------------------------


@on_every_engine
def test_an_id_used_again_by_another_row_without_a_usable_key_makes_an_event_of_its_own(app: App, engine: str) -> None:
    for person in (PERSON, OTHER):
        restart_ids(app, engine)
        put(app, "erasure", person, f"user:{person}")
        prepare(app)

    first, second = rows(app, app.tables.event)
    assert first.queue_id == second.queue_id == 1
    assert {first.state, second.state} == {"held"}
    assert {app.keyring.address(event.email_sealed, event.id) for event in (first, second)} == {PERSON, OTHER}
    assert [row for row in queued(app) if row[1]] == []


def test_the_same_id_and_person_at_another_time_is_another_request(app: App, clock: Clock) -> None:
    for _ in range(2):
        put(app, "erasure", PERSON, f"user:{PERSON}")
        prepare(app)
        tidy(app)
        clock.advance(days=3)

    assert len(rows(app, app.tables.event)) == 2


def test_a_substitute_key_says_nothing_that_could_be_guessed_and_fits(app: App, make_app: Callable[..., App]) -> None:
    put(app, "erasure", PERSON, f"user:{PERSON}")
    (row,) = app.queue.waiting(1)
    prepare(app)
    (key,) = events(app)

    assert key.startswith(f"row:{row.id}:")
    assert len(key) <= 191
    assert "@" not in key and PERSON.partition("@")[0] not in key
    other_key_file = type(app.keyring)(bytes(32))
    from syncer.intake.parse import RowParser

    other = RowParser(other_key_file, app.settings.destinations, app.rule)
    assert other.key(row) != key


def test_finding_06_a_producers_own_key_of_that_form_never_counts_as_ours_and_its_request_is_carried_out(
    app: App, mailchimp: MailchimpSandbox
) -> None:
    mailchimp.add(OTHER, AUDIENCES[0])
    put(app, "erasure", PERSON, f"user:{PERSON}")
    prepare(app)
    (ours,) = events(app)
    # one that guesses, one that read our key somewhere, and what a loose collation or an eye takes for the same
    for key in ("row:1", ours, ours.upper(), f" {ours}", "ｒｏｗ:1"):
        put(app, "erasure", OTHER, key)
    drain(app)

    found = events(app)
    assert found.pop(ours) == ("held", "malformed")
    assert list(found.values()) == [("fulfilled", None)] * 5
    assert all(key.startswith("row:") and key.isascii() for key in found)


# -- keys of producers that come back -----------------------------------------------------------------------


def test_a_key_used_again_for_another_person_is_held_with_the_reason_and_can_be_reopened(
    shape: str, app: App, mailchimp: MailchimpSandbox
) -> None:
    for person in (PERSON, OTHER):
        mailchimp.add(person, AUDIENCES[0])
        put(app, "erasure", person, "order-17")
        drain(app)
        tidy(app)

    (held,) = [row for row in rows(app, app.tables.event) if row.state == "held"]
    assert "used before" in detail(app, held.id)
    assert events(app)["order-17"] == ("fulfilled", None)
    from syncer.decisions.resync_plan import Selection

    app.resync.apply(app.resync.plan(Selection(events=(held.id,))), "the shop numbered its orders anew")
    drain(app)
    assert mailchimp.member(OTHER, AUDIENCES[0]) is None
    assert {state for state, _ in events(app).values()} == {"fulfilled"}


@on_every_engine
def test_numbers_that_begin_anew_lose_no_request(app: App, engine: str, mailchimp: MailchimpSandbox) -> None:
    for turn in range(2):
        for number in range(3):
            put(app, "erasure", f"p{number}-{turn}@list.test", f"order-{number}")
        drain(app)
        restart_ids(app, engine)

    found = rows(app, app.tables.event)
    assert [row.state for row in found].count("fulfilled") == 3
    held = {app.keyring.address(row.email_sealed, row.id) for row in found if row.state == "held"}
    assert held == {f"p{number}-1@list.test" for number in range(3)}


def test_a_key_used_again_for_another_right_of_the_same_person_is_held(app: App) -> None:
    put(app, "objection", PERSON, "request 5")
    drain(app)
    tidy(app)
    put(app, "erasure", PERSON, "request 5")
    drain(app)

    assert sorted(state for state, _ in events(app).values()) == ["fulfilled", "held"]


def test_the_same_request_again_is_one_event_however_its_address_is_spelt(shape: str, app: App, clock: Clock) -> None:
    with structlog.testing.capture_logs() as logs:
        for address in (PERSON, PERSON.upper(), f" {PERSON} "):
            put(app, "erasure", address, "order-17", received_at=clock())
            drain(app)
            tidy(app)
            clock.advance(minutes=5)

    (event,) = rows(app, app.tables.event)
    assert [log["event_id"] for log in logs if log["event"] == "intake.repeated"] == [event.id, event.id]
    assert events(app) == {"order-17": ("fulfilled", None)}
    assert whats(app).count("event:received") == 1
    assert queued(app) == []


def test_a_held_row_read_again_is_one_event_and_one_with_another_content_is_another(shape: str, app: App) -> None:
    for address in ("not an address", "not an address", "no address either", None):
        put(app, "erasure", address, "order-17")
        prepare(app)
        tidy(app)

    assert len(rows(app, app.tables.event)) == 3
    assert {state for state, _ in events(app).values()} == {"held"}


def test_killed_between_the_two_commits_each_row_is_still_one_event(
    app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_app: Callable[..., App]
) -> None:
    monkeypatch.setenv("SYNCER_QUEUE__URL", f"sqlite:///{tmp_path}/queue.db")
    apart = make_app()
    put(apart, "erasure", PERSON, "order-17")
    put(apart, "erasure", OTHER, f"user:{OTHER}")
    prepare(apart)
    put(apart, "erasure", OTHER, "order-18")
    with writing(apart.queue.engine) as connection:  # as a queue put back from a backup, or marked by nobody
        values = {"taken_at": None, "email": PERSON}
        connection.execute(apart.tables.queue.update().where(apart.tables.queue.c.id == 1).values(values))

    prepare(apart)

    assert len(rows(apart, apart.tables.event)) == 3
    assert [row for row in queued(apart) if row[1]] == []


@on_every_engine
def test_two_rows_with_one_key_in_a_table_without_a_unique_index_are_both_looked_at(app: App, engine: str) -> None:
    _drop_unique(app, engine)
    with writing(app.queue.engine) as connection:
        for address in (PERSON, PERSON, OTHER):
            values = {"event_key": "order-17", "kind": "erasure", "email": address}
            connection.execute(app.tables.queue.insert().values(values))

    drain(app)

    assert sorted(state for state, _ in events(app).values()) == ["fulfilled", "held"]
    assert [row for row in queued(app) if row[1]] == []


def _drop_unique(app: App, engine: str) -> None:
    with writing(app.queue.engine) as connection:
        (unique,) = sa.inspect(connection).get_unique_constraints("syncer_queue")
        if engine == "sqlite":
            connection.exec_driver_sql("ALTER TABLE syncer_queue RENAME TO old_queue")
            connection.exec_driver_sql("CREATE TABLE syncer_queue AS SELECT * FROM old_queue")
            connection.exec_driver_sql("ALTER TABLE syncer_queue DROP COLUMN id")
            connection.exec_driver_sql("DROP TABLE old_queue")
            connection.exec_driver_sql("ALTER TABLE syncer_queue RENAME TO old_queue")
            columns = ", ".join(column.name for column in app.tables.queue.c if column.name != "id")
            connection.exec_driver_sql(f"CREATE TABLE syncer_queue (id INTEGER PRIMARY KEY, {columns})")
            connection.exec_driver_sql("DROP TABLE old_queue")
        else:
            word = "CONSTRAINT" if engine == "postgresql" else "INDEX"
            connection.exec_driver_sql(f"ALTER TABLE syncer_queue DROP {word} {unique['name']}")


# -- what is marked -----------------------------------------------------------------------------------------


@on_every_engine
def test_a_row_that_took_the_place_of_one_that_was_read_is_not_marked_in_its_stead(
    app: App, engine: str, clock: Clock
) -> None:
    put(app, "erasure", PERSON, "order-17")
    read = app.queue.waiting(10)
    restart_ids(app, engine)
    put(app, "erasure", OTHER, "order-18")

    with writing(app.queue.engine) as connection:
        app.queue.mark_taken(connection, read, clock() + timedelta(seconds=1))

    assert queued(app) == [(1, OTHER, False)]


# -- all or nothing -----------------------------------------------------------------------------------------


@on_every_engine
def test_rows_are_queued_all_or_none(app: App) -> None:
    put(app, "erasure", PERSON, "there already")
    good = [{"event_key": f"k{number}", "kind": "erasure", "email": PERSON} for number in range(1200)]
    bad = {"event_key": "bad", "kind": "erasure", "email": "ada\udcff@list.test"}

    with pytest.raises((sa.exc.SQLAlchemyError, UnicodeEncodeError)):  # as the drivers have it
        app.queue.insert([*good, bad])

    assert app.queue.count() == 1


@on_every_engine
def test_keys_that_are_there_already_change_nothing_and_keep_nobody_out(app: App) -> None:
    put(app, "erasure", PERSON, "k7")
    put(app, "erasure", PERSON, "k1100")
    new = [{"event_key": f"k{number}", "kind": "erasure", "email": OTHER} for number in range(1200)]

    assert app.queue.insert(new) == 1198
    assert app.queue.insert(new) == 0
    assert app.queue.count() == 1200
    assert [row.email for row in app.queue.waiting(10) if row.event_key in ("k7", "k1100")] == [PERSON, PERSON]


@on_every_engine
def test_a_long_list_given_again_is_asked_about_and_not_tried_line_by_line(app: App, engine: str) -> None:
    at = app.clock()
    rest = {"kind": "erasure", "received_at": at, "created_at": at, "source": "t"}
    old = [{"event_key": f"old {number}", "email": f"p{number}@list.test", **rest} for number in range(1500)]
    new = [{"event_key": f"new {number}", "email": f"n{number}@list.test", **rest} for number in range(3)]
    assert app.queue.insert(old) == 1500
    statements: list[str] = []
    sa.event.listen(app.queue.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))

    assert app.queue.insert([*old[:700], new[0], *old[700:], new[1], new[2], new[0], old[3]]) == 3

    assert len(queued(app)) == 1503
    assert len([text for text in statements if "syncer_queue" in text]) < 15
