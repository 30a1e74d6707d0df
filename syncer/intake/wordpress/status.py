"""What WordPress is told: one row for each request in `syncer_wp_status`, in WordPress' own database."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import inf
from typing import Any

import sqlalchemy as sa

from adapters.contract import Inapplicable
from syncer.audit.transaction import Transactions
from syncer.clock import stamp
from syncer.database.column_types import day_of, raw
from syncer.database.connections import reading, writing
from syncer.domain.codes import SHADOWED
from syncer.domain.endings import UNSEEN, Ending
from syncer.domain.model import EventState, State, word
from syncer.domain.rights import Ground
from syncer.events.settlement import withdrawn

#: `source` of the events that belong to a request of WordPress
SOURCES = ("eraser", "completed", "sweep")
#: the row that names the destinations, for what the plugin tells the administrator
DESTINATIONS = "destinations"
#: the plugin's own row: its `state` is the plugin's version
PLUGIN = "plugin"
#: what is told of a request, or of a destination, that was withdrawn
WITHDRAWN = "withdrawn"
#: what is told of a destination in shadow mode: nothing is carried out there
TRIAL = "trial"
#: the state that is shown when several events of one request differ: the one furthest from being read back, and of what
#: was withdrawn any other, since the request was made again
WORST = (
    State.HELD,
    TRIAL,
    State.RETRYING,
    State.PENDING,
    State.APPLIED,
    State.EXEMPT,
    State.NOT_APPLICABLE,
    State.ATTESTED,
    State.ACCEPTED,
    State.CONFIRMED,
    WITHDRAWN,
)
#: the same of whole events. What ended without being read back everywhere is never FULFILLED here: at that word a
#: plugin mails "Erasure Request Fulfilled", also one that knows no other end
EVENTS_WORST = (EventState.HELD, EventState.OPEN, Ending.ANSWERED, EventState.FULFILLED, WITHDRAWN)
#: what leaves more in doubt than others of its state: a recipient refused, or may well hold the person
_DOUBTFUL = ("refused", Inapplicable.NO_IDENTIFIER)
#: audit entries read, and requests written, at one time
WINDOW, CHUNK = 5000, 500


@dataclass(frozen=True, slots=True)
class StatusRow:
    """One row of the table, without personal data; `destinations` is JSON."""

    request: str
    state: str
    destinations: str
    due_on: date | None


class StatusTable:
    """Keeps the table in step with the events."""

    def __init__(
        self, transactions: Transactions, engine: sa.Engine, table: sa.Table, providers: Mapping[str, str]
    ) -> None:
        self._transactions = transactions
        self._engine = engine
        self._table = table
        self._names = labels(providers)
        self._seq: int | None = None  # how far the audit was read; None before the first time

    def publish(self) -> int:
        """Write what changed since the last time, at first everything; return how many rows were written.

        Every change of state leaves an audit entry in its own transaction, and those are numbered in the order in
        which they commit: the log is the list of what changed.
        """
        if self._seq is None:
            return self.publish_all()
        audit, written = self._transactions.tables.audit.c, 0
        while True:
            with reading(self._transactions.engine) as connection:
                rows = connection.execute(
                    sa.select(audit.seq, audit.event_id)
                    .where(audit.seq > self._seq, audit.seq <= self._seq + WINDOW)
                    .order_by(audit.seq)
                ).all()
            if not rows:
                return written
            written += self._write(self._refs({row.event_id for row in rows if row.event_id}))
            self._seq = rows[-1].seq

    def publish_all(self) -> int:
        """Write every row that is not as it should be; return how many were written."""
        with reading(self._transactions.engine) as connection:
            seq = connection.execute(sa.select(self._transactions.tables.head.c.seq)).scalar() or 0
            e = self._transactions.tables.event.c
            every = connection.execute(
                sa.select(e.source_ref).distinct().where(e.source.in_(SOURCES), e.source_ref.is_not(None))
            ).scalars()
            refs = set(every)
        names = _lines({"name": name} for name in self._names.values())
        written = self._put([StatusRow(DESTINATIONS, "configured", names, None)])
        written += self._write(refs)
        self._seq = seq
        return written

    def plugin_version(self) -> int:
        """Return the version that the plugin wrote when its screen was last opened; 0 for none: version 1 wrote none.

        Raises what the database raises.
        """
        with reading(self._engine) as connection:
            said = connection.execute(sa.select(self._table.c.state).where(self._table.c.request == PLUGIN)).scalar()
        return int(said) if said and said.isdecimal() else 0

    def _refs(self, events: set[str]) -> set[str]:
        e = self._transactions.tables.event.c
        refs: set[str] = set()
        with reading(self._transactions.engine) as connection:
            for part in _parts(sorted(events)):
                query = sa.select(e.source_ref).where(e.id.in_(part), e.source.in_(SOURCES), e.source_ref.is_not(None))
                refs |= set(connection.execute(query).scalars())
        return refs

    def _write(self, refs: set[str]) -> int:
        return sum(self._put(self._rows(part)) for part in _parts(sorted(refs)))

    def _rows(self, refs: Sequence[str]) -> list[StatusRow]:
        e, d = self._transactions.tables.event, self._transactions.tables.delivery
        query = (
            sa.select(
                e.c.source_ref, e.c.id, e.c.state, e.c.due_on, d.c.destination, d.c.adapter,
                d.c.state.label("delivery"), d.c.code, d.c.confirmed_at,
                raw(d.c.settles_on).label("settles_on"), raw(d.c.lapses_on).label("lapses_on"),
                withdrawn(self._transactions.tables, e.c.id).label("withdrawn"),
            )
            .select_from(e.outerjoin(d, d.c.event_id == e.c.id))
            .where(e.c.source_ref.in_(refs), e.c.source.in_(SOURCES))
            .order_by(e.c.id, d.c.id)
        )  # fmt: skip
        by_ref: dict[str, list[Any]] = {}
        with reading(self._transactions.engine) as connection:
            for row in connection.execute(query):
                by_ref.setdefault(row.source_ref, []).append(row)
        return [summary(ref, rows, self._names) for ref, rows in by_ref.items()]

    def _put(self, rows: Sequence[StatusRow]) -> int:
        t = self._table
        with writing(self._engine) as connection:
            stored = connection.execute(
                sa.select(t.c.request, t.c.state, t.c.destinations, t.c.due_on).where(
                    t.c.request.in_([row.request for row in rows])
                )
            )
            there = {row.request: StatusRow(*row) for row in stored}
            changed = [row for row in rows if there.get(row.request) != row]
            for row in changed:
                columns = {
                    "state": row.state,
                    "destinations": row.destinations,
                    "due_on": row.due_on,
                    "updated_at": self._transactions.clock(),
                }
                if row.request in there:
                    connection.execute(t.update().where(t.c.request == row.request).values(columns))
                else:
                    connection.execute(t.insert().values(request=row.request, **columns))
        return len(changed)


def summary(ref: str, rows: Sequence[Any], names: Mapping[str, str]) -> StatusRow:
    """Sum the events of a request up: each destination by the delivery that is least sure, nothing told early."""
    unseen = {row.id for row in rows if row.delivery in UNSEEN}
    worst = min((_event_state(row, row.id in unseen) for row in rows), key=EVENTS_WORST.index)
    unfinished = [row.due_on for row in rows if row.state != EventState.FULFILLED]
    least_sure: dict[str, Any] = {}
    for row in rows:
        if row.destination is not None:
            least_sure[row.destination] = min(least_sure.get(row.destination, row), row, key=_sureness)
    lines = (_line(names.get(name, name), row) for name, row in least_sure.items())
    return StatusRow(ref, str(worst), _lines(lines), min(unfinished or [row.due_on for row in rows]))


def _event_state(row: Any, unseen: bool) -> str:
    """Return where an event stands; nothing of one may be open, and it is not done for that."""
    state = word(EventState, row.state) or EventState.HELD  # what syncer never writes waits for a person
    if state is not EventState.FULFILLED:
        return state
    if row.withdrawn:
        return WITHDRAWN
    return Ending.ANSWERED if unseen else state


def _delivery_state(row: Any) -> str:
    if row.code == SHADOWED and row.delivery in (State.PENDING, State.RETRYING):
        return TRIAL
    if row.delivery == State.EXEMPT and row.code == Ground.WITHDRAWN:
        return WITHDRAWN
    return word(State, row.delivery) or State.HELD


def _sureness(row: Any) -> tuple[int, bool, float]:
    """Return what sorts deliveries by how sure anybody can be that they are carried out, the least sure first."""
    state = _delivery_state(row)
    if state == State.CONFIRMED:
        # of two confirmations the later one completes the request
        late = row.confirmed_at.timestamp() if row.confirmed_at else -inf
        return WORST.index(state), False, -late
    day = day_of(
        row.settles_on if state == State.ACCEPTED else row.lapses_on if state == State.NOT_APPLICABLE else None
    )
    return WORST.index(state), row.code not in _DOUBTFUL, -day.toordinal() if day else -inf


def _day(held: object) -> str | None:
    day = day_of(held)
    return day.isoformat() if day else None


def _line(name: str, row: Any) -> dict[str, str]:
    """Return what is told of one destination: `why` is the code for which it is closed, days are as in a receipt."""
    state = _delivery_state(row)
    told = {
        "at": stamp(row.confirmed_at) if state == State.CONFIRMED and row.confirmed_at else None,
        "why": row.code if state in (State.ATTESTED, State.NOT_APPLICABLE) else None,
        "settles_on": _day(row.settles_on) if state == State.ACCEPTED else None,
        "lapses_on": _day(row.lapses_on) if state == State.NOT_APPLICABLE else None,
    }
    return {"name": name, "state": str(state), **{key: value for key, value in told.items() if value}}


def labels(providers: Mapping[str, str]) -> dict[str, str]:
    """Return what each destination is called: its provider, with its own name where there are several of one."""
    count = Counter(providers.values())
    return {name: provider if count[provider] == 1 else f"{provider} ({name})" for name, provider in providers.items()}


def _lines(items: Iterable[Mapping[str, str]]) -> str:
    return json.dumps(list(items), ensure_ascii=True, sort_keys=True)


def _parts(items: Sequence[str]) -> list[Sequence[str]]:
    return [items[start : start + CHUNK] for start in range(0, len(items), CHUNK)]
