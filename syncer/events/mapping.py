"""Maps events, deliveries and results to table rows and audit facts, and rows back to deliveries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from adapters.contract import Action, Outcome, Preview, Receipt, Step
from syncer.audit.transaction import Transaction
from syncer.clock import stamp
from syncer.domain.model import CLOSED, READ_BACK, WORKABLE, Delivery, EventState, NewEvent, State
from syncer.domain.policy import Decision, Phase, Result
from syncer.domain.rights import Right, rank
from syncer.events.turns import turn_of
from syncer.privacy.masking import kept

#: attempts that no delivery reaches: one every second for eleven days
MOST = 1_000_000


@dataclass(frozen=True, slots=True)
class Finished:
    """A delivery that came back from its destination, with the result and what was decided."""

    delivery: Delivery
    phase: Phase
    result: Result
    decision: Decision


def event_row(event: NewEvent, now: datetime) -> dict[str, Any]:
    """Return the row of a new event, held where it has a code. `now` is UTC."""
    return {
        "id": event.id,
        "event_key": event.event_key,
        "right": event.right,
        "subject": event.subject,
        "email_sealed": event.email_sealed,
        "received_at": event.received_at,
        "due_on": event.due_on,
        "legal_due_on": event.legal_due_on,
        "state": EventState.HELD if event.code else EventState.OPEN,
        "code": event.code,
        "source": event.source,
        "source_ref": event.source_ref,
        "queue_id": event.queue_id,
        "created_at": now,
        "rechecks_done": 0,
    }


def delivery_rows(event: NewEvent, now: datetime) -> list[dict[str, Any]]:
    """Return a row for each destination of a new event, due at once unless the event is held. `now` is UTC."""
    held = event.code is not None
    return [
        {
            "event_id": event.id,
            "destination": plan.destination,
            "adapter": plan.adapter,
            "action": plan.action,
            "state": State.HELD if held else State.PENDING,
            "code": event.code,
            "attempts": 0,
            "next_attempt_at": None if held else now,
            "claim_rank": None if held else rank(event.right),
            "due_on": event.urgent_on or event.due_on,
            "turn": turn_of(event.source),
            "untried": untried(plan.action),
        }
        for plan in event.plans
    ]


def untried(action: Action | str | None) -> int | None:
    """Return what marks a delivery that never began: the guard counts deletions alone."""
    return 1 if action == Action.DELETE else None


def audit_accepted(tx: Transaction, event: NewEvent) -> None:
    """Add the entries of a new event: that it was received, and that it is held where it has a code."""
    facts = {
        "right": event.right,
        "event_key": event.event_key,
        "source": event.source,
        "source_ref": event.source_ref,
        "received_at": stamp(event.received_at),
        **({"received_as_given": stamp(event.received_as_given)} if event.received_as_given else {}),
        "due_on": event.due_on.isoformat(),
        "due_rule": event.due_rule,
        "legal_due_on": event.legal_due_on.isoformat() if event.legal_due_on else None,
        "destinations": [f"{plan.destination}:{plan.action or '-'}" for plan in event.plans],
    }
    tx.audit.add("event:received", event=event.id, subject=event.subject, facts=facts)
    if event.code:
        tx.audit.add(
            "event:held",
            event=event.id,
            subject=event.subject,
            facts={"code": event.code, "detail": event.detail},
        )


def decided_row(finished: Finished) -> dict[str, Any]:
    """Return what changes in the row of a delivery."""
    decision, delivery = finished.decision, finished.delivery
    claimable = decision.next_attempt_at is not None
    row: dict[str, Any] = {
        "code": decision.code,
        "next_attempt_at": decision.next_attempt_at,
        "claim_rank": rank(delivery.right) if claimable else None,
    }
    if not isinstance(finished.result, Preview):  # that moves nothing: a person may have started it over meanwhile
        row |= {
            "state": decision.state,
            "outcome": decision.outcome,
            "attempts": delivery.attempts - 1 if decision.give_back else delivery.attempts,
            "confirmed_at": decision.confirmed_at,
        }
    # only where they change: rows that were applied at different times would need a statement each
    if decision.applied_at != delivery.applied_at:
        row["applied_at"] = decision.applied_at
    if decision.unseen != delivery.unseen:
        row["unseen"] = decision.unseen
    if decision.failing_since != delivery.failing_since:
        row["failing_since"] = decision.failing_since
    if decision.state in (State.ACCEPTED, State.NOT_APPLICABLE):
        row |= {"settles_on": decision.settles_on, "lapses_on": decision.lapses_on}
    if is_reopened(finished):
        row |= {"begun_at": None, "untried": untried(delivery.action)}
    elif delivery.action is Action.DELETE and decision.state in CLOSED:
        row["untried"] = None  # a person may have started it over during the call; what is through waits at no guard
    return row


def is_reopened(finished: Finished) -> bool:
    """Say whether a result starts a delivery over that was through: nobody asked for that now, and it counts anew."""
    return finished.decision.what == "delivery:reappeared"


def concerns_event(finished: Finished) -> bool:
    """Say whether a result can move the event: one that is only applied leaves it where it is."""
    return finished.decision.state is not finished.delivery.state and finished.decision.what != "delivery:applied"


def facts_of(finished: Finished) -> dict[str, Any]:
    """Return the facts of the audit entry of a result, without the empty ones."""
    decision, result = finished.decision, finished.result
    if isinstance(result, Preview):
        return preview_facts(result, finished.delivery.action)
    steps: tuple[Step, ...] = getattr(result, "steps", ())
    facts: dict[str, Any] = {
        "phase": finished.phase.value,
        "attempt": finished.delivery.attempts,
        "action": finished.delivery.action,
        "state": decision.state,
        "outcome": decision.outcome,
        "code": decision.code,
        "detail": kept(decision.detail) or None,
        "settles_on": decision.settles_on.isoformat() if decision.settles_on else None,
        "lapses_on": decision.lapses_on.isoformat() if decision.lapses_on else None,
        "attempt_given_back": True if decision.give_back else None,
        "next_attempt_at": stamp(decision.next_attempt_at) if decision.next_attempt_at else None,
        "notes": [kept(note) for note in result.notes] if isinstance(result, Receipt) and result.notes else None,
        "steps": step_facts(steps),
    }
    return {key: value for key, value in facts.items() if value is not None}


def preview_facts(preview: Preview, action: Action | None) -> dict[str, Any]:
    """Return what a preview found, and what an apply would do: no attempt, so nothing of it is counted."""
    return {
        "action": action,
        "found": [kept(each) for each in preview.found],
        "would": [kept(each) for each in preview.would],
        "code": preview.code,
        "steps": step_facts(preview.steps),
    }


def step_facts(steps: tuple[Step, ...]) -> list[dict[str, Any]]:
    """Return calls as the audit keeps them, without their empty fields."""
    # not asdict: it copies every value, and took a tenth of the lane's time
    return [{name: kept(value) for name in Step.__slots__ if (value := getattr(step, name)) != ""} for step in steps]


def delivery_of(row: Any) -> Delivery | None:
    """Return the delivery that a row of the claim's query holds; None for one that syncer never writes."""
    try:
        return _delivery_of(row)
    except (ValueError, TypeError):
        return None


