"""How many deletions of a lane began within the window, and how many would begin next: ranges of two indexes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from syncer.database.bulk import by_index
from syncer.database.tables import Tables
from syncer.events.guard.stops import RANK


@dataclass(frozen=True, slots=True)
class Counted:
    """Deletions that began within the window, and those that wait to begin; each counted up to what was asked for."""

    begun: int
    waiting: int

    @property
    def all(self) -> int:
        """How many that are together."""
        return self.begun + self.waiting


class DeletionCounts:
    """Counts deletions of one installation: at the cost of as many as are asked for, whatever else there is."""

    def __init__(self, tables: Tables) -> None:
        d, index = tables.delivery, f"ix_{tables.prefix}delivery_"
        at, most = d.c.destination == sa.bindparam("destination"), sa.bindparam("most", type_=sa.Integer)
        begun = by_index(sa.select(d.c.id).where(at, d.c.begun_at > sa.bindparam("since")), d, f"{index}begun")
        waits = (at, d.c.untried == sa.literal_column("1"), d.c.claim_rank == sa.literal_column(str(RANK)))
        waiting = by_index(sa.select(d.c.id).where(*waits), d, f"{index}untried")
        self._query = sa.select(_number(begun.limit(most)), _number(waiting.limit(most)))

    def read(self, connection: sa.Connection, destination: str, since: datetime, most: int) -> Counted:
        """Count what began at a destination after `since` (UTC), and what waits there; up to `most` each."""
        bound = {"destination": destination, "since": since, "most": most}
        return Counted(*connection.execute(self._query, bound).one())


def _number(rows: sa.Select[Any]) -> sa.ColumnElement[int]:
    return sa.select(sa.func.count()).select_from(rows.subquery()).scalar_subquery()
