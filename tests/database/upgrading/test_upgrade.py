"""An older schema with rows in it becomes the newest one: from every revision, whatever kills it on the way."""

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

OLDER = [f"{number:04}" for number in range(1, int(revisions.REVISION))]
#: more statements than belong together
MANY = 30


@pytest.fixture
def url(database_url: str, engine: str, tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/syncer.db" if engine == "sqlite" else database_url


def filled(opened: sa.Engine, revision: str) -> None:
    """Make the schema of this revision, and put rows into it that an older syncer wrote."""
    schema_steps.upgrade(opened, revision)
    schema_steps.fill(opened, 30)


def shape(opened: sa.Engine) -> dict[str, Any]:
    """What the schema is: every table with its columns, in whatever order, and its indexes."""
    found = sa.inspect(opened)
    return {
        name: (
            {column["name"]: (str(column["type"]), column["nullable"]) for column in found.get_columns(name)},
            {index["name"]: tuple(index["column_names"]) for index in found.get_indexes(name)},
        )
        for name in found.get_table_names()
    }


def rows(opened: sa.Engine) -> int:
    with opened.connect() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(tables().delivery)).scalar_one())


@pytest.fixture
def newest(tmp_path_factory: pytest.TempPathFactory, engine: str, request: pytest.FixtureRequest) -> dict[str, Any]:
    """What a schema is that was made at once."""
    place = tmp_path_factory.mktemp("newest")
    address = f"sqlite:///{place}/x.db" if engine == "sqlite" else request.getfixturevalue(engine).new_database()
    with engines.opened(address) as opened:
        revisions.upgrade(opened, tables(), queue_here=True)
        return shape(opened)


@pytest.mark.slow
@pytest.mark.parametrize("revision", OLDER)
@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_every_older_schema_becomes_the_newest_and_keeps_its_rows(
    url: str, revision: str, newest: dict[str, Any]
) -> None:
    with engines.opened(url) as opened:
        filled(opened, revision)

        revisions.upgrade(opened, tables(), queue_here=True)

        assert revisions.revision_of(opened, "syncer_") == revisions.REVISION
        assert shape(opened) == newest
        assert rows(opened) == 30
        assert revisions.upgrade(opened, tables(), queue_here=True) == ()


@pytest.mark.slow
@pytest.mark.parametrize("revision", OLDER)
@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_a_dry_run_from_any_revision_changes_nothing_and_shows_its_steps_or_says_that_it_cannot(
    url: str, engine: str, revision: str
) -> None:
    with engines.opened(url) as opened:
        filled(opened, revision)
        before = shape(opened)
        try:
            plan = planned(opened, tables(), queue_here=True)
        except UserError as error:
            assert engine == "mariadb"
            assert "restore a backup into another database and try the upgrade there" in str(error)
        else:
            assert ("syncer_delivery", 30) in plan.touched
            assert (plan.before, plan.after) == (revision, revisions.REVISION)

        assert (shape(opened), revisions.revision_of(opened, "syncer_")) == (before, revision)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["sqlite", "postgresql"], indirect=True)
def test_a_killed_upgrade_leaves_what_was_there_and_is_done_by_the_next(url: str, newest: dict[str, Any]) -> None:
    with engines.opened(url) as opened:
        filled(opened, "0012")
        before = shape(opened)
        opened.dispose()
        kills = 0
        while killed_upgrade(url, kills + 1):
            kills += 1
            assert shape(opened) == before
            opened.dispose()

        assert kills > 15
        _require_newest(opened, newest)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["mariadb"], indirect=True)
@pytest.mark.parametrize("revision", [None, "0001"])
def test_where_each_statement_stays_a_killed_upgrade_goes_on_from_any_of_them(
    url: str, revision: str | None, newest: dict[str, Any]
) -> None:
    with engines.opened(url) as opened:
        if revision is not None:
            filled(opened, revision)
        opened.dispose()
        states: list[Any] = [None]
        allowed = 2
        while killed_upgrade(url, allowed):
            now = (revisions.revision_of(opened, "syncer_"), shape(opened))
            opened.dispose()
            # a pair that belongs together is begun anew: a trigger is dropped and made, a row is written at the end
            allowed = allowed + 1 if now == states[-1] else 2
            assert allowed < MANY, "it gets nowhere"
            states.append(now)

        assert len(states) > 40
        _require_newest(opened, newest, 0 if revision is None else 30)


def _require_newest(opened: sa.Engine, newest: dict[str, Any], number: int = 30) -> None:
    assert revisions.revision_of(opened, "syncer_") == revisions.REVISION
    assert shape(opened) == newest
    assert rows(opened) == number
