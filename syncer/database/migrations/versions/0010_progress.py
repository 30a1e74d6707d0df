"""Up to where the log was verified, so that the next verification goes on from there.

Frozen: the table stands here as it was then. Harmless when repeated.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

from syncer.database.column_types import DIGEST, LONG_TEXT, Moment, collate
from syncer.database.engines import no_pad_collation
from syncer.database.tables import Tables

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Create the table if it is not there."""
    tables: Tables = context.config.attributes["tables"]
    connection = op.get_bind()
    progress = _progress(tables.prefix)
    collate([progress], no_pad_collation(connection))
    progress.create(connection, checkfirst=True)


def downgrade() -> None:
    """Drop it: every verification is of everything then."""
    tables: Tables = context.config.attributes["tables"]
    op.drop_table(f"{tables.prefix}progress")


def _progress(prefix: str) -> sa.Table:
    return sa.Table(
        f"{prefix}progress",
        sa.MetaData(),
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("state", LONG_TEXT, nullable=False),
        sa.Column("mac", DIGEST, nullable=False),
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )
