"""`syncer withdraw`: nobody is asked any further about a request that was submitted by mistake."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from adapters.contract import Outcome
from syncer.audit.chain import canonical
from syncer.audit.ledger import Facts
from syncer.audit.transaction import Transaction, Transactions
from syncer.database.connections import reading
from syncer.database.failures import retry_on_conflict
from syncer.decisions.four_eyes.authority import Authority
from syncer.decisions.four_eyes.wanted import ProposalKind
from syncer.domain.model import WITHDRAWABLE, EventState, State, move, word
from syncer.domain.permissions import Permission
from syncer.domain.rights import Ground
from syncer.errors import UserError
from syncer.events.logged import Logged, Story
from syncer.events.settlement import close, is_withdrawn
from syncer.events.store import Store
from syncer.language.texts import Sentence


class Happened(StrEnum):
    """What had happened at a destination when its request was withdrawn."""

    NEVER_ASKED = "never_asked"
    #: asked, and not through: it may have been partly carried out
    ASKED = "asked"
    #: no answer to the last attempt is on record: it is under way, or its worker died
    UNANSWERED = "unanswered"
    #: found and acted on; an applied one is still read back
    CARRIED_OUT = "carried_out"
    #: searched, and the person was not held there
    NOT_HELD = "not_held"
    #: closed before, by a person's decision
    EXEMPT = "exempt"
    #: it took the order, and nobody can read back what became of it
    PASSED_ON = "passed_on"
    #: closed before, by a person's word on what it answered
    SETTLED = "settled"
    #: it could not be asked
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True, slots=True)
class WithdrawnDelivery:
    """What a withdrawal makes of one delivery; `attempts` counts all that the log says were begun."""

    destination: str
    from_: State
    to: State
    happened: Happened
    attempts: int


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What a withdrawal does; `digest` stands for exactly this, however often a destination was asked.

    `before`: the request had been withdrawn already. `nowhere`: it is open, and never had a destination.
    """

    event: str
    digest: str
    deliveries: tuple[WithdrawnDelivery, ...]
    before: bool
    nowhere: bool = False

    @property
    def closes(self) -> bool:
        """Say whether it closes anything: what is open at a destination, or a request that has none."""
        return self.nowhere or any(item.to is not item.from_ for item in self.deliveries)


class PlanChanged(UserError):
    """Raised when a withdrawal is not any more what a person saw."""


#: what stands before a refusal at the command line
_WITHDRAW = "withdraw: "
#: keys that one query asks for; SQLite takes no more than 32,766 values in all
ASKED = 500


