"""After an upgrade the planner knows the columns that it added."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncer.app import load_settings, open_app
from syncer.database.connections import reading
from tests.bench.fill.installation import fill


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_an_upgrade_lets_postgresql_look_at_the_columns_that_it_added(tmp_path: Path, database_url: str) -> None:
    settings = load_settings(fill(tmp_path, 40, database_url))  # in the tables of an older syncer, then upgraded

    with open_app(settings) as app, reading(app.engine) as connection:
        known = connection.exec_driver_sql("SELECT attname FROM pg_stats WHERE tablename = 'syncer_event'")
        assert {"odd", "slow"} <= set(known.scalars())
