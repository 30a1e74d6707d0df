"""The schema taken to an earlier revision, up or down, as an older syncer left it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from syncer.database import connections
from syncer.database.tables import tables


def upgrade(engine: sa.Engine, revision: str) -> None:
    """Bring an empty or older database to this revision."""
    _run(engine, lambda config: command.upgrade(config, revision))


def downgrade(engine: sa.Engine, revision: str) -> None:
    """Take a database back to this revision."""
    _run(engine, lambda config: command.downgrade(config, revision))


def fill(engine: sa.Engine, count: int) -> None:
    """Put open erasures into the tables, of columns that every revision has."""
    metadata = sa.MetaData()
    event, delivery = (sa.Table(f"syncer_{name}", metadata, autoload_with=engine) for name in ("event", "delivery"))
    at = datetime(2026, 11, 2, 9, 0, tzinfo=UTC).replace(tzinfo=None)
    with engine.begin() as connection:
        for number in range(count):
            common = {"due_on": at.date(), "next_attempt_at": at}
            connection.execute(
                event.insert().values(
                    id=f"old-{number:06}", event_key=f"old-{number}", right="erasure", subject=f"p1:{number}",
                    received_at=at, due_on=at.date(), state="open", created_at=at, rechecks_done=0,
                )
            )  # fmt: skip
            connection.execute(
                delivery.insert().values(
                    event_id=f"old-{number:06}", destination="crm", adapter="mailchimp", action="delete",
                    state="pending", attempts=0, claim_rank=1, **common,
                )
            )  # fmt: skip


def _run(engine: sa.Engine, step: Callable[[Config], None]) -> None:
    config = Config()
    config.set_main_option("script_location", "syncer.database:migrations")
    with connections.writing(engine) as connection:
        config.attributes.update(connection=connection, tables=tables(), queue_here=True)
        step(config)
