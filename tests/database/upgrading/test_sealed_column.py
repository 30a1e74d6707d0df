"""Revision 0015: the database itself says of an event whether an address is kept, whoever writes the address."""

from __future__ import annotations

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

BEFORE, HERE = "0014", "0015"
COUNT = 6
#: writing statements of one upgrade
MOST = 120
on_all = pytest.mark.parametrize("engine", ENGINES, indirect=True)


@pytest.fixture
def url(database_url: str, engine: str, tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/syncer.db" if engine == "sqlite" else database_url


def filled(opened: sa.Engine) -> sa.Table:
    """Make the schema of the version before, with an address in every other event; return its table of events."""
    schema_steps.upgrade(opened, BEFORE)
    schema_steps.fill(opened, COUNT)
    event = sa.Table("syncer_event", sa.MetaData(), autoload_with=opened)
    assert "sealed" not in event.c
    with opened.begin() as connection:
        for number in range(0, COUNT, 2):
            mine = event.c.id == f"old-{number:06}"
            connection.execute(event.update().where(mine).values(email_sealed=f"v2.key.{number}"))
    return event


def kept(opened: sa.Engine) -> list[tuple[Any, Any]]:
    """Return what stands in both columns, by id."""
    e = tables().event.c
    with opened.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.select(e.sealed, e.email_sealed).order_by(e.id))]


def expected() -> list[tuple[Any, Any]]:
    return [(1, f"v2.key.{number}") if number % 2 == 0 else (None, None) for number in range(COUNT)]


@on_all
def test_a_neighbour_of_the_version_before_writes_the_address_and_the_column_follows(url: str) -> None:
    with engines.opened(url) as opened:
        event = filled(opened)
        revisions.upgrade(opened, tables(), queue_here=True)
        assert kept(opened) == expected()

        with opened.begin() as connection:  # with the table as that version knows it
            old = connection.execute(sa.select(event).where(event.c.id == "old-000000")).one()
            derived = {"odd", "slow"}
            new = {name: value for name, value in old._mapping.items() if name not in derived}
            connection.execute(event.insert().values(new | {"id": "new-1", "event_key": "new-1"}))
            connection.execute(event.update().where(event.c.id == "old-000000").values(email_sealed=None))
            connection.execute(event.update().where(event.c.id == "old-000001").values(email_sealed="v2.key.1"))

        assert kept(opened) == [(1, "v2.key.0"), (None, None), (1, "v2.key.1"), *expected()[2:]]


@on_all
def test_nobody_writes_the_column_itself(url: str) -> None:
    with engines.opened(url) as opened:
        filled(opened)
        revisions.upgrade(opened, tables(), queue_here=True)

        with pytest.raises(sa.exc.DBAPIError), opened.begin() as connection:
            connection.exec_driver_sql("UPDATE syncer_event SET sealed = 1 WHERE email_sealed IS NULL")

        assert kept(opened) == expected()


@pytest.mark.slow
@on_all
def test_an_upgrade_that_is_killed_anywhere_is_done_by_the_next(url: str) -> None:
    with engines.opened(url) as opened:
        filled(opened)
        opened.dispose()
        kills = 0
        while kills < MOST and killed_upgrade(url, kills + 1):
            kills += 1
            opened.dispose()

        assert 0 < kills < MOST
        assert revisions.revision_of(opened, "syncer_") == revisions.REVISION
        assert revisions.compatible_from(opened, "syncer_") == BEFORE
        assert kept(opened) == expected()
        assert {table.name for table in tables().of_console} <= set(sa.inspect(opened).get_table_names())


@on_all
def test_the_step_back_keeps_the_addresses_and_the_way_up_again_works(url: str) -> None:
    with engines.opened(url) as opened:
        filled(opened)
        revisions.upgrade(opened, tables(), queue_here=True)

        schema_steps.downgrade(opened, BEFORE)

        found = sa.inspect(opened)
        assert "sealed" not in {column["name"] for column in found.get_columns("syncer_event")}
        assert not {table.name for table in tables().of_console} & set(found.get_table_names())
        revisions.upgrade(opened, tables(), queue_here=True)
        assert kept(opened) == expected()


@on_all
def test_a_dry_run_shows_the_column_and_leaves_the_table_as_it_was(url: str, engine: str) -> None:
    with engines.opened(url) as opened:
        filled(opened)
        try:
            plan = planned(opened, tables(), queue_here=True)
        except UserError:
            assert engine == "mariadb"  # where nothing that changes a table can be taken back
        else:
            assert any("ADD COLUMN sealed" in statement for statement in plan.statements)
            assert ("syncer_event", COUNT) in plan.touched
        opened.dispose()

        assert revisions.revision_of(opened, "syncer_") == BEFORE
        assert "sealed" not in {column["name"] for column in sa.inspect(opened).get_columns("syncer_event")}
