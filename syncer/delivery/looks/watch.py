"""People who come back: what changed at a destination, compared by pseudonym with whom it was to forget or leave alone.

No address needs to be kept for it: each one that a listing shows is turned into its `ref` and dropped again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from adapters.contract import Action, Adapter, Evidence, Seen
from adapters.errors import AdapterError, Permanent, Transient
from syncer.audit.transaction import Transactions
from syncer.database.connections import reading
from syncer.delivery.doubt import ALONE, Doubt
from syncer.delivery.looks.so_far import LookSoFar
from syncer.delivery.looks.unfinished import Places
from syncer.delivery.reappearance import Incident, reappear
from syncer.domain.model import State
from syncer.errors import AddressError, SealError
from syncer.events.seals import Accord, Seals
from syncer.events.settlement import withdrawn
from syncer.events.store import Store
from syncer.log import get_logger
from syncer.privacy.addresses import normalise
from syncer.privacy.keyring import subject

BATCH = 500
#: how far a look reaches back over the one before: listings lag behind, and the provider's clock is not ours
OVERLAP = timedelta(hours=6)
#: how often everybody is listed where a change may leave no date; a small account is listed whole at every look
WHOLE_EVERY = timedelta(days=7)
SMALL = 2000
#: a listing that does not add up is read again from its start, as it lacks people before its end; so is one that met a
#: bug, which may lie in how it went on
_FROM_ITS_START = frozenset({"incomplete", "unreadable", "crashed"})
#: why nobody is read back, by how the row stands to what was sealed and received
_NOT_PROVEN = {
    Accord.DIFFERS: "right, action or time of receipt in the database are not those that were received",
    Accord.UNKNOWN: "neither a sealed address nor the log says any more who asked for this",
}
#: refusals to show anything: a right that was taken away, or a search that stopped working, would otherwise hold every
#: confirmed delivery of an account in one night
SAYS_NOTHING = frozenset({"forbidden", "filter_ignored", "rejected"})


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at a destination found.

    `since` (UTC) is how far it reached back, None when there is nobody to look for; `whole` says that everybody was
    listed, whatever their dates; `seen` counts contacts; `code` says why the look is incomplete, and then it is taken
    again from the same moment. `incidents` are (event id, newer consent or not).
    """

    destination: str
    since: datetime | None = None
    seen: int = 0
    incidents: tuple[tuple[str, bool], ...] = ()
    code: str | None = None
    whole: bool = False

    @property
    def complete(self) -> bool:
        """Say whether the listing was read whole: only then do no incidents mean that nobody came back."""
        return self.code is None


