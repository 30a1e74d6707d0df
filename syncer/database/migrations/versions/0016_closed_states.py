"""Ways to be closed beside confirmed and exempt: their days, and a column that knows their words.

`strange` is 1 where a delivery holds a word that syncer never writes. `odd` of revision 0011 says so as it was before
these words, and code of the version before goes on with it: the new states are nothing that it could read.

Frozen: the words are those of this revision. Every step can be repeated: MariaDB commits each one by itself.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

from syncer.database.tables import Tables

revision = "0016"
down_revision = "0015"

_STRANGE = (
    "CASE WHEN state NOT IN ('pending', 'retrying', 'applied', 'confirmed', 'held', 'exempt', 'accepted', 'attested',"
    " 'not_applicable')"
    " OR action NOT IN ('delete', 'unsubscribe', 'suppress') OR outcome NOT IN ('done', 'absent') THEN 1 END"
)
_DAYS = ("settles_on", "lapses_on")


def upgrade() -> None:
    """Add what is not there."""
    connection, (delivery, index) = op.get_bind(), _names()
    there = {column["name"] for column in sa.inspect(connection).get_columns(delivery)}
    for name in _DAYS:
        if name not in there:
            op.add_column(delivery, sa.Column(name, sa.Date))
    if "strange" not in there:
        kept = "STORED" if connection.dialect.name == "postgresql" else "VIRTUAL"
        connection.exec_driver_sql(
            f"ALTER TABLE {delivery} ADD COLUMN strange SMALLINT GENERATED ALWAYS AS ({_STRANGE}) {kept}"
        )
    if index not in {each["name"] for each in sa.inspect(connection).get_indexes(delivery)}:
        only = sa.text("strange IS NOT NULL")
        op.create_index(index, delivery, ["strange"], sqlite_where=only, postgresql_where=only)


def downgrade() -> None:
    """Drop what was added."""
    delivery, index = _names()
    op.drop_index(index, table_name=delivery)
    for name in ("strange", *_DAYS):
        op.drop_column(delivery, name)


def _names() -> tuple[str, str]:
    tables: Tables = context.config.attributes["tables"]
    return f"{tables.prefix}delivery", f"ix_{tables.prefix}delivery_strange"
