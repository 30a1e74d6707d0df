"""The alerts' page as it is read: what is open, what was written to whom, and whether anybody carries it away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from syncer.alerting.overview import AlertsView, overview
from syncer.database.alerting import outbox
from syncer.database.alerting.outbox import MessageFate
from syncer.database.connections import reading
from syncer.database.tables import Tables
from syncer.settings.alerting.channels import Channel

#: messages of a page
PAGE = 30


@dataclass(frozen=True, slots=True)
class AlertsPage:
    """The board, and messages, newest first; `older` is where the next page of them goes on, None for none."""

    board: AlertsView
    messages: tuple[MessageFate, ...]
    older: int | None


def read_alerts(
    engine: sa.Engine, tables: Tables, channels: Mapping[str, Channel], before: int | None, size: int = PAGE
) -> AlertsPage:
    """Return the alerts of an installation and the messages that were written before one (its number)."""
    with reading(engine) as connection:
        found = outbox.newest(connection, tables, before, size + 1)
    messages = tuple(found[:size])
    return AlertsPage(overview(engine, tables, channels), messages, messages[-1].id if len(found) > size else None)
