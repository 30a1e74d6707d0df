"""The daemon begins with what is inserted at once, however seldom its jobs come round, and asks little meanwhile."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from adapters.sandbox import MailchimpSandbox
from syncer.app import App, load_settings, open_app
from syncer.database import engines
from syncer.database.connections import writing
from syncer.database.revisions import upgrade
from syncer.database.triggers import announce, announces
from syncer.delivery.lane import Lane
from syncer.service import lookout as module
from syncer.service.daemon import Daemon
from syncer.service.drain import prepare
from syncer.service.lookout import Lookout, Window
from syncer.service.reload.orders import Orders
from tests.conftest import AUDIENCES, Clock
from tests.support.pooler import pgbouncer
from tests.support.processes import until
from tests.support.servers import ENGINES, Server
from tests.support.walk import OTHER, PERSON, put, rows

on_every_engine = pytest.mark.parametrize("engine", ENGINES, indirect=True)


class Statements:
    """Counts what is asked of every database; a transaction's BEGIN asks nothing."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        self.asked += [statement] if not statement.startswith("BEGIN") else []


@pytest.fixture
def statements() -> Iterator[Statements]:
    counted = Statements()
    sa.event.listen(sa.Engine, "before_cursor_execute", counted)
    yield counted
    sa.event.remove(sa.Engine, "before_cursor_execute", counted)


@contextmanager
def running(app: App, seconds: str | None = None) -> Iterator[App]:
    """Run a daemon on the installation of `app`, with its intervals as they come or as given."""
    text = app.settings.path.read_text(encoding="utf-8")
    usual = "intake_seconds = 1\nlane_seconds = 1\n"
    wanted = usual.replace("= 1", f"= {seconds}") if seconds else ""
    app.settings.path.write_text(text.replace(usual, wanted), encoding="utf-8")
    orders, failed = Orders(), []
    with open_app(load_settings(app.settings.path), actor="daemon") as daemons:

        def run() -> None:
            try:
                Daemon(daemons, orders).run()
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=run, name="daemon")
        thread.start()
        try:
            until(lambda: failed or all(row.owner for row in app.leases.read().values()), 30)
            yield daemons
        finally:
            orders.end()
            thread.join(60)
    assert not thread.is_alive()
    assert failed == []


@on_every_engine
def test_what_is_inserted_is_carried_out_long_before_any_interval_is_over(
    app: App, clock: Clock, mailchimp: MailchimpSandbox
) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    with running(app, "3600"):
        time.sleep(1)  # what it does at its start is over

        put(app, "erasure", PERSON, "k1")

        until(lambda: [row.state for row in rows(app, app.tables.event)] == ["fulfilled"], 30)
    assert mailchimp.member(PERSON, AUDIENCES[0]) is None


@pytest.mark.slow
@on_every_engine
def test_what_another_process_makes_due_is_carried_out_as_well(app: App, mailchimp: MailchimpSandbox) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    with running(app, "3600") as daemons:
        time.sleep(1)
        daemons.intake.take_all = lambda *_: 0  # type: ignore[method-assign]  # it is too late for every row

        put(app, "erasure", PERSON, "k1")
        prepare(app)

        until(lambda: [row.state for row in rows(app, app.tables.event)] == ["fulfilled"], 30)


@pytest.mark.slow
@on_every_engine
def test_an_idle_daemon_asks_its_database_at_most_six_questions_a_second(app: App, statements: Statements) -> None:
    with running(app):
        time.sleep(3)
        statements.asked.clear()
        began = time.monotonic()
        time.sleep(10)
        count, seconds = len(statements.asked), time.monotonic() - began

    assert count <= 6 * seconds * 1.2


# -- the looks themselves -------------------------------------------------------------------------------------


@pytest.fixture
def lanes(app: App) -> Iterator[list[Lane]]:
    made = app.lanes()
    yield made
    for lane in made:
        lane.abandon()


