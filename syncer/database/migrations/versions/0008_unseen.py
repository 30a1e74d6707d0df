"""What was deleted and not yet seen in an archive, since when a delivery gets nowhere, when everybody was listed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

from syncer.database.column_types import Moment
from syncer.database.tables import Tables

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the columns; empty ones mean nothing unseen, nothing failing, nobody listed yet."""
    tables: Tables = context.config.attributes["tables"]
    for table, columns in _columns(tables.prefix).items():
        there = {column["name"] for column in sa.inspect(op.get_bind()).get_columns(table)}
        for column in columns:
            if column.name not in there:
                op.add_column(table, column)


def downgrade() -> None:
    """Drop them; a delivery whose archive was not seen yet counts as absent then."""
    tables: Tables = context.config.attributes["tables"]
    for table, columns in _columns(tables.prefix).items():
        for column in columns:
            op.drop_column(table, column.name)


def _columns(prefix: str) -> dict[str, list[sa.Column[object]]]:
    return {
        f"{prefix}delivery": [sa.Column("unseen", sa.Integer), sa.Column("failing_since", Moment)],
        f"{prefix}watch": [sa.Column("listed_at", Moment), sa.Column("listed", sa.Integer)],
    }