class Withdrawals:
    """Withdraws requests of one installation."""

    def __init__(self, transactions: Transactions, store: Store, authority: Authority) -> None:
        self._transactions = transactions
        self._authority = authority
        self._tables = transactions.tables
        self._store = store
        self._logged = Logged(self._tables, transactions.engine.dialect.name, transactions.key_of)

    def event_of(self, key: str) -> str | None:
        """Return the id of the event that was taken under this event key; None for none."""
        e = self._tables.event.c
        with reading(self._transactions.engine) as connection:
            found: str | None = connection.execute(sa.select(e.id).where(e.event_key == key)).scalar()
        return found

    def withdrawn_among(self, keys: Sequence[str]) -> list[str]:
        """Return the ids of the events with one of these event keys that were withdrawn."""
        e, d = self._tables.event.c, self._tables.delivery.c
        told = sa.exists().where(d.event_id == e.id)
        closed = told.where(d.state == State.EXEMPT, d.code == Ground.WITHDRAWN)
        # without a destination nothing else closes a request
        gone = sa.select(e.id).where(closed | (~told & (e.state == EventState.FULFILLED)))
        with reading(self._transactions.engine) as connection:
            parts = (keys[start : start + ASKED] for start in range(0, len(keys), ASKED))
            return [
                event for part in parts for event in connection.execute(gone.where(e.event_key.in_(part))).scalars()
            ]

    def plan(self, event_id: str) -> Withdrawal:
        """Return what withdrawing an event would do. Changes nothing.

        Raises UserError where nothing of it is open, unless it was withdrawn before.
        """
        with reading(self._transactions.engine) as connection:
            rows = connection.execute(self._rows(event_id)).all()
            return self._planned(connection, event_id, rows, self._transactions.clock())

    @retry_on_conflict
    def withdraw(self, event_id: str, reason: str, digest: str | None = None) -> Withdrawal:
        """Close what is open of an event and return what was done; nothing is done where it was withdrawn before.

        Raises PlanChanged where this would not be what `digest` stands for, NeedsSecondPerson where the settings ask
        for one to exempt a recipient, and UserError as `plan` does.
        """
        self._authority.require(Permission.DECIDE)
        self._authority.require_alone(ProposalKind.EXEMPT)  # it does to all recipients what that does to one
        with self._transactions.write() as tx:
            return self.withdraw_within(tx, event_id, reason, digest)

    def withdraw_within(
        self, tx: Transaction, event_id: str, reason: str, digest: str | None, more: Facts | None = None
    ) -> Withdrawal:
        """Do so within a transaction, for whoever asked who may; `more` stands in the audit beside the reason.

        Raises PlanChanged and UserError as `withdraw` does.
        """
        rows = self._locked(tx.connection, event_id)
        plan = self._planned(tx.connection, event_id, rows, tx.now)
        if digest is not None and digest != plan.digest:
            raise PlanChanged(Sentence("the plan has changed since that digest; run it again without --apply and look"))
        if plan.closes:
            self._carry_out(tx, plan, rows, reason, more or {})
        return plan

    def digest(self, connection: sa.Connection, event_id: str, now: datetime, *, lock: bool) -> str:
        """Return what stands for withdrawing this event at a moment (UTC); `lock` keeps it so.

        Raises UserError where nothing of it is open.
        """
        rows = self._locked(connection, event_id) if lock else connection.execute(self._rows(event_id)).all()
        plan = self._planned(connection, event_id, rows, now)
        if not plan.closes:
            raise UserError(
                Sentence("event {event} was withdrawn before, and nothing of it is open", _WITHDRAW, event=event_id)
            )
        return plan.digest

    def _locked(self, connection: sa.Connection, event_id: str) -> Sequence[Any]:
        """Lock as a lane does, first its own row: while that is ours no daemon begins or records anything there."""
        d, lane = self._tables.delivery.c, self._tables.lane.c
        names = connection.execute(sa.select(d.destination).where(d.event_id == event_id)).scalars().all()
        lanes = sa.select(lane.destination).where(lane.destination.in_(names)).order_by(lane.destination)
        connection.execute(lanes.with_for_update()).all()
        return connection.execute(self._rows(event_id).with_for_update()).all()

    def _rows(self, event_id: str) -> sa.Select[Any]:
        d = self._tables.delivery.c
        return sa.select(d.id, d.destination, d.state, d.outcome, d.code).where(d.event_id == event_id).order_by(d.id)

    def _planned(self, connection: sa.Connection, event_id: str, rows: Sequence[Any], now: datetime) -> Withdrawal:
        story = self._logged.stories(connection, [event_id], None, now)[event_id]
        before = is_withdrawn(rows) or (not rows and story.withdrawn)
        if is_withdrawn(rows) and not story.withdrawn:
            raise UserError(
                Sentence(
                    "the rows of event {event} say that it was withdrawn, and the log does not: somebody wrote to the"
                    " database; run `syncer audit verify --full`",
                    _WITHDRAW,
                    event=event_id,
                )
            )
        deliveries = tuple(_planned(row, story) for row in rows)
        content = {"event": event_id, "deliveries": [[*map(str, _values(item))] for item in deliveries]}
        digest = hashlib.sha256(canonical(content)).hexdigest()
        never = story.record is not None and not story.record.plan
        plan = Withdrawal(event_id, digest, deliveries, before, nowhere=not rows and never and not before)
        if not plan.closes and not plan.before:
            raise UserError(
                Sentence(
                    "nothing of event {event} is open any more; what was carried out or passed on cannot be called"
                    " back",
                    _WITHDRAW,
                    event=event_id,
                )
            )
        return plan

    def _carry_out(self, tx: Transaction, plan: Withdrawal, rows: Sequence[Any], reason: str, more: Facts) -> None:
        e = self._tables.event.c
        event = plan.event
        subject = tx.connection.execute(sa.select(sa.type_coerce(e.subject, sa.Text)).where(e.id == event)).scalar()
        told = [f"{item.destination}:{item.happened}" for item in plan.deliveries]
        facts = {"reason": reason, "digest": plan.digest, "destinations": told, **more}
        tx.audit.add("event:withdrawn", event=event, subject=subject, facts=facts)
        for row, item in zip(rows, plan.deliveries, strict=True):
            if item.to is not item.from_:
                why = {"reason": reason, "happened": item.happened, "attempts": item.attempts}
                close(tx, self._tables, event, subject, {row.id: row.destination}, why)
        self._store.settle(tx, {event})


def _planned(row: Any, story: Story) -> WithdrawnDelivery:
    state = word(State, row.state) or State.HELD  # a word that syncer never writes waits for a person
    to = move(state, State.EXEMPT) if state in WITHDRAWABLE else state
    return WithdrawnDelivery(row.destination, state, to, _happened(row, state, story), story.asked[row.destination])


#: what closed a delivery that nobody read back
_CLOSED_AS = {
    State.EXEMPT: Happened.EXEMPT,
    State.ACCEPTED: Happened.PASSED_ON,
    State.ATTESTED: Happened.SETTLED,
    State.NOT_APPLICABLE: Happened.NOT_APPLICABLE,
}


def _happened(row: Any, state: State, story: Story) -> Happened:
    if state in _CLOSED_AS:
        return _CLOSED_AS[state]
    if state not in WITHDRAWABLE:
        return Happened.NOT_HELD if row.outcome == Outcome.ABSENT else Happened.CARRIED_OUT
    if not story.asked[row.destination]:
        return Happened.NEVER_ASKED
    return Happened.UNANSWERED if row.destination in story.unanswered else Happened.ASKED


def _values(item: WithdrawnDelivery) -> tuple[object, ...]:
    # not how often it was asked: that rises while a second person looks, and it does the same with one more
    return item.destination, item.from_, item.to, item.happened
