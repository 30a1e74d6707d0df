"""What a purge is about to take, held against the log itself: afterwards nobody can."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from syncer.audit.chain import ZERO, Altered, digest, sealed_text, verify
from syncer.audit.ledger import Ledger
from syncer.audit.log_end import untyped
from syncer.audit.offline.history import History
from syncer.database.connections import plain_rows_of
from syncer.database.tables import Tables
from syncer.domain.model import EventState
from syncer.errors import ChainBroken

RECEIVED = "event:received"


class Purgeable:
    """Asks entries whether they are what their columns say, and events whether they are over by the log's own words.

    Columns and tables are what decides which bodies go, and whoever has the database writes them: an event that waits
    for its erasure would be called fulfilled until its entries have lost their bodies, and nobody could tell any more.
    """

    def __init__(self, tables: Tables, ledger: Ledger) -> None:
        self._ledger = ledger
        self._table = tables.audit
        t, before = tables.audit, tables.audit.alias("before")
        columns = [t.c.seq, t.c.at, t.c.what, t.c.event_id, t.c.destination, t.c.body, untyped(t.c.leaf)]
        macs = [untyped(t.c.mac), untyped(before.c.mac).label("previous")]
        joined = t.outerjoin(before, before.c.seq == t.c.seq - 1)
        self._query = sa.select(*columns, *macs).select_from(joined).order_by(t.c.event_id, t.c.seq)

    def require(self, connection: sa.Connection, seqs: Sequence[int]) -> None:
        """Raise ChainBroken unless these entries may lose their bodies."""
        t = self._table.c
        events = set()
        for row in connection.execute(self._query.where(t.seq.in_(seqs))):
            self._require_genuine(row)
            events.add(row[3])
        rows = plain_rows_of(connection, self._query, t.event_id, sorted(events - {None}))
        for event, entries in groupby(rows, key=itemgetter(3)):
            self._require_over(event, list(entries))

    def _require_genuine(self, row: Any) -> dict[str, Any]:
        seq, before = row[0], ZERO if row[0] == 1 else digest(row[8])
        verdict = verify([row[:8]], self._ledger.key_of, None, (seq - 1, before or b""), of_events=False)
        if not verdict.ok:
            raise ChainBroken(str(verdict.reason))
        try:
            return sealed_text(seq, tuple(row[1:5]), row[5], bytes(row[6]))
        except Altered as altered:
            raise ChainBroken(str(altered)) from None

    def _require_over(self, event: str, rows: list[Any]) -> None:
        """Raise ChainBroken unless the log itself says that an event is fulfilled.

        One that an earlier purge began with was asked then; that one took the receipt first.
        """
        receipts = [row[5] for row in rows if row[2] == RECEIVED]
        if receipts and not any(receipts):
            return
        history = History()
        for row in rows:
            content = self._require_genuine(row)
            history.tell(content["what"], content)
            history.any_may_be_brought()  # whose it is decides nothing here
        record = history.event(event)
        if record is None or record.state != EventState.FULFILLED:
            said = "was never received" if record is None else f"is {record.state}"
            raise ChainBroken(f"event {event} is to be purged as fulfilled, but by the log it {said}")
