"""How far a look for people who are back came that broke off."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

from syncer.database.column_types import LONG_TEXT
from syncer.database.tables import Tables

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the column; an empty one means that the next look begins at the start of its listing."""
    tables: Tables = context.config.attributes["tables"]
    watch = f"{tables.prefix}watch"
    if "unfinished" not in {column["name"] for column in sa.inspect(op.get_bind()).get_columns(watch)}:
        op.add_column(watch, sa.Column("unfinished", LONG_TEXT))


def downgrade() -> None:
    """Drop it; the next look begins at the start."""
    tables: Tables = context.config.attributes["tables"]
    op.drop_column(f"{tables.prefix}watch", "unfinished")
