"""A table of one row: put there, or in place of the one before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from syncer.database.connections import writing
from syncer.database.failures import is_denied, is_read_only, retry_on_conflict


def put(engine: sa.Engine, table: sa.Table, values: Mapping[str, Any]) -> bool:
    """Put the row, id 1, whatever it was before; return False for an account that may not write."""
    try:
        _put(engine, table, values)
    except sa.exc.DBAPIError as error:
        if not is_denied(error) and not is_read_only(error):
            raise
        return False
    return True


@retry_on_conflict
def _put(engine: sa.Engine, table: sa.Table, values: Mapping[str, Any]) -> None:
    with writing(engine) as connection:
        if not connection.execute(table.update().where(table.c.id == 1).values(values)).rowcount:
            connection.execute(table.insert().values(id=1, **values))