@pytest.fixture
def look(app: App, lanes: list[Lane], monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], set[str]]]:
    """Look once, and return whose bells rang: the intake's, and the lanes' by their names."""
    for name in ("TIME_PASSES", "QUESTION"):
        monkeypatch.setattr(module, name, 3600.0 if app.engine.dialect.name == "sqlite" else 0.0)
    lookout = Lookout(app, lanes)
    lookout._often = lookout._again = 0.0 if app.engine.dialect.name != "sqlite" else 3600.0

    def rung() -> set[str]:
        lookout.look()
        return {"intake" for bell in [app.intake.bell] if bell.heard()} | {
            lane.name for lane in lanes if lane.bell.heard()
        }

    yield rung
    lookout.close()


@on_every_engine
def test_a_new_row_rings_for_the_intake_and_what_is_due_for_its_lane(
    app: App, clock: Clock, look: Callable[[], set[str]]
) -> None:
    assert look() == set()
    put(app, "erasure", PERSON, "k1")
    assert look() == {"intake"}
    prepare(app)
    assert look() == {"crm", "newsletter"}
    with writing(app.engine) as connection:
        d = app.tables.delivery
        connection.execute(d.update().values(next_attempt_at=clock() + timedelta(hours=1)))
    assert look() == set()
    with writing(app.engine) as connection:
        connection.execute(d.update().where(d.c.destination == "crm").values(next_attempt_at=clock()))
    assert look() == {"crm"}


def test_a_file_that_nobody_wrote_is_not_asked(app: App, statements: Statements, look: Callable[[], set[str]]) -> None:
    look()
    statements.asked.clear()

    for _ in range(10):
        assert look() == set()

    assert statements.asked == []
    put(app, "erasure", PERSON, "k1")
    statements.asked.clear()
    assert look() == {"intake"}
    assert len(statements.asked) == 1


def test_a_question_asks_for_one_row_of_an_index_each_however_much_lies_there(
    app: App, statements: Statements, look: Callable[[], set[str]]
) -> None:
    put(app, "erasure", PERSON, "k1")
    prepare(app)
    statements.asked.clear()
    look()
    (question,) = statements.asked
    with app.engine.connect() as connection:
        values = (1, 0, "newsletter", "2026-01-01", 1, 0, "crm", "2026-01-01", 1, 0)[: question.count("?")]
        plan = [row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {question}", values)]

    reads = [line for line in plan if line.startswith(("SCAN", "SEARCH")) and "CONSTANT ROW" not in line]
    assert len(reads) == 3
    assert all("USING COVERING INDEX" in line and line.startswith("SEARCH") for line in reads)


@on_every_engine
def test_a_row_that_cannot_be_taken_does_not_ring_for_ever_and_hides_no_newer_one(
    app: App, engine: str, look: Callable[[], set[str]]
) -> None:
    app.intake.left = None
    put(app, "erasure", PERSON, "stays")
    (stays,) = rows(app, app.queue.table)
    app.intake.left = stays.id

    assert look() == set()
    put(app, "erasure", OTHER, "k2")
    assert look() == {"intake"}


def test_the_intake_says_which_rows_it_had_to_leave(app: App) -> None:
    with writing(app.engine) as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER stay BEFORE UPDATE ON syncer_queue WHEN OLD.event_key LIKE 'stay%'"
            " BEGIN SELECT RAISE(IGNORE); END"
        )
    for key in ("k1", "stay1", "stay2", "k2"):
        put(app, "erasure", PERSON, key)

    app.intake.take_all()

    assert app.intake.left == 3
    with writing(app.engine) as connection:
        connection.exec_driver_sql("DROP TRIGGER stay")
    app.intake.take_all()
    assert app.intake.left is None


@on_every_engine
def test_a_connection_that_was_lost_is_opened_anew_at_the_next_look(app: App) -> None:
    window = Window(app.engine)
    one = sa.select(sa.literal(1))
    assert tuple(window.ask(one)) == (1,)
    window._connection.connection.driver_connection.close()  # type: ignore[union-attr]

    with contextlib.suppress(sa.exc.SQLAlchemyError):
        window.ask(one)

    assert tuple(window.ask(one)) == (1,)
    window.close()


