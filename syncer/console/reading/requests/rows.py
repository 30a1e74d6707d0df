"""Requests by their ids: a row that nobody can read is shown as what it is, and keeps no page from being shown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from syncer.reports.reader import Reader
from syncer.reports.views import EventView

#: what reading a row raises that holds no time, no day, or a number that is none
UNREADABLE = (ValueError, TypeError, AttributeError, LookupError, ArithmeticError)
#: a part of a path that every browser and proxy leaves as it is, but for dots alone
_IN_ADDRESS = re.compile("(?![.]+$)[!-.0-~]{1,191}")


@dataclass(frozen=True, slots=True)
class ListedRequest:
    """A request in a list: its id, None where that cannot stand in an address, and what is known of it.

    `view` is None where its row holds what syncer never writes, in a place of a time or a day.
    """

    id: str | None
    view: EventView | None

    @property
    def closed(self) -> int:
        """How many of its recipients need nothing more."""
        return sum(delivery.through for delivery in self.view.deliveries) if self.view else 0


def listed(reader: Reader, connection: sa.Connection, ids: Sequence[Any]) -> list[ListedRequest]:
    """Return requests in the order of their ids, a few hundred at once; each of them, whatever its row holds."""
    try:
        views = {view.id: view for view in reader.of_ids(connection, ids)}
    except UNREADABLE:
        views = {}
        for event_id in ids:
            views |= _alone(reader, connection, event_id)
    return [ListedRequest(in_address(event_id), views.get(event_id)) for event_id in ids]


def in_address(event_id: Any) -> str | None:
    """Return an id, or a recipient's name, if it can stand in an address: SQLite holds others."""
    return event_id if isinstance(event_id, str) and _IN_ADDRESS.fullmatch(event_id) else None


def _alone(reader: Reader, connection: sa.Connection, event_id: Any) -> dict[Any, EventView]:
    try:
        return {view.id: view for view in reader.of_ids(connection, [event_id])}
    except UNREADABLE:
        return {}
