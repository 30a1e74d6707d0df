"""A person is back at a destination after the proof that they were gone: the delivery opens again, or is held."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from adapters.contract import Seen, Step
from syncer.audit.transaction import Transactions
from syncer.clock import stamp
from syncer.domain.model import State, move
from syncer.domain.rights import rank
from syncer.events.mapping import step_facts
from syncer.events.store import Store
from syncer.privacy.keyring import Keyring


@dataclass(frozen=True, slots=True)
class Incident:
    """One delivery (its row) whose person was seen again, with their own opt-in time there (UTC), if any is shown."""

    row: Any
    seen: Seen = field(repr=False)
    opted_in_at: datetime | None
    steps: tuple[Step, ...]

    @property
    def newer_consent(self) -> bool:
        """Say whether they opted in after the request: then a person decides. No time shown is not consent."""
        return self.opted_in_at is not None and self.opted_in_at > self.row.received_at


def reappear(transactions: Transactions, store: Store, keyring: Keyring, incident: Incident) -> bool:
    """Open the delivery again, or hold it; say whether this was done: not where somebody else did it first.

    The address that the listing showed is sealed again, since it may have been shredded.
    """
    row, held = incident.row, incident.newer_consent
    state = move(move(State.CONFIRMED, State.APPLIED), State.HELD if held else State.RETRYING)
    d, e = transactions.tables.delivery, transactions.tables.event
    with transactions.write() as tx:
        done = tx.connection.execute(
            d.update()
            .where(d.c.id == row.id, d.c.state == State.CONFIRMED)
            .values(
                state=state,
                code="newer_consent" if held else "reappeared",
                outcome=None,
                attempts=0,
                confirmed_at=None,
                next_attempt_at=None if held else tx.now,
                claim_rank=None if held else rank(row.right),
            )
        )
        if not done.rowcount:
            return False
        tx.connection.execute(
            e.update()
            .where(e.c.id == row.event_id)
            .values(email_sealed=keyring.seal(incident.seen.address, row.event_id), shredded_at=None)
        )
        facts = {
            "found_by": "watch",
            "scope": incident.seen.scope,
            "opted_in_at": stamp(incident.opted_in_at) if incident.opted_in_at else None,
            "received_at": stamp(row.received_at),
            "state": state,
            "steps": step_facts(incident.steps),
        }
        who = {"event": row.event_id, "subject": row.subject, "destination": row.destination}
        tx.audit.add("delivery:reappeared", **who, facts=facts)
        if held:
            tx.audit.add("delivery:held", **who, facts={"code": "newer_consent"})
        store.settle(tx, {row.event_id})
    return True
