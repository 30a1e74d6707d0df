"""What the sweep of WordPress remembers, and the events of a request found by their reference.

Frozen: the tables stand here as they were then. The status table is not here: it lives in WordPress' database, which
may be named long after this has run; `syncer init` makes it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

from syncer.database.column_types import Moment
from syncer.database.tables import Tables

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the tables and the index; what is there after an upgrade that was cut short is left alone."""
    tables: Tables = context.config.attributes["tables"]
    connection, prefix, metadata = op.get_bind(), tables.prefix, sa.MetaData()
    wanted = [_request(prefix, metadata), _site(prefix, metadata)]
    metadata.create_all(connection, tables=wanted, checkfirst=True)
    index = f"ix_{prefix}event_source_ref"
    if index not in {found["name"] for found in sa.inspect(connection).get_indexes(f"{prefix}event")}:
        op.create_index(index, f"{prefix}event", ["source_ref"])


def downgrade() -> None:
    """Drop them: the next sweep finds everything again."""
    prefix = context.config.attributes["tables"].prefix
    op.drop_index(f"ix_{prefix}event_source_ref", f"{prefix}event")
    op.drop_table(f"{prefix}wp_site")
    op.drop_table(f"{prefix}wp_request")


def _table(name: str, metadata: sa.MetaData, *items: sa.schema.SchemaItem) -> sa.Table:
    return sa.Table(name, metadata, *items, mysql_engine="InnoDB", mysql_charset="utf8mb4", mysql_collate="utf8mb4_bin")


def _request(prefix: str, metadata: sa.MetaData) -> sa.Table:
    return _table(
        f"{prefix}wp_request",
        metadata,
        sa.Column("request", sa.String(64), primary_key=True),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("modified_at", Moment),
        sa.Column("since", Moment),
        sa.Column("gone_at", Moment),
        sa.Column("covered_at", Moment),
    )


def _site(prefix: str, metadata: sa.MetaData) -> sa.Table:
    return _table(
        f"{prefix}wp_site",
        metadata,
        sa.Column("site", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("swept_at", Moment, nullable=False),
        sa.Column("requests", sa.Integer, nullable=False),
        sa.Column("problem", sa.String(32)),
    )
