"""What recipients are called, and when they last confirmed something: read by index, without what waits there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa

from syncer.app import App
from syncer.database.bulk import as_read, by_index
from syncer.database.column_types import moment_of, raw
from syncer.database.connections import reading
from syncer.events.reading.counts import Counts
from syncer.reports.wording.recipients import RecipientName, recipient


def recipients(app: App) -> dict[str, RecipientName]:
    """Return what each destination is called that is configured or has a delivery, the configured ones first."""
    counts, configured = Counts(app.tables), app.settings.destinations
    with reading(app.engine) as connection:
        gone = sorted(set(counts.destinations(connection)) - set(configured), key=str)  # SQLite stores anything there
        adapters = {name: counts.adapter(connection, name) for name in gone}
    return named(app, {name: item.adapter for name, item in configured.items()} | adapters)


def named(app: App, adapters: Mapping[str, str | None]) -> dict[str, RecipientName]:
    """Return what destinations are called, by their adapters; None is that of one which nobody knows."""
    return {
        name: recipient(name, adapter, app.about(adapter) if adapter else None) for name, adapter in adapters.items()
    }


def last_confirmation(app: App, names: Sequence[str]) -> dict[str, datetime | None]:
    """Return when each recipient last confirmed something (UTC); None for never, or for what is no time."""
    d = app.tables.delivery
    found: dict[str, datetime | None] = {}
    with reading(app.engine) as connection:
        for name in names:
            query = sa.select(raw(d.c.confirmed_at).label("at"))
            query = query.where(d.c.destination == as_read(name), d.c.confirmed_at.is_not(None))
            query = by_index(
                query.order_by(d.c.confirmed_at.desc()).limit(1), d, f"ix_{app.tables.prefix}delivery_confirmed"
            )
            found[name] = moment_of(connection.execute(query).scalar())
    return found
