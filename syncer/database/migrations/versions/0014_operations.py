"""What the guard, a trial, alerts and neighbouring versions keep: columns and tables, nothing taken away.

Every step can be repeated: MariaDB commits each one by itself.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

from syncer.database.column_types import BIG, LONG_TEXT, Moment, collate
from syncer.database.engines import no_pad_collation
from syncer.database.tables import Tables

revision = "0014"
down_revision = "0013"

#: the oldest revision whose code runs on this schema
COMPATIBLE_FROM = "0014"


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
    for name, columns in _columns().items():
        there = {column["name"] for column in sa.inspect(connection).get_columns(tables.prefix + name)}
        for column in columns:
            if column.name not in there:
                op.add_column(tables.prefix + name, column)
    _count_what_waits(connection, f"{tables.prefix}delivery")
    for index, table_name, indexed in _indexes(tables.prefix):
        if index not in {each["name"] for each in sa.inspect(connection).get_indexes(table_name)}:
            # a lane looks for what waits, never for what does not; MariaDB and MySQL know no index of a part
            only = sa.text(f"{indexed[1]} IS NOT NULL") if table_name == f"{tables.prefix}delivery" else None
            op.create_index(index, table_name, indexed, sqlite_where=only, postgresql_where=only)
    schema = sa.table(f"{tables.prefix}schema", sa.column("id"), sa.column("compatible_from"))
    connection.execute(sa.delete(schema))
    connection.execute(sa.insert(schema).values(id=1, compatible_from=COMPATIBLE_FROM))


def downgrade() -> None:
    """Drop what was added."""
    tables: Tables = context.config.attributes["tables"]
    for index, table_name, _ in _indexes(tables.prefix):
        op.drop_index(index, table_name=table_name)
    for name, columns in _columns().items():
        for column in columns:
            op.drop_column(tables.prefix + name, column.name)
    for table in reversed(_tables(tables.prefix)):
        op.drop_table(table.name)


def _count_what_waits(connection: sa.Connection, name: str) -> None:
    """Let the guard count the deletions that wait and never began, or start over since somebody came back."""
    columns = ("action", "state", "code", "attempts", "claim_rank", "untried")
    delivery = sa.table(name, *map(sa.column, columns))
    d = delivery.c
    fresh, again = (
        sa.and_(d.state == "pending", d.attempts == 0),
        sa.and_(d.state == "retrying", d.code == "reappeared"),
    )
    waits = (d.action == "delete", d.claim_rank.is_not(None), sa.or_(fresh, again))
    connection.execute(delivery.update().where(*waits, d.untried.is_(None)).values(untried=1))


def _columns() -> dict[str, list[sa.Column[object]]]:
    return {
        "event": [sa.Column("released_at", Moment)],
        "delivery": [sa.Column("begun_at", Moment), sa.Column("untried", sa.SmallInteger)],
        "lane": [
            sa.Column("guard_since", Moment),
            sa.Column("guard_limit", sa.Integer),
            sa.Column("guard_counted", sa.Integer),
            sa.Column("contacts", sa.BigInteger),
            sa.Column("contacts_at", Moment),
            sa.Column("shadow_since", Moment),
        ],
    }


def _indexes(prefix: str) -> list[tuple[str, str, list[str]]]:
    delivery = f"{prefix}delivery"
    return [
        (f"ix_{prefix}delivery_begun", delivery, ["destination", "begun_at"]),
        (f"ix_{prefix}delivery_code", delivery, ["destination", "code"]),
        (f"ix_{prefix}delivery_untried", delivery, ["destination", "untried", "claim_rank"]),
        (f"ix_{prefix}event_created", f"{prefix}event", ["created_at", "right"]),
    ]


def _tables(prefix: str) -> list[sa.Table]:
    metadata = sa.MetaData()
    return [
        sa.Table(
            f"{prefix}schema",
            metadata,
            sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("compatible_from", sa.String(16), nullable=False),
        ),
        sa.Table(
            f"{prefix}alert",
            metadata,
            sa.Column("id", BIG, primary_key=True, autoincrement=True),
            sa.Column("condition", sa.String(64), nullable=False),
            sa.Column("scope", sa.String(191), nullable=False),
            sa.Column("open_as", sa.String(255), unique=True),
            sa.Column("topic", sa.String(16), nullable=False),
            sa.Column("severity", sa.String(16), nullable=False),
            sa.Column("facts", LONG_TEXT, nullable=False),
            sa.Column("raised_at", Moment, nullable=False),
            sa.Column("cleared_at", Moment),
            sa.Column("quiet_until", Moment),
            sa.Column("gone_since", Moment),
            sa.Index(f"ix_{prefix}alert_raised", "raised_at", "id"),
        ),
        sa.Table(
            f"{prefix}alert_message",
            metadata,
            sa.Column("id", BIG, primary_key=True, autoincrement=True),
            sa.Column("channel", sa.String(64), nullable=False),
            sa.Column("message_id", sa.String(191), nullable=False, unique=True),
            sa.Column("answers", sa.String(191)),
            sa.Column("kind", sa.String(16), nullable=False),
            sa.Column("severity", sa.String(16), nullable=False),
            sa.Column("subject", sa.String(255), nullable=False),
            sa.Column("body", LONG_TEXT, nullable=False),
            sa.Column("alerts", LONG_TEXT, nullable=False),
            sa.Column("created_at", Moment, nullable=False),
            sa.Column("next_try_at", Moment),
            sa.Column("attempts", sa.Integer, nullable=False),
            sa.Column("sent_at", Moment),
            sa.Column("given_up_at", Moment),
            sa.Column("error", sa.String(255)),
            sa.Index(f"ix_{prefix}alert_message_try", "next_try_at", "id"),
            sa.Index(f"ix_{prefix}alert_message_channel", "channel", "kind", "created_at"),
        ),
        sa.Table(
            f"{prefix}alert_told",
            metadata,
            sa.Column("alert_id", sa.BigInteger, primary_key=True, autoincrement=False),
            sa.Column("channel", sa.String(64), primary_key=True),
            sa.Column("message_id", sa.String(191), nullable=False),
            sa.Column("severity", sa.String(16), nullable=False),
            sa.Column("told_at", Moment, nullable=False),
        ),
        sa.Table(
            f"{prefix}alert_channel",
            metadata,
            sa.Column("name", sa.String(64), primary_key=True),
            sa.Column("failing_since", Moment),
            sa.Column("off_at", Moment),
            sa.Column("sent_at", Moment),
            sa.Column("error", sa.String(255)),
            sa.Column("digest_at", Moment),
        ),
        sa.Table(
            f"{prefix}duty",
            metadata,
            sa.Column("name", sa.String(64), primary_key=True),
            sa.Column("owner", sa.String(191)),
            sa.Column("lease_until", Moment),
        ),
    ]
