"""After a restore: what is read back again, and which events only the lost part of the log knew."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from syncer.audit.offline.files import text_of
from syncer.audit.proof.checkpoints import Checkpoints
from syncer.audit.proof.origins import Origins
from syncer.database.connections import reading
from syncer.decisions.resync import Resync
from syncer.decisions.resync_plan import ResyncPlan, Selection
from syncer.domain.rights import Right
from syncer.errors import UserError
from syncer.events.store import Store
from syncer.intake.queue import Queue


@dataclass(frozen=True, slots=True)
class Lost:
    """An event that only the lost part of the log knew, with what to do; `event` or `event_key` may be unknown."""

    event: str | None
    event_key: str | None
    right: str | None
    remedy: str


@dataclass(frozen=True, slots=True)
class Replay:
    """What a replay will do: deliveries that are read back again since `since` (UTC), and events that are gone."""

    since: datetime
    plan: ResyncPlan
    lost: tuple[Lost, ...]


class Replays:
    """Plans what repeats the work that a restored backup undid, and carries it out."""

    def __init__(
        self,
        checkpoints: Checkpoints,
        origins: Origins,
        engine: sa.Engine,
        store: Store,
        resync: Resync,
        queue: Queue,
    ) -> None:
        self._checkpoints = checkpoints
        self._origins = origins
        self._engine = engine
        self._store = store
        self._resync = resync
        self._queue = queue

    def plan(self, since: Path, export: Path | None) -> Replay:
        """Return the plan of what is read back again after a restore. Changes nothing.

        `since` is a note: what was confirmed after its last entry starts with a read-back. A note of the lost part
        stands for the moment of the backup. `export` is an earlier `audit export` that reaches beyond the backup.
        Raises UserError without a fork on record, and for a file that is not what it should be.
        """
        forks = self._origins.forks()
        if not forks:
            raise UserError("replay: no fork is on record; record the restore first, with `syncer audit fork`")
        restored = forks[-1].size
        moment = self._checkpoints.time_of(min(self._origins.read(since).size, restored))
        plan = self._resync.plan(Selection(confirmed_since=moment))
        lost = [*self._from_export(export, restored), *self._from_queue(moment)]
        return Replay(moment, plan, tuple({event.event_key or event.event: event for event in lost}.values()))

    def carry_out(self, replay: Replay, reason: str) -> None:
        """Carry the plan out: read back again what was confirmed since then."""
        self._resync.read_back(replay.plan, reason)

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

    def _known(self, keys: Sequence[str]) -> set[str]:
        with reading(self._engine) as connection:
            return self._store.known_keys(connection, keys)


def received_after(restored: int, export: Path) -> list[tuple[str, dict[str, Any]]]:
    """Return event id and facts of each `event:received` that an export holds beyond entry `restored`."""
    try:
        text = text_of(export.read_bytes())
        lines = (json.loads(line) for line in text.split("\n") if line.strip())
        rows = json.loads(text) if text.startswith("[") else list(lines)
        found = [
            (row["event"], json.loads(row["body"])["facts"])
            for row in rows
            if row["seq"] > restored and row["what"] == "event:received" and row["body"]
        ]
        for event, facts in found:
            f"{event}{facts.get('event_key')}{facts.get('right')}".encode()  # what no database could be asked for
            if not isinstance(event, str):
                raise TypeError("an event's id is a text")
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
