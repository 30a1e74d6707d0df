"""When requests were answered first, and which of them were withdrawn: of a few hundred, by index."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import sqlalchemy as sa

from syncer.database.bulk import by_index, in_list, one_of
from syncer.database.column_types import day_of, moment_of, raw
from syncer.database.tables import Tables
from syncer.domain.deadlines import Rule
from syncer.domain.endings import answered_late
from syncer.domain.model import EventState, State
from syncer.domain.rights import Ground
from syncer.events.reading.ranges import parts

RECEIVED, FULFILLED = "event:received", "event:fulfilled"


class Answers:
    """What the log and the deliveries of one installation say of the answers to requests."""

    def __init__(self, tables: Tables, kind: str) -> None:
        t, d = tables.audit.c, tables.delivery.c
        self._event = tables.event
        self._slow = f"ix_{tables.prefix}event_slow"
        # by its number, not by its time: what somebody else added comes last, whatever time it claims
        first = (sa.func.min(sa.case((t.what == what, t.seq))) for what in (RECEIVED, FULFILLED))
        told = sa.select(t.event_id, *first).where(t.what.in_((RECEIVED, FULFILLED)))
        self._told = told.group_by(t.event_id)
        self._times = sa.select(t.seq, t.at).where(in_list(t.seq, "seqs", kind))
        self._withdrawn = sa.select(d.event_id).where(d.state == State.EXEMPT, d.code == Ground.WITHDRAWN).distinct()
        self._kind = kind
        self._tables = tables

    def told(self, connection: sa.Connection, ids: Sequence[str]) -> dict[str, tuple[int | None, str | None]]:
        """Return what the log alone knows of events: the number of the receipt's entry, the time of the first answer.

        A few hundred ids at once.
        """
        named = one_of(self._tables.audit.c.event_id, ids, self._kind)
        query = by_index(self._told.where(named), self._tables.audit, f"ix_{self._tables.prefix}audit_event")
        rows = connection.execute(query).all()
        seqs = [answered for _, _, answered in rows if answered is not None]
        times = dict(tuple(row) for row in connection.execute(self._times, {"seqs": seqs})) if seqs else {}
        return {event: (received, times.get(answered)) for event, received, answered in rows}

    def withdrawn(self, connection: sa.Connection, ids: Sequence[str]) -> set[str]:
        """Return those of the events that were withdrawn; a few hundred ids at once."""
        named = one_of(self._tables.delivery.c.event_id, ids, self._kind)
        return set(connection.execute(self._withdrawn.where(named)).scalars())

    def withdrawn_among(self, connection: sa.Connection, ids: Iterable[str]) -> set[str]:
        """Return those of any number of events that were withdrawn."""
        found: set[str] = set()
        for part in parts(list(ids)):
            found |= self.withdrawn(connection, part)
        return found

    def late(self, connection: sa.Connection, rule: Rule, *conditions: sa.ColumnElement[bool]) -> Iterator[str]:
        """Yield the fulfilled events whose first answer came late; of one made by mistake nobody was owed any."""
        e = self._event.c
        columns = [e.id, e.right, *map(raw, (e.received_at, e.due_on, e.fulfilled_at))]
        query = sa.select(*columns).where(*conditions)
        query = query.where(e.state == EventState.FULFILLED, e.slow >= rule.objection_target_hours)
        rows = connection.execute(by_index(query, self._event, self._slow)).all()
        for part in parts(rows):
            ids = [row.id for row in part]
            told, withdrawn = self.told(connection, ids), self.withdrawn(connection, ids)
            for row in part:
                received, due = moment_of(row.received_at), day_of(row.due_on)
                moment = answered_at(told.get(row.id, (None, None))[1], moment_of(row.fulfilled_at))
                if received is None or due is None:  # of a row that somebody damaged nobody knows
                    continue
                if answered_late(rule, row.right, received, due, moment) and row.id not in withdrawn:
                    yield row.id


def answered_at(told: str | None, fulfilled: datetime | None) -> datetime | None:
    """Return when a request was first fulfilled (UTC), by the log where it says so, else by its row."""
    try:
        moment = datetime.fromisoformat(told) if told else fulfilled
    except ValueError:  # what somebody else wrote there
        return fulfilled
    return moment if moment is None or moment.tzinfo else fulfilled
