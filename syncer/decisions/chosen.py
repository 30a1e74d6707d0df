"""The deliveries that a resync is about, with their events: by an index, at the cost of those that are chosen."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from syncer.database.bulk import by_index, one_of
from syncer.database.tables import Tables
from syncer.domain.model import State
from syncer.events.reading.answers import Answers
from syncer.events.reading.counts import Counts
from syncer.events.reading.ranges import parts


@dataclass(frozen=True, slots=True)
class Criteria:
    """What a delivery meets to be chosen: every one that is given. `events` are ids, `confirmed_since` is UTC."""

    events: set[str] | None = None
    destination: str | None = None
    held: bool = False
    confirmed_since: datetime | None = None


class ChosenDeliveries:
    """Reads the deliveries of one installation; `kind` is the name of the database's dialect.

    `opens` says whether sealed addresses are read with them: the web console's account may not.
    """

    def __init__(self, tables: Tables, kind: str, *, opens: bool = True) -> None:
        self._tables = tables
        self._address = address_of(tables, opens=opens)
        self._kind = kind
        self._answers = Answers(tables, kind)

    def read(self, connection: sa.Connection, criteria: Criteria) -> tuple[list[Any], set[str]]:
        """Return the deliveries with their events, in order of both, and those of the events that were withdrawn."""
        d, e = self._tables.delivery, self._tables.event
        columns = (d.c.event_id, d.c.destination, d.c.state, d.c.action, d.c.code)
        told = (e.c.right, e.c.subject, e.c.received_at, e.c.created_at, e.c.sealed, self._address)
        query = sa.select(*columns, d.c.unseen, *told, e.c.released_at.is_not(None).label("released"))
        query = query.select_from(d.join(e, d.c.event_id == e.c.id))
        rows: list[Any] = []
        for index, conditions in self._conditions(connection, criteria):
            chosen = query.where(*conditions)
            chosen = by_index(chosen, d, f"ix_{self._tables.prefix}delivery_{index}") if index else chosen
            rows += connection.execute(chosen).all()
        # SQLite stores anything there
        rows.sort(key=lambda row: (str(row.event_id), str(row.destination)))
        return rows, self._answers.withdrawn_among(connection, {row.event_id for row in rows})

    def over(self, connection: sa.Connection, ids: Collection[str]) -> set[str]:
        """Return which of these events were withdrawn or have lost their address, and lock them: they stay so.

        The caller locked their lanes.
        """
        e, found = self._tables.event.c, self._answers.withdrawn_among(connection, ids)
        query = sa.select(e.id, e.sealed).order_by(e.id).with_for_update()
        for part in parts(sorted(ids)):
            rows = connection.execute(query.where(one_of(e.id, part, self._kind)))
            found |= {row.id for row in rows if row.sealed is None}
        return found

    def _conditions(
        self, connection: sa.Connection, criteria: Criteria
    ) -> Iterator[tuple[str | None, list[sa.ColumnElement[bool]]]]:
        """Yield the index that answers, None for the key, with the conditions; for some of many events at once."""
        d = self._tables.delivery.c
        conditions: list[sa.ColumnElement[bool]] = []
        if criteria.destination is not None:
            conditions.append(d.destination == criteria.destination)
        if criteria.held:
            conditions.append(d.state == State.HELD)
        if criteria.confirmed_since is not None:
            conditions += [d.state == State.CONFIRMED, d.confirmed_at >= criteria.confirmed_since]
        if criteria.events is not None:
            for ids in parts(sorted(criteria.events)):
                yield None, [one_of(d.event_id, ids, self._kind), *conditions]
            return
        if criteria.destination is None:
            counts = Counts(self._tables)
            conditions.append(counts.among(connection, counts.destinations(connection)))
        yield "state" if criteria.confirmed_since is None else "confirmed", conditions


def address_of(tables: Tables, *, opens: bool) -> sa.ColumnElement[Any]:
    """Return what is read of an event as `email_sealed`: NULL where nobody could open it."""
    sealed = tables.event.c.email_sealed
    return sealed if opens else sa.null().label(sealed.name)
