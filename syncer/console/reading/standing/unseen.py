"""How many closed requests were answered though a recipient was not read back: told from what is counted already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from syncer.app import App
from syncer.database.bulk import as_read, by_index
from syncer.database.derived.hops import distinct
from syncer.domain.endings import UNSEEN
from syncer.domain.model import EventState, State
from syncer.events.reading.ranges import all_but
from syncer.reports.views import LaneView

#: in an order that the same question always has
_UNSEEN = sorted(UNSEEN)


def answered(connection: sa.Connection, app: App, lanes: Mapping[str, LaneView]) -> int:
    """Return how many closed requests have a delivery that nobody read back, and none that a person closed.

    Where one recipient alone cannot be read back, that is the number of its deliveries, which `lanes` have, without
    the few of requests that are open or excepted. Those of further recipients are looked at one by one.
    """
    numbers = {name: sum(lane.by_state[state] for state in UNSEEN) for name, lane in lanes.items()}
    most_first = sorted((name for name in numbers if numbers[name]), key=lambda name: -numbers[name])
    if not most_first:
        return 0
    further = sum(
        _only_there(connection, app, name, most_first[:place]) for place, name in enumerate(most_first) if place
    )
    return max(numbers[most_first[0]] + further - _open(connection, app) - _excepted(connection, app), 0)


def _only_there(connection: sa.Connection, app: App, name: str, before: Sequence[str]) -> int:
    """Return at how many requests a recipient was not read back, and none of those `before` it was."""
    d = app.tables.delivery
    other = d.alias("other").c
    names = [as_read(each) for each in before]
    there = sa.select(other.id).where(other.event_id == d.c.event_id, other.destination.in_(names))
    query = sa.select(sa.func.count()).where(d.c.destination == as_read(name), d.c.state.in_(_UNSEEN))
    query = query.where(~sa.exists(there.where(other.state.in_(_UNSEEN))))
    return int(connection.execute(by_index(query, d, f"ix_{app.tables.prefix}delivery_state")).scalar_one())


def _open(connection: sa.Connection, app: App) -> int:
    """Return how many requests are not closed, though a recipient is that was not read back."""
    e, d = app.tables.event, app.tables.delivery.c
    unseen = sa.exists(sa.select(d.id).where(d.event_id == e.c.id, d.state.in_(_UNSEEN)))
    index = f"ix_{app.tables.prefix}event_state"
    found = (
        connection.execute(by_index(sa.select(sa.func.count()).where(condition, unseen), e, index)).scalar_one()
        for condition in all_but(e.c.state, EventState.FULFILLED)
    )
    return sum(map(int, found))


def _excepted(connection: sa.Connection, app: App) -> int:
    """Return how many closed requests have a delivery that a person closed, and one that nobody read back."""
    d, e = app.tables.delivery, app.tables.event.c
    other = d.alias("other").c
    at = d.c.destination.in_(distinct(d.c.destination, connection.dialect.name))
    closed = sa.exists(sa.select(e.id).where(e.id == d.c.event_id, e.state == EventState.FULFILLED))
    unseen = sa.exists(sa.select(other.id).where(other.event_id == d.c.event_id, other.state.in_(_UNSEEN)))
    query = sa.select(sa.func.count(sa.distinct(d.c.event_id))).where(at, d.c.state == State.EXEMPT, closed, unseen)
    return int(connection.execute(by_index(query, d, f"ix_{app.tables.prefix}delivery_state")).scalar_one())
