"""Start held deliveries over and read confirmed ones back, by a plan that a person saw first."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from adapters.contract import Action
from syncer.audit.chain import canonical
from syncer.audit.ledger import Facts
from syncer.audit.transaction import Transaction, Transactions
from syncer.database.bulk import one_of
from syncer.database.connections import reading, snapshot
from syncer.database.failures import retry_on_conflict
from syncer.decisions.brought import BroughtAddresses
from syncer.decisions.chosen import ChosenDeliveries, Criteria, address_of
from syncer.decisions.four_eyes.authority import Authority
from syncer.decisions.four_eyes.wanted import ProposalKind
from syncer.decisions.interventions import require_lane
from syncer.decisions.resync_plan import PlannedDelivery, ResyncPlan, ResyncPlanChanged, Selection
from syncer.decisions.skips import Skips
from syncer.delivery.guard.guards import Guards
from syncer.delivery.leases import Leases
from syncer.domain.model import State, word
from syncer.domain.permissions import Permission
from syncer.domain.policy import reopened
from syncer.domain.rights import rank
from syncer.errors import SealError, UserError
from syncer.events.guard.stops import end_if_over, lock_lanes, release, unbegun
from syncer.events.reading.ranges import parts
from syncer.events.seals import Seals
from syncer.events.store import Store
from syncer.language.texts import Sentence
from syncer.privacy.addresses import normalise
from syncer.settings.destinations import Destination


class Resync:
    """Plans and carries out resyncs of one installation."""

    def __init__(
        self,
        transactions: Transactions,
        store: Store,
        leases: Leases,
        seals: Seals,
        destinations: Mapping[str, Destination],
        guards: Guards,
        authority: Authority,
    ) -> None:
        self._transactions = transactions
        self._authority = authority
        self._guards = guards
        self._tables = transactions.tables
        self._store = store
        self._leases = leases
        self._seals = seals
        self._keyring = seals.keyring
        self._destinations = destinations
        self._addresses = BroughtAddresses(transactions.engine, transactions.tables, seals.keyring)
        self._skips = Skips(seals, destinations)
        kind = transactions.engine.dialect.name
        self._deliveries = ChosenDeliveries(transactions.tables, kind, opens=seals.opens)

    def plan(self, selection: Selection) -> ResyncPlan:
        """Return the plan of what starts over and what is read back. Changes nothing.

        Raises UserError for an unknown destination, an address that cannot be used, and a selection of nothing.
        """
        brought, skipped = self._addresses.brought(selection.addresses, as_written=selection.as_written)
        planned: list[PlannedDelivery] = []
        deletions: list[PlannedDelivery] = []
        rows, given_up = self._chosen(selection, brought)
        self._require_asked_for(given_up.intersection(selection.events))
        skipped += self._nowhere(selection.events)
        malformed = {row.event_id for row in rows if row.code == "malformed"} - set(brought)
        damaged = self._addresses.damaged(malformed) if self._seals.opens else {}
        for row in rows:
            has_address = row.sealed is not None or row.event_id in brought
            state = word(State, row.state)  # None: a word that syncer never writes; it is skipped by name
            to = reopened(state, has_address) if state else None
            reason = damaged.get(row.event_id) or self._skips.reason(row, has_address, to, row.event_id in given_up)
            if reason or to is None or state is None:
                skipped.append(
                    Sentence(
                        "{event} {destination}: {why}", event=row.event_id, destination=row.destination, why=reason
                    )
                )
            else:
                erases = to is State.PENDING and row.action == Action.DELETE
                planned.append(PlannedDelivery(row.event_id, row.destination, state, to, erases))
                deletions += planned[-1:] if _deletes(row, to) else []
        # keyed, of each address to the letter: the digest is printed and audited, nobody may test addresses against it
        persons = {event: self._keyring.ref(f"\0resync\0{address}") for event, address in brought.items()}
        exceeding = self._guards.exceeded(Counter(each.destination for each in deletions))
        to_release = frozenset(each.event for each in deletions) if exceeding else frozenset()
        digest, elsewhere = _digest(planned, persons), self._elsewhere(to_release, deletions)
        number = len(deletions) + elsewhere
        return ResyncPlan(digest, tuple(planned), tuple(skipped), brought, number, to_release, elsewhere)

    def _elsewhere(self, events: Iterable[str], planned: Sequence[PlannedDelivery]) -> int:
        """Return how many other deletions a release of these events lets begin, at whatever destination."""
        d, here = self._tables.delivery.c, {(each.event, each.destination) for each in planned}
        query = sa.select(d.event_id, d.destination).where(unbegun(self._tables))
        number, kind = 0, self._transactions.engine.dialect.name
        with reading(self._transactions.engine) as connection:
            for ids in parts(sorted(events)):
                found = connection.execute(query.where(one_of(d.event_id, ids, kind)))
                number += sum((row.event_id, row.destination) not in here for row in found)
        return number

    def _chosen(self, selection: Selection, brought: Mapping[str, str]) -> tuple[list[Any], set[str]]:
        named = set(selection.events or brought) if selection.events or selection.addresses else None
        if named is not None and selection.addresses:
            named.intersection_update(brought)
        if selection.destination is not None:
            require_lane(self._leases, self._destinations, selection.destination)
        criteria = Criteria(named, selection.destination, selection.held, selection.confirmed_since)
        if criteria == Criteria():
            raise UserError(
                Sentence("choose what: --event, --destination, --held, --confirmed-since or --file", "resync: ")
            )
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
            Sentence("{event}: no destination was configured when it came; submit it again", event=event)
            for event in named
            if event not in told
        ]

    def _require_asked_for(self, withdrawn: Iterable[str]) -> None:
        for event_id in sorted(withdrawn):
            raise UserError(
                Sentence(
                    "the request of event {event} was withdrawn; if it was right after all, submit it again",
                    "resync: ",
                    event=event_id,
                )
            )

    def kinds(self, plan: ResyncPlan) -> tuple[ProposalKind, ...]:
        """Return what a plan is in the words of `[console] four_eyes`: it may release what the guard would stop."""
        return (ProposalKind.RESYNC, *((ProposalKind.RELEASE,) if plan.to_release else ()))

    def require_allowed(self, plan: ResyncPlan) -> None:
        """Raise NotAllowed unless whoever acts may start this over, and let pass what the guard would stop."""
        self._authority.require(Permission.WORK)
        if plan.to_release:
            self._authority.require(Permission.RELEASE)

    def apply(self, plan: ResyncPlan, reason: str, *, exactly: bool = False) -> None:
        """Carry out a plan; a delivery that changed since it was made is left alone.

        With `exactly` nothing is done where one changed: that raises ResyncPlanChanged. Raises NeedsSecondPerson where
        the settings ask for one.
        """
        self.require_allowed(plan)
        for kind in self.kinds(plan):
            self._authority.require_alone(kind)
        self._apply(plan, reason, exactly)

    def read_back(self, plan: ResyncPlan, reason: str) -> None:
        """Carry out a plan, as `apply`; no second person is asked where it only reads: nothing is asked for twice."""
        self._authority.require(Permission.WORK)
        if all(each.to is State.APPLIED for each in plan.deliveries):
            self._apply(plan, reason, False)
        else:
            self.apply(plan, reason)

    @retry_on_conflict
    def _apply(self, plan: ResyncPlan, reason: str, exactly: bool) -> None:
        with self._transactions.write() as tx:
            self.apply_within(tx, plan, reason, exactly=exactly)

    def apply_within(
        self, tx: Transaction, plan: ResyncPlan, reason: str, *, exactly: bool, more: Facts | None = None
    ) -> None:
        """Do so within a transaction, for whoever asked who may; `more` stands in the audit beside the plan."""
        lanes = lock_lanes(tx, self._tables)  # nobody withdraws or records any of it until this is over
        facts = {
            "reason": reason,
            "digest": plan.digest,
            "deliveries": [f"{planned.event}:{planned.destination}" for planned in plan.deliveries],
            "addresses_brought": len(plan.addresses),
            **(more or {}),
        }
        tx.audit.add("operator:resynced", facts=facts)
        left = self._reseal(tx, plan)
        over = self._deliveries.over(tx.connection, {planned.event for planned in plan.deliveries} - left)
        if exactly:
            self._require_unchanged(tx, plan, over)
        left |= over
        for planned in plan.deliveries:
            if planned.event not in left:
                self._reopen(tx, planned, reason)
        if released := plan.to_release - left:
            release(tx, self._tables, released, {"reason": reason, "digest": plan.digest})
            end_if_over(tx, self._tables, lanes, "released by a resync")
        self._store.settle(tx, {planned.event for planned in plan.deliveries})

    def _require_unchanged(self, tx: Transaction, plan: ResyncPlan, over: set[str]) -> None:
        """Raise ResyncPlanChanged unless each delivery is where it was when the plan was made; the lanes are locked.

        `over` are events that cannot start over any more.
        """
        d, kind = self._tables.delivery.c, tx.connection.dialect.name
        query = sa.select(d.event_id, d.destination, d.state).order_by(d.id)
        events = sorted({planned.event for planned in plan.deliveries})
        found = {
            (row.event_id, row.destination): row.state
            for ids in parts(events)
            for row in tx.connection.execute(query.where(one_of(d.event_id, ids, kind)).with_for_update())
        }
        if over or any(found.get((each.event, each.destination)) != each.from_ for each in plan.deliveries):
            raise ResyncPlanChanged(Sentence("the plan has changed meanwhile; look at it again", "resync: "))

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
        address = address_of(self._tables, opens=self._seals.opens)
        columns = (e.c.right, e.c.subject, address, e.c.released_at.is_not(None).label("released"))
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
            if planned.from_ == State.ACCEPTED:
                changes["applied_at"] = None  # an order is no proof that the person was ever found
            asks = sa.case((d.c.action == Action.DELETE, 1), else_=None)
            changes["untried"] = None if row.released else asks
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


def _deletes(row: Any, to: State) -> bool:
    """Say whether a row that goes there is a deletion which the guard counts."""
    return to is State.PENDING and row.action == Action.DELETE and not row.released


def _digest(planned: Sequence[PlannedDelivery], persons: Mapping[str, str]) -> str:
    """Return the digest of a plan; `persons` are the keyed hashes of the addresses that are brought, by event id."""
    content = {
        "deliveries": [[each.event, each.destination, str(each.from_), str(each.to)] for each in planned],
        "brought": [[event, persons[event]] for event in sorted(persons)],
    }
    return hashlib.sha256(canonical(content)).hexdigest()
