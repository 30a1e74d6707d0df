"""The revision of the schema: which one a database has, and bringing it up to date."""

from __future__ import annotations

import sqlalchemy as sa

from syncer.database.column_types import collate
from syncer.database.connections import reading, writing
from syncer.database.engines import (
    no_pad_collation,
)
from syncer.database.tables import Tables
from syncer.errors import UserError

#: The revision this code was written for; a database beyond it is refused.
REVISION = "0007"


def version_table(prefix: str) -> str:
    """Return the name of Alembic's own table."""
    return f"{prefix}alembic_version"


def revision_of(engine: sa.Engine, prefix: str) -> str | None:
    """Return the schema revision of the database, or None when syncer's tables are not there."""
    with reading(engine) as connection:
        if not sa.inspect(connection).has_table(version_table(prefix)):
            return None
        found = connection.execute(
            sa.select(sa.column("version_num")).select_from(sa.table(version_table(prefix)))
        ).scalar()
        return str(found) if found is not None else None


def require_current(engine: sa.Engine, prefix: str) -> None:
    """Raise UserError unless the schema is exactly the one this code knows, naming the remedy."""
    found = revision_of(engine, prefix)
    where = engine.url.render_as_string(hide_password=True)
    if found is None:
        raise UserError(f"{where}: syncer's tables are not there; run `syncer init`")
    if found > REVISION:
        raise UserError(
            f"{where}: schema {found} is newer than this syncer ({REVISION}); upgrade syncer, it was not touched"
        )
    if found < REVISION:
        raise UserError(f"{where}: schema {found} is older than this syncer ({REVISION}); run `syncer db upgrade`")


def upgrade(engine: sa.Engine, tables: Tables, *, queue_here: bool) -> None:
    """Bring the schema to REVISION; harmless when it is there. A newer one raises UserError."""
    from alembic import command
    from alembic.config import Config

    found = revision_of(engine, tables.prefix)
    if found is not None and found > REVISION:
        require_current(engine, tables.prefix)
    config = Config()
    config.set_main_option("script_location", "syncer.database:migrations")
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        config.attributes["tables"] = tables
        config.attributes["queue_here"] = queue_here
        command.upgrade(config, "head")


def create_queue(engine: sa.Engine, tables: Tables) -> None:
    """Create the queue table in its own database; left alone when it is there."""
    with writing(engine) as connection:
        collate([tables.queue], no_pad_collation(connection))
        tables.queue.create(connection, checkfirst=True)