def test_a_lookout_that_fails_is_not_relied_on(app: App, lanes: list[Lane]) -> None:
    lookout = Lookout(app, lanes)
    lookout.look()
    assert lookout.sees
    with writing(app.engine) as connection:
        connection.exec_driver_sql("ALTER TABLE syncer_delivery RENAME TO syncer_gone")

    with pytest.raises(sa.exc.OperationalError):
        lookout.look()

    assert not lookout.sees
    lookout.close()


# -- PostgreSQL tells -----------------------------------------------------------------------------------------

on_postgresql = pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
WORD = "syncer_queue_announced"


@pytest.fixture
def quiet(app: App) -> Iterator[Window]:
    """A connection to a queue of ours, that was asked once."""
    window = Window(app.engine, app.queue.table.name)
    window.ask(sa.select(sa.literal(1)))
    with closing(window):
        yield window


@on_postgresql
def test_an_insert_into_a_queue_of_ours_is_told_and_nothing_else_is(app: App, quiet: Window) -> None:
    assert quiet.tells
    assert not quiet.was_written()

    put(app, "erasure", PERSON, "k1")
    until(quiet.was_written, 10)
    prepare(app)
    time.sleep(0.3)  # a word that were said would have come

    assert not quiet.was_written()


@on_postgresql
def test_a_connection_on_which_it_was_told_and_that_is_gone_is_asked_and_listens_anew(app: App, quiet: Window) -> None:
    (pid,) = quiet.ask(sa.select(sa.func.pg_backend_pid()))
    with app.engine.connect() as connection:
        connection.execute(sa.select(sa.func.pg_terminate_backend(pid)))

    until(quiet.was_written, 10)
    with contextlib.suppress(sa.exc.SQLAlchemyError):
        quiet.ask(sa.select(sa.literal(1)))
    quiet.ask(sa.select(sa.literal(1)))

    put(app, "erasure", PERSON, "k1")
    assert quiet.tells
    until(quiet.was_written, 10)


@on_postgresql
def test_without_its_trigger_a_server_is_asked_and_an_upgrade_makes_it_again(app: App) -> None:
    with writing(app.engine) as connection:
        connection.exec_driver_sql(f"DROP TRIGGER {WORD} ON syncer_queue")
    with closing(Window(app.engine, "syncer_queue")) as before, closing(Window(app.engine, "syncer_queue")) as after:
        before.ask(sa.select(sa.literal(1)))

        upgrade(app.engine, app.tables, queue_here=True)
        after.ask(sa.select(sa.literal(1)))

        assert (before.tells, after.tells) == (False, True)


@on_postgresql
def test_a_queue_that_somebody_else_owns_keeps_an_upgrade_from_nothing(app: App) -> None:
    with writing(app.engine) as connection:
        connection.exec_driver_sql(f"DROP TRIGGER {WORD} ON syncer_queue")
        connection.exec_driver_sql("DROP ROLE IF EXISTS visitor")
        connection.exec_driver_sql("CREATE ROLE visitor")
    with app.engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL ROLE visitor")
        announce(connection, "syncer_queue")
        assert not announces(connection, "syncer_queue")
    with writing(app.engine) as connection:
        connection.exec_driver_sql("DROP ROLE visitor")


@on_postgresql
def test_a_table_name_in_capitals_is_told_of_too(app: App) -> None:
    with writing(app.engine) as connection:
        connection.exec_driver_sql('CREATE TABLE "Queue" (id int)')
        announce(connection, "Queue")
        announce(connection, "Queue")  # harmless when repeated
    with closing(Window(app.engine, "Queue")) as window:
        window.ask(sa.select(sa.literal(1)))
        with writing(app.engine) as connection:
            connection.exec_driver_sql('INSERT INTO "Queue" VALUES (1)')

        until(window.was_written, 10)


@on_postgresql
def test_behind_a_pooler_nobody_listens_and_the_server_is_asked(app: App, postgresql: Server) -> None:
    url = app.settings.database.url
    with (
        pgbouncer(postgresql, url) as pooled,
        engines.opened(pooled) as engine,
        closing(Window(engine, "syncer_queue")) as window,
    ):
        assert tuple(window.ask(sa.select(sa.literal(1)))) == (1,)
        assert not window.tells
        assert window.was_written()
