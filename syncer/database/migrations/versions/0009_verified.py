"""The mac beside each checkpoint, how the last verification ended, triggers that also ask the server's clock; turns.

The sources of requests take turns in a lane's claim: a column of the deliveries says whose turn it is.

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
    turn, delivery = f"ix_{tables.prefix}delivery_turn", tables.delivery.name
    if turn not in {index["name"] for index in sa.inspect(connection).get_indexes(delivery)}:
        due = sa.text("next_attempt_at IS NOT NULL")
        found_by = ["destination", "turn", "next_attempt_at"]
        op.create_index(turn, delivery, found_by, sqlite_where=due, postgresql_where=due)
    verification = _verification(tables.prefix)
    collate([verification], no_pad_collation(connection))
    verification.create(connection, checkfirst=True)
    protect(connection, tables.audit.name)


def downgrade() -> None:
    """Drop what was added; the triggers stay, they refuse more than those before."""
    tables: Tables = context.config.attributes["tables"]
    op.drop_table(f"{tables.prefix}verification")
    op.drop_index(f"ix_{tables.prefix}delivery_turn", table_name=tables.delivery.name)
    for table, columns in _columns(tables.prefix).items():
        for column in columns:
            op.drop_column(table, column.name)


def _columns(prefix: str) -> dict[str, list[sa.Column[object]]]:
    return {
        f"{prefix}checkpoint": [sa.Column("mac", DIGEST)],
        f"{prefix}delivery": [sa.Column("turn", sa.SmallInteger, nullable=False, server_default="0")],
    }


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