def _delivery_of(row: Any) -> Delivery:
    state = State(row.state)
    if state not in WORKABLE:
        raise ValueError("only a workable delivery has a time for its next attempt")
    # SQLite stores anything anywhere; and one more than an INTEGER holds is what no database takes
    if not _is_count(row.attempts) or not _is_count(row.unseen or 0):
        raise ValueError("no count that syncer ever writes")
    if state is State.APPLIED and row.attempts < 1:
        raise ValueError("nothing is applied without an attempt")
    if row.untried not in (None, 1) or (row.untried and row.claim_rank != rank(row.right)):
        raise ValueError("no mark that syncer ever writes, or one that nobody would count")
    if row.outcome is not None and row.outcome not in READ_BACK:
        raise ValueError("no outcome that syncer ever writes")
    if any(not isinstance(text, str | None) for text in (row.code, row.subject, row.email_sealed)):
        raise ValueError("no text")
    return Delivery(
        id=row.id,
        event_id=row.event_id,
        destination=row.destination,
        right=Right(row.right) if row.right else None,
        action=Action(row.action) if row.action else None,
        state=state,
        outcome=Outcome(row.outcome) if row.outcome else None,
        code=row.code,
        attempts=row.attempts,
        applied_at=row.applied_at,
        # elsewhere it is left over, or written by somebody else: only what is read back again was confirmed before
        confirmed_at=row.confirmed_at if state is State.APPLIED else None,
        subject=row.subject,
        received_at=row.received_at,
        email_sealed=row.email_sealed,
        unseen=row.unseen or 0,
        failing_since=row.failing_since,
        taken_at=row.created_at,
        untried=row.untried == 1,
    )


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= MOST
