"""Servers set up for other programs: what their administrators changed changes nothing of ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from adapters.sandbox import MailchimpSandbox
from syncer.app import App, load_settings, open_app
from syncer.database import engines, sessions
from syncer.database.connections import reading, writing
from syncer.database.failures import is_outage
from syncer.intake.queue import moment
from syncer.service.drain import drain
from tests.conftest import AUDIENCES, Clock
from tests.support.pooler import pgbouncer
from tests.support.processes import inside as run
from tests.support.processes import run as process
from tests.support.processes import until
from tests.support.servers import Server, server_or_skip
from tests.support.session.opened import until_the_end
from tests.support.walk import PERSON, put, rows

#: what `ALTER DATABASE … SET` and `ALTER ROLE … SET` may say, all at once
POSTGRESQL = {
    "timezone": "Asia/Kolkata",
    "intervalstyle": "sql_standard",
    "bytea_output": "escape",
    "standard_conforming_strings": "off",
    "backslash_quote": "off",
    "array_nulls": "off",
    "transform_null_equals": "on",
    "client_encoding": "latin1",
    "default_transaction_isolation": "serializable",
    "row_security": "off",
    "synchronous_commit": "off",
    "extra_float_digits": "0",
    "lc_messages": "C",
    "statement_timeout": "2s",
    "lock_timeout": "1s",
    "idle_in_transaction_session_timeout": "300ms",
    "idle_session_timeout": "300ms",  # from PostgreSQL 14 on
}
NO_LIMITS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "idle_session_timeout")
DATESTYLES = ("German, DMY", "SQL, DMY", "SQL, MDY", "Postgres, MDY", "Postgres, DMY", "ISO, DMY")
#: a day that is another one when day and month change places
RECEIVED = datetime(2026, 2, 3, 4, 5, 6, 70809, tzinfo=UTC)
on_postgresql = pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
on_mariadb = pytest.mark.parametrize("engine", ["mariadb"], indirect=True)


@pytest.fixture
def later(clock: Clock) -> Clock:
    """Set the clock to an hour after the request was received."""
    clock.now = RECEIVED.replace(hour=5)
    return clock


def name_of(url: str) -> str:
    return str(sa.make_url(url).database)


def opened(path: Path, clock: Clock) -> App:
    return until_the_end(open_app(load_settings(path), clock=clock))


def carry_out(app: App, mailchimp: MailchimpSandbox) -> None:
    """Carry out one request and compare everything that the session's settings could have changed."""
    mailchimp.add(PERSON, AUDIENCES[0])
    put(app, "erasure", PERSON, "k1", received_at=RECEIVED, source="Bücherladen 😀 \\ '")

    drain(app)

    (event,) = rows(app, app.tables.event)
    assert (event.state, event.received_at, event.source) == ("fulfilled", RECEIVED, "Bücherladen 😀 \\ '")
    assert mailchimp.member(PERSON, AUDIENCES[0]) is None
    assert app.ledger.verify().ok


# -- PostgreSQL ---------------------------------------------------------------------------------------------


@on_postgresql
@pytest.mark.parametrize("style", DATESTYLES)
@pytest.mark.parametrize("whose", ["DATABASE", "ROLE"])
def test_a_database_or_account_with_other_settings_is_read_and_written_as_ever(
    database_url: str,
    settings_file: Callable[..., Path],
    postgresql: Server,
    mailchimp: MailchimpSandbox,
    later: Clock,
    style: str,
    whose: str,
) -> None:
    path = settings_file()
    assert run(path, "init").returncode == 0
    with changed(postgresql, database_url, whose, POSTGRESQL | {"datestyle": style}):
        app = opened(path, later)
        carry_out(app, mailchimp)
        checked = run(path, "check")
        with reading(app.engine) as connection:
            shown = {name: connection.exec_driver_sql(f"SHOW {name}").scalar_one() for name in POSTGRESQL}
        app.close()

    assert checked.returncode == 0, checked.stdout
    assert {shown[name] for name in NO_LIMITS} == {"0"}
    assert (shown["synchronous_commit"], shown["client_encoding"]) == ("on", "UTF8")


@contextmanager
def changed(server: Server, url: str, whose: str, values: dict[str, str]) -> Iterator[None]:
    """Let every new session of a database, or of the administrator, begin with these values."""
    target = f"DATABASE {name_of(url)}" if whose == "DATABASE" else "ROLE postgres"
    for name, value in values.items():
        server.sql(f"ALTER {target} SET {name} TO '{value}'")
    try:
        yield
    finally:
        server.sql(f"ALTER {target} RESET ALL")


@on_postgresql
@pytest.mark.parametrize("style", DATESTYLES)
def test_the_times_of_the_queue_are_read_alike_whatever_the_session_has_been_set_to(
    app: App, later: Clock, style: str
) -> None:
    put(app, "erasure", PERSON, "k1", received_at=RECEIVED)
    with writing(app.engine) as connection:
        connection.exec_driver_sql(f"SET LOCAL datestyle = '{style}'")
        (row,) = app.queue.read(connection, app.queue.is_open)

    assert moment(row.received_at) == RECEIVED
    assert moment(row.created_at) == later.now


