"""The figures behind the plots, each by an index: none reads more among a million requests than among a thousand."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa

from syncer.app import App
from syncer.database.bulk import by_index
from syncer.database.column_types import moment_of, raw
from syncer.database.connections import reading
from syncer.domain.model import CLOSED, EventState, State
from syncer.events.reading.ranges import all_but
from syncer.reports.html.charts import DAY, OPEN_BY_AGE

#: weeks that are shown, and requests of a week whose times are looked at
WEEKS, SAMPLE = 13, 300


@dataclass(frozen=True, slots=True)
class Week:
    """What was received in a week that begins on a Monday of the controller's.

    `median` are the days from receipt until every recipient was read back, of those `looked_at` of which that is so;
    None where there is none.
    """

    begins: date
    received: int
    looked_at: int
    median: float | None


@dataclass(frozen=True, slots=True)
class WeeklyFigures:
    """The weeks, oldest first, and how many requests are open by age, as in OPEN_BY_AGE."""

    weeks: tuple[Week, ...]
    open_by_age: tuple[int, ...]


def figures(app: App) -> WeeklyFigures:
    """Count the last weeks and what is open."""
    now = app.clock()
    today = now.astimezone(app.rule.zone).date()
    monday = today - timedelta(days=today.weekday())
    begins = [monday - timedelta(weeks=back) for back in reversed(range(WEEKS))]
    with reading(app.engine) as connection:
        weeks = tuple(_week(connection, app, begin) for begin in begins)
        return WeeklyFigures(weeks, _open_by_age(connection, app, now))


def _week(connection: sa.Connection, app: App, begins: date) -> Week:
    event, e = app.tables.event, app.tables.event.c
    start, end = (_midnight(app, day) for day in (begins, begins + timedelta(weeks=1)))
    index = f"ix_{app.tables.prefix}event_received"
    within = (e.received_at >= start, e.received_at < end)
    number = connection.execute(by_index(sa.select(sa.func.count()).where(*within), event, index)).scalar_one()
    asked = [raw(e.received_at), raw(e.fulfilled_at), e.state, _otherwise(app).label("otherwise")]
    sample: sa.Select[Any] = sa.select(*asked).where(*within)
    sample = by_index(sample.order_by(e.received_at, e.id).limit(SAMPLE), event, index)
    days = []
    for received, fulfilled, state, otherwise in connection.execute(sample):
        first, last = moment_of(received), moment_of(fulfilled)
        if state == EventState.FULFILLED and not otherwise and first is not None and last is not None:
            days.append(max((last - first).total_seconds(), 0.0) / DAY)
    return Week(begins, int(number), len(days), statistics.median(days) if days else None)


def _otherwise(app: App) -> Any:
    """Return the condition that one of a request's deliveries was closed without being read back."""
    d, closed = app.tables.delivery.c, sorted(CLOSED - {State.CONFIRMED})
    return sa.exists(sa.select(d.id).where(d.event_id == app.tables.event.c.id, d.state.in_(closed)))


def _open_by_age(connection: sa.Connection, app: App, now: datetime) -> tuple[int, ...]:
    event, e = app.tables.event, app.tables.event.c
    edges = [None if bound is None else now - timedelta(seconds=bound) for _, bound in OPEN_BY_AGE]
    wanted: list[Any] = []
    after = None
    for edge in edges:  # each class is older than the one before, and not older than its own bound
        younger = e.received_at > edge if edge is not None else sa.true()
        older = e.received_at <= after if after is not None else sa.true()
        wanted.append(sa.func.count(sa.case((sa.and_(younger, older), 1))))
        after = edge
    numbers = [0] * len(edges)
    for condition in all_but(e.state, EventState.FULFILLED):
        counted: sa.Select[Any] = sa.select(*wanted).where(condition)
        query = by_index(counted, event, f"ix_{app.tables.prefix}event_state")
        numbers = [sum(pair) for pair in zip(numbers, connection.execute(query).one(), strict=True)]
    return tuple(numbers)


def _midnight(app: App, day: date) -> datetime:
    return datetime.combine(day, time(), app.rule.zone).astimezone(UTC)
