"""Where events stand, given their deliveries: fulfilled, held or open again; rechecks planned, addresses shredded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from syncer.audit.ledger import Facts
from syncer.audit.transaction import Transaction
from syncer.database.bulk import BulkUpdate, in_list
from syncer.database.tables import Tables
from syncer.domain.codes import DAMAGED, NO_DESTINATION
from syncer.domain.model import WITHDRAWABLE, EventState, State, move_event, word
from syncer.domain.policy import next_recheck, settle
from syncer.domain.rights import Ground
from syncer.events import damaged
from syncer.events.logged import Logged
from syncer.log import get_logger

#: of a withdrawn request these still wait for a person: somebody wrote into the database
TAMPERED = frozenset({DAMAGED, "unsealable"})
#: so many rechecks nobody plans: a row that counts more, or no number, has had them all
NO_MORE = 1000


#: the reason on record where one is closed after its request was
AFTER: Facts = {"reason": "its request was withdrawn before"}


class Settlement:
    """Settles events of one installation.

    `kind` is the name of the database's dialect; `recheck_days` are whole days after fulfilment, rising.
    """

    def __init__(self, tables: Tables, kind: str, recheck_days: tuple[int, ...], logged: Logged) -> None:
        self.recheck_days = recheck_days
        self._tables = tables
        self._logged = logged
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
                # as texts: whatever else somebody wrote there must not stop the batch
                sa.cast(e.c.fulfilled_at, sa.String(64)).label("fulfilled_at"),
                sa.type_coerce(e.c.rechecks_done, sa.types.NULLTYPE).label("rechecks_done"),
                e.c.sealed,
            )
            .where(in_list(e.c.id, "ids", kind))
            .order_by(e.c.id)
            .with_for_update()
        )
        self._deliveries = sa.select(
            d.c.id,
            d.c.event_id,
            d.c.destination,
            d.c.state,
            d.c.code,
            d.c.confirmed_at.is_not(None).label("confirmed"),
        ).where(in_list(d.c.event_id, "ids", kind))

    def settle(self, tx: Transaction, event_ids: Iterable[str]) -> None:
        """Bring each event to where its deliveries put it; plan its recheck or shred its address."""
        ids = sorted(event_ids)
        if not ids:
            return
        events = tx.connection.execute(self._events, {"ids": ids}).all()
        rows_of = self._rows(tx, ids)
        given_up = self._withdrawn(tx, rows_of)
        ending = [event.id for event in events if self._ends(event, rows_of[event.id], event.id in given_up)]
        lacking = self._not_in_the_log(tx, ending, rows_of) if ending else {}
        changes = BulkUpdate(self._event)
        for event in events:
            rows = rows_of[event.id]
            changed = _settled(tx, event, rows, self._days(rows, event.id in given_up), lacking.get(event.id))
            if changed:
                changes.set(event.id, changed)
        changes.write(tx.connection)

    def _days(self, rows: Iterable[Any], given_up: bool) -> tuple[int, ...]:
        """Return the days of an event's rechecks: none where nobody looks again, and its address is of no more use.

        Who was named by mistake is not looked up again, nor erased again where somebody adds them back. What nobody
        read back the first time cannot be read a second time.
        """
        return () if given_up or not any(map(_can_be_read, rows)) else self.recheck_days

    def _rows(self, tx: Transaction, ids: Sequence[str]) -> dict[str, list[Any]]:
        rows_of: dict[str, list[Any]] = {event_id: [] for event_id in ids}
        for row in tx.connection.execute(self._deliveries, {"ids": ids}):
            rows_of[row.event_id].append(row)
        return rows_of

    def _withdrawn(self, tx: Transaction, rows_of: dict[str, list[Any]]) -> set[str]:
        """Return the events that were withdrawn: by their rows, and by the log.

        What would be carried out again of them, or wait for a person, is closed, and `rows_of` then says so: it had
        been carried out, was still to be read back, and turns out not to be so.
        """
        named = [event_id for event_id, rows in rows_of.items() if not rows or is_withdrawn(rows)]
        stories = self._logged.stories(tx.connection, named, tx.audit, tx.now) if named else {}
        found = {event_id for event_id, story in stories.items() if story.withdrawn}
        for event_id in found:
            rows = rows_of[event_id]
            again = {row.id: row.destination for row in rows if row.state in WITHDRAWABLE and row.code not in TAMPERED}
            if again:
                record = stories[event_id].record
                close(tx, self._tables, event_id, record.subject if record else None, again, AFTER)
                rows_of |= self._rows(tx, [event_id])
        return found

    def _ends(self, event: Any, rows: list[Any], given_up: bool) -> bool:
        """Say whether an event would be called fulfilled now, or lose its address: what cannot be taken back."""
        current, after = _states(event, rows)
        if after is not EventState.FULFILLED or current is not after:
            return after is EventState.FULFILLED
        again = any(row.state == State.APPLIED for row in rows)
        over = _rechecks(event) >= len(self._days(rows, given_up))
        return bool(event.sealed) and not again and over

    def _not_in_the_log(self, tx: Transaction, ids: Sequence[str], rows_of: dict[str, list[Any]]) -> dict[str, str]:
        """Hold the deliveries that are through by their rows and not by the log; `rows_of` then says so too.

        Return the events that cannot end though nothing of them could be held, each with the code for it: a delivery
        was deleted, the log never received them, or they never had a destination.
        """
        lacking, wrong = dict[str, str](), list[int]()
        for event_id, story in self._logged.stories(tx.connection, ids, tx.audit, tx.now).items():
            undone = story.undone(row.destination for row in rows_of[event_id])
            here = [row.id for row in rows_of[event_id] if row.destination in undone]
            if len(here) < len(undone) or (story.record is None and not story.purged):
                lacking[event_id] = DAMAGED
            elif story.record is not None and not story.record.plan and not story.withdrawn:
                lacking[event_id] = NO_DESTINATION
            wrong += here
        if wrong:
            rows_of |= self._rows(tx, sorted(damaged.hold(tx, self._tables, wrong, done=True)))
        damaged_events = [event_id for event_id, code in lacking.items() if code == DAMAGED]
        if wrong or damaged_events:
            get_logger("syncer.events").error("delivery.damaged", count=len(wrong) + len(damaged_events))
        return lacking


def withdrawn(tables: Tables, event_id: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Return the condition that an event was withdrawn, all of it or what was open then."""
    d = tables.delivery.alias("of_withdrawn").c
    named = (d.event_id == event_id, d.state == State.EXEMPT, d.code == Ground.WITHDRAWN)
    return sa.exists(sa.select(d.id).where(*named))