@on_postgresql
def test_a_queue_in_another_database_with_other_settings_is_read_as_ever(
    database_url: str,
    settings_file: Callable[..., Path],
    postgresql: Server,
    mailchimp: MailchimpSandbox,
    later: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path, queue = settings_file(), postgresql.new_database()
    monkeypatch.setenv("SYNCER_QUEUE__URL", queue)
    assert run(path, "init").returncode == 0
    with changed(postgresql, queue, "DATABASE", POSTGRESQL | {"datestyle": "German, DMY"}):
        app = opened(path, later)
        carry_out(app, mailchimp)
        checked = run(path, "check")
        app.close()

    assert checked.returncode == 0, checked.stdout


@on_postgresql
@pytest.mark.parametrize("mode", ["transaction", "session"])
def test_through_a_pgbouncer_with_other_settings_all_the_work_is_done_and_check_names_the_pooler(
    database_url: str,
    settings_file: Callable[..., Path],
    postgresql: Server,
    mailchimp: MailchimpSandbox,
    later: Clock,
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
) -> None:
    with (
        changed(postgresql, database_url, "DATABASE", POSTGRESQL | {"datestyle": "German, DMY"}),
        pgbouncer(postgresql, database_url, mode) as through,
    ):
        monkeypatch.setenv("SYNCER_DATABASE__URL", through)
        path = settings_file()
        assert run(path, "init").returncode == 0
        app = opened(path, later)
        for number in range(30):  # the driver prepares what it sees for the fifth time
            mailchimp.add(f"p{number}@pooled.test", AUDIENCES[number % 3])
            put(app, "erasure", f"p{number}@pooled.test", f"p{number}", received_at=RECEIVED)
            if number % 10 == 9:
                drain(app)
        with writing(app.engine) as connection:
            timeout = connection.exec_driver_sql("SHOW statement_timeout").scalar_one()
        done = {(row.state, row.received_at) for row in rows(app, app.tables.event)}
        checked = run(path, "check")
        app.close()

    assert done == {("fulfilled", RECEIVED)}
    assert mailchimp.members() == []
    assert timeout == "0"
    assert checked.returncode == 0, checked.stdout
    assert "behind a pooler" in checked.stdout


@on_postgresql
def test_what_is_set_for_one_transaction_stays_away_from_others_behind_the_same_pgbouncer(
    database_url: str, postgresql: Server
) -> None:
    with (
        changed(postgresql, database_url, "DATABASE", {"statement_timeout": "7s"}),
        pgbouncer(postgresql, database_url) as through,
    ):
        with engines.opened(through) as ours, reading(ours) as connection:
            assert sessions.pooled(connection)
            within = connection.exec_driver_sql("SHOW statement_timeout").scalar_one()
        theirs = sa.create_engine(through, poolclass=sa.NullPool)
        with theirs.connect() as other:
            outside = other.exec_driver_sql("SHOW statement_timeout").scalar_one()

    assert (within, outside) == ("0", "7s")


@on_postgresql
def test_a_pgbouncer_that_pools_statements_is_refused_in_one_line_that_names_the_remedy(
    database_url: str,
    settings_file: Callable[..., Path],
    postgresql: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = settings_file()
    assert run(path, "init").returncode == 0
    with pgbouncer(postgresql, database_url, "statement") as through:
        monkeypatch.setenv("SYNCER_DATABASE__URL", through)
        status, checked, daemon = run(path, "status"), run(path, "check"), process(path, "run")

    assert [status.returncode, daemon.returncode, checked.returncode] == [2, 2, 1]
    for text in (status.stderr, daemon.stderr, checked.stdout):
        assert "pool_mode = transaction" in text
    assert status.stderr.count("\n") == daemon.stderr.count("\n") == 1


@pytest.mark.engines
def test_a_server_that_is_away_behind_its_pgbouncer_is_an_outage_to_be_waited_out() -> None:
    server = server_or_skip("postgresql")
    try:
        with pgbouncer(server, server.new_database()) as through, engines.opened(through) as engine:
            with reading(engine):
                pass
            engine.dispose()
            server.stop()

            with pytest.raises(sa.exc.DBAPIError) as failed, reading(engine):
                pass
            engine.dispose()
            assert is_outage(failed.value)

            server.start()
            until(lambda: _answers(engine), 60)
    finally:
        server.close()


def _answers(engine: sa.Engine) -> bool:
    try:
        with reading(engine) as connection:
            return bool(connection.exec_driver_sql("SELECT true").scalar_one())
    except sa.exc.DBAPIError:
        return False


@on_postgresql
def test_a_direct_connection_prepares_its_statements_and_is_not_taken_for_a_pooler(app: App) -> None:
    with reading(app.engine) as connection:
        assert not sessions.pooled(connection)
        for _ in range(8):
            connection.execute(sa.select(app.tables.lane.c.destination)).all()
        prepared = connection.exec_driver_sql("SELECT count(*) FROM pg_prepared_statements").scalar_one()

    assert prepared > 0


# -- MariaDB ------------------------------------------------------------------------------------------------

#: what an administrator may set for every session of every program, all at once
MARIADB = {
    "sql_mode": "'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,NO_ZERO_DATE'",
    "time_zone": "'+05:30'",
    "sql_select_limit": "2",
    "sql_safe_updates": "1",
    "sql_big_selects": "0",
    "max_join_size": "3",
    "sql_auto_is_null": "1",
    "completion_type": "'CHAIN'",
    "unique_checks": "0",
    "foreign_key_checks": "0",
    "max_statement_time": "2",
    "group_concat_max_len": "4",
    "lc_messages": "'de_DE'",
    "tx_isolation": "'SERIALIZABLE'",
    "innodb_lock_wait_timeout": "1",
    "wait_timeout": "20",
    "idle_transaction_timeout": "1",
    "idle_write_transaction_timeout": "1",
    "idle_readonly_transaction_timeout": "1",
    "check_constraint_checks": "0",
    "autocommit": "0",
}
NAMES = "SET NAMES latin1 COLLATE latin1_swedish_ci"
WANTED = {
    "sql_mode": "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION",
    "time_zone": "+00:00",
    "sql_select_limit": 2**64 - 1,
    "sql_safe_updates": 0,
    "sql_auto_is_null": 0,
    "completion_type": "NO_CHAIN",
    "unique_checks": 1,
    "foreign_key_checks": 1,
    "max_statement_time": 0,
    "tx_isolation": "READ-COMMITTED",
    "innodb_lock_wait_timeout": 50,
    "wait_timeout": 28800,
    "idle_transaction_timeout": 0,
    "idle_write_transaction_timeout": 0,
    "idle_readonly_transaction_timeout": 0,
    "check_constraint_checks": 1,
    "autocommit": 0,
    "character_set_results": "utf8mb4",
    "character_set_client": "utf8mb4",
}


@on_mariadb
@pytest.mark.parametrize("how", ["init_connect", "GLOBAL"])
def test_a_mariadb_set_up_for_other_programs_is_read_and_written_as_ever(
    database_url: str,
    settings_file: Callable[..., Path],
    mariadb: Server,
    mailchimp: MailchimpSandbox,
    later: Clock,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    mariadb.sql("CREATE USER IF NOT EXISTS 'site'@'127.0.0.1'")  # init_connect passes administrators over
    mariadb.sql(f"GRANT ALL ON {name_of(database_url)}.* TO 'site'@'127.0.0.1'")
    monkeypatch.setenv("SYNCER_DATABASE__URL", mariadb.url(name_of(database_url), "site", ""))
    path = settings_file()
    with unusual(mariadb, how):
        assert run(path, "init").returncode == 0
        app = opened(path, later)
        for number in range(3):  # more rows than sql_select_limit
            put(app, "objection", f"p{number}@list.test", f"p{number}", received_at=RECEIVED)
        drain(app)
        _only_these(app, {f"p{number}": "fulfilled" for number in range(3)})
        checked = run(path, "check")
        with reading(app.engine) as connection:
            shown = {name: connection.exec_driver_sql(f"SELECT @@{name}").scalar_one() for name in WANTED}
        mailchimp.add(PERSON, AUDIENCES[0])
        put(app, "erasure", PERSON, "k1", received_at=RECEIVED, source="Bücherladen 😀 \\ '")
        drain(app)
        stored = {row.event_key: (row.state, row.received_at, row.source) for row in rows(app, app.tables.event)}
        verdict = app.ledger.verify()
        app.close()

    assert stored["k1"] == ("fulfilled", RECEIVED, "Bücherladen 😀 \\ '")
    assert mailchimp.member(PERSON, AUDIENCES[0]) is None
    assert verdict.ok
    assert shown == WANTED
    assert checked.returncode == 0, checked.stdout


def _only_these(app: App, wanted: dict[str, str]) -> None:
    assert {row.event_key: row.state for row in rows(app, app.tables.event)} == wanted


@contextmanager
def unusual(server: Server, how: str) -> Iterator[None]:
    """Let every new session begin with these values: set at its start, or inherited."""
    before = {name: server.sql(f"SELECT @@GLOBAL.{name}")[0][0] for name in MARIADB}
    try:
        if how == "GLOBAL":
            for name, value in MARIADB.items():
                server.sql(f"SET GLOBAL {name} = {value}")
        else:
            sets = ", ".join(f"{name} = {value}" for name, value in MARIADB.items())
            statement = f"SET {sets}; {NAMES}".replace("'", "''")
            server.sql(f"SET GLOBAL init_connect = '{statement}'")
        yield
    finally:
        server.sql("SET GLOBAL init_connect = ''")
        for name, value in before.items():
            server.sql(f"SET GLOBAL {name} = {value!r}")
