"""The SQL of a duty: one daemon of all has it, for as long as it renews its lease by the database's clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from syncer.database.column_types import HeldRow, as_held
from syncer.database.engines import utc_in, utc_now
from syncer.database.tables import Tables

#: seconds that a lease may run at most; one that runs longer is nobody's: whoever may write there could keep a duty
LONGEST = 3600


def take(
    connection: sa.Connection, tables: Tables, name: str, owner: str, seconds: int, is_dead: Callable[[str], bool]
) -> bool:
    """Take a duty for so many seconds, or prolong it; say whether it is the owner's now.

    A dead owner's is taken at once. Raises IntegrityError where another took it for the first time just now.
    """
    duty = tables.duty
    until = utc_in(connection, seconds)
    running = sa.and_(duty.c.lease_until > utc_now(connection), duty.c.lease_until <= utc_in(connection, LONGEST))
    query: sa.Select[Any] = sa.select(*as_held([duty.c.owner]), running.label("running")).where(duty.c.name == name)
    row = connection.execute(query.with_for_update()).first()
    if row is None:
        connection.execute(duty.insert().values(name=name, owner=owner, lease_until=until))
        return True
    before = HeldRow([duty.c.owner], row).owner  # what no syncer wrote there is nobody's name
    if before and before != owner and row.running and not is_dead(before):
        return False
    connection.execute(duty.update().where(duty.c.name == name).values(owner=owner, lease_until=until))
    return True


def give_up(connection: sa.Connection, tables: Tables, name: str, owner: str) -> None:
    """Let a duty go, if it is the owner's."""
    duty = tables.duty
    connection.execute(
        duty.update().where(duty.c.name == name, duty.c.owner == owner).values(owner=None, lease_until=None)
    )
