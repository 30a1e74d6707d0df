"""An index of the few requests that keep an address: among a million, to find them was to read them all."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

from syncer.database.tables import Tables

revision = "0013"
down_revision = "0012"

_SEALED = sa.text("email_sealed IS NOT NULL")


def upgrade() -> None:
    """Create it where it is not there. MariaDB and MySQL know no index of a part: theirs begins with what is empty."""
    tables: Tables = context.config.attributes["tables"]
    connection, event = op.get_bind(), tables.event.name
    name = f"ix_{tables.prefix}event_sealed"
    if name in {index["name"] for index in sa.inspect(connection).get_indexes(event)}:
        return
    if connection.dialect.name == "mysql":
        op.create_index(name, event, ["email_sealed"], mysql_length={"email_sealed": 1})
    else:
        op.create_index(name, event, ["id"], sqlite_where=_SEALED, postgresql_where=_SEALED)


def downgrade() -> None:
    """Drop it."""
    tables: Tables = context.config.attributes["tables"]
    op.drop_index(f"ix_{tables.prefix}event_sealed", table_name=tables.event.name)
