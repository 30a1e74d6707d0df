"""Where events stand, given their deliveries: fulfilled, held or open again; rechecks planned, addresses shredded."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from syncer.audit.transaction import Transaction
from syncer.database.bulk import BulkUpdate, in_list
from syncer.database.tables import Tables
from syncer.domain.codes import DAMAGED
from syncer.domain.model import EventState, State, move_event, word
from syncer.domain.policy import next_recheck, settle


class Settlement:
    """Settles events of one installation.

    `kind` is the name of the database's dialect; `recheck_days` are whole days after fulfilment, rising.
    """

    def __init__(self, tables: Tables, kind: str, recheck_days: tuple[int, ...]) -> None:
        self.recheck_days = recheck_days
        e, d = tables.event, tables.delivery
        self._event = e
        # the event rows are locked before the states are read: two lanes that finish at once must not both
        # see the other as still open
        self._events = (
            sa.select(
                e.c.id,
                e.c.state,
                e.c.code,
                e.c.subject,
                e.c.fulfilled_at,
                e.c.rechecks_done,
                e.c.next_recheck_at,
                e.c.email_sealed.is_not(None).label("sealed"),
            )
            .where(in_list(e.c.id, "ids", kind))
            .order_by(e.c.id)
            .with_for_update()
        )
        self._deliveries = sa.select(d.c.event_id, d.c.state, d.c.code, d.c.confirmed_at).where(
            in_list(d.c.event_id, "ids", kind)
        )

    def settle(self, tx: Transaction, event_ids: Iterable[str]) -> None:
        """Bring each event to where its deliveries put it; plan its recheck or shred its address."""
        ids = sorted(event_ids)
        if not ids:
            return
        events = tx.connection.execute(self._events, {"ids": ids}).all()
        rows_of: dict[str, list[Any]] = {event_id: [] for event_id in ids}
        for row in tx.connection.execute(self._deliveries, {"ids": ids}):
            rows_of[row.event_id].append(row)
        changes = BulkUpdate(self._event)
        for event in events:
            changed = _settled(tx, event, rows_of[event.id], self.recheck_days)
            if changed:
                changes.set(event.id, changed)
        changes.write(tx.connection)


def _settled(tx: Transaction, event: Any, rows: list[Any], recheck_days: tuple[int, ...]) -> dict[str, Any]:
    """Return what changes in an event's row, and audit it."""
    # a word that syncer never writes waits for a person, as what is held does
    current = word(EventState, event.state) or EventState.HELD
    states = [(word(State, row.state) or State.HELD, row) for row in rows]
    after = settle(current, [(state, row.confirmed_at is not None) for state, row in states])
    codes = [row.code if row.state == state else DAMAGED for state, row in states if state is State.HELD]
    code = codes[0] if codes else None
    changed: dict[str, Any] = {}
    if after != event.state or code != event.code:
        changed |= {"state": move_event(current, after), "code": code}
    if after is EventState.FULFILLED:
        changed |= _fulfilled(tx, event, rows, current, recheck_days)
    elif after is not current:
        changed |= {"fulfilled_at": None, "next_recheck_at": None}
        if any(row.code == "reappeared" for row in rows):
            changed["rechecks_done"] = 0  # somebody brings the person back: recheck as long as after the first time
    if after is EventState.HELD and (current is not after or event.code != code):
        tx.audit.add("event:held", event=event.id, subject=event.subject, facts={"code": code})
    return changed


def _fulfilled(
    tx: Transaction, event: Any, rows: list[Any], current: EventState, recheck_days: tuple[int, ...]
) -> dict[str, Any]:
    """Return what changes in the row of an event that is fulfilled now, or was and still is; audit it."""
    changed: dict[str, Any] = {}
    fulfilled_at, done = event.fulfilled_at, event.rechecks_done
    if current is not EventState.FULFILLED:
        fulfilled_at = tx.now
        changed = {"fulfilled_at": fulfilled_at}
        tx.audit.add("event:fulfilled", event=event.id, subject=event.subject)
    if any(row.state == State.APPLIED for row in rows):
        return changed  # it is being read back again
    upcoming = next_recheck(fulfilled_at, done, recheck_days)
    changed["next_recheck_at"] = upcoming
    if upcoming is None and event.sealed:
        changed |= {"email_sealed": None, "shredded_at": tx.now}
        tx.audit.add("identity:shredded", event=event.id, subject=event.subject)
    return changed
