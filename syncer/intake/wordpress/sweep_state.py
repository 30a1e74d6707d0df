"""The SQL of what syncer knows of WordPress' requests: rows and events by request, and what the last sweep left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from syncer.audit.transaction import Transaction, Transactions
from syncer.database.connections import reading
from syncer.errors import UserError
from syncer.intake.queue import Queue
from syncer.intake.wordpress.coverage import Known, Seen, Site
from syncer.intake.wordpress.tables import WordPressTables

#: how the keys of all erasures begin that the plugin and the sweep write
KEYS = "erasure:"


@dataclass(frozen=True, slots=True)
class LastSweep:
    """What the last sweep left: open requests by `blog:request`, and how each site went."""

    seen: Mapping[str, Seen]
    sites: Mapping[int, Site]


class SweepState:
    """Reads and writes it, in syncer's own database."""

    def __init__(self, transactions: Transactions, queue: Queue, tables: WordPressTables) -> None:
        self._transactions = transactions
        self._queue = queue
        self._tables = tables

    def known(self) -> dict[str, list[Known]]:
        """Return what is queued or an event already, by `blog:request`.

        The queue's own time is the better one: an event's is when intake took it, which may be days later.
        """
        e = self._transactions.tables.event.c
        query = sa.select(e.event_key, e.source_ref, e.created_at).where(
            e.event_key.startswith(KEYS, autoescape=True), e.source_ref.is_not(None)
        )
        with reading(self._transactions.engine) as connection:
            rows = {row.event_key: (row.source_ref, row.created_at) for row in connection.execute(query)}
        rows |= {key: (ref, at) for key, ref, at in self._queue.made(KEYS) if ref is not None}
        found: dict[str, list[Known]] = {}
        for key, (ref, at) in rows.items():
            found.setdefault(ref, []).append(Known(key, at))
        return found

    def read(self) -> LastSweep:
        """Return what the last sweep left."""
        with reading(self._transactions.engine) as connection:
            return self._read(connection)

    def _read(self, connection: sa.Connection) -> LastSweep:
        request, site = self._tables.request, self._tables.site
        seen = [
            Seen(row.request, row.status, row.modified_at, row.since, row.gone_at, row.covered_at)
            for row in connection.execute(sa.select(request))
        ]
        sites = [
            Site(row.site, row.swept_at, row.requests, row.problem)
            for row in connection.execute(sa.select(site).order_by(site.c.site))
        ]
        return LastSweep({item.ref: item for item in seen}, {item.site: item for item in sites})

    def write(self, before: LastSweep, seen: Mapping[str, Seen], sites: Sequence[Site]) -> bool:
        """Replace what was left; False when another daemon's sweep came between, whose word is as good."""
        with self._transactions.write() as tx:
            self._lock(tx)
            if self._read(tx.connection) != before:
                return False
            self._write_seen(tx, before.seen, seen)
            site = self._tables.site
            tx.connection.execute(site.delete())
            rows = [
                {"site": item.site, "swept_at": item.swept_at, "requests": item.requests, "problem": item.problem}
                for item in sites
            ]
            if rows:
                tx.connection.execute(site.insert(), rows)
            return True

    def _write_seen(self, tx: Transaction, before: Mapping[str, Seen], after: Mapping[str, Seen]) -> None:
        request = self._tables.request
        stale = [ref for ref, item in before.items() if after.get(ref) != item]
        if stale:
            tx.connection.execute(
                request.delete().where(request.c.request == sa.bindparam("ref")), [{"ref": ref} for ref in stale]
            )
        rows = [
            {
                "request": item.ref,
                "status": item.status,
                "modified_at": item.modified_at,
                "since": item.since,
                "gone_at": item.gone_at,
                "covered_at": item.covered_at,
            }
            for ref, item in after.items()
            if before.get(ref) != item
        ]
        if rows:
            tx.connection.execute(request.insert(), rows)

    def _lock(self, tx: Transaction) -> None:
        # the audit's head row is the one lock that all writers share; it is taken last anyway, so taking it
        # first and nothing else cannot deadlock
        tx.connection.execute(sa.select(self._transactions.tables.head.c.seq).with_for_update())

    def dismiss(self, ref: str, reason: str) -> None:
        """Forget a vanished request by a person's decision. Raises UserError when it is none."""
        request = self._tables.request
        with self._transactions.write() as tx:
            done = tx.connection.execute(
                request.delete().where(request.c.request == ref, request.c.gone_at.is_not(None))
            )
            if not done.rowcount:
                raise UserError(f"there is no vanished request {ref}; `syncer status` lists them as request_vanished")
            tx.audit.add("operator:dismissed", facts={"request": ref, "reason": reason})
