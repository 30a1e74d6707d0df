"""Many events and deliveries at once, made by the database itself: a million take seconds, not minutes."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import reduce
from itertools import pairwise
from typing import Any

import sqlalchemy as sa

from syncer.database.connections import writing
from syncer.database.derived import tally
from syncer.database.tables import Tables
from syncer.domain.model import EventState, State

#: the backlog is spread over so many due days
DAYS = 30


def add(
    engine: sa.Engine,
    tables: Tables,
    name: str,
    count: int,
    *,
    state: State,
    at: datetime | None,
    today: date,
    destination: str = "it",
    tail: timedelta = timedelta(0),
    counted: bool = True,
) -> None:
    """Add `count` deliveries with their events; a tenth are objections, the due days lie in the next DAYS.

    `at` (UTC) is when they can be taken up, None for finished ones; `tail` moves their due days. `name` begins
    their ids. `counted` is False for a schema that knows no guard yet.
    """
    e, d = tables.event, tables.delivery
    finished = at is None
    with writing(engine) as connection:
        for day in range(DAYS):
            first, last = count * day // DAYS, count * (day + 1) // DAYS
            connection.execute(_events(e, name, first, last, today + timedelta(days=day) + tail, finished))
        rank = sa.case((e.c.right == "objection", 0), else_=1)
        values: dict[str, Any] = {
            "event_id": e.c.id,
            "destination": sa.literal(destination),
            "adapter": sa.literal("mailchimp"),
            "action": sa.case((e.c.right == "objection", "unsubscribe"), else_="delete"),
            "state": sa.literal(state.value),
            "attempts": sa.literal(1 if finished else 0),
            "due_on": e.c.due_on,
        }
        if at is not None:
            values |= {"untried": sa.case((e.c.right == "objection", None), else_=1)} if counted else {}
            values |= {"claim_rank": rank, "next_attempt_at": sa.literal(at, d.c.next_attempt_at.type)}
        rows = sa.select(*values.values()).where(e.c.id.startswith(f"{name}-"))
        connection.execute(d.insert().from_select(list(values), rows))


def _events(e: sa.Table, name: str, first: int, last: int, due: date, finished: bool) -> sa.Insert:
    numbers, running = _numbers(last - first)
    number = running + first
    # padded, so that ids sort as the real ones do
    padded = sa.func.substr(sa.cast(number + 10_000_000, sa.String(8)), 2, 7)
    key = sa.literal(f"{name}-", sa.String()) + padded
    received = datetime.combine(due, datetime.min.time()) - timedelta(days=DAYS)
    moment = sa.literal(received, sa.DateTime())
    values: dict[str, Any] = {
        "id": key,
        "event_key": key,
        "right": sa.case((number % 10 == 0, "objection"), else_="erasure"),
        "subject": sa.literal("p1:", sa.String()) + key,
        "received_at": moment,
        "due_on": sa.literal(due),
        "state": sa.literal((EventState.FULFILLED if finished else EventState.OPEN).value),
        "created_at": moment,
        "rechecks_done": sa.literal(0),
    }
    rows = sa.select(*values.values()).select_from(numbers).where(running < last - first)
    return e.insert().from_select(list(values), rows)


_DIGITS: list[Any] = [
    sa.union_all(*(sa.select(sa.literal(n, sa.Integer()).label("n")) for n in range(10))).subquery(f"digit{place}")
    for place in range(6)
]


def queue(engine: sa.Engine, tables: Tables, taken: int, waiting: int, at: datetime) -> None:
    """Add rows to the queue: so many that were taken at `at` (UTC), and so many that wait."""
    q = tables.queue
    with writing(engine) as connection:
        for name, count, when in (("taken", taken, at), ("waiting", waiting, None)):
            numbers, number = _numbers(count)
            key = sa.literal(f"{name}-", sa.String()) + sa.cast(number, sa.String(8))
            values: dict[str, Any] = {"event_key": key, "kind": sa.literal("erasure")}
            if when is not None:
                values["taken_at"] = sa.literal(when, q.c.taken_at.type)
            rows = sa.select(*values.values()).select_from(numbers).where(number < count)
            connection.execute(q.insert().from_select(list(values), rows))


def _numbers(count: int) -> tuple[Any, Any]:
    """Return a product of digits and the expression over it that runs from 0 to the next power of ten."""
    places = _DIGITS[: len(str(max(count - 1, 1)))]
    product = places[0]
    for before, digit in pairwise(places):
        product = product.join(digit, digit.c.n < before.c.n + 10)  # always so
    total = reduce(lambda left, right: left + right, (digit.c.n * 10**place for place, digit in enumerate(places)))
    return product, total


def analyze(engine: sa.Engine, tables: Tables) -> None:
    """Let the planner and the tally know what there is."""
    with writing(engine) as connection:
        tally.recount(connection, tables)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in (tables.event, tables.delivery, tables.queue):
            words = {"sqlite": "ANALYZE", "mysql": "ANALYZE TABLE", "postgresql": "VACUUM ANALYZE"}
            connection.exec_driver_sql(f"{words[connection.dialect.name]} {table.name}")
