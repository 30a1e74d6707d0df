"""When each destination was last looked at for people who are back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

from syncer.database.column_types import Moment, collate
from syncer.database.engines import no_pad_collation
from syncer.database.tables import Tables

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Create the table."""
    tables: Tables = context.config.attributes["tables"]
    connection = op.get_bind()
    watch = sa.Table(
        f"{tables.prefix}watch",
        sa.MetaData(),
        sa.Column("destination", sa.String(64), primary_key=True),
        sa.Column("looked_at", Moment, nullable=False),
        sa.Column("seen", sa.Integer, nullable=False),
    )
    collate([watch], no_pad_collation(connection))
    watch.create(connection, checkfirst=True)


def downgrade() -> None:
    """Drop it; the next look reaches back to the first event."""
    tables: Tables = context.config.attributes["tables"]
    op.drop_table(f"{tables.prefix}watch")
