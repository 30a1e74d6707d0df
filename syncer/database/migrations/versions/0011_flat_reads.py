"""Lists and counts that cost the same among a million finished requests: a tally, derived columns, indexes.

`odd` is 1 where a row holds a word that syncer never writes. `slow` is how many whole hours an objection took until it
was answered, and NEVER where the answer came on the due day or later; empty for the rest. `body_at`, on MariaDB and
MySQL only, is the time of an entry that has a body still: the others say so in the index.

Frozen: the words are those of this revision. Every step can be repeated: MariaDB commits each one by itself.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

from syncer.database.column_types import BIG, collate
from syncer.database.engines import no_pad_collation
from syncer.database.tables import Tables

revision = "0011"
down_revision = "0010"

_ODD_EVENT = (
    "CASE WHEN state NOT IN ('open', 'held', 'fulfilled')"
    " OR {right} NOT IN ('erasure', 'objection', 'restriction', 'rectification') THEN 1 END"
)
_ODD_DELIVERY = (
    "CASE WHEN state NOT IN ('pending', 'retrying', 'applied', 'confirmed', 'held', 'exempt')"
    " OR action NOT IN ('delete', 'unsubscribe', 'suppress') OR outcome NOT IN ('done', 'absent') THEN 1 END"
)
# more hours than any objection takes
_SLOW = "CASE WHEN fulfilled_at >= due_on THEN 1000000 WHEN {right} = 'objection' AND {times} THEN {hours} END"
_TIMES = {
    # a word like 'now' is no time that an index could hold
    "sqlite": "received_at GLOB '[0-9]*' AND fulfilled_at GLOB '[0-9]*'",
    "postgresql": "isfinite(received_at) AND isfinite(fulfilled_at)",
    "mysql": "fulfilled_at > received_at",
}
_HOURS = {
    "sqlite": "NULLIF(MAX((strftime('%s', fulfilled_at) - strftime('%s', received_at)) / 3600, 0), 0)",
    "postgresql": "NULLIF(LEAST(GREATEST(trunc(extract(epoch FROM fulfilled_at - received_at) / 3600), 0), 999999), 0)",
    "mysql": "NULLIF(TIMESTAMPDIFF(HOUR, received_at, fulfilled_at), 0)",
}


def upgrade() -> None:
    """Add what is not there; `db upgrade` then counts the rows."""
    tables: Tables = context.config.attributes["tables"]
    connection = op.get_bind()
    tally = _tally(tables.prefix)
    collate([tally], no_pad_collation(connection))
    tally.create(connection, checkfirst=True)
    for table, columns in _columns(tables, connection.dialect.name).items():
        # SQLAlchemy says so of generated columns as well
        there = {column["name"] for column in sa.inspect(connection).get_columns(table)}
        for name, (kind, expression, kept) in columns.items():
            if name not in there:
                statement = f"ALTER TABLE {table} ADD COLUMN {name} {kind} GENERATED ALWAYS AS ({expression}) {kept}"
                connection.exec_driver_sql(statement)
    for table, indexes in _indexes(tables, connection.dialect.name).items():
        there = {str(index["name"]) for index in sa.inspect(connection).get_indexes(table)}
        for name, columns_, where in indexes:
            if name not in there:
                only = sa.text(where) if where else None
                op.create_index(name, table, columns_, sqlite_where=only, postgresql_where=only)


def downgrade() -> None:
    """Drop what was added."""
    tables: Tables = context.config.attributes["tables"]
    kind = op.get_bind().dialect.name
    for table, indexes in _indexes(tables, kind).items():
        for name, _, _ in indexes:
            op.drop_index(name, table_name=table)
    for table, columns in _columns(tables, kind).items():
        for name in columns:
            op.get_bind().exec_driver_sql(f"ALTER TABLE {table} DROP COLUMN {name}")
    op.drop_table(f"{tables.prefix}tally")


def _tally(prefix: str) -> sa.Table:
    return sa.Table(
        f"{prefix}tally",
        sa.MetaData(),
        sa.Column("what", sa.String(16), primary_key=True),
        sa.Column("destination", sa.String(64), primary_key=True),
        sa.Column("number", BIG, nullable=False),
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )


def _columns(tables: Tables, kind: str) -> dict[str, dict[str, tuple[str, str, str]]]:
    """Return what each derived column is: its type, its expression, and whether it is stored."""
    right = "`right`" if kind == "mysql" else '"right"'
    kept = "STORED" if kind == "postgresql" else "VIRTUAL"
    slow = _SLOW.replace("{times}", _TIMES[kind]).replace("{hours}", _HOURS[kind]).replace("{right}", right)
    columns = {
        tables.event.name: {
            "odd": ("SMALLINT", _ODD_EVENT.replace("{right}", right), kept),
            "slow": ("INTEGER", slow, kept),
        },
        tables.delivery.name: {"odd": ("SMALLINT", _ODD_DELIVERY, kept)},
    }
    if kind == "mysql":
        has_body = "CASE WHEN body IS NOT NULL THEN `at` END"
        columns[tables.audit.name] = {"body_at": ("VARCHAR(27)", has_body, kept)}
    return columns


def _indexes(tables: Tables, kind: str) -> dict[str, list[tuple[str, list[str], str | None]]]:
    prefix, body = tables.prefix, ("body_at" if kind == "mysql" else "at")
    return {
        tables.event.name: [
            (f"ix_{prefix}event_received", ["received_at", "id"], None),
            (f"ix_{prefix}event_right", ["right", "id"], None),
            (f"ix_{prefix}event_odd", ["odd"], "odd IS NOT NULL"),
            (f"ix_{prefix}event_slow", ["slow"], "slow IS NOT NULL"),
        ],
        tables.delivery.name: [
            (f"ix_{prefix}delivery_event", ["destination", "event_id"], None),
            (f"ix_{prefix}delivery_odd", ["odd"], "odd IS NOT NULL"),
            (f"ix_{prefix}delivery_confirmed", ["destination", "confirmed_at"], "confirmed_at IS NOT NULL"),
        ],
        tables.audit.name: [(f"ix_{prefix}audit_body", [body], "body IS NOT NULL")],
    }
