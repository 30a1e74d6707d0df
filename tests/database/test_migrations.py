"""The revision of the claim's indexes, as an upgrade of a database that holds deliveries already."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from syncer.database import connections, engines, revisions
from syncer.database.tables import tables
from syncer.domain.model import State
from tests.support import backlog
from tests.support.servers import ENGINES

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_an_older_schema_with_deliveries_is_upgraded_in_place(database_url: str, engine: str, tmp_path: object) -> None:
    url = f"sqlite:///{tmp_path}/syncer.db" if engine == "sqlite" else database_url
    all_tables = tables()
    with engines.opened(url) as opened:
        _as_it_was_before(opened)
        at = {"at": NOW, "today": NOW.date(), "destination": "crm"}
        backlog.add(opened, all_tables, "old", 300, state=State.PENDING, counted=False, **at)
        for name in ("tried", "back"):
            backlog.add(opened, all_tables, name, 30, state=State.RETRYING, counted=False, **at)
        d = all_tables.delivery
        with connections.writing(opened) as connection:
            connection.execute(d.update().where(d.c.event_id.startswith("back-")).values(code="reappeared"))

        revisions.upgrade(opened, all_tables, queue_here=True)

        names = {index["name"] for index in sa.inspect(opened).get_indexes("syncer_delivery")}
        assert {"ix_syncer_delivery_urgency", "ix_syncer_delivery_due", "ix_syncer_delivery_state"} <= names
        assert "ix_syncer_delivery_claim" not in names
        with opened.connect() as connection:
            count = connection.execute(sa.select(sa.func.count()).select_from(all_tables.delivery)).scalar_one()
            waiting = sa.select(sa.func.count()).where(all_tables.delivery.c.untried == 1)
            to_ask = connection.execute(waiting).scalar_one()
        assert count == 360
        assert to_ask == 270 + 27  # deletions that wait, or start over by themselves: the guard knew nothing of them


def _as_it_was_before(engine: sa.Engine) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "syncer.database:migrations")
    with connections.writing(engine) as connection:
        config.attributes.update(connection=connection, tables=tables(), queue_here=True)
        command.upgrade(config, "0001")
