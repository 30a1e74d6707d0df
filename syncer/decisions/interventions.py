"""What a person does to the work: exempt a delivery, pause a lane, resume it. The audit holds who, why and what."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from syncer.audit.transaction import Transactions
from syncer.database.failures import retry_on_conflict
from syncer.delivery.leases import Leases
from syncer.domain.model import State
from syncer.domain.rights import Ground, fitting
from syncer.errors import UserError
from syncer.events.store import Store


class Interventions:
    """Carries out what people decide in one installation; `destinations` are the configured names."""

    def __init__(self, transactions: Transactions, store: Store, leases: Leases, destinations: Collection[str]) -> None:
        self._transactions = transactions
        self._store = store
        self._leases = leases
        self._destinations = destinations

    @retry_on_conflict
    def exempt(self, event_id: str, destination: str, ground: Ground, reason: str) -> None:
        """Close a held delivery by a person's decision.

        Raises UserError when it is not held, or when the ground does not fit the right.
        """
        d, e = self._transactions.tables.delivery, self._transactions.tables.event
        with self._transactions.write() as tx:
            row = tx.connection.execute(
                sa.select(d.c.id, d.c.state, e.c.right, e.c.subject)
                .select_from(d.join(e, d.c.event_id == e.c.id))
                .where(d.c.event_id == event_id, d.c.destination == destination)
                .with_for_update()
            ).first()
            if row is None:
                raise UserError(f"exempt: event {event_id} has no delivery at {destination}; see `syncer show`")
            if row.state != State.HELD:
                raise UserError(
                    f"exempt: the delivery at {destination} is {row.state}; only a held one can be exempted"
                )
            grounds = fitting(row.right)
            if ground not in grounds:
                raise UserError(
                    f"exempt: {ground} is no ground against this {row.right or 'request'};"
                    f" grounds that fit: {', '.join(grounds)}"
                )
            tx.connection.execute(
                d.update()
                .where(d.c.id == row.id)
                .values(state=State.EXEMPT, code=ground, next_attempt_at=None, claim_rank=None)
            )
            tx.audit.add(
                "delivery:exempt",
                event=event_id,
                subject=row.subject,
                destination=destination,
                facts={"ground": ground, "reason": reason},
            )
            self._store.settle(tx, {event_id})

    @retry_on_conflict
    def pause(self, destination: str, reason: str) -> None:
        """Stop a lane until somebody resumes it. Raises UserError for an unknown destination."""
        require_lane(self._leases, self._destinations, destination)
        with self._transactions.write() as tx:
            self._leases.pause(tx, destination, "operator", reason, None)

    @retry_on_conflict
    def resume(self, destination: str, reason: str) -> None:
        """Start a lane again. Raises UserError for an unknown destination."""
        require_lane(self._leases, self._destinations, destination)
        with self._transactions.write() as tx:
            self._leases.resume(tx, destination, "operator", reason)


def require_lane(leases: Leases, destinations: Collection[str], name: str) -> None:
    """Raise UserError unless `name` is a configured destination, or one that has left the settings and has a lane."""
    if name not in destinations and leases.get(name) is None:
        known = ", ".join(sorted(destinations)) or "none"
        raise UserError(f"there is no destination {name!r} in settings.toml; known: {known}")
