"""What the web console keeps, and a column that says of an event whether an address is kept with it.

Every step can be repeated: MariaDB commits each one by itself.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

from syncer.database.column_types import BIG, LONG_TEXT, Moment, collate
from syncer.database.engines import no_pad_collation
from syncer.database.tables import Tables

revision = "0015"
down_revision = "0014"

#: derived by the database: neighbours of the version before write the address and know nothing of the column
_SEALED = "CASE WHEN email_sealed IS NOT NULL THEN 1 END"


def upgrade() -> None:
    """Add what is not there."""
    tables: Tables = context.config.attributes["tables"]
    connection = op.get_bind()
    new = _tables(tables.prefix)
    collate(new, no_pad_collation(connection))
    for table in new:
        table.create(connection, checkfirst=True)
        for missing in table.indexes:  # a kill may have come between a table and its indexes
            missing.create(connection, checkfirst=True)
    event = f"{tables.prefix}event"
    if "sealed" not in {column["name"] for column in sa.inspect(connection).get_columns(event)}:
        kept = "STORED" if connection.dialect.name == "postgresql" else "VIRTUAL"
        connection.exec_driver_sql(
            f"ALTER TABLE {event} ADD COLUMN sealed SMALLINT GENERATED ALWAYS AS ({_SEALED}) {kept}"
        )


def downgrade() -> None:
    """Drop what was added."""
    tables: Tables = context.config.attributes["tables"]
    op.drop_column(f"{tables.prefix}event", "sealed")
    for table in reversed(_tables(tables.prefix)):
        op.drop_table(table.name)


def _tables(prefix: str) -> list[sa.Table]:
    metadata = sa.MetaData()
    return [
        sa.Table(
            f"{prefix}user",
            metadata,
            sa.Column("name", sa.String(32), primary_key=True),
            sa.Column("roles", sa.String(191), nullable=False),
            sa.Column("created_at", Moment, nullable=False),
            sa.Column("disabled_at", Moment),
            sa.Column("password", sa.String(255)),
            sa.Column("totp_sealed", sa.String(255)),
            sa.Column("totp_step", sa.BigInteger),
            sa.Column("enrol_hash", sa.String(64)),
            sa.Column("enrol_until", Moment),
            sa.Column("oidc_issuer", sa.String(255)),
            sa.Column("oidc_subject", sa.String(255)),
            sa.Column("language", sa.String(16)),
            sa.Column("last_seen_at", Moment),
            sa.Column("looked_at", Moment),
            sa.Column("looked_before_at", Moment),
        ),
        sa.Table(
            f"{prefix}passkey",
            metadata,
            sa.Column("id", sa.String(64), primary_key=True),
            sa.Column("user_name", sa.String(32), nullable=False),
            sa.Column("label", sa.String(64), nullable=False),
            sa.Column("credential", LONG_TEXT, nullable=False),
            sa.Column("public_key", LONG_TEXT, nullable=False),
            sa.Column("sign_count", sa.BigInteger, nullable=False),
            sa.Column("created_at", Moment, nullable=False),
            sa.Column("used_at", Moment),
            sa.Index(f"ix_{prefix}passkey_user", "user_name"),
        ),
        sa.Table(
            f"{prefix}session",
            metadata,
            sa.Column("hash", sa.String(64), primary_key=True),
            sa.Column("user_name", sa.String(191), nullable=False),
            sa.Column("via", sa.String(16), nullable=False),
            sa.Column("network", sa.String(64), nullable=False),
            sa.Column("roles", sa.String(191)),
            sa.Column("created_at", Moment, nullable=False),
            sa.Column("seen_at", Moment, nullable=False),
            sa.Column("stepped_up_at", Moment),
            sa.Index(f"ix_{prefix}session_user", "user_name"),
            sa.Index(f"ix_{prefix}session_seen", "seen_at"),
        ),
        sa.Table(
            f"{prefix}bucket",
            metadata,
            sa.Column("name", sa.String(191), primary_key=True),
            sa.Column("tokens", sa.Float, nullable=False),
            sa.Column("at", Moment, nullable=False),
            sa.Column("told_at", Moment),
            sa.Index(f"ix_{prefix}bucket_at", "at"),
        ),
        sa.Table(
            f"{prefix}once",
            metadata,
            sa.Column("id", sa.String(96), primary_key=True),
            sa.Column("facts", LONG_TEXT),
            sa.Column("until", Moment, nullable=False),
            sa.Index(f"ix_{prefix}once_until", "until"),
        ),
        sa.Table(
            f"{prefix}proposal",
            metadata,
            sa.Column("id", BIG, primary_key=True, autoincrement=True),
            sa.Column("kind", sa.String(16), nullable=False),
            sa.Column("facts", LONG_TEXT, nullable=False),
            sa.Column("digest", sa.String(64), nullable=False),
            sa.Column("reason", sa.String(1000), nullable=False),
            sa.Column("proposer", LONG_TEXT, nullable=False),
            sa.Column("proposed_at", Moment, nullable=False),
            sa.Column("until", Moment, nullable=False),
            sa.Column("outcome", sa.String(16)),
            sa.Column("decided_at", Moment),
            sa.Column("decider", LONG_TEXT),
            sa.Column("decision_reason", sa.String(1000)),
            sa.Index(f"ix_{prefix}proposal_outcome", "outcome", "until"),
        ),
    ]
