"""Signed checkpoints, what was anchored where, and the one change of the audit that is allowed: a purge.

Frozen: the tables stand here as they were then. Every step can be repeated: MariaDB commits each one by itself.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

from syncer.database.column_types import BIG, DIGEST, Moment, collate
from syncer.database.engines import no_pad_collation
from syncer.database.tables import Tables
from syncer.database.triggers import protect

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Create what is not there and put the new triggers in place."""
    tables: Tables = context.config.attributes["tables"]
    connection = op.get_bind()
    metadata = sa.MetaData()
    wanted = [_checkpoint(tables.prefix, metadata), _anchor(tables.prefix, metadata)]
    collate(wanted, no_pad_collation(connection))
    metadata.create_all(connection, tables=wanted, checkfirst=True)
    protect(connection, tables.audit.name)


def downgrade() -> None:
    """Refuse: an older syncer would not compare with the anchors."""
    raise RuntimeError("this revision cannot be undone: an older syncer would write on without its checkpoints")


def _table(name: str, metadata: sa.MetaData, *items: sa.schema.SchemaItem) -> sa.Table:
    return sa.Table(name, metadata, *items, mysql_engine="InnoDB", mysql_charset="utf8mb4", mysql_collate="utf8mb4_bin")


def _checkpoint(prefix: str, metadata: sa.MetaData) -> sa.Table:
    return _table(
        f"{prefix}checkpoint",
        metadata,
        sa.Column("size", BIG, primary_key=True, autoincrement=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("origin", sa.String(191), nullable=False),
        sa.Column("root", DIGEST, nullable=False),
        sa.Column("frontier", sa.LargeBinary, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
    )


def _anchor(prefix: str, metadata: sa.MetaData) -> sa.Table:
    return _table(
        f"{prefix}anchor",
        metadata,
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("host", sa.String(191), primary_key=True),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("at", Moment),
        sa.Column("place", sa.String(255)),
        sa.Column("tried_at", Moment),
        sa.Column("failing_since", Moment),
        sa.Column("error", sa.String(255)),
    )
