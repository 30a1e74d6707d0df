"""A flood of requests, and what the guard made of it."""

from __future__ import annotations

from typing import Any

import orjson
import sqlalchemy as sa

from adapters.contract import Action
from syncer.app import App
from syncer.database.connections import reading
from syncer.domain.codes import GUARDED

#: five deletions a day, however many contacts there are
FIVE = "deletions_per_day = 5\nalways_allowed = 5"


def flood(app: App, count: int, *, source: str = "shop", kind: str = "erasure", name: str = "bogus") -> None:
    """Queue so many requests, each of another person; `name` begins their keys and addresses."""
    app.queue.insert(
        [
            {
                "event_key": f"{name}-{number}",
                "kind": kind,
                "email": f"{name}.{number}@people.test",
                "source": source,
                "created_at": app.clock(),
            }
            for number in range(count)
        ]
    )


def begun(app: App, destination: str = "newsletter") -> int:
    """Return how many deletions were ever begun at a destination, by the log."""
    entries = _entries(app, "delivery:attempted", destination)
    return sum(entry["facts"]["action"] == Action.DELETE and entry["facts"]["attempt"] == 1 for entry in entries)


def told(app: App, what: str, destination: str | None = None) -> list[dict[str, Any]]:
    """Return the facts of all entries of one kind, at one destination where it is given."""
    return [entry["facts"] for entry in _entries(app, what, destination)]


def stopped(app: App, destination: str = "newsletter") -> int:
    """Return how many deliveries wait for a person."""
    d = app.tables.delivery.c
    query = sa.select(sa.func.count()).where(d.destination == destination, d.code == GUARDED)
    with reading(app.engine) as connection:
        return int(connection.execute(query).scalar_one())


def lane(app: App, destination: str = "newsletter") -> Any:
    """Return the row of a lane."""
    return app.leases.get(destination)


def _entries(app: App, what: str, destination: str | None) -> list[dict[str, Any]]:
    t = app.tables.audit.c
    query = sa.select(t.body).where(t.what == what).order_by(t.seq)
    query = query if destination is None else query.where(t.destination == destination)
    with reading(app.engine) as connection:
        return [orjson.loads(body) for body in connection.execute(query).scalars()]
