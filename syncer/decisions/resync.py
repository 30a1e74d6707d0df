"""Start held deliveries over and read confirmed ones back, by a plan that a person saw first."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from syncer.audit.chain import canonical
from syncer.audit.transaction import Transaction, Transactions
from syncer.database.connections import reading, snapshot
from syncer.database.failures import retry_on_conflict
from syncer.decisions.chosen import ChosenDeliveries, Criteria
from syncer.decisions.interventions import require_lane
from syncer.delivery.leases import Leases
from syncer.domain.model import State, word
from syncer.domain.policy import reopened
from syncer.domain.rights import rank
from syncer.errors import AddressError, SealError, UserError
from syncer.events.seals import Seals
from syncer.events.store import Store
from syncer.privacy.addresses import normalise
from syncer.privacy.damage import damage, usable
from syncer.settings.destinations import Destination


@dataclass(frozen=True, slots=True)
class PlannedDelivery:
    """What a resync will do to one delivery."""

    event: str
    destination: str
    from_: State
    to: State


@dataclass(frozen=True, slots=True)
class ResyncPlan:
    """What a resync will do. `digest` stands for exactly these deliveries and persons.

    `addresses` are brought again, by event id; `skipped` are lines for a person to read.
    """

    digest: str
    deliveries: tuple[PlannedDelivery, ...]
    skipped: tuple[str, ...]
    addresses: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which deliveries a resync is about: those that meet every condition given.

    `confirmed_since` is UTC. `addresses` are (event id or None, address) as a file brings them; None is matched by
    the pseudonym. `as_written`: a person vouches that addresses which look damaged are right. Never printed: it holds
    addresses.
    """

    events: tuple[str, ...] = ()
    destination: str | None = None
    held: bool = False
    confirmed_since: datetime | None = None
    addresses: tuple[tuple[str | None, str], ...] = field(default=(), repr=False)
    as_written: bool = False


