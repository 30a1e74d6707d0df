"""A request put into the queue, and what became of it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from syncer.app import App
from syncer.database.connections import reading

PERSON = "ada@lovelace.test"


OTHER = "grace@hopper.test"


def put(app: App, kind: str, email: str | None, key: str, **more: Any) -> None:
    """Insert one queue row as a producer would."""
    app.queue.insert([{"event_key": key, "kind": kind, "email": email, "created_at": app.clock(), **more}])


def rows(app: App, table: sa.Table) -> list[Any]:
    with reading(app.engine) as connection:
        return list(connection.execute(sa.select(table)))


def states(app: App) -> dict[str, tuple[str, str | None, str | None]]:
    """Return destination -> (state, outcome, code) of the only event."""
    return {row.destination: (row.state, row.outcome, row.code) for row in rows(app, app.tables.delivery)}


def event(app: App) -> Any:
    (only,) = rows(app, app.tables.event)
    return only


def whats(app: App) -> list[str]:
    return [row["what"] for row in app.ledger.rows()]


def written(table: sa.Table, row: Any) -> dict[str, Any]:
    """Return what was written into a row: all but what the database derives."""
    derived = {c.name for c in table.c if c.server_default is not None and not c.server_default.has_argument}
    return {name: value for name, value in row._mapping.items() if name not in derived}
