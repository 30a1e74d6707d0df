"""Revision 0016: deliveries may be closed in more ways, the database knows their words, and nothing old changes."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from syncer.database import engines, revisions
from syncer.database.tables import tables
from syncer.database.upgrading.dry_run import planned
from syncer.errors import UserError
from tests.support.servers import ENGINES
from tests.support.upgrading import schema_steps
from tests.support.upgrading.killed import killed_upgrade

BEFORE = "0015"
#: as that revision has them: state, outcome, code; the last one somebody wrote with other means
OLD: list[tuple[str, str | None, str | None]] = [
    ("pending", None, None), ("retrying", None, "timed_out"), ("applied", "done", None), ("confirmed", "absent", None),
    ("held", None, "newer_consent"), ("exempt", None, "legal_claims"), ("nonsense", None, None),
]  # fmt: skip
NEW = ("accepted", "attested", "not_applicable")
DAYS = {"settles_on": date(2027, 1, 20), "lapses_on": date(2027, 12, 28)}
INDEX = "ix_syncer_delivery_strange"
#: writing statements of one upgrade
MOST = 120
on_all = pytest.mark.parametrize("engine", ENGINES, indirect=True)


@pytest.fixture
def url(database_url: str, engine: str, tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/syncer.db" if engine == "sqlite" else database_url


def filled(opened: sa.Engine, revision: str = BEFORE) -> sa.Table:
    """Make the schema of an older version, with a delivery in each state that it has; return its table."""
    schema_steps.upgrade(opened, revision)
    schema_steps.fill(opened, len(OLD))
    delivery = sa.Table("syncer_delivery", sa.MetaData(), autoload_with=opened)
    assert not {"strange", *DAYS} & set(delivery.c.keys())
    with opened.begin() as connection:
        for number, (state, outcome, code) in enumerate(OLD):
            mine = delivery.c.event_id == f"old-{number:06}"
            connection.execute(delivery.update().where(mine).values(state=state, outcome=outcome, code=code))
    return delivery


def held(opened: sa.Engine, table: sa.Table) -> list[dict[str, Any]]:
    """Return what stands in the columns that this table has, by id."""
    with opened.connect() as connection:
        return [dict(row._mapping) for row in connection.execute(sa.select(table).order_by(table.c.id))]


def added(opened: sa.Engine) -> list[tuple[Any, ...]]:
    """Return what stands in the new columns, by id."""
    d = tables().delivery.c
    with opened.connect() as connection:
        query = sa.select(d.strange, d.settles_on, d.lapses_on).order_by(d.id)
        return [tuple(row) for row in connection.execute(query)]


def expected() -> list[tuple[Any, ...]]:
    return [(1 if state == "nonsense" else None, None, None) for state, _, _ in OLD]


@on_all
def test_what_was_there_stays_what_it_was_and_the_new_columns_are_empty(url: str) -> None:
    with engines.opened(url) as opened:
        old = filled(opened)
        before = held(opened, old)

        revisions.upgrade(opened, tables(), queue_here=True)

        assert held(opened, old) == before
        assert added(opened) == expected()
        assert INDEX in {index["name"] for index in sa.inspect(opened).get_indexes("syncer_delivery")}
        assert revisions.compatible_from(opened, "syncer_") == "0014"
        assert revisions.upgrade(opened, tables(), queue_here=True) == ()


@pytest.mark.parametrize("revision", [f"{number:04}" for number in range(1, 16)])
def test_from_every_earlier_revision_what_was_there_stays(revision: str, tmp_path: Path) -> None:
    with engines.opened(f"sqlite:///{tmp_path}/syncer.db") as opened:
        old = filled(opened, revision)
        before = {row["event_id"]: (row["state"], row["outcome"], row["code"]) for row in held(opened, old)}

        revisions.upgrade(opened, tables(), queue_here=True)

        now = held(opened, tables().delivery)
        assert {row["event_id"]: (row["state"], row["outcome"], row["code"]) for row in now} == before
        assert added(opened) == expected()


@on_all
def test_the_new_states_are_no_strange_words_but_to_the_version_before(url: str) -> None:
    with engines.opened(url) as opened:
        filled(opened)
        revisions.upgrade(opened, tables(), queue_here=True)
        d = tables().delivery
        with opened.begin() as connection:
            for number, state in enumerate(NEW):
                mine = d.c.event_id == f"old-{number:06}"
                connection.execute(d.update().where(mine).values(state=state, outcome=None, **DAYS))

        assert added(opened) == [(None, *DAYS.values())] * len(NEW) + expected()[len(NEW) :]
        with opened.connect() as connection:
            odd = list(connection.execute(sa.select(d.c.odd).order_by(d.c.id)).scalars())
        assert odd == [1] * len(NEW) + [None, None, None, 1]


@on_all
def test_a_neighbour_of_the_version_before_writes_its_rows_and_the_column_follows(url: str) -> None:
    with engines.opened(url) as opened:
        old = filled(opened)
        revisions.upgrade(opened, tables(), queue_here=True)

        with opened.begin() as connection:  # with the table as that version knows it
            row = connection.execute(sa.select(old).where(old.c.event_id == "old-000000")).one()
            new = {name: value for name, value in row._mapping.items() if name not in ("id", "odd")}
            connection.execute(old.insert().values(new | {"destination": "newsletter"}))
            connection.execute(old.update().where(old.c.event_id == "old-000001").values(state="nonsense"))
            connection.execute(old.update().where(old.c.event_id == "old-000006").values(state="held"))

        strange = [1 if number == 1 else None for number in range(len(OLD) + 1)]
        assert added(opened) == [(each, None, None) for each in strange]


@on_all
def test_nobody_writes_the_column_itself(url: str) -> None:
    with engines.opened(url) as opened:
        filled(opened)
        revisions.upgrade(opened, tables(), queue_here=True)

        with pytest.raises(sa.exc.DBAPIError), opened.begin() as connection:
            connection.exec_driver_sql("UPDATE syncer_delivery SET strange = 1 WHERE state = 'pending'")

        assert added(opened) == expected()


@pytest.mark.slow
@on_all
def test_an_upgrade_that_is_killed_anywhere_is_done_by_the_next(url: str) -> None:
    with engines.opened(url) as opened:
        old = filled(opened)
        before = held(opened, old)
        opened.dispose()
        kills = 0
        while kills < MOST and killed_upgrade(url, kills + 1):
            kills += 1
            opened.dispose()
            assert held(opened, old) == before
            opened.dispose()

        assert 0 < kills < MOST
        assert revisions.revision_of(opened, "syncer_") == revisions.REVISION
        assert held(opened, old) == before
        assert added(opened) == expected()


@on_all
def test_each_step_that_was_done_before_is_passed_over(url: str) -> None:
    with engines.opened(url) as opened:
        filled(opened)
        revisions.upgrade(opened, tables(), queue_here=True)
        for gone in (f"DROP INDEX {INDEX}", "ALTER TABLE syncer_delivery DROP COLUMN strange"):
            on = " ON syncer_delivery" if opened.dialect.name == "mysql" and gone.startswith("DROP INDEX") else ""
            with opened.begin() as connection:
                connection.exec_driver_sql(gone + on)
                connection.exec_driver_sql(f"UPDATE syncer_alembic_version SET version_num = '{BEFORE}'")

            revisions.upgrade(opened, tables(), queue_here=True)

            assert added(opened) == expected()
            assert INDEX in {index["name"] for index in sa.inspect(opened).get_indexes("syncer_delivery")}
            if gone.startswith("DROP INDEX"):
                with opened.begin() as connection:
                    connection.exec_driver_sql(gone + on)


@on_all
def test_the_step_back_keeps_the_deliveries_and_the_way_up_again_works(url: str) -> None:
    with engines.opened(url) as opened:
        old = filled(opened)
        before = held(opened, old)
        revisions.upgrade(opened, tables(), queue_here=True)

        schema_steps.downgrade(opened, BEFORE)

        found = {column["name"] for column in sa.inspect(opened).get_columns("syncer_delivery")}
        assert not {"strange", *DAYS} & found
        assert held(opened, old) == before
        revisions.upgrade(opened, tables(), queue_here=True)
        assert (held(opened, old), added(opened)) == (before, expected())


@on_all
def test_a_dry_run_shows_the_columns_and_leaves_the_table_as_it_was(url: str, engine: str) -> None:
    with engines.opened(url) as opened:
        filled(opened)
        try:
            plan = planned(opened, tables(), queue_here=True)
        except UserError:
            assert engine == "mariadb"  # where nothing that changes a table can be taken back
        else:
            for name in ("strange", *DAYS):
                assert any(f"ADD COLUMN {name}" in statement for statement in plan.statements), name
            assert ("syncer_delivery", len(OLD)) in plan.touched
        opened.dispose()

        assert revisions.revision_of(opened, "syncer_") == BEFORE
        found = {column["name"] for column in sa.inspect(opened).get_columns("syncer_delivery")}
        assert not {"strange", *DAYS} & found
