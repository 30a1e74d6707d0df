"""How far a look came that broke off: the next one goes on from there, whatever ended the process.

The place is kept with a mac: whoever has only the database could move it on otherwise, and hide whom it passes.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from syncer.audit.ledger import Ledger
from syncer.audit.transaction import Transactions
from syncer.clock import stamp
from syncer.database.connections import reading

#: a look that began so long ago is begun anew: what it passed may have changed too often since
OLDEST = timedelta(hours=48)
#: the most that `watch_hours` allows between two looks
LONGEST_REST = timedelta(hours=168)
#: characters of a place; a longer one is not kept
LONGEST = 4000


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A look that broke off: when it began and how far it reaches back (UTC), and the adapter's own word for its place.

    `seen` counts the contacts up to there.
    """

    began: datetime
    since: datetime
    whole: bool
    seen: int
    after: str


class Places:
    """The places of looks that broke off, one for each destination. `settings` is the digest of those in force."""

    def __init__(self, transactions: Transactions, ledger: Ledger, settings: str) -> None:
        self._transactions = transactions
        self._ledger = ledger
        self._settings = settings
        self._table = transactions.tables.watch

    def last(self, destination: str) -> Unfinished | None:
        """Return the look to go on with; None for none, for one under other settings, too old, or not written by us.

        One that began before a look that came to its end is over.
        """
        w, now = self._table.c, self._transactions.clock()
        query = sa.select(w.unfinished, w.looked_at).where(w.destination == destination)
        try:
            with reading(self._transactions.engine) as connection:
                row = connection.execute(query).first()
            if row is None or row.unfinished is None:
                return None
            kept = json.loads(row.unfinished)
            mac = bytes.fromhex(kept.pop("mac"))
            if mac != self._mac(destination, kept) or kept.pop("settings") != self._settings:
                return None
            began, since = datetime.fromisoformat(kept.pop("began")), datetime.fromisoformat(kept.pop("since"))
            found = Unfinished(began, since, **kept)
        except (ArithmeticError, AttributeError, KeyError, RecursionError, TypeError, ValueError):
            return None  # whatever somebody wrote there
        over = _is_later(row.looked_at, found.began)
        return None if over or not timedelta() <= now - found.began <= OLDEST else found

    def keep(self, destination: str, look: Unfinished) -> None:
        """Keep how far a look came."""
        if len(look.after) > LONGEST:
            return
        facts = {**asdict(look), "began": stamp(look.began), "since": stamp(look.since), "settings": self._settings}
        text = json.dumps({**facts, "mac": self._mac(destination, facts).hex()})
        with self._transactions.write() as tx:
            done = tx.connection.execute(
                self._table.update().where(self._table.c.destination == destination).values(unfinished=text)
            )
            if not done.rowcount:  # the first look: one is due, whatever `watch_hours` says
                values = {"looked_at": look.since - LONGEST_REST, "seen": 0, "unfinished": text}
                tx.connection.execute(self._table.insert().values(destination=destination, **values))

    def drop(self, destination: str) -> None:
        """Forget it: the next look begins anew."""
        w = self._table.c
        with self._transactions.write() as tx:
            tx.connection.execute(
                self._table.update()
                .where(w.destination == destination, w.unfinished.is_not(None))
                .values(unfinished=None)
            )

    def _mac(self, destination: str, facts: dict[str, Any]) -> bytes:
        return self._ledger.tag("unfinished look v1", 0, {**facts, "destination": destination})


def _is_later(moment: object, than: datetime) -> bool:
    return not isinstance(moment, datetime) or moment >= than
