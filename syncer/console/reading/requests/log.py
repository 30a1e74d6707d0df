"""What the log holds of a request."""

from __future__ import annotations

import sqlalchemy as sa

from syncer.app import App
from syncer.audit.ledger import LogEntry
from syncer.console.reading.entries import entry_of
from syncer.database.bulk import by_index
from syncer.database.connections import reading

#: entries of a request that its page shows
LONGEST_TIMELINE = 2000


def timeline(app: App, event_id: str) -> tuple[list[LogEntry], bool]:
    """Return the entries of a request, oldest first, at most LONGEST_TIMELINE, and whether there are more."""
    t = app.tables.audit
    query = sa.select(t.c.seq, t.c.at, t.c.what, t.c.event_id, t.c.destination, t.c.body)
    query = query.where(t.c.event_id == event_id).order_by(t.c.seq).limit(LONGEST_TIMELINE + 1)
    with reading(app.engine) as connection:
        rows = connection.execute(by_index(query, t, f"ix_{app.tables.prefix}audit_event")).all()
    return [entry_of(*row) for row in rows[:LONGEST_TIMELINE]], len(rows) > LONGEST_TIMELINE