class Watch:
    """Looks at destinations for people who are back."""

    def __init__(self, transactions: Transactions, store: Store, seals: Seals, places: Places) -> None:
        self._transactions = transactions
        self._clock = transactions.clock
        self._store = store
        self._seals = seals
        self._keyring = seals.keyring
        self._places = places
        self._table = transactions.tables.watch
        #: when a listing last went on (monotonic clock)
        self.moved_at = time.monotonic()

    def due(self, destination: str, every: timedelta) -> bool:
        """Say whether the last whole look is at least `every` ago."""
        looked_at = self._looked_at(destination)
        return looked_at is None or looked_at + every <= self._clock()

    def look(
        self, destination: str, adapter: Adapter, alive: Callable[[], bool] = lambda: True, *, whole: bool = False
    ) -> Look:
        """Read what changed since the last look. `alive` is asked between batches; False ends the look unfinished.

        `whole` lists everybody, which otherwise is done now and then where a change may leave no date. A provider's
        failure is not raised: it becomes a look with its code. One that broke off goes on where it was. Where nobody
        can read back, nobody is looked for.
        """
        if adapter.evidence is not Evidence.READ_BACK:
            return Look(destination)  # not noted: another adapter may read there again one day
        since = self._since(destination)
        if since is None:
            self._note(destination, self._clock(), LookSoFar(self._clock(), self._clock()))
            return Look(destination)
        so_far = self._begun(destination, adapter, since, whole)
        try:
            for batch in self._batches(_listing(adapter, so_far)):
                self._compare(destination, adapter, batch, so_far)
                so_far.compared(batch)
                if so_far.came_far:
                    self._keep(destination, so_far)
                if not alive():
                    raise Transient("interrupted", "the lane was given away")
        except AdapterError as error:
            so_far.code = error.code
        if so_far.code is None:
            self._note(destination, so_far.began, so_far)
        elif so_far.code in _FROM_ITS_START:
            self._places.drop(destination)
        else:
            self._keep(destination, so_far)
        found = tuple(so_far.incidents)
        return Look(destination, so_far.since, so_far.seen, found, so_far.code, so_far.whole)

    def _begun(self, destination: str, adapter: Adapter, since: datetime, whole: bool) -> LookSoFar:
        """Return what to go on with: the look that broke off, but for one of some where everybody is to be listed."""
        whole = whole or (not adapter.dates_every_change and self._is_whole_due(destination))
        last = self._places.last(destination)
        if last is None or (whole and not last.whole):
            return LookSoFar(self._clock(), since, whole)
        return LookSoFar(last.began, last.since, last.whole, last.seen, after=last.after)

    def _keep(self, destination: str, so_far: LookSoFar) -> None:
        if so_far.place is not None:
            self._places.keep(destination, so_far.place)
            so_far.kept()

    def _batches(self, listing: Iterator[Seen]) -> Iterator[list[Seen]]:
        """Yield the contacts of a listing, those before a failure too. Raises AdapterError."""
        batch: list[Seen] = []
        try:
            for contact in self._ticking(listing):
                batch.append(contact)
                if len(batch) == BATCH:
                    yield batch
                    batch = []
        except AdapterError:
            yield batch
            raise
        yield batch

    def _ticking(self, contacts: Iterator[Seen]) -> Iterator[Seen]:
        try:
            for contact in contacts:
                self.moved_at = time.monotonic()
                yield contact
        except AdapterError:
            raise
        except Exception as error:  # noqa: BLE001 — a bug met in a listing ends as the look's code, not as the job's end
            raise _crashed(error) from None

    def _since(self, destination: str) -> datetime | None:
        looked_at = self._looked_at(destination)
        if looked_at is not None:
            return looked_at - OVERLAP
        d, e = self._transactions.tables.delivery.c, self._transactions.tables.event
        query = sa.select(sa.func.min(e.c.received_at), sa.func.min(e.c.created_at)).join(
            self._transactions.tables.delivery, d.event_id == e.c.id
        )
        with reading(self._transactions.engine) as connection:
            first = connection.execute(query.where(d.destination == destination, d.state == State.CONFIRMED)).one()
        # a producer's clock may be a day ahead, and who came back in that day would not be looked for
        return min((moment for moment in first if moment), default=None)

    def _looked_at(self, destination: str) -> datetime | None:
        query = sa.select(self._table.c.looked_at).where(self._table.c.destination == destination)
        with reading(self._transactions.engine) as connection:
            looked_at: datetime | None = connection.execute(query).scalar()
        return None if self._is_ahead(looked_at) else looked_at

    def _is_ahead(self, moment: datetime | None) -> bool:
        """Say whether a look is noted for a time that has not come: it tells nothing of when one was taken."""
        return moment is not None and moment > self._clock() + OVERLAP

    def _is_whole_due(self, destination: str) -> bool:
        """Say whether everybody is to be listed: after a week, and at every look where that is quickly done."""
        query = sa.select(self._table.c.listed_at, self._table.c.listed)
        with reading(self._transactions.engine) as connection:
            row = connection.execute(query.where(self._table.c.destination == destination)).first()
        if row is None or row.listed_at is None or self._is_ahead(row.listed_at):
            return True
        return bool(row.listed <= SMALL or row.listed_at + WHOLE_EVERY <= self._clock())

    def _note(self, destination: str, looked_at: datetime, so_far: LookSoFar) -> None:
        look: dict[str, Any] = {"looked_at": looked_at, "seen": so_far.seen, "unfinished": None}
        if so_far.whole:
            look |= {"listed_at": looked_at, "listed": so_far.seen}
        with self._transactions.write() as tx:
            done = tx.connection.execute(
                self._table.update().where(self._table.c.destination == destination).values(look)
            )
            if not done.rowcount:
                tx.connection.execute(self._table.insert().values(destination=destination, **look))

    def _compare(self, destination: str, adapter: Adapter, batch: list[Seen], so_far: LookSoFar) -> None:
        """Compare one batch with the confirmed deliveries and act on each incident.

        A person who cannot be read back now is passed over: the others come first, and the look counts as incomplete.
        Raises AdapterError where the next person would meet the same.
        """
        people, doubt = self._people(batch), Doubt(adapter)
        for row in self._watched(destination, people):
            contact = people[row.subject]
            accord = self._seals.accord(row)
            if accord is not Accord.AGREES:
                self._not_proven(row, contact, accord, so_far)
                continue
            if so_far.whole and contact.reached is False and row.action != Action.DELETE:
                continue  # as an objector should be: in a listing of everybody these are too many to be read each
            try:
                incident = self._incident(adapter, row, contact)
            except AdapterError as error:
                so_far.unread(doubt.about(error, ALONE))
                continue
            so_far.read()
            if incident is not None:
                self._found(incident, so_far)

    def _not_proven(self, row: Any, contact: Seen, accord: Accord, so_far: LookSoFar) -> None:
        """Hold what the row alone asks for; of a person who never asked for it nothing is written down."""
        if accord is Accord.STRANGER:
            _alarm(row)
            return
        detail, proven = _NOT_PROVEN[accord], accord is Accord.DIFFERS
        self._found(Incident(row, contact, None, (), "unsealable", detail, proven), so_far)

    def _found(self, incident: Incident, so_far: LookSoFar) -> None:
        try:
            done = reappear(self._transactions, self._store, self._seals, incident)
        except SealError:  # the row was changed since it was read
            _alarm(incident.row)
            return
        if done:
            so_far.incidents.append((incident.row.event_id, incident.newer_consent))

    def _people(self, batch: list[Seen]) -> dict[str, Seen]:
        """Return pseudonym -> contact; of several entries of one person, the one that mail reaches."""
        people: dict[str, Seen] = {}
        for contact in batch:
            for ref in self._refs(contact.address):
                if ref not in people or people[ref].reached is False:
                    people[ref] = contact
        return people

    def _refs(self, address: str) -> tuple[str, ...]:
        try:
            return self._keyring.refs(normalise(address))
        except AddressError:
            return ()  # no event has such an address: what cannot be normalised was held at intake

    def _watched(self, destination: str, refs: Iterable[str]) -> list[Any]:
        """Return the confirmed deliveries of these people: they were to be forgotten or left alone there.

        Requests that were withdrawn ask for neither.
        """
        if not (known := self._known(refs)):
            return []
        d, e = self._transactions.tables.delivery, self._transactions.tables.event
        query = (
            sa.select(d.c.id, d.c.event_id, d.c.destination, d.c.action, e.c.right, e.c.subject, e.c.received_at)
            .add_columns(e.c.created_at, e.c.email_sealed)
            .join(e, d.c.event_id == e.c.id)
            .where(e.c.subject.in_(known), d.c.destination == destination, d.c.state == State.CONFIRMED)
            # who was named by mistake may be added back
            .where(sa.not_(withdrawn(self._transactions.tables, d.c.event_id)))
            .order_by(d.c.id)
        )
        with reading(self._transactions.engine) as connection:
            return list(connection.execute(query))

    def _known(self, refs: Iterable[str]) -> list[str]:
        """Return those who ever asked for anything: few of those whom a listing shows.

        By themselves they are looked up in an index; of the whole question a planner may make a scan of all deliveries.
        """
        e = self._transactions.tables.event.c
        with reading(self._transactions.engine) as connection:
            return list(connection.scalars(sa.select(e.subject).where(e.subject.in_(list(refs))).distinct()))

    def _incident(self, adapter: Adapter, row: Any, seen: Seen) -> Incident | None:
        """Read the person back: a listing alone proves nothing, since an unsubscribed contact may rightly be there.

        Raises Transient where the person cannot be read now, Misconfigured where nobody can.
        """
        try:
            return self._read_back(adapter, row, seen)
        except AdapterError:
            raise
        except Exception as error:  # noqa: BLE001 — a bug met at one person must not blind the look for all
            raise _crashed(error) from None

    def _read_back(self, adapter: Adapter, row: Any, seen: Seen) -> Incident | None:
        person = replace(subject(self._keyring, seen.address), now=self._clock())
        try:
            adapter.confirm(Action(row.action), person)
        except Permanent as error:
            if error.code in SAYS_NOTHING:
                raise Transient(error.code, error.detail, steps=error.steps) from None
            return Incident(row, seen, None, error.steps, error.code, error.detail)
        except Transient as error:
            if error.code == "suppression_missing":
                return Incident(row, seen, None, error.steps, error.code, error.detail)
            if error.code != "not_yet":
                raise
            return Incident(row, seen, adapter.opted_in(person), error.steps)
        return None


def _alarm(row: Any) -> None:
    get_logger("syncer.watch").error("person.changed", event_id=row.event_id, lane=row.destination)


def _crashed(error: Exception) -> Transient:
    get_logger("syncer.watch").exception("adapter.crashed", error=type(error).__name__)
    return Transient("crashed", type(error).__name__)


def _listing(adapter: Adapter, so_far: LookSoFar) -> Iterator[Seen]:
    since = None if so_far.whole else so_far.since
    # an adapter that names no places need not know how to go on from one
    return adapter.changed(since) if so_far.after is None else adapter.changed(since, so_far.after)
