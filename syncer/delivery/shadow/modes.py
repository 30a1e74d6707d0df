"""Which mode each lane is in: what the settings of whoever started last say, written where every daemon sees it.

The database's word is what counts, not the settings of a daemon that has been running for weeks: a lane works only
where both say the same, and gives itself back where they do not. So of two daemons whose settings differ the one that
started last decides, the log has both changes, and nothing is written to a destination that somebody put in shadow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from syncer.audit.transaction import Transaction, Transactions
from syncer.clock import stamp
from syncer.database.connections import reading
from syncer.database.failures import retry_on_conflict
from syncer.delivery.leases import Leases
from syncer.domain.codes import SHADOWED
from syncer.domain.model import WORKABLE
from syncer.domain.rights import Right, rank
from syncer.log import get_logger
from syncer.settings.destinations import SHADOW, Destination

#: deliveries that become due in one transaction
PIECE = 1000


@dataclass(frozen=True, slots=True)
class ModeChange:
    """A destination whose mode was changed: to which, and how many previewed deliveries became due by that."""

    destination: str
    mode: str
    due: int = 0


class Modes:
    """The modes of the lanes of one installation."""

    def __init__(self, transactions: Transactions, leases: Leases, destinations: Mapping[str, Destination]) -> None:
        self._transactions = transactions
        self._tables = transactions.tables
        self._leases = leases
        self._destinations = destinations
        self._log = get_logger("syncer.modes")

    def settle(self) -> list[ModeChange]:
        """Bring every lane into the mode that the settings say, audit each change, and return them.

        What was previewed at a destination that is live becomes due, also what a crash left of an earlier change.
        """
        self._leases.ensure(list(self._destinations))
        changes = []
        for name, destination in self._destinations.items():
            shadow = destination.mode == SHADOW
            changed = self._enter_shadow(name) if shadow else self._go_live(name)
            due = 0 if shadow else self._make_due(name)
            if changed:
                changes.append(ModeChange(name, destination.mode, due))
                self._log.warning("lane.shadowed" if shadow else "lane.live", lane=name, count=due)
        return changes

    @retry_on_conflict
    def _enter_shadow(self, name: str) -> bool:
        with self._transactions.write() as tx:
            if self._since(tx, name) is not None:
                return False
            self._set(tx, name, shadow_since=tx.now)
            tx.audit.add("lane:shadowed", destination=name)
            return True

    @retry_on_conflict
    def _go_live(self, name: str) -> bool:
        with self._transactions.write() as tx:
            since = self._since(tx, name)
            if since is None:
                return False
            d, lane = self._tables.delivery.c, self._tables.lane.c
            previewed = sa.select(sa.func.count()).where(d.destination == name, d.code == SHADOWED)
            facts = {"shadow_since": stamp(since), "previewed": tx.connection.execute(previewed).scalar_one()}
            # with a new fence: what a shadow lane elsewhere has in hand is not recorded any more
            self._set(tx, name, shadow_since=None, fence=lane.fence + 1, owner=None, taken_at=None, lease_until=None)
            tx.audit.add("lane:live", destination=name, facts=facts)
            return True

    def _since(self, tx: Transaction, name: str) -> datetime | None:
        lane = self._tables.lane.c
        query = sa.select(lane.shadow_since).where(lane.destination == name).with_for_update()
        since: datetime | None = tx.connection.execute(query).scalar()
        return since

    def _set(self, tx: Transaction, name: str, **values: Any) -> None:
        lane = self._tables.lane
        tx.connection.execute(lane.update().where(lane.c.destination == name).values(values))

    def _make_due(self, name: str) -> int:
        d, number = self._tables.delivery.c, 0
        query = sa.select(d.id).where(d.destination == name, d.code == SHADOWED).limit(PIECE)
        while True:
            with reading(self._transactions.engine) as connection:
                ids = list(connection.execute(query).scalars())
            if not ids:
                return number
            number += self._due_now(ids)

    @retry_on_conflict
    def _due_now(self, ids: list[int]) -> int:
        d, e = self._tables.delivery, self._tables.event
        right = sa.select(e.c.right).where(e.c.id == d.c.event_id).scalar_subquery()
        urgency = sa.case((right == Right.OBJECTION, rank(Right.OBJECTION)), else_=rank(None))
        parked = d.c.id.in_(ids), d.c.code == SHADOWED
        with self._transactions.write() as tx:
            due = {"code": None, "next_attempt_at": tx.now, "claim_rank": urgency}
            made: sa.CursorResult[Any] = tx.connection.execute(
                d.update().where(*parked, d.c.state.in_(sorted(WORKABLE))).values(due)
            )
            # of what is closed only the word is taken away, which syncer never leaves there
            tx.connection.execute(d.update().where(*parked, d.c.state.not_in(sorted(WORKABLE))).values(code=None))
            return made.rowcount
