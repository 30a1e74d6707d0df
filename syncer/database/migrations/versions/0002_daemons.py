"""The presence of daemons, by which they share the lanes, and since when a lane has its owner.

Frozen: the tables stand here as they were then. What changed since is in later revisions.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

from syncer.database.column_types import Moment
from syncer.database.engines import no_pad_collation
from syncer.database.tables import Tables

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make what is not there: MariaDB commits each step by itself, so a killed upgrade is met half done."""
    tables: Tables = context.config.attributes["tables"]
    prefix = tables.prefix
    connection = op.get_bind()
    found = sa.inspect(connection)
    if not found.has_table(f"{prefix}daemon"):
        op.create_table(
            f"{prefix}daemon",
            sa.Column("owner", sa.String(191), primary_key=True),
            sa.Column("started_at", Moment, nullable=False),
            sa.Column("seen_until", Moment, nullable=False),
            mysql_engine="InnoDB",
            mysql_charset="utf8mb4",
            mysql_collate=no_pad_collation(connection),
        )
    if "taken_at" not in {column["name"] for column in found.get_columns(f"{prefix}lane")}:
        op.add_column(f"{prefix}lane", sa.Column("taken_at", Moment))


def downgrade() -> None:
    """Forget who is running; the leases stay."""
    prefix = context.config.attributes["tables"].prefix
    op.drop_column(f"{prefix}lane", "taken_at")
    op.drop_table(f"{prefix}daemon")
