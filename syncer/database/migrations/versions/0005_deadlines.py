"""The legal date beside the due day, and what an extension leaves on its event."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

from syncer.database.column_types import Moment
from syncer.database.tables import Tables

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the columns that are not there yet: on MariaDB each is a step of its own and may be the last one done."""
    tables: Tables = context.config.attributes["tables"]
    name = f"{tables.prefix}event"
    there = {column["name"] for column in sa.inspect(op.get_bind()).get_columns(name)}
    wanted = {"legal_due_on": sa.Date, "extended_at": Moment, "informed_on": sa.Date}
    for column, kind in wanted.items():
        if column not in there:
            op.add_column(name, sa.Column(column, kind))


def downgrade() -> None:
    """Refuse: dropping what an extension recorded is not a migration."""
    raise RuntimeError("this revision cannot be undone: it would drop what people recorded")
