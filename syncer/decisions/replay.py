"""After a restore: what is read back or sent again, and what only the lost part of the log knew."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from syncer.audit.chain import canonical
from syncer.audit.offline.files import text_of
from syncer.audit.proof.checkpoints import Checkpoints
from syncer.audit.proof.origins import Origins
from syncer.audit.transaction import Transactions
from syncer.database.bulk import by_index
from syncer.database.connections import reading
from syncer.database.failures import retry_on_conflict
from syncer.decisions.chosen import ChosenDeliveries, Criteria
from syncer.decisions.resync import Resync
from syncer.decisions.resync_plan import ResyncPlan, Selection
from syncer.domain.model import State
from syncer.domain.rights import Right
from syncer.errors import UserError
from syncer.events.reading.ranges import parts
from syncer.events.store import Store
from syncer.intake.queue import Queue

#: event id and destination
Where = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Lost:
    """What only the lost part of the log knew of an event, and what to do; `event` or `event_key` may be unknown."""

    event: str | None
    event_key: str | None
    right: str | None
    remedy: str


@dataclass(frozen=True, slots=True)
class Replay:
    """What a replay will do since `since` (UTC), and what is gone.

    By the plan, what was confirmed is read back again, and what was passed on where nobody can read is sent again.
    """

    since: datetime
    plan: ResyncPlan
    lost: tuple[Lost, ...]


class Replays:
    """Plans what repeats the work that a restored backup undid, and carries it out."""

    def __init__(
        self,
        checkpoints: Checkpoints,
        origins: Origins,
        transactions: Transactions,
        store: Store,
        resync: Resync,
        queue: Queue,
    ) -> None:
        self._checkpoints = checkpoints
        self._origins = origins
        self._transactions = transactions
        self._chosen = ChosenDeliveries(transactions.tables, transactions.engine.dialect.name, opens=False)
        self._store = store
        self._resync = resync
        self._queue = queue

    def plan(self, since: Path, export: Path | None) -> Replay:
        """Return the plan of what is read back and sent again after a restore. Changes nothing.

        `since` is a note: it is about what was closed after its last entry. A note of the lost part stands for the
        moment of the backup. `export` is an earlier `audit export` that reaches beyond the backup.
        Raises UserError without a fork on record, and for a file that is not what it should be.
        """
        forks = self._origins.forks()
        if not forks:
            raise UserError("replay: no fork is on record; record the restore first, with `syncer audit fork`")
        restored = forks[-1].size
        after = min(self._origins.read(since).size, restored)
        moment = self._checkpoints.time_of(after)
        plan = self._with_unread(self._resync.plan(Selection(confirmed_since=moment)), after)
        lost = [*self._from_export(export, restored), *self._from_queue(moment)]
        gone = {event.event_key or event.event: event for event in lost}
        return Replay(moment, plan, (*gone.values(), *self._unsaid(export, restored)))

    def carry_out(self, replay: Replay, reason: str) -> None:
        """Carry the plan out. No second person is asked: all of it had been carried out, and the guard counts it."""
        if any(each.to is State.PENDING for each in replay.plan.deliveries):
            self._resync.require_allowed(replay.plan)
            self._apply(replay.plan, reason)
        else:
            self._resync.read_back(replay.plan, reason)

    @retry_on_conflict
    def _apply(self, plan: ResyncPlan, reason: str) -> None:
        with self._transactions.write() as tx:
            self._resync.apply_within(tx, plan, reason, exactly=False)

    def _with_unread(self, plan: ResyncPlan, after: int) -> ResyncPlan:
        """Return a plan with what was closed after that entry and nobody can read back.

        What the recipient itself took is sent again. What a person says is not theirs to repeat: it is named.
        """
        states = self._standing(self._closed_after(after))
        again = list(self._sent_again([where for where, state in states.items() if state == State.ACCEPTED]))
        said = tuple(
            f"{event} {destination}: a person settled it since then; ask the recipient whether it is still so"
            for (event, destination), state in sorted(states.items())
            if state == State.ATTESTED
        )
        skipped = (*plan.skipped, *(line for each in again for line in each.skipped), *said)
        deliveries = (*plan.deliveries, *(delivery for each in again for delivery in each.deliveries))
        if deliveries == plan.deliveries:
            return replace(plan, skipped=skipped)
        content = {"replay": [plan.digest, *(each.digest for each in again)]}
        digest = hashlib.sha256(canonical(content)).hexdigest()
        # none of it is released: where these are many the guard stops them, and asks
        return ResyncPlan(digest, deliveries, skipped, {}, sum(each.deletions for each in again))

    def _sent_again(self, accepted: Sequence[Where]) -> Iterator[ResyncPlan]:
        """Yield plans that start exactly these deliveries over."""
        events: dict[str, list[str]] = {}
        for event, destination in sorted(accepted):
            events.setdefault(destination, []).append(event)
        for destination, ids in events.items():
            for part in parts(ids):
                yield self._resync.plan(Selection(events=tuple(part), destination=destination))

    def _closed_after(self, after: int) -> set[Where]:
        """Return what was closed after an entry without being read back, by the recipient's word or a person's."""
        t, name = self._transactions.tables.audit, f"ix_{self._transactions.tables.prefix}audit_what"
        closed = t.c.what.in_(("delivery:accepted", "delivery:attested"))
        query = by_index(sa.select(t.c.event_id, t.c.destination).where(closed, t.c.seq > after), t, name)
        with reading(self._transactions.engine) as connection:
            found = connection.execute(query).all()
        return {(row.event_id, row.destination) for row in found if all(isinstance(each, str) for each in row)}

    def _standing(self, wanted: set[Where]) -> Mapping[Where, str]:
        """Return where these deliveries stand now, without those of requests that were withdrawn."""
        if not wanted:
            return {}
        with reading(self._transactions.engine) as connection:
            rows, given_up = self._chosen.read(connection, Criteria(events={event for event, _ in wanted}))
        standing = {(row.event_id, row.destination): row.state for row in rows if row.event_id not in given_up}
        return {where: state for where, state in standing.items() if where in wanted}

    def _from_queue(self, moment: datetime) -> list[Lost]:
        """Return what the lost part took from a queue in another database: nobody would look at those rows again."""
        if self._queue.shared:
            return []
        taken = self._queue.taken_since(moment)
        known = self._known([key for key, _ in taken])
        return [_lost_event(None, key, right) for key, right in taken if key not in known]

    def _from_export(self, export: Path | None, restored: int) -> list[Lost]:
        if export is None:
            return []
        received = received_after(restored, export)
        known = self._known([str(facts.get("event_key")) for _, facts in received])
        return [
            _lost_event(event, str(facts.get("event_key")), facts.get("right"))
            for event, facts in received
            if str(facts.get("event_key")) not in known
        ]

    def _unsaid(self, export: Path | None, restored: int) -> Iterator[Lost]:
        """Yield what a person had said of recipients in the lost part, and nobody said again."""
        said = _entries_after(restored, export, "delivery:attested") if export is not None else []
        wanted = {(event, destination) for event, destination, _ in said if destination is not None}
        for (event, destination), state in sorted(self._standing(wanted).items()):
            if state != State.ATTESTED:
                remedy = f"what a person wrote down of {destination} is lost: write it down again, or ask there again"
                yield Lost(event, None, None, remedy)

    def _known(self, keys: Sequence[str]) -> set[str]:
        with reading(self._transactions.engine) as connection:
            return self._store.known_keys(connection, keys)


def received_after(restored: int, export: Path) -> list[tuple[str, dict[str, Any]]]:
    """Return event id and facts of each `event:received` that an export holds beyond entry `restored`."""
    return [(event, facts) for event, _, facts in _entries_after(restored, export, "event:received")]


def _entries_after(restored: int, export: Path, what: str) -> list[tuple[str, str | None, dict[str, Any]]]:
    """Return event id, destination and facts of the entries of a kind that an export holds beyond that entry."""
    try:
        text = text_of(export.read_bytes())
        lines = (json.loads(line) for line in text.split("\n") if line.strip())
        rows = json.loads(text) if text.startswith("[") else list(lines)
        bodies = [
            (row["event"], json.loads(row["body"]))
            for row in rows
            if row["seq"] > restored and row["what"] == what and row["body"]
        ]
        found = [(event, body.get("destination"), body["facts"]) for event, body in bodies]
        for event, destination, facts in found:
            # what no database could be asked for
            f"{event}{destination}{facts.get('event_key')}{facts.get('right')}".encode()
            if not isinstance(event, str) or not isinstance(destination, str | None):
                raise TypeError("an event's id is a text, and so is a destination")
        return found
    except OSError as error:
        raise UserError(f"{export}: cannot be read ({error.strerror}); give what `syncer audit export` wrote") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise UserError(f"{export}: not an audit export as JSON; give what `syncer audit export` wrote") from None


def _lost_event(event: str | None, key: str | None, right: str | None) -> Lost:
    kind = right if right in (Right.ERASURE, Right.OBJECTION) else "erasure|objection"
    remedy = (
        f"bring the address again: `syncer submit {kind} --ref …`, or in WordPress;"
        " `syncer resync --file` where the event is still here"
    )
    return Lost(event, key, right, remedy)
