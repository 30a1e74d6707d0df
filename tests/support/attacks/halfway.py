"""An installation whose log was verified in the middle of its work, and rows that somebody changes there."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from syncer.app import App
from syncer.service.drain import drain, prepare
from tests.support.walk import OTHER, PERSON, put, rows


def some_work(app: App) -> None:
    """One erasure that is through before the state, one after it, and one that the state saw open."""
    put(app, "erasure", PERSON, "old")
    drain(app)
    put(app, "erasure", "waits@x.test", "open")
    prepare(app)
    app.notary.make()
    assert app.verify().ok
    put(app, "objection", OTHER, "new")
    drain(app)
    app.notary.make()


def state(app: App) -> Any:
    """The row of the last verified state."""
    (row,) = rows(app, app.tables.progress)
    return row


def change_row(app: App, table: str, key: str, **values: Any) -> None:
    """Change the event of that key, or its deliveries, as somebody with the database can."""
    e, d = app.tables.event, app.tables.delivery
    with app.engine.begin() as connection:
        if table == "event":
            connection.execute(e.update().where(e.c.event_key == key).values(**values))
        else:
            ids = sa.select(e.c.id).where(e.c.event_key == key)
            connection.execute(d.update().where(d.c.event_id.in_(ids)).values(**values))
