"""Run by Alembic: migrates over the connection and the tables that `syncer.database.revisions` hands over."""

from __future__ import annotations

from alembic import context

from syncer.database.revisions import version_table
from syncer.database.tables import Tables

connection = context.config.attributes["connection"]
tables: Tables = context.config.attributes["tables"]

context.configure(
    connection=connection,
    target_metadata=tables.metadata,
    version_table=version_table(tables.prefix),  # WordPress may share the schema
    render_as_batch=True,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
