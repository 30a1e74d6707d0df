"""The requests of a span at one moment of the database, read in pages by the indexes of their ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from typing import Any

import sqlalchemy as sa

from syncer.audit.ledger import Ledger, LogEntry
from syncer.database.connections import snapshot
from syncer.database.tables import Tables
from syncer.reports.evidence import ATTEMPTED, REAPPEARED, TOLD, LoggedEvidence, ReportedEvent
from syncer.reports.reader import Reader
from syncer.reports.views import EventView

#: requests that are read together, and then let go
PAGE = 100


class PagedRegister:
    """Requests with the evidence of their deliveries; each page is read when somebody comes to it."""

    def __init__(self, connection: sa.Connection, reader: Reader, ledger: Ledger, received: Sequence[str]) -> None:
        """`received` are ids in the order in which the requests were received."""
        self._connection = connection
        self._reader = reader
        self._ledger = ledger
        self._received = received
        self.ids = sorted(received, key=_octets)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.ids)

    def __iter__(self) -> Iterator[ReportedEvent]:
        """Yield them in their order."""
        for ids in self._pages(None):
            log = self._ledger.of_events(self._connection, ids, told=TOLD)
            # what a delivery's evidence begins with is when it was tried, whatever else the log said of it before
            evidence = LoggedEvidence(sorted(log, key=lambda entry: entry.what != ATTEMPTED))
            for view in self._reader.of_ids(self._connection, ids):
                yield evidence.reported(view)

    def views(self, places: Iterable[int] | None = None) -> Iterator[EventView]:
        """Yield them in their order, or those at these places, without the evidence."""
        for ids in self._pages(places):
            yield from self._reader.of_ids(self._connection, ids)

    def found_again(self) -> Iterator[LogEntry]:
        """Yield the entries that say that a person was found again, those of each request together."""
        for ids in self._pages(None):
            yield from self._ledger.of_events(self._connection, ids, only=REAPPEARED)

    def parts(self, most: int) -> Iterator[PagedRegister]:
        """Yield them in parts of at most so many, those received first in the first."""
        for first in range(0, len(self), most):
            yield PagedRegister(self._connection, self._reader, self._ledger, self._received[first : first + most])

    def received(self) -> tuple[datetime, datetime]:
        """Return when (UTC) the first and the last of them were received."""
        ends = [self._received[0], self._received[-1]]
        first, last = (next(self._reader.of_ids(self._connection, [end])) for end in ends)
        return first.received_at, last.received_at

    def _pages(self, places: Iterable[int] | None) -> Iterator[list[str]]:
        chosen = iter(self.ids) if places is None else (self.ids[place] for place in places)
        while page := list(islice(chosen, PAGE)):
            yield page


class Registers:
    """Opens the registers of one installation."""

    def __init__(self, engine: sa.Engine, tables: Tables, reader: Reader, ledger: Ledger) -> None:
        self._engine = engine
        self._event = tables.event.c
        self._reader = reader
        self._ledger = ledger

    @contextmanager
    def opened(self, since: datetime | None, until: datetime | None) -> Iterator[PagedRegister]:
        """Yield what was received in a span (UTC), by id, as it is at this moment: it stands still within the block."""
        e = self._event
        # in the order of the index that finds them: in that of their ids, an engine might walk through all there are
        query = sa.select(e.id).order_by(e.received_at, e.id)
        if since is not None:
            query = query.where(e.received_at >= since)
        if until is not None:
            query = query.where(e.received_at < until)
        with snapshot(self._engine) as connection:
            received = connection.execute(query).scalars().all()
            yield PagedRegister(connection, self._reader, self._ledger, received)


def _octets(value: Any) -> bytes:
    """Return an id by its octets, which ids are ordered by: SQLite holds some that are no text."""
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else bytes(value)
