"""What a person decides about the deletions that the guard stopped: release exactly these requests, or refuse them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa

from adapters.contract import Action
from syncer.audit.chain import canonical
from syncer.audit.ledger import Facts
from syncer.audit.transaction import Transaction, Transactions
from syncer.database.bulk import one_of
from syncer.database.connections import snapshot
from syncer.database.failures import retry_on_conflict
from syncer.database.tables import Tables
from syncer.decisions.four_eyes.authority import Authority
from syncer.decisions.four_eyes.wanted import ProposalKind
from syncer.delivery.guard.guards import Guards, GuardStanding
from syncer.domain.codes import GUARD_REFUSED
from syncer.domain.model import State
from syncer.domain.permissions import Permission
from syncer.errors import UserError
from syncer.events.guard.stops import OPEN, end_if_over, lock_lanes, release, stopped, unbegun
from syncer.events.reading.ranges import parts
from syncer.events.store import Store
from syncer.language.texts import Sentence

#: how a request without a source is called
NO_SOURCE = "-"


@dataclass(frozen=True, slots=True)
class StoppedRequest:
    """A request of which the guard stopped something, and where its deletions would begin.

    Times are UTC, None for what nobody can read as one: by its producer's word, and when it was taken from the queue.
    `due_on` is a day of the controller's zone.
    """

    event: str
    source: str
    received_at: datetime | None
    taken_at: datetime | None
    destinations: tuple[str, ...]
    due_on: date | None = None


@dataclass(frozen=True, slots=True)
class StoppedChoice:
    """Which of the stopped requests are meant: those that meet every condition given.

    `received_until` is UTC; `events` are ids, any where there are none.
    """

    source: str | None = None
    received_until: datetime | None = None
    events: tuple[str, ...] = ()

    def includes(self, request: StoppedRequest) -> bool:
        """Say whether a request is meant, as far as it does not depend on its id."""
        received, until = request.received_at, self.received_until
        by_time = until is None or (received is not None and received < until)
        return by_time and self.source in (None, request.source)


@dataclass(frozen=True, slots=True)
class GuardPlan:
    """Requests about which a person decides; `digest` stands for exactly these and their deletions."""

    digest: str
    requests: tuple[StoppedRequest, ...]

    @property
    def deletions(self) -> int:
        """How many deletions would begin, at all destinations together."""
        return sum(len(request.destinations) for request in self.requests)

    @property
    def by_destination(self) -> dict[str, int]:
        """The same by destination."""
        return dict(sorted(Counter(name for request in self.requests for name in request.destinations).items()))

    def require_deletions(self, typed: int) -> None:
        """Raise UserError unless this is how many deletions the plan has."""
        if typed != self.deletions:
            before = f"guard: --deletions {typed}: "
            raise UserError(
                Sentence("the plan has {number}; look at it again, and type that", before, number=self.deletions)
            )


class StoppedPlanChanged(UserError):
    """Raised when what the guard stopped is not any more what a person saw."""


class GuardDecisions:
    """Plans, releases and refuses what the guard stopped in one installation."""

    def __init__(self, transactions: Transactions, store: Store, guards: Guards, authority: Authority) -> None:
        self._transactions = transactions
        self._authority = authority
        self._tables = transactions.tables
        self._store = store
        self._guards = guards

    def standings(self, destinations: Iterable[str]) -> Mapping[str, GuardStanding]:
        """Return how the guard of each destination stands."""
        with snapshot(self._transactions.engine) as connection:
            return {name: self._guards.standing(connection, name) for name in destinations}

    def plan(self, choice: StoppedChoice) -> GuardPlan:
        """Return the chosen requests of which something is stopped. Changes nothing."""
        with snapshot(self._transactions.engine) as connection:
            return self._planned(connection, choice)

    def required(self, choice: StoppedChoice, digest: str) -> GuardPlan:
        """Return the plan that a digest stands for. Raises StoppedPlanChanged where that is not the plan any more."""
        with snapshot(self._transactions.engine) as connection:
            return self._required(connection, choice, digest)

    def digest(self, connection: sa.Connection, choice: StoppedChoice, deletions: int) -> str:
        """Return the digest of the plan as a connection sees it.

        Raises UserError where nothing of that is stopped, and for another number of deletions.
        """
        plan = self._planned(connection, choice)
        _require_stopped(plan)
        plan.require_deletions(deletions)
        return plan.digest

    @retry_on_conflict
    def release(self, choice: StoppedChoice, reason: str, digest: str, deletions: int) -> GuardPlan:
        """Let the deletions of these requests begin, at all destinations; return what was done.

        Raises StoppedPlanChanged where this would not be what `digest` stands for, UserError for another number, and
        NeedsSecondPerson where the settings ask for one.
        """
        self._authority.require(Permission.RELEASE)
        self._authority.require_alone(ProposalKind.RELEASE)
        with self._transactions.write() as tx:
            return self.release_within(tx, choice, reason, digest, deletions)

    def release_within(
        self,
        tx: Transaction,
        choice: StoppedChoice,
        reason: str,
        digest: str,
        deletions: int,
        more: Facts | None = None,
    ) -> GuardPlan:
        """Do so within a transaction, for whoever asked who may; `more` stands in the audit beside the plan.

        Raises as `release` does.
        """
        lanes = lock_lanes(tx, self._tables)
        plan = self._required(tx.connection, choice, digest)
        plan.require_deletions(deletions)
        told = more or {}
        tx.audit.add("guard:released", facts=_told(plan, reason) | dict(told))
        events = [request.event for request in plan.requests]
        release(tx, self._tables, events, {"reason": reason, "digest": digest, **told})
        end_if_over(tx, self._tables, lanes, "released")
        return plan

    @retry_on_conflict
    def refuse(self, choice: StoppedChoice, reason: str, digest: str) -> GuardPlan:
        """Hold the deletions of these requests, which are not genuine; return what was done.

        Raises StoppedPlanChanged where this would not be what `digest` stands for.
        """
        self._authority.require(Permission.RELEASE)
        d, kind = self._tables.delivery, self._transactions.engine.dialect.name
        with self._transactions.write() as tx:
            lanes = lock_lanes(tx, self._tables)
            plan = self._required(tx.connection, choice, digest)
            tx.audit.add("guard:refused", facts=_told(plan, reason))
            rows = self._open(tx, [request.event for request in plan.requests])
            held = {"state": State.HELD, "code": GUARD_REFUSED, "next_attempt_at": None, "claim_rank": None}
            for ids in parts([row.id for row in rows]):
                tx.connection.execute(d.update().where(one_of(d.c.id, ids, kind)).values(held))
            for row in rows:
                facts = {"code": GUARD_REFUSED, "detail": reason}
                tx.audit.add("delivery:held", event=row.event_id, destination=row.destination, facts=facts)
            for events in parts([request.event for request in plan.requests]):
                self._store.settle(tx, events)
            end_if_over(tx, self._tables, lanes, "refused")
        return plan

    def _required(self, connection: sa.Connection, choice: StoppedChoice, digest: str) -> GuardPlan:
        plan = self._planned(connection, choice)
        if digest != plan.digest:
            raise StoppedPlanChanged(
                Sentence("the plan has changed since that digest; run `syncer guard plan` again, and look at it")
            )
        _require_stopped(plan)
        return plan

    def _planned(self, connection: sa.Connection, choice: StoppedChoice) -> GuardPlan:
        named = set(choice.events)
        stopped_there = map(request_of, self._stopped(connection))
        chosen = (each for each in stopped_there if choice.includes(each) and (not named or each.event in named))
        found = {each.event: each for each in chosen}
        rows = self._deletions(connection, sorted(found))
        where: dict[str, list[str]] = {event: [] for event in found}
        for row in rows:
            where[row.event_id].append(row.destination)
        requests = tuple(
            replace(each, destinations=tuple(sorted(where[each.event])))
            for each in sorted(found.values(), key=lambda each: (str(each.received_at), each.event))
        )
        content = [[request.event, *request.destinations] for request in sorted(requests, key=lambda each: each.event)]
        return GuardPlan(hashlib.sha256(canonical({"guard": content})).hexdigest(), requests)

    def _stopped(self, connection: sa.Connection) -> list[Any]:
        """Return the event of every delivery that waits at the guard, in lanes that are stopped."""
        d, e, lane = self._tables.delivery, self._tables.event, self._tables.lane.c
        lanes = connection.execute(sa.select(lane.destination).where(lane.guard_since.is_not(None))).scalars().all()
        query = sa.select(*request_columns(self._tables)).select_from(d.join(e, d.c.event_id == e.c.id))
        return [row for name in lanes for row in connection.execute(query.where(stopped(self._tables, name)))]

    def _deletions(self, connection: sa.Connection, events: Sequence[str]) -> list[Any]:
        """Return the deletions of events that did not begin: what is stopped, and what would begin elsewhere.

        At a destination on trial they would, once it is live.
        """
        d, kind = self._tables.delivery.c, connection.dialect.name
        query = sa.select(d.id, d.event_id, d.destination).where(unbegun(self._tables)).order_by(d.id)
        return [
            row for part in parts(events) for row in connection.execute(query.where(one_of(d.event_id, part, kind)))
        ]

    def _open(self, tx: Transaction, events: Sequence[str]) -> list[Any]:
        """Return the deletions of events that are not carried out, also those that began and are tried again."""
        d, kind = self._tables.delivery.c, tx.connection.dialect.name
        query = sa.select(d.id, d.event_id, d.destination).where(d.action == Action.DELETE, d.state.in_(OPEN))
        query = query.order_by(d.id)
        return [
            row for part in parts(events) for row in tx.connection.execute(query.where(one_of(d.event_id, part, kind)))
        ]


def _require_stopped(plan: GuardPlan) -> None:
    if not plan.requests:
        raise UserError(Sentence("nothing of that is stopped; `syncer guard plan` shows what is", "guard: "))


def request_columns(tables: Tables) -> tuple[sa.ColumnElement[Any], ...]:
    """Return the columns of an event that `request_of` reads."""
    e = tables.event.c
    moments = (sa.cast(moment, sa.String(32)) for moment in (e.received_at, e.created_at, e.due_on))
    return (e.id, sa.type_coerce(e.source, sa.Text).label("source"), *moments)


def request_of(row: Any) -> StoppedRequest:
    """Return a request, without its destinations, from these columns of its event."""
    event, source, received, taken, due = row
    on = _moment(due)
    moments = _moment(received), _moment(taken)
    return StoppedRequest(event, str(source or NO_SOURCE), *moments, (), on.date() if on is not None else None)


def _moment(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except (ValueError, TypeError):  # SQLite stores anything there
        return None


def _told(plan: GuardPlan, reason: str) -> dict[str, Any]:
    return {
        "reason": reason,
        "digest": plan.digest,
        "requests": len(plan.requests),
        "deletions": plan.deletions,
        "destinations": plan.by_destination,
    }