class Resync:
    """Plans and carries out resyncs of one installation."""

    def __init__(
        self,
        transactions: Transactions,
        store: Store,
        leases: Leases,
        seals: Seals,
        destinations: Mapping[str, Destination],
    ) -> None:
        self._transactions = transactions
        self._tables = transactions.tables
        self._store = store
        self._leases = leases
        self._seals = seals
        self._keyring = seals.keyring
        self._destinations = destinations
        self._deliveries = ChosenDeliveries(transactions.tables, transactions.engine.dialect.name)

    def plan(self, selection: Selection) -> ResyncPlan:
        """Return the plan of what starts over and what is read back. Changes nothing.

        Raises UserError for an unknown destination, an address that cannot be used, and a selection of nothing.
        """
        brought, skipped = self._brought(selection)
        planned: list[PlannedDelivery] = []
        rows, given_up = self._chosen(selection, brought)
        self._require_asked_for(given_up.intersection(selection.events))
        skipped += self._nowhere(selection.events)
        damaged = self._damaged({row.event_id for row in rows if row.code == "malformed"} - set(brought))
        for row in rows:
            has_address = row.email_sealed is not None or row.event_id in brought
            state = word(State, row.state)  # None: a word that syncer never writes; it is skipped by name
            to = reopened(state, has_address) if state else None
            reason = damaged.get(row.event_id) or self._reason_to_skip(row, has_address, to, row.event_id in given_up)
            if reason or to is None or state is None:
                skipped.append(f"{row.event_id} {row.destination}: {reason}")
            else:
                planned.append(PlannedDelivery(row.event_id, row.destination, state, to))
        # keyed, of each address to the letter: the digest is printed and audited, nobody may test addresses against it
        persons = {event: self._keyring.ref(f"\0resync\0{address}") for event, address in brought.items()}
        return ResyncPlan(_digest(planned, persons), tuple(planned), tuple(skipped), brought)

    def _chosen(self, selection: Selection, brought: Mapping[str, str]) -> tuple[list[Any], set[str]]:
        named = set(selection.events or brought) if selection.events or selection.addresses else None
        if named is not None and selection.addresses:
            named.intersection_update(brought)
        if selection.destination is not None:
            require_lane(self._leases, self._destinations, selection.destination)
        criteria = Criteria(named, selection.destination, selection.held, selection.confirmed_since)
        if criteria == Criteria():
            raise UserError("resync: choose what: --event, --destination, --held, --confirmed-since or --file")
        with snapshot(self._transactions.engine) as connection:
            return self._deliveries.read(connection, criteria)

    def _nowhere(self, named: Sequence[str]) -> list[str]:
        """Return a line for each of these events that has no destination at which it could start over."""
        if not named:
            return []
        d = self._tables.delivery.c
        with reading(self._transactions.engine) as connection:
            told = set(connection.execute(sa.select(d.event_id).where(d.event_id.in_(named))).scalars())
        return [
            f"{event}: no destination was configured when it came; submit it again"
            for event in named
            if event not in told
        ]

    def _require_asked_for(self, withdrawn: Iterable[str]) -> None:
        for event_id in sorted(withdrawn):
            raise UserError(
                f"resync: the request of event {event_id} was withdrawn; if it was right after all, submit it again"
            )

    def _reason_to_skip(self, row: Any, has_address: bool, to: State | None, given_up: bool) -> str | None:
        if given_up:
            return "its request was withdrawn"
        if not has_address:
            return "its address was shredded; bring it again with --file"
        if row.destination not in self._destinations:
            return "its destination is not in the settings"
        if row.action is None:
            return "its right is unknown; submit it again and exempt this one"
        if not self._seals.agrees(row):
            return (
                "person, right, action or time of receipt were changed in the database;"
                " put back what `syncer show` says"
            )
        return None if to is not None else f"it is {row.state}"

    def _damaged(self, held: set[str]) -> dict[str, str]:
        """Return those of the events whose address shows damage, with why they stay held.

        Starting one over would find nobody and call the person gone.
        """
        e = self._tables.event.c
        found: dict[str, str] = {}
        with reading(self._transactions.engine) as connection:
            for event_id in sorted(held):
                sealed = connection.execute(sa.select(e.email_sealed).where(e.id == event_id)).scalar()
                sign = damage(self._opened(sealed, event_id))
                if sign:
                    found[event_id] = f"its address shows damage ({sign}); bring it again with --file"
        return found

    def _opened(self, sealed: str | None, event_id: str) -> str:
        try:
            return self._keyring.address(sealed, event_id) if sealed else ""
        except SealError:  # the lane will say so
            return ""

    def _brought(self, selection: Selection) -> tuple[dict[str, str], list[str]]:
        """Match the addresses of a file to events: by the pseudonym, or by the event id that stands before them."""
        e = self._tables.event.c
        brought: dict[str, str] = {}
        skipped: list[str] = []
        with reading(self._transactions.engine) as connection:
            for number, (event_id, address) in enumerate(selection.addresses, 1):
                refs = self._keyring.refs(_usable(number, address, selection.as_written))
                wanted = e.subject.in_(refs) if event_id is None else e.id == event_id
                rows = connection.execute(sa.select(e.id, e.subject).where(wanted)).all()
                if not rows:
                    skipped.append(f"address {number} of the file: no event has it")
                for row in rows:
                    if row.subject not in (None, *refs):
                        raise UserError(
                            f"resync: address {number} of the file does not belong to event {row.id}; correct it"
                        )
                    brought[row.id] = address
        return brought, skipped

    @retry_on_conflict
    def apply(self, plan: ResyncPlan, reason: str) -> None:
        """Carry out a plan; a delivery that changed since it was made is left alone."""
        with self._transactions.write() as tx:
            facts = {
                "reason": reason,
                "digest": plan.digest,
                "deliveries": [f"{planned.event}:{planned.destination}" for planned in plan.deliveries],
                "addresses_brought": len(plan.addresses),
            }
            tx.audit.add("operator:resynced", facts=facts)
            others = self._reseal(tx, plan)
            for planned in plan.deliveries:
                if planned.event not in others:
                    self._reopen(tx, planned, reason)
            self._store.settle(tx, {planned.event for planned in plan.deliveries})

    def _reseal(self, tx: Transaction, plan: ResyncPlan) -> set[str]:
        """Seal the addresses that are brought; return the events that turn out to be of somebody else."""
        e = self._tables.event
        others: set[str] = set()
        wanted = {planned.event for planned in plan.deliveries}
        for event_id, address in plan.addresses.items():
            if event_id not in wanted:
                continue
            known = tx.connection.execute(sa.select(e.c.subject).where(e.c.id == event_id)).scalar()
            try:
                sealed = self._seals.again(tx.connection, event_id, address)
            except SealError:
                others.add(event_id)
                continue
            tx.connection.execute(
                e.update()
                .where(e.c.id == event_id)
                .values(
                    email_sealed=sealed,
                    # the log knows the person by the pseudonym of that time
                    subject=known or self._keyring.ref(normalise(address)),
                    shredded_at=None,
                )
            )
        return others

    def _reopen(self, tx: Transaction, planned: PlannedDelivery, reason: str) -> None:
        d, e = self._tables.delivery, self._tables.event
        columns = (e.c.right, e.c.subject, e.c.email_sealed)
        row = tx.connection.execute(sa.select(*columns).where(e.c.id == planned.event)).one()
        # the entry below tells who asked, where the first one could not: it must never repeat what was written here
        if not self._seals.is_of(tx.connection, planned.event, row.subject, row.email_sealed):
            return
        changes: dict[str, Any] = {
            "state": planned.to,
            "code": None,
            "next_attempt_at": tx.now,
            "claim_rank": rank(row.right),
        }
        if planned.to is State.PENDING:
            changes |= {"attempts": 0, "confirmed_at": None, "outcome": None}
        done = tx.connection.execute(
            d.update()
            .where(d.c.event_id == planned.event, d.c.destination == planned.destination)
            .where(d.c.state == planned.from_)
            .values(changes)
        )
        if done.rowcount:
            tx.audit.add(
                "delivery:reopened",
                event=planned.event,
                subject=row.subject,
                destination=planned.destination,
                facts={"from": planned.from_, "to": planned.to, "reason": reason},
            )


def _usable(number: int, address: str, as_written: bool) -> str:
    try:
        return usable(address, as_written=as_written)
    except AddressError as error:
        sign = damage(address)
        vouch = "; if it is truly written so, vouch for it with --as-written" if sign and not as_written else ""
        raise UserError(
            f"resync: address {number} of the file cannot be used ({error.code}); correct it{vouch}"
        ) from None


def _digest(planned: Sequence[PlannedDelivery], persons: Mapping[str, str]) -> str:
    """Return the digest of a plan; `persons` are the keyed hashes of the addresses that are brought, by event id."""
    content = {
        "deliveries": [[each.event, each.destination, str(each.from_), str(each.to)] for each in planned],
        "brought": [[event, persons[event]] for event in sorted(persons)],
    }
    return hashlib.sha256(canonical(content)).hexdigest()
