"""People who come back: what changed at a destination, compared by pseudonym with whom it was to forget or leave alone.

No address needs to be kept for it: each one that a listing shows is turned into its `ref` and dropped again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import sqlalchemy as sa

from adapters.contract import Action, Adapter, Seen
from adapters.errors import AdapterError, Transient
from syncer.audit.transaction import Transactions
from syncer.database.connections import reading
from syncer.delivery.reappearance import Incident, reappear
from syncer.domain.model import State
from syncer.errors import AddressError
from syncer.events.store import Store
from syncer.privacy.addresses import normalise
from syncer.privacy.keyring import Keyring, subject

BATCH = 500
#: how far a look reaches back over the one before: listings lag behind, and the provider's clock is not ours
OVERLAP = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at a destination found.

    `since` (UTC) is how far it reached back, None when there is nobody to look for; `seen` counts contacts; `code`
    says why the look is incomplete, and then it is taken again from the same moment. `incidents` are (event id,
    newer consent or not).
    """

    destination: str
    since: datetime | None = None
    seen: int = 0
    incidents: tuple[tuple[str, bool], ...] = ()
    code: str | None = None

    @property
    def complete(self) -> bool:
        """Say whether the listing was read whole: only then do no incidents mean that nobody came back."""
        return self.code is None


class Watch:
    """Looks at destinations for people who are back."""

    def __init__(self, transactions: Transactions, store: Store, keyring: Keyring) -> None:
        self._transactions = transactions
        self._clock = transactions.clock
        self._store = store
        self._keyring = keyring
        self._table = transactions.tables.watch
        #: when a listing last went on (monotonic clock)
        self.moved_at = time.monotonic()

    def due(self, destination: str, every: timedelta) -> bool:
        """Say whether the last whole look is at least `every` ago."""
        looked_at = self._looked_at(destination)
        return looked_at is None or looked_at + every <= self._clock()

    def look(self, destination: str, adapter: Adapter, alive: Callable[[], bool] = lambda: True) -> Look:
        """Read what changed since the last look. `alive` is asked between batches; False ends the look unfinished.

        A provider's failure is not raised: it becomes a look with its code.
        """
        began = self._clock()
        since = self._since(destination)
        if since is None:
            self._note(destination, began, 0)
            return Look(destination)
        seen = 0
        incidents: list[tuple[str, bool]] = []
        code: str | None = None
        try:
            for batch in self._batches(adapter.changed(since)):
                seen += len(batch)
                incidents += self._compare(destination, adapter, batch)
                if not alive():
                    raise Transient("interrupted", "the lane was given away")
        except AdapterError as error:
            code = error.code
        if code is None:
            self._note(destination, began, seen)
        return Look(destination, since, seen, tuple(incidents), code)

    def _batches(self, listing: Iterator[Seen]) -> Iterator[list[Seen]]:
        while batch := list(self._ticking(islice(listing, BATCH))):
            yield batch

    def _ticking(self, contacts: Iterator[Seen]) -> Iterator[Seen]:
        for contact in contacts:
            self.moved_at = time.monotonic()
            yield contact

    def _since(self, destination: str) -> datetime | None:
        looked_at = self._looked_at(destination)
        if looked_at is not None:
            return looked_at - OVERLAP
        d, e = self._transactions.tables.delivery.c, self._transactions.tables.event
        query = sa.select(sa.func.min(e.c.received_at)).join(self._transactions.tables.delivery, d.event_id == e.c.id)
        with reading(self._transactions.engine) as connection:
            first: datetime | None = connection.execute(
                query.where(d.destination == destination, d.state == State.CONFIRMED)
            ).scalar()
        return first

    def _looked_at(self, destination: str) -> datetime | None:
        query = sa.select(self._table.c.looked_at).where(self._table.c.destination == destination)
        with reading(self._transactions.engine) as connection:
            looked_at: datetime | None = connection.execute(query).scalar()
        return looked_at

    def _note(self, destination: str, looked_at: datetime, seen: int) -> None:
        look = {"looked_at": looked_at, "seen": seen}
        with self._transactions.write() as tx:
            done = tx.connection.execute(
                self._table.update().where(self._table.c.destination == destination).values(look)
            )
            if not done.rowcount:
                tx.connection.execute(self._table.insert().values(destination=destination, **look))

    def _compare(self, destination: str, adapter: Adapter, batch: list[Seen]) -> Iterator[tuple[str, bool]]:
        """Compare one batch with the confirmed deliveries; yield (event id, newer consent or not) of each incident."""
        people = {ref: contact for contact in batch if (ref := self._ref(contact.address)) is not None}
        for row in self._watched(destination, people):
            incident = self._incident(adapter, row, people[row.subject])
            if incident is not None and reappear(self._transactions, self._store, self._keyring, incident):
                yield row.event_id, incident.newer_consent

    def _ref(self, address: str) -> str | None:
        try:
            return self._keyring.ref(normalise(address))
        except AddressError:
            return None  # no event has such an address: what cannot be normalised was held at intake

    def _watched(self, destination: str, refs: Iterable[str]) -> list[Any]:
        """Return the confirmed deliveries of these people: they were to be forgotten or left alone there."""
        d, e = self._transactions.tables.delivery, self._transactions.tables.event
        query = (
            sa.select(d.c.id, d.c.event_id, d.c.destination, d.c.action, e.c.right, e.c.subject, e.c.received_at)
            .join(e, d.c.event_id == e.c.id)
            .where(e.c.subject.in_(list(refs)), d.c.destination == destination, d.c.state == State.CONFIRMED)
            .order_by(d.c.id)
        )
        with reading(self._transactions.engine) as connection:
            return list(connection.execute(query))

    def _incident(self, adapter: Adapter, row: Any, seen: Seen) -> Incident | None:
        """Read the person back: a listing alone proves nothing, since an unsubscribed contact may rightly be there."""
        person = subject(self._keyring, seen.address)
        try:
            adapter.confirm(Action(row.action), person)
        except Transient as error:
            if error.code != "not_yet":
                raise
            return Incident(row, seen, adapter.opted_in(person), error.steps)
        return None
