"""The revision of the schema: which one a database has, and how it is brought up to date."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from syncer.database.column_types import collate
from syncer.database.connections import reading, writing
from syncer.database.derived import tally
from syncer.database.engines import no_pad_collation
from syncer.database.failures import retry_on_conflict
from syncer.database.tables import Tables
from syncer.database.triggers import announce, protect
from syncer.errors import UserError

#: the revision this code was written for; a newer database is refused
REVISION = "0016"


def version_table(prefix: str) -> str:
    """Return the name of Alembic's own table."""
    return f"{prefix}alembic_version"


def revision_of(engine: sa.Engine, prefix: str) -> str | None:
    """Return the schema revision of the database, or None when syncer's tables are not there."""
    with reading(engine) as connection:
        if not sa.inspect(connection).has_table(version_table(prefix)):
            return None
        query: sa.Select[Any] = sa.select(sa.column("version_num")).select_from(sa.table(version_table(prefix)))
        revision = connection.execute(query).scalar()
        return str(revision) if revision is not None else None


def compatible_from(engine: sa.Engine, prefix: str) -> str | None:
    """Return the oldest revision whose code runs on this schema; None for one from before 0014, which says nothing."""
    with reading(engine) as connection:
        if not sa.inspect(connection).has_table(f"{prefix}schema"):
            return None
        query: sa.Select[Any] = sa.select(sa.column("compatible_from")).select_from(sa.table(f"{prefix}schema"))
        said = connection.execute(query).scalar()
        return str(said) if said is not None else None


def is_reached(schema: str, oldest: str | None) -> bool:
    """Say whether this code runs on a schema that is its own, or newer and says it is made for code as old as this."""
    return schema == REVISION or (schema > REVISION and oldest is not None and oldest <= REVISION)


def require_current(engine: sa.Engine, prefix: str) -> None:
    """Raise UserError, with the remedy, unless this code runs on the schema: see `is_reached`."""
    revision = revision_of(engine, prefix)
    where = engine.url.render_as_string(hide_password=True)
    if revision is None:
        raise UserError(f"{where}: syncer's tables are missing; run `syncer init`")
    if revision > REVISION and not is_reached(revision, compatible_from(engine, prefix)):
        raise UserError(
            f"{where}: schema {revision} is newer than this syncer ({REVISION}) and was left alone; upgrade syncer"
        )
    if revision < REVISION:
        raise UserError(f"{where}: schema {revision} is older than this syncer ({REVISION}); run `syncer db upgrade`")


@retry_on_conflict  # daemons of the version before work on meanwhile, and lock the tables in another order
def upgrade(engine: sa.Engine, tables: Tables, *, queue_here: bool) -> tuple[str, ...]:
    """Bring the schema to REVISION; harmless when repeated, and where it was killed. Raises UserError for a newer one.

    Return the names of the audit's triggers that were missing, or not as they should be, and were created again; the
    tally's, where it was wrong and was counted anew.
    """
    revision = revision_of(engine, tables.prefix)
    if revision is not None and revision > REVISION:
        require_current(engine, tables.prefix)
        return ()  # a newer syncer's, whose triggers are its own
    with writing(engine) as connection:
        restored = migrate(connection, tables, queue_here=queue_here)
        if revision not in (None, REVISION):
            _analyse(connection, tables)
    return restored if revision == REVISION else ()


def migrate(connection: sa.Connection, tables: Tables, *, queue_here: bool) -> tuple[str, ...]:
    """Take the steps of an upgrade in this transaction; see `upgrade`."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "syncer.database:migrations")
    config.attributes["connection"] = connection
    config.attributes["tables"] = tables
    config.attributes["queue_here"] = queue_here
    command.upgrade(config, "head")
    restored = protect(connection, tables.audit.name)
    if tally.recount(connection, tables):
        restored = (*restored, tables.tally.name)
    if queue_here:
        announce(connection, tables.queue.name)
    return restored


def protect_again(engine: sa.Engine, tables: Tables) -> None:
    """Make the triggers anew that a backup of a server leaves out; the queue table's where it is here."""
    with writing(engine) as connection:
        protect(connection, tables.audit.name)
        if sa.inspect(connection).has_table(tables.queue.name):
            announce(connection, tables.queue.name)


def _analyse(connection: sa.Connection, tables: Tables) -> None:
    """Let PostgreSQL look at the columns that were added: it guesses that nearly none is empty.

    By itself it looks once a tenth of a table has changed: of a million requests, in months. The other engines are told
    the index, or count when one is made.
    """
    if connection.dialect.name == "postgresql":
        quote = connection.dialect.identifier_preparer
        for table in tables.own:
            connection.exec_driver_sql(f"ANALYZE {quote.format_table(table)}")


def create_queue(engine: sa.Engine, tables: Tables) -> None:
    """Create the queue table in its own database; leave one that exists alone."""
    with writing(engine) as connection:
        collate([tables.queue], no_pad_collation(connection))
        tables.queue.create(connection, checkfirst=True)
