"""The first tables, and the triggers that keep the audit append-only.

Frozen: the tables stand here as they were then. What changed since is in later revisions.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

from syncer.database.column_types import BIG, DIGEST, LONG_TEXT, Moment, collate
from syncer.database.engines import no_pad_collation
from syncer.database.tables import Tables
from syncer.database.triggers import protect

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table that is not there; the queue may have been made by WordPress."""
    tables: Tables = context.config.attributes["tables"]
    connection = op.get_bind()
    metadata = sa.MetaData()
    wanted = [build(tables.prefix, metadata) for build in (_event, _delivery, _lane, _audit, _head)]
    if context.config.attributes["queue_here"]:
        wanted.append(_queue(tables.queue.name, metadata))
    collate(wanted, no_pad_collation(connection))
    metadata.create_all(connection, tables=wanted, checkfirst=True)
    for table in wanted:
        for index in table.indexes:  # a kill may have come between a table and its indexes
            index.create(connection, checkfirst=True)
    protect(connection, tables.audit.name)


def downgrade() -> None:
    """Refuse: dropping the audit is not a migration."""
    raise RuntimeError("the first revision cannot be undone: it would drop the audit")


def _table(name: str, metadata: sa.MetaData, *items: sa.schema.SchemaItem) -> sa.Table:
    return sa.Table(name, metadata, *items, mysql_engine="InnoDB", mysql_charset="utf8mb4", mysql_collate="utf8mb4_bin")


def _queue(name: str, metadata: sa.MetaData) -> sa.Table:
    return _table(
        name,
        metadata,
        sa.Column("id", BIG, primary_key=True, autoincrement=True),
        sa.Column("event_key", sa.String(191), nullable=False, unique=True),
        sa.Column("kind", sa.String(16)),
        sa.Column("email", sa.String(320)),
        sa.Column("received_at", Moment),
        sa.Column("source", sa.String(64)),
        sa.Column("source_ref", sa.String(191)),
        sa.Column("created_at", Moment),
        sa.Column("taken_at", Moment),
        sa.Index(f"ix_{name}_taken", "taken_at", "id"),
    )


def _event(prefix: str, metadata: sa.MetaData) -> sa.Table:
    return _table(
        f"{prefix}event",
        metadata,
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("event_key", sa.String(191), nullable=False, unique=True),
        sa.Column("right", sa.String(16)),
        sa.Column("subject", sa.String(64)),
        sa.Column("email_sealed", sa.Text),
        sa.Column("received_at", Moment, nullable=False),
        sa.Column("due_on", sa.Date, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("code", sa.String(64)),
        sa.Column("source", sa.String(64)),
        sa.Column("source_ref", sa.String(191)),
        sa.Column("queue_id", sa.BigInteger),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("fulfilled_at", Moment),
        sa.Column("rechecks_done", sa.Integer, nullable=False),
        sa.Column("next_recheck_at", Moment),
        sa.Column("shredded_at", Moment),
        sa.Index(f"ix_{prefix}event_subject", "subject"),
        sa.Index(f"ix_{prefix}event_state", "state", "due_on"),
        sa.Index(f"ix_{prefix}event_recheck", "next_recheck_at"),
    )


def _delivery(prefix: str, metadata: sa.MetaData) -> sa.Table:
    return _table(
        f"{prefix}delivery",
        metadata,
        sa.Column("id", BIG, primary_key=True, autoincrement=True),
        sa.Column("event_id", sa.String(36), sa.ForeignKey(f"{prefix}event.id"), nullable=False),
        sa.Column("destination", sa.String(64), nullable=False),
        sa.Column("adapter", sa.String(64), nullable=False),
        sa.Column("action", sa.String(16)),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("outcome", sa.String(16)),
        sa.Column("code", sa.String(64)),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_attempt_at", Moment),
        sa.Column("claim_rank", sa.SmallInteger),
        sa.Column("due_on", sa.Date, nullable=False),
        sa.Column("applied_at", Moment),
        sa.Column("confirmed_at", Moment),
        sa.UniqueConstraint("event_id", "destination", name=f"uq_{prefix}delivery"),
        sa.Index(f"ix_{prefix}delivery_claim", "destination", "claim_rank", "due_on", "id"),
        sa.Index(f"ix_{prefix}delivery_state", "destination", "state"),
    )


def _lane(prefix: str, metadata: sa.MetaData) -> sa.Table:
    return _table(
        f"{prefix}lane",
        metadata,
        sa.Column("destination", sa.String(64), primary_key=True),
        sa.Column("owner", sa.String(191)),
        sa.Column("fence", sa.BigInteger, nullable=False),
        sa.Column("lease_until", Moment),
        sa.Column("paused", sa.Boolean, nullable=False),
        sa.Column("paused_by", sa.String(16)),
        sa.Column("reason", sa.String(255)),
        sa.Column("paused_at", Moment),
        sa.Column("probe_at", Moment),
        sa.Column("cool_until", Moment),
        sa.Column("strikes", sa.Integer, nullable=False),
    )


def _audit(prefix: str, metadata: sa.MetaData) -> sa.Table:
    return _table(
        f"{prefix}audit",
        metadata,
        sa.Column("seq", BIG, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String(27), nullable=False),
        sa.Column("what", sa.String(32), nullable=False),
        sa.Column("event_id", sa.String(36)),
        sa.Column("destination", sa.String(64)),
        sa.Column("body", LONG_TEXT),
        sa.Column("leaf", DIGEST, nullable=False),
        sa.Column("mac", DIGEST, nullable=False),
        sa.Index(f"ix_{prefix}audit_event", "event_id", "seq"),
        sa.Index(f"ix_{prefix}audit_what", "what", "seq"),
    )


def _head(prefix: str, metadata: sa.MetaData) -> sa.Table:
    return _table(
        f"{prefix}audit_head",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("mac", DIGEST, nullable=False),
        sa.Column("key_check", sa.String(64), nullable=False),
    )
