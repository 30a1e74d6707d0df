"""The mac beside each checkpoint, how the last verification ended, and triggers that also ask the server's clock.

Frozen: the tables stand here as they were then. Every step can be repeated: MariaDB commits each one by itself.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

from syncer.database.column_types import DIGEST, Moment, collate
from syncer.database.engines import no_pad_collation
from syncer.database.tables import Tables
from syncer.database.triggers import protect

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add what is not there and put the new triggers in place."""
    tables: Tables = context.config.attributes["tables"]
    connection = op.get_bind()
    for table, columns in _columns(tables.prefix).items():
        there = {column["name"] for column in sa.inspect(connection).get_columns(table)}
        for column in columns:
            if column.name not in there:
                op.add_column(table, column)
    verification = _verification(tables.prefix)
    collate([verification], no_pad_collation(connection))
    verification.create(connection, checkfirst=True)
    protect(connection, tables.audit.name)


def downgrade() -> None:
    """Drop what was added; the triggers stay, they refuse more than those before."""
    tables: Tables = context.config.attributes["tables"]
    op.drop_table(f"{tables.prefix}verification")
    for table, columns in _columns(tables.prefix).items():
        for column in columns:
            op.drop_column(table, column.name)


def _columns(prefix: str) -> dict[str, list[sa.Column[object]]]:
    return {f"{prefix}checkpoint": [sa.Column("mac", DIGEST)]}


def _verification(prefix: str) -> sa.Table:
    return sa.Table(
        f"{prefix}verification",
        sa.MetaData(),
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("entries", sa.BigInteger, nullable=False),
        sa.Column("ok", sa.Boolean, nullable=False),
        sa.Column("reason", sa.String(255)),
        sa.Column("mac", DIGEST, nullable=False),
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )
