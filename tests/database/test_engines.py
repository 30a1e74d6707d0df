"""The three kinds of database: migrations, times, append-only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from syncer.app import App
from syncer.database import engines, revisions
from syncer.database.bulk import insert
from syncer.database.column_types import DIGEST, LONG_TEXT, Moment, collate
from syncer.database.connections import reading, writing
from syncer.database.engines import utc_now
from syncer.service.drain import drain
from syncer.setup import privilege_check
from tests.support.processes import inside as run
from tests.support.servers import ENGINES
from tests.support.walk import OTHER, PERSON, put, rows

TEXTS = (
    "",
    "'",
    "\\",
    "\\'",
    '"',
    "%s",
    "%(x)s",
    ":x",
    "0x41",
    '{"a":"\\u0000"}',
    "\n\r\t\x1a",
    "\U0001f600",
    "x" * 70_000,
)

pytestmark = pytest.mark.parametrize("engine", ENGINES, indirect=True)


# -- times --------------------------------------------------------------------------------------------------


@examples(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(moment=st.datetimes(min_value=datetime(1000, 1, 2), timezones=st.just(UTC)))  # noqa: DTZ001
def test_a_moment_comes_back_to_the_microsecond(app: App, moment: datetime) -> None:
    query = sa.select(sa.bindparam("moment", moment, Moment()))
    with app.engine.begin() as connection:
        table = sa.Table("moments", sa.MetaData(), sa.Column("at", Moment))
        table.create(connection, checkfirst=True)
        connection.execute(table.delete())
        connection.execute(table.insert().values(at=moment))
        stored = connection.execute(sa.select(table.c.at).where(table.c.at == query.scalar_subquery())).scalar_one()

    assert stored == moment


@examples(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    text=st.one_of(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), st.sampled_from(TEXTS))
)
def test_a_long_text_comes_back_character_by_character(app: App, text: str) -> None:
    table = sa.Table("texts", sa.MetaData(), sa.Column("body", LONG_TEXT))
    with app.engine.begin() as connection:
        collate([table], engines.no_pad_collation(connection))
        table.create(connection, checkfirst=True)
        connection.execute(table.delete())
        insert(connection, table, [{"body": text}, {"body": None}, {"body": text}])
        stored = list(connection.execute(sa.select(table.c.body)).scalars())

    assert sorted(stored, key=str) == sorted([text, None, text], key=str)


@pytest.mark.parametrize("count", [1, 3, 40], ids=["alone", "few", "more than one statement takes"])
@pytest.mark.parametrize("name", [None, "", "a\\'\"b,c}"], ids=["nothing", "empty", "quotes"])
def test_rows_of_texts_numbers_and_bytes_come_back_as_they_were(app: App, count: int, name: str | None) -> None:
    columns = (sa.Column("seq", sa.Integer), sa.Column("name", sa.String(16)), sa.Column("body", LONG_TEXT))
    table = sa.Table("mixed", sa.MetaData(), *columns, sa.Column("mac", DIGEST))
    rows = [{"seq": n, "name": name, "body": "ä" * 30_000, "mac": bytes([n, *range(31)])} for n in range(count)]
    with app.engine.begin() as connection:
        collate([table], engines.no_pad_collation(connection))
        table.create(connection, checkfirst=True)
        connection.execute(table.delete())
        insert(connection, table, rows)
        stored = connection.execute(sa.select(table).order_by(table.c.seq)).all()

    assert [dict(row._mapping) for row in stored] == rows


def test_the_database_says_its_utc_time_whatever_its_zone(app: App) -> None:
    with reading(app.engine) as connection:
        answer = connection.execute(sa.select(sa.type_coerce(utc_now(connection), sa.String))).scalar_one()

    now = answer if isinstance(answer, datetime) else datetime.fromisoformat(answer)
    assert abs(now.replace(tzinfo=UTC) - datetime.now(UTC)) < timedelta(minutes=1)


# -- migrations ---------------------------------------------------------------------------------------------


def test_the_revisions_build_exactly_the_tables_of_the_code(app: App) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    ours = {table.name for table in app.tables.metadata.sorted_tables}
    # over a part of the table, which MariaDB cannot do: each engine has its own
    apart = {f"ix_{app.tables.audit.name}_body", "body_at", f"ix_{app.tables.event.name}_sealed"}
    with reading(app.engine) as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_name": lambda name, kind, _parents: name in ours if kind == "table" else name not in apart,
                "compare_type": False,
            },
        )
        differences = compare_metadata(context, app.tables.metadata)

    assert differences == []


def test_a_schema_too_new_for_the_code_is_refused_and_left_alone(app: App) -> None:
    _set_revision(app, "9999")
    with writing(app.engine) as connection:
        connection.execute(app.tables.schema.update().values(compatible_from="9999"))

    done = run(app.settings.path, "status")

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "newer than this syncer" in done.stderr
    assert run(app.settings.path, "db", "upgrade").returncode == 2
    assert _revision(app) == "9999"


def test_an_older_schema_names_the_command_that_mends_it(app: App) -> None:
    _set_revision(app, "0000")

    done = run(app.settings.path, "status")

    assert done.returncode == 2
    assert "`syncer db upgrade`" in done.stderr


def _set_revision(app: App, revision: str) -> None:
    with writing(app.engine) as connection:
        connection.exec_driver_sql(f"UPDATE {revisions.version_table('syncer_')} SET version_num = '{revision}'")


def _revision(app: App) -> Any:
    with reading(app.engine) as connection:
        name = revisions.version_table("syncer_")
        return connection.exec_driver_sql(f"SELECT version_num FROM {name}").scalar_one()


def test_init_twice_is_harmless_and_db_upgrade_says_so(app: App) -> None:
    before = [row.seq for row in rows(app, app.tables.audit)]

    again, upgraded = run(app.settings.path, "init"), run(app.settings.path, "db", "upgrade")

    assert (again.returncode, upgraded.returncode) == (0, 0), again.stderr + upgraded.stderr
    assert "up to date" in upgraded.stdout
    assert [row.seq for row in rows(app, app.tables.audit)] == before


# -- append-only --------------------------------------------------------------------------------------------

#: the columns of an entry without the one that MariaDB derives
WRITTEN = "seq, at, what, event_id, destination, body, leaf, mac"
CHANGES = {
    "all": ["UPDATE syncer_audit SET body = '{{}}'", "DELETE FROM syncer_audit"],
    "sqlite": [
        "REPLACE INTO syncer_audit SELECT * FROM syncer_audit WHERE seq = 1",
        "INSERT OR REPLACE INTO syncer_audit SELECT * FROM syncer_audit WHERE seq = 1",
        "UPDATE OR REPLACE syncer_audit SET seq = 2 WHERE seq = 1",
    ],
    "mariadb": [
        "REPLACE INTO syncer_audit ({columns}) SELECT {columns} FROM syncer_audit WHERE seq = 1",
        "INSERT INTO syncer_audit ({columns}) SELECT {columns} FROM syncer_audit a WHERE seq = 1"
        " ON DUPLICATE KEY UPDATE body = 'x'",
    ],
    "postgresql": [
        "TRUNCATE syncer_audit",
        "TRUNCATE syncer_audit CASCADE",
        "INSERT INTO syncer_audit SELECT * FROM syncer_audit WHERE seq = 1 ON CONFLICT (seq) DO UPDATE SET body = 'x'",
        "SET session_replication_role = replica; UPDATE syncer_audit SET body = 'x'",
        "SET session_replication_role = replica; DELETE FROM syncer_audit",
        "SET session_replication_role = replica; TRUNCATE syncer_audit",
    ],
}


def test_whoever_may_write_can_only_add_to_the_audit(app: App, engine: str) -> None:
    put(app, "erasure", PERSON, "k1")
    drain(app)
    before = list(app.ledger.rows())

    for statement in CHANGES["all"] + CHANGES[engine]:
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), app.engine.begin() as connection:
            connection.exec_driver_sql(statement.replace("{columns}", WRITTEN))

    assert list(app.ledger.rows()) == before
    assert app.ledger.verify().ok


def test_nothing_that_is_deleted_takes_audit_entries_with_it(app: App) -> None:
    with reading(app.engine) as connection:
        keys = sa.inspect(connection).get_foreign_keys(app.tables.audit.name)

    assert keys == []


def test_check_finds_a_trigger_that_was_dropped(app: App, engine: str) -> None:
    put(app, "erasure", PERSON, "k1")
    drain(app)
    before = list(app.ledger.rows())
    whole = privilege_check.run(app.engine, app.queue.engine, app.tables)[0]
    with app.engine.begin() as connection:
        name = "syncer_audit_no_update ON syncer_audit" if engine == "postgresql" else "syncer_audit_no_update"
        connection.exec_driver_sql(f"DROP TRIGGER {name}")

    dropped = privilege_check.run(app.engine, app.queue.engine, app.tables)[0]

    assert whole.ok
    assert not dropped.ok
    assert "UPDATE" in dropped.detail
    assert list(app.ledger.rows()) == before  # what was tried was rolled back


def test_check_is_harmless_beside_a_verification(app: App) -> None:
    put(app, "erasure", PERSON, "k1")
    drain(app)

    privilege_check.run(app.engine, app.queue.engine, app.tables)
    put(app, "erasure", OTHER, "k2")
    drain(app)

    assert app.ledger.verify().ok
