"""What was proven is not so any more, or cannot be read any more: the delivery opens again, or is held."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from adapters.contract import Seen, Step
from syncer.audit.transaction import Transaction, Transactions
from syncer.clock import stamp
from syncer.domain.model import State, asked_at, move
from syncer.domain.rights import rank
from syncer.events.mapping import step_facts, untried
from syncer.events.seals import Seals
from syncer.events.store import Store
from syncer.privacy.masking import kept


@dataclass(frozen=True, slots=True)
class Incident:
    """One delivery (its row) whose person was seen again, with their own opt-in time there (UTC), if any is shown.

    `code` says what the read back found: `reappeared`, `suppression_missing` (nobody is reached, but the entry that
    shows the objection is gone), or a code for which a person must look; `detail` is the adapter's word on it.
    `proven`: seal or log say that this person asked; where neither does any more, their address is not kept.
    """

    row: Any
    seen: Seen = field(repr=False)
    opted_in_at: datetime | None
    steps: tuple[Step, ...]
    code: str = "reappeared"
    detail: str = ""
    proven: bool = True

    @property
    def newer_consent(self) -> bool:
        """Say whether they opted in after the request: then a person decides. No time shown is not consent."""
        asked = asked_at(self.row.received_at, self.row.created_at)
        return self.opted_in_at is not None and self.opted_in_at > asked


#: what is carried out again without a person
_AGAIN = frozenset({"reappeared", "suppression_missing"})


def reappear(transactions: Transactions, store: Store, seals: Seals, incident: Incident) -> bool:
    """Open the delivery again, or hold it; say whether this was done: not where somebody else did it first.

    The address that the listing showed is sealed again, since it may have been shredded. Raises SealError where it is
    not that of who asked.
    """
    row, code = incident.row, "newer_consent" if incident.newer_consent else incident.code
    held = code not in _AGAIN
    state = move(move(State.CONFIRMED, State.APPLIED), State.HELD if held else State.RETRYING)
    d, e = transactions.tables.delivery, transactions.tables.event
    with transactions.write() as tx:
        done = tx.connection.execute(
            d.update()
            .where(d.c.id == row.id, d.c.state == State.CONFIRMED)
            .values(
                state=state,
                code=code,
                outcome=None,
                attempts=0,
                confirmed_at=None,
                next_attempt_at=None if held else tx.now,
                claim_rank=None if held else rank(row.right),
                begun_at=None,
                untried=untried(row.action),
            )
        )
        if not done.rowcount:
            return False
        # a person let the earlier deletion pass, not this one
        passed = (e.c.id == row.event_id, e.c.released_at.is_not(None))
        tx.connection.execute(e.update().where(*passed).values(released_at=None))
        if incident.proven:
            sealed = seals.again(tx.connection, row.event_id, incident.seen.address)
            tx.connection.execute(
                e.update().where(e.c.id == row.event_id).values(email_sealed=sealed, shredded_at=None)
            )
        _audit(tx, incident, code, state)
        store.settle(tx, {row.event_id})
    return True


def _audit(tx: Transaction, incident: Incident, code: str, state: State) -> None:
    """Add what was found, with its evidence, and the hold where the person came back by a newer consent."""
    row = incident.row
    who = {"event": row.event_id, "subject": row.subject, "destination": row.destination}
    facts: dict[str, Any] = {
        "found_by": "watch",
        "scope": kept(incident.seen.scope),
        "received_at": stamp(row.received_at),
        "state": state,
        "steps": step_facts(incident.steps),
    }
    if incident.code == "reappeared":
        facts["opted_in_at"] = stamp(incident.opted_in_at) if incident.opted_in_at else None
        tx.audit.add("delivery:reappeared", **who, facts=facts)
        if state is State.HELD:
            tx.audit.add("delivery:held", **who, facts={"code": code})
        return
    what = "delivery:held" if state is State.HELD else "delivery:retrying"
    tx.audit.add(what, **who, facts=facts | {"code": code, "detail": kept(incident.detail) or None})