def is_withdrawn(rows: Iterable[Any]) -> bool:
    """Say the same of an event whose deliveries these are."""
    return any(row.state == State.EXEMPT and row.code == Ground.WITHDRAWN for row in rows)


def close(
    tx: Transaction, tables: Tables, event_id: str, subject: str | None, which: Mapping[int, str], facts: Facts
) -> None:
    """Close deliveries of a withdrawn request and audit it; `which` are their destinations by their ids."""
    d = tables.delivery
    closed = {"state": State.EXEMPT, "code": Ground.WITHDRAWN, "next_attempt_at": None, "claim_rank": None}
    tx.connection.execute(d.update().where(d.c.id.in_(list(which))).values(closed))
    for destination in which.values():
        tx.audit.add(
            "delivery:exempt",
            event=event_id,
            subject=subject,
            destination=destination,
            facts={"ground": Ground.WITHDRAWN, **facts},
        )


def _states(event: Any, rows: list[Any]) -> tuple[EventState, EventState]:
    """Return where an event stands, and where its deliveries put it."""
    # a word that syncer never writes waits for a person, as what is held does
    current = word(EventState, event.state) or EventState.HELD
    return current, settle(current, [(word(State, row.state) or State.HELD, bool(row.confirmed)) for row in rows])


def _can_be_read(row: Any) -> bool:
    """Say whether a delivery was read back, and can be again; one that is being read right now too."""
    return bool(row.state == State.CONFIRMED or (row.state == State.APPLIED and row.confirmed))


def _subject(event: Any) -> str | None:
    # SQLite stores bytes there too, which no entry can hold
    return event.subject if isinstance(event.subject, str) else None


def _rechecks(event: Any) -> int:
    done = event.rechecks_done
    return done if type(done) is int and 0 <= done < NO_MORE else NO_MORE


def _fulfilled_at(event: Any, now: datetime) -> datetime:
    """Return when an event was fulfilled (UTC): now, where its row holds no time that has been."""
    try:
        moment = datetime.fromisoformat(event.fulfilled_at or "").replace(tzinfo=UTC)
    except ValueError:
        return now
    return min(moment, now)


def _settled(
    tx: Transaction, event: Any, rows: list[Any], recheck_days: tuple[int, ...], lacking: str | None
) -> dict[str, Any]:
    """Return what changes in an event's row, and audit it; one that is `lacking` something is held with that code."""
    current, after = _states(event, rows)
    held = [row for row in rows if (word(State, row.state) or State.HELD) is State.HELD]
    codes = [row.code if row.state == State.HELD else DAMAGED for row in held]
    code = codes[0] if codes else lacking
    after = EventState.HELD if lacking else after
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
        tx.audit.add("event:held", event=event.id, subject=_subject(event), facts={"code": code})
    return changed


def _fulfilled(
    tx: Transaction, event: Any, rows: list[Any], current: EventState, recheck_days: tuple[int, ...]
) -> dict[str, Any]:
    """Return what changes in the row of an event that is fulfilled now, or was and still is; audit it."""
    changed: dict[str, Any] = {}
    fulfilled_at, done = _fulfilled_at(event, tx.now), _rechecks(event)
    if current is not EventState.FULFILLED:
        fulfilled_at = tx.now
        changed = {"fulfilled_at": fulfilled_at}
        tx.audit.add("event:fulfilled", event=event.id, subject=_subject(event))
    if any(row.state == State.APPLIED for row in rows):
        return changed  # it is being read back again
    upcoming = next_recheck(fulfilled_at, done, recheck_days)
    changed["next_recheck_at"] = upcoming
    if upcoming is None and event.sealed:
        changed |= {"email_sealed": None, "shredded_at": tx.now}
        tx.audit.add("identity:shredded", event=event.id, subject=_subject(event))
    return changed
