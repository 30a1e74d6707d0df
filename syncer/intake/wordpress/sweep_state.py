"""The SQL of what syncer knows of WordPress' requests: rows and events by request, and what the last sweep left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from syncer.audit.transaction import Transaction, Transactions
from syncer.database.connections import reading
from syncer.errors import UserError
from syncer.intake.queue import Queue
from syncer.intake.wordpress.coverage import DISMISSED, REFUSED, Known, SeenRequest, Site, begun_key, plausible
from syncer.intake.wordpress.tables import WordPressTables

#: how the keys of all erasures begin that the plugin and the sweep write
KEYS = "erasure:"
#: `source` of the rows that only the plugin writes
BY_PLUGIN = ("eraser", "completed")
#: keys looked up with one statement
CHUNK = 500


@dataclass(frozen=True, slots=True)
class LastSweep:
    """What the last sweep left: open requests by `blog:request`, and how each site went."""

    seen: Mapping[str, SeenRequest]
    sites: Mapping[int, Site]


class SweepState:
    """Reads and writes what is known, in syncer's own database."""

    def __init__(self, transactions: Transactions, queue: Queue, tables: WordPressTables) -> None:
        self._transactions = transactions
        self._queue = queue
        self._tables = tables

    def known(self, now: datetime) -> dict[str, list[Known]]:
        """Return what waits in the queue or is an event already, by `blog:request`. `now` is UTC.

        The queue's own time is the better one: an event's time is when intake took it, which may be days later. A row
        that says it was taken and is no event counts for nothing. Events are read last: what was taken by then is one.
        """
        made, waiting = self._queue.made(KEYS), self._waiting()
        e = self._transactions.tables.event.c
        query = sa.select(e.event_key, e.source_ref, e.created_at).where(
            e.event_key.startswith(KEYS, autoescape=True), e.source_ref.is_not(None)
        )
        with reading(self._transactions.engine) as connection:
            rows: dict[str, tuple[str, datetime | None]] = {
                row.event_key: (row.source_ref, row.created_at) for row in connection.execute(query)
            }
        for key, ref, at in made:
            if ref is not None and (key in rows or key in waiting):
                of, taken = rows.get(key, (ref, None))
                rows[key] = (of, plausible(at, taken, now))
        by_ref: dict[str, list[Known]] = {}
        for key, (ref, at) in rows.items():
            by_ref.setdefault(ref, []).append(Known(key, at))
        return by_ref

    def _waiting(self) -> set[str]:
        """Return the keys of the rows that nobody has taken."""
        key = self._queue.table.c.event_key
        waits = self._queue.is_open & key.startswith(KEYS, autoescape=True)
        query = sa.select(sa.type_coerce(key, sa.Text)).where(waits)
        with reading(self._queue.engine) as connection:
            return {found for found in connection.execute(query).scalars() if isinstance(found, str)}

    def read(self) -> LastSweep:
        """Return what the last sweep left."""
        with reading(self._transactions.engine) as connection:
            return self._read(connection)

    def begun(self, seen: Iterable[SeenRequest]) -> dict[str, datetime]:
        """Return when (UTC) the erasing began of requests that the last sweep still saw open, by `blog:request`.

        The time is that of the event: what nobody has taken from the queue yet is not told to anybody either.
        """
        keys = {key: last.ref for last in seen if (key := begun_key(last)) is not None}
        wanted, e = sorted(keys), self._transactions.tables.event.c
        begun: dict[str, datetime] = {}
        with reading(self._transactions.engine) as connection:
            for start in range(0, len(wanted), CHUNK):
                query = sa.select(e.event_key, e.created_at).where(e.event_key.in_(wanted[start : start + CHUNK]))
                begun |= {keys[row.event_key]: row.created_at for row in connection.execute(query)}
        return begun

    def fed_by_plugin(self) -> bool:
        """Say whether the plugin ever queued a request that became an event."""
        e = self._transactions.tables.event.c
        with reading(self._transactions.engine) as connection:
            return connection.execute(sa.select(e.id).where(e.source.in_(BY_PLUGIN)).limit(1)).first() is not None

    def _read(self, connection: sa.Connection) -> LastSweep:
        request, site = self._tables.request, self._tables.site
        seen = [
            SeenRequest(row.request, row.status, row.modified_at, row.since, row.gone_at, row.covered_at)
            for row in connection.execute(sa.select(request))
        ]
        sites = [
            Site(row.site, row.swept_at, row.requests, row.problem)
            for row in connection.execute(sa.select(site).order_by(site.c.site))
        ]
        return LastSweep({last.ref: last for last in seen}, {last.site: last for last in sites})

    def write(self, before: LastSweep, seen: Mapping[str, SeenRequest], sites: Sequence[Site]) -> bool:
        """Replace what was left; say whether this was done: another daemon's sweep that came between is as good."""
        with self._transactions.write() as tx:
            self._lock(tx)
            if self._read(tx.connection) != before:
                return False
            self._write_seen(tx, before.seen, seen)
            site = self._tables.site
            tx.connection.execute(site.delete())
            rows = [
                {"site": last.site, "swept_at": last.swept_at, "requests": last.requests, "problem": last.problem}
                for last in sites
            ]
            if rows:
                tx.connection.execute(site.insert(), rows)
            return True

    def _write_seen(self, tx: Transaction, before: Mapping[str, SeenRequest], after: Mapping[str, SeenRequest]) -> None:
        request = self._tables.request
        stale = [ref for ref, last in before.items() if after.get(ref) != last]
        if stale:
            tx.connection.execute(
                request.delete().where(request.c.request == sa.bindparam("ref")), [{"ref": ref} for ref in stale]
            )
        rows = [
            {
                "request": last.ref,
                "status": last.status,
                "modified_at": last.modified_at,
                "since": last.since,
                "gone_at": last.gone_at,
                "covered_at": last.covered_at,
            }
            for ref, last in after.items()
            if before.get(ref) != last
        ]
        if rows:
            tx.connection.execute(request.insert(), rows)

    def _lock(self, tx: Transaction) -> None:
        # the audit's head row is the one lock that all writers share; it is taken last anyway, so taking it
        # first and nothing else cannot deadlock
        tx.connection.execute(sa.select(self._transactions.tables.head.c.seq).with_for_update())

    def dismiss(self, ref: str, reason: str) -> None:
        """Forget a vanished request, or let a refused one be, by a person's decision.

        Raises UserError when no such request has vanished or was refused.
        """
        request = self._tables.request
        with self._transactions.write() as tx:
            gone = request.delete().where(request.c.request == ref, request.c.gone_at.is_not(None))
            kept = request.update().where(request.c.request == ref, request.c.status == REFUSED)
            done = tx.connection.execute(gone).rowcount + tx.connection.execute(kept.values(status=DISMISSED)).rowcount
            if not done:
                raise UserError(
                    f"there is no vanished or refused request {ref}; `syncer status` lists them as request_vanished and"
                    " request_refused"
                )
            tx.audit.add("operator:dismissed", facts={"request": ref, "reason": reason})
