"""Waits that syncer itself never sets: whoever may write the database could put work off for ever, in silence.

A delivery that is tried again in the year 2999 is never done, and nothing calls it stuck. The rows are found by the
indexes on their times, a batch at a look, so that a look costs nothing while there are none.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from syncer.audit.transaction import Transaction
from syncer.database.bulk import by_index
from syncer.database.connections import reading
from syncer.database.failures import retry_on_conflict
from syncer.domain.codes import GUARDED, SHADOWED
from syncer.domain.model import WORKABLE, EventState, State
from syncer.domain.policy import LONGEST_ASKED_FOR, LONGEST_WAIT, PROBE_EVERY
from syncer.domain.rights import RANKS
from syncer.log import get_logger

if TYPE_CHECKING:
    from syncer.app import App

#: how far the clocks of two hosts may lie apart
SKEW = timedelta(hours=1)
#: rows at one look
MOST = 500


class FarWaits:
    """Brings back what waits longer than any rule says, at the configured destinations."""

    def __init__(self, app: App) -> None:
        self._transactions = app.transactions
        self._destinations = tuple(app.settings.destinations)
        self._last_recheck_day = app.store.last_recheck_day
        self._log = get_logger("syncer.waits")

    def bring_back(self) -> int:
        """Make due what waits too long, MOST rows of each kind; return how many rows."""
        now = self._transactions.clock() + SKEW
        t, asked_for = self._transactions.tables, now + LONGEST_ASKED_FOR
        found = sum(
            self._end(t.delivery.c.id, t.delivery.c.next_attempt_at, asked_for, t.delivery.c.destination == name)
            for name in self._destinations
        )
        found += self._end(t.lane.c.destination, t.lane.c.cool_until, now + timedelta(seconds=LONGEST_WAIT))
        found += self._end(t.lane.c.destination, t.lane.c.probe_at, now + PROBE_EVERY)
        recheck = now + timedelta(days=self._last_recheck_day)
        return found + self._end(t.event.c.id, t.event.c.next_recheck_at, recheck)

    def find_lost(self) -> int:
        """Make due what is under way but has no time at all, so that nobody would take it up; return how many rows.

        It reads every open delivery: an index of those without a time would hold all that are done.
        """
        d = self._transactions.tables.delivery
        timeless = sa.or_(d.c.next_attempt_at.is_(None), d.c.claim_rank.is_(None))
        found = 0
        for name in self._destinations:
            lost = sa.and_(d.c.state.in_(sorted(WORKABLE)), timeless, sa.not_(self._is_parked(name)))
            with reading(self._transactions.engine) as connection:
                query = sa.select(d.c.id).where(d.c.destination == name, lost).limit(MOST)
                ids = list(connection.execute(query).scalars())
            if ids:
                found += self._take_up(d.c.id.in_(ids), lost)
        if found:
            self._log.warning("wait.endless", path=d.name, count=found)
        return found + self._rechecks_lost()

    def _is_parked(self, name: str) -> sa.ColumnElement[bool]:
        """Return the condition that a delivery rightly has no time: its code says why, and so does its lane."""
        d, lane = self._transactions.tables.delivery.c, self._transactions.tables.lane.c
        code, here = sa.func.coalesce(d.code, ""), lane.destination == name
        shadowed = sa.and_(code == SHADOWED, sa.exists().where(here, lane.shadow_since.is_not(None)))
        guarded = sa.and_(code == GUARDED, sa.exists().where(here, lane.guard_since.is_not(None)))
        return sa.or_(shadowed, guarded)

    def _rechecks_lost(self) -> int:
        """Make the recheck due of fulfilled events that keep an address for one, have none and are not read back."""
        e, d = self._transactions.tables.event, self._transactions.tables.delivery
        read_back = sa.exists().where(d.c.event_id == e.c.id, d.c.state == State.APPLIED)
        lost = sa.and_(
            e.c.state == EventState.FULFILLED,
            e.c.email_sealed.is_not(None),
            e.c.next_recheck_at.is_(None),
            sa.not_(read_back),
        )
        with reading(self._transactions.engine) as connection:
            query = by_index(sa.select(e.c.id).where(lost), e, f"ix_{self._transactions.tables.prefix}event_sealed")
            ids = list(connection.execute(query.limit(MOST)).scalars())
        if not ids:
            return 0
        made = self._make_due(e.c.next_recheck_at, e.c.id.in_(ids), e.c.next_recheck_at.is_(None))
        self._log.warning("wait.endless", path=e.name, count=made)
        return made

    @retry_on_conflict
    def _take_up(self, *where: sa.ColumnElement[bool]) -> int:
        d = self._transactions.tables.delivery
        with self._transactions.write() as tx:
            due = {"next_attempt_at": tx.now, "claim_rank": sa.func.coalesce(d.c.claim_rank, max(RANKS))}
            done: sa.CursorResult[Any] = tx.connection.execute(d.update().where(*where).values(due))
            return done.rowcount

    def _end(self, key: sa.Column[Any], moment: sa.Column[Any], latest: datetime, *only: sa.ColumnElement[bool]) -> int:
        """Set the moment of rows that lies beyond `latest` (UTC) to now; return how many rows."""
        too_far = sa.select(key).where(moment > latest, *only).limit(MOST)
        with reading(self._transactions.engine) as connection:
            keys = list(connection.execute(too_far).scalars())
        if not keys:
            return 0
        ended = self._make_due(moment, key.in_(keys), moment > latest)
        self._log.warning("wait.too_long", path=f"{moment.table.name}.{moment.name}", count=ended)
        return ended

    @retry_on_conflict
    def _make_due(self, moment: sa.Column[Any], *where: sa.ColumnElement[bool]) -> int:
        with self._transactions.write() as tx:
            return _set(tx, moment, *where)


def _set(tx: Transaction, moment: sa.Column[Any], *where: sa.ColumnElement[bool]) -> int:
    done: sa.CursorResult[Any] = tx.connection.execute(sa.update(moment.table).where(*where).values({moment: tx.now}))
    return done.rowcount
