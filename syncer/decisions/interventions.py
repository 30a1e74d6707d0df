"""What people may do to the work: resync, exempt, pause, resume. Each leaves who, why and what in the audit."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from syncer.audit.chain import canonical
from syncer.audit.transaction import Transaction
from syncer.database.connections import reading
from syncer.database.failures import retry_on_conflict
from syncer.delivery.leases import Leases
from syncer.domain.model import State
from syncer.domain.policy import reopened
from syncer.domain.rights import Ground, rank
from syncer.errors import AddressError, UserError
from syncer.events.store import Store
from syncer.privacy.addresses import normalise
from syncer.privacy.keyring import Keyring
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
    """What a resync will do; `digest` stands for exactly this list. `addresses` are brought again, by event."""

    digest: str
    deliveries: tuple[PlannedDelivery, ...]
    skipped: tuple[str, ...]
    addresses: Mapping[str, str] = field(repr=False)


class Operations:
    """Decisions of people, carried out on the store."""

    def __init__(
        self,
        store: Store,
        leases: Leases,
        keyring: Keyring,
        destinations: Mapping[str, Destination],
        recheck_days: tuple[int, ...],
    ) -> None:
        self._store = store
        self._leases = leases
        self._keyring = keyring
        self._destinations = destinations
        self._recheck_days = recheck_days

    # -- resync ---------------------------------------------------------------------------------------------

    def plan_resync(
        self,
        *,
        events: Sequence[str] = (),
        destination: str | None = None,
        held: bool = False,
        confirmed_since: datetime | None = None,
        addresses: Sequence[tuple[str | None, str]] = (),
    ) -> ResyncPlan:
        """Plan what starts over and what is read back. `addresses` are (event id or None, address) of `--file`.

        Changes nothing. Raises UserError for an unknown destination or an address that cannot be used.
        """
        d, e = self._store.tables.delivery, self._store.tables.event
        brought, notes = self._brought(addresses)
        query = sa.select(
            d.c.event_id,
            d.c.destination,
            d.c.state,
            d.c.action,
            e.c.email_sealed.is_not(None).label("sealed"),
        ).select_from(d.join(e, d.c.event_id == e.c.id))
        for condition in self._conditions(events, destination, held, confirmed_since, brought, bool(addresses)):
            query = query.where(condition)
        planned: list[PlannedDelivery] = []
        with reading(self._store.engine) as connection:
            rows = connection.execute(query.order_by(d.c.event_id, d.c.destination)).all()
        for row in rows:
            has_address = row.sealed or row.event_id in brought
            to = reopened(State(row.state), has_address)
            reason = self._reason_to_skip(row, has_address, to)
            if reason or to is None:
                notes.append(f"{row.event_id} {row.destination}: {reason}")
            else:
                planned.append(PlannedDelivery(row.event_id, row.destination, State(row.state), to))
        return ResyncPlan(_digest(planned, brought), tuple(planned), tuple(notes), brought)

    def _conditions(
        self,
        events: Sequence[str],
        destination: str | None,
        held: bool,
        confirmed_since: datetime | None,
        brought: Mapping[str, str],
        from_file: bool,
    ) -> list[sa.ColumnElement[bool]]:
        d = self._store.tables.delivery.c
        conditions: list[sa.ColumnElement[bool]] = []
        if events:
            conditions.append(d.event_id.in_(list(events)))
        if from_file:
            conditions.append(d.event_id.in_(list(brought)))
        if destination is not None:
            self._require_lane(destination)
            conditions.append(d.destination == destination)
        if held:
            conditions.append(d.state == State.HELD)
        if confirmed_since is not None:
            conditions += [d.state == State.CONFIRMED, d.confirmed_at >= confirmed_since]
        if not conditions:
            raise UserError("resync: say what: --event, --destination, --held, --confirmed-since or --file")
        return conditions

    def _reason_to_skip(self, row: Any, has_address: bool, to: State | None) -> str | None:
        if not has_address:
            return "its address was shredded; bring it again with --file"
        if row.destination not in self._destinations:
            return "its destination is not in the settings"
        if row.action is None:
            return "its right is unknown; submit it again and exempt this one"
        return None if to is not None else f"it is {row.state}"

    def _brought(self, addresses: Sequence[tuple[str | None, str]]) -> tuple[dict[str, str], list[str]]:
        """Match the addresses of a file to events: by the pseudonym, or by the event id that stands before them."""
        e = self._store.tables.event.c
        brought: dict[str, str] = {}
        notes: list[str] = []
        with reading(self._store.engine) as connection:
            for number, (event_id, address) in enumerate(addresses, 1):
                try:
                    ref = self._keyring.ref(normalise(address))
                except AddressError as error:
                    raise UserError(
                        f"resync: address {number} of the file cannot be used ({error.code}); correct it"
                    ) from None
                wanted = e.subject == ref if event_id is None else e.id == event_id
                rows = connection.execute(sa.select(e.id, e.subject).where(wanted)).all()
                if not rows:
                    notes.append(f"address {number} of the file: no event")
                for row in rows:
                    if row.subject not in (None, ref):
                        raise UserError(
                            f"resync: address {number} of the file is not the one of event {row.id}; correct it"
                        )
                    brought[row.id] = address
        return brought, notes

    @retry_on_conflict
    def apply_resync(self, plan: ResyncPlan, reason: str) -> None:
        """Carry out a plan; what changed since it was made is left alone."""
        with self._store.write() as tx:
            facts = {
                "reason": reason,
                "digest": plan.digest,
                "deliveries": [f"{item.event}:{item.destination}" for item in plan.deliveries],
                "addresses_brought": len(plan.addresses),
            }
            tx.audit.add("operator:resynced", facts=facts)
            self._reseal(tx, plan)
            for item in plan.deliveries:
                self._reopen(tx, item, reason)
            self._store.settle(tx, {item.event for item in plan.deliveries}, self._recheck_days)

    def _reseal(self, tx: Transaction, plan: ResyncPlan) -> None:
        event = self._store.tables.event
        wanted = {item.event for item in plan.deliveries}
        for event_id, address in plan.addresses.items():
            if event_id in wanted:
                tx.connection.execute(
                    event.update()
                    .where(event.c.id == event_id)
                    .values(
                        email_sealed=self._keyring.seal(address, event_id),
                        subject=self._keyring.ref(normalise(address)),
                        shredded_at=None,
                    )
                )

    def _reopen(self, tx: Transaction, item: PlannedDelivery, reason: str) -> None:
        d, e = self._store.tables.delivery, self._store.tables.event
        row = tx.connection.execute(sa.select(e.c.right, e.c.subject).where(e.c.id == item.event)).one()
        values: dict[str, Any] = {
            "state": item.to,
            "code": None,
            "next_attempt_at": tx.now,
            "claim_rank": rank(row.right),
        }
        if item.to is State.PENDING:
            values |= {"attempts": 0, "confirmed_at": None, "outcome": None}
        done = tx.connection.execute(
            d.update()
            .where(d.c.event_id == item.event, d.c.destination == item.destination, d.c.state == item.from_)
            .values(values)
        )
        if done.rowcount:
            tx.audit.add(
                "delivery:reopened",
                event=item.event,
                subject=row.subject,
                destination=item.destination,
                facts={"from": item.from_, "to": item.to, "reason": reason},
            )

    # -- exempt, pause, resume ------------------------------------------------------------------------------

    @retry_on_conflict
    def exempt(self, event_id: str, destination: str, ground: Ground, reason: str) -> None:
        """Close a held delivery by a person's decision. Raises UserError when it is not held."""
        d, e = self._store.tables.delivery, self._store.tables.event
        with self._store.write() as tx:
            row = tx.connection.execute(
                sa.select(d.c.id, d.c.state, e.c.subject)
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
            self._store.settle(tx, {event_id}, self._recheck_days)

    @retry_on_conflict
    def pause(self, destination: str, reason: str) -> None:
        """Stop a lane until somebody resumes it. Raises UserError for an unknown destination."""
        self._require_lane(destination)
        with self._store.write() as tx:
            self._leases.pause(tx, destination, "operator", reason, None)

    @retry_on_conflict
    def resume(self, destination: str, reason: str) -> None:
        """Start a lane again. Raises UserError for an unknown destination."""
        self._require_lane(destination)
        with self._store.write() as tx:
            self._leases.resume(tx, destination, "operator", reason)

    def _require_lane(self, destination: str) -> None:
        if destination not in self._destinations and self._leases.get(destination) is None:
            known = ", ".join(sorted(self._destinations)) or "none"
            raise UserError(f"there is no destination {destination!r} in settings.toml; known: {known}")

    # -- what else people do: try in vain, look up, take out -------------------------------------------------

    @retry_on_conflict
    def refused(self, command: str, why: str) -> None:
        """Audit that somebody's command was turned down; `why` is a short phrase of ours, never what was typed."""
        with self._store.write() as tx:
            tx.audit.add("operator:refused", facts={"command": command, "why": why})

    @retry_on_conflict
    def looked_up(self, ref: str | None, count: int, event: str | None = None) -> None:
        """Audit that somebody searched for a person; without a known one `event` names the request."""
        with self._store.write() as tx:
            tx.audit.add("operator:looked_up", event=event, subject=ref, facts={"events": count})

    @retry_on_conflict
    def exported(self, kind: str, fmt: str, rows: int, sha256: str) -> None:
        """Audit that somebody took data out."""
        with self._store.write() as tx:
            tx.audit.add("report:exported", facts={"kind": kind, "format": fmt, "rows": rows, "sha256": sha256})


def _digest(planned: Sequence[PlannedDelivery], brought: Mapping[str, str]) -> str:
    content = {
        "deliveries": [[item.event, item.destination, str(item.from_), str(item.to)] for item in planned],
        "brought": sorted(brought),
    }
    return hashlib.sha256(canonical(content)).hexdigest()
