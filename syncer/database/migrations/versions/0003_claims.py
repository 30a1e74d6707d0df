"""Find due deliveries as quickly among a million that wait for their time as among ten.

The index of the first revision did not hold the time: a claim during a long outage read every waiting row.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

from syncer.database.tables import Tables

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the two indexes of the claim, then drop the one they replace; go on where a killed upgrade ended."""
    tables: Tables = context.config.attributes["tables"]
    table, prefix = tables.delivery.name, tables.prefix
    # MariaDB commits each step by itself
    there = {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}
    for name, columns, where in (
        ("urgency", ["destination", "claim_rank", "due_on", "next_attempt_at", "id"], "claim_rank IS NOT NULL"),
        ("due", ["destination", "next_attempt_at"], "next_attempt_at IS NOT NULL"),
    ):
        full, only = f"ix_{prefix}delivery_{name}", sa.text(where)
        if full not in there:
            op.create_index(full, table, columns, sqlite_where=only, postgresql_where=only)
    if f"ix_{prefix}delivery_claim" in there:
        op.drop_index(f"ix_{prefix}delivery_claim", table_name=table)


def downgrade() -> None:
    """Refuse: an older syncer refuses this schema anyway."""
    raise RuntimeError("go on with this revision; an older syncer does not start with it")
