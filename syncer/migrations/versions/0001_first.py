"""The first tables, and the triggers that keep the audit append-only."""

from __future__ import annotations

from alembic import context, op

from syncer.schema import Tables
from syncer.triggers import create_append_only

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table that is not there; the queue may have been made by WordPress."""
    tables: Tables = context.config.attributes["tables"]
    connection = op.get_bind()
    wanted = list(tables.own)
    if context.config.attributes["queue_here"]:
        wanted.append(tables.queue)
    tables.metadata.create_all(connection, tables=wanted, checkfirst=True)
    create_append_only(connection, tables.audit.name)


def downgrade() -> None:
    """Refuse: dropping the audit is not a migration."""
    raise RuntimeError("the first revision cannot be undone: it would drop the audit")
