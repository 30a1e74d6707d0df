"""Requests written straight into the tables, as a test of lists wants them: many, at chosen times, damaged."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from syncer.app import App
from syncer.database.connections import writing

START = datetime(2026, 11, 1, 8, tzinfo=UTC)


def add_request(app: App, number: int, received: datetime = START, **more: Any) -> str:
    """Add a request and return its id, which grows with `number`; `deliveries` are (destination, state, code)."""
    deliveries = more.pop("deliveries", ())
    event_id = f"0{number:07x}-0000-7000-8000-000000000000"
    values = {
        "id": event_id,
        "event_key": f"key {number}",
        "right": "erasure",
        "subject": f"p1:{number:043d}",
        "received_at": received,
        "due_on": received.date() + timedelta(days=28),
        "state": "open",
        "source": "form",
        "created_at": received,
        "rechecks_done": 0,
    }
    with writing(app.engine) as connection:
        connection.execute(app.tables.event.insert().values(values | more))
        for destination, state, code in deliveries:
            connection.execute(
                app.tables.delivery.insert().values(
                    event_id=event_id,
                    destination=destination,
                    adapter="mailchimp",
                    action="delete",
                    state=state,
                    code=code,
                    attempts=1,
                    due_on=date(2026, 12, 1),
                )
            )
    return event_id


def damage(app: App, statement: str, *values: Any) -> None:
    """Write into a table what syncer never writes, as somebody with other means could: triggers stop nobody."""
    with writing(app.engine) as connection:
        found = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'syncer_audit'"
        for (name,) in connection.exec_driver_sql(found).all() if "syncer_audit" in statement else ():
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        connection.exec_driver_sql(statement, values)
