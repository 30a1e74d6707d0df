"""What a person does to the work: exempt a delivery, pause a lane, resume it. The audit holds who, why and what."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from syncer.audit.chain import canonical
from syncer.audit.ledger import Facts
from syncer.audit.transaction import Transaction, Transactions
from syncer.database.column_types import raw
from syncer.database.failures import retry_on_conflict
from syncer.decisions.four_eyes.authority import Authority
from syncer.decisions.four_eyes.wanted import ProposalKind, WantedExemption
from syncer.decisions.skips import stated
from syncer.delivery.leases import Leases
from syncer.domain.model import State
from syncer.domain.permissions import Permission
from syncer.domain.rights import Ground, fitting
from syncer.errors import UserError
from syncer.events.store import Store
from syncer.language.texts import Sentence

#: what stands before a refusal at the command line
_EXEMPT = "exempt: "

#: who paused a lane that a person paused
_OPERATOR = "operator"


class Interventions:
    """Carries out what people decide in one installation; `destinations` are the configured names."""

    def __init__(
        self,
        transactions: Transactions,
        store: Store,
        leases: Leases,
        destinations: Collection[str],
        authority: Authority,
    ) -> None:
        self._transactions = transactions
        self._authority = authority
        self._store = store
        self._leases = leases
        self._destinations = destinations

    @retry_on_conflict
    def exempt(self, event_id: str, destination: str, ground: Ground, reason: str) -> None:
        """Close a held delivery by a person's decision.

        Raises UserError when it is not held, or when the ground does not fit the right; NeedsSecondPerson where the
        settings ask for one.
        """
        self._authority.require(Permission.DECIDE)
        self._authority.require_alone(ProposalKind.EXEMPT)
        with self._transactions.write() as tx:
            self.exempt_within(tx, WantedExemption(event_id, destination, ground), reason)

    def exempt_within(self, tx: Transaction, wanted: WantedExemption, reason: str, more: Facts | None = None) -> None:
        """Do so within a transaction, for whoever asked who may; `more` stands in the audit beside ground and reason.

        Raises UserError as `exempt` does.
        """
        d = self._transactions.tables.delivery
        row = self._exemptible(tx.connection, wanted, lock=True)
        tx.connection.execute(
            d.update()
            .where(d.c.id == row.id)
            .values(state=State.EXEMPT, code=wanted.ground, next_attempt_at=None, claim_rank=None)
        )
        tx.audit.add(
            "delivery:exempt",
            event=wanted.event_id,
            subject=row.subject,
            destination=wanted.destination,
            facts={"ground": wanted.ground, "reason": reason, **(more or {})},
        )
        self._store.settle(tx, {wanted.event_id})

    def digest(self, connection: sa.Connection, wanted: WantedExemption, *, lock: bool) -> str:
        """Return what stands for this exemption of the delivery as it is held now; `lock` keeps it so.

        Raises UserError as `exempt`."""
        row = self._exemptible(connection, wanted, lock=lock)
        content = {"exempt": [wanted.event_id, wanted.destination, wanted.ground, str(row.code), str(row.right)]}
        return hashlib.sha256(canonical(content)).hexdigest()

    def _exemptible(self, connection: sa.Connection, wanted: WantedExemption, *, lock: bool) -> Any:
        d, e, destination = self._transactions.tables.delivery, self._transactions.tables.event, wanted.destination
        query = (
            sa.select(d.c.id, d.c.state, d.c.code, e.c.right, e.c.subject)
            .select_from(d.join(e, d.c.event_id == e.c.id))
            .where(d.c.event_id == wanted.event_id, d.c.destination == destination)
        )
        row = connection.execute(query.with_for_update() if lock else query).first()
        if row is None:
            raise UserError(
                Sentence(
                    "event {event} has no delivery at {destination}; see `syncer show`",
                    _EXEMPT,
                    event=wanted.event_id,
                    destination=destination,
                )
            )
        if row.state != State.HELD:
            raise UserError(
                Sentence(
                    "the delivery at {destination} is {state}; only a held one can be exempted",
                    _EXEMPT,
                    destination=destination,
                    state=stated(row.state),
                )
            )
        grounds = fitting(row.right)
        if wanted.ground not in grounds:
            raise UserError(
                Sentence(
                    "{ground} is no ground against this {right}; grounds that fit: {grounds}",
                    _EXEMPT,
                    ground=wanted.ground,
                    right=row.right or "request",
                    grounds=", ".join(grounds),
                )
            )
        return row

    @retry_on_conflict
    def pause(self, destination: str, reason: str, *, once: bool = False) -> None:
        """Stop a lane until somebody resumes it; with `once` not where a person did before.

        Raises UserError for an unknown destination.
        """
        self._authority.require(Permission.WORK)
        require_lane(self._leases, self._destinations, destination)
        with self._transactions.write() as tx:
            lane = self._locked(tx, destination) if once else None
            if lane is None or not (lane.paused and lane.paused_by == _OPERATOR):
                self._leases.pause(tx, destination, _OPERATOR, reason, None)

    @retry_on_conflict
    def resume(self, destination: str, reason: str, *, once: bool = False) -> None:
        """Start a lane again; with `once` not where it neither rests nor cools. Raises UserError as `pause` does."""
        self._authority.require(Permission.WORK)
        require_lane(self._leases, self._destinations, destination)
        with self._transactions.write() as tx:
            lane = self._locked(tx, destination) if once else None
            if lane is None or lane.paused or lane.cool_until is not None:
                self._leases.resume(tx, destination, _OPERATOR, reason)

    def _locked(self, tx: Transaction, destination: str) -> Any:
        lane = self._transactions.tables.lane.c
        columns = lane.paused, lane.paused_by, raw(lane.cool_until).label("cool_until")
        return tx.connection.execute(
            sa.select(*columns).where(lane.destination == destination).with_for_update()
        ).first()


def require_lane(leases: Leases, destinations: Collection[str], name: str) -> None:
    """Raise UserError unless `name` is a configured destination, or one that has left the settings and has a lane."""
    if name not in destinations and leases.get(name) is None:
        known = ", ".join(sorted(destinations)) or "none"
        raise UserError(
            Sentence("there is no destination {name} in settings.toml; known: {known}", name=repr(name), known=known)
        )
