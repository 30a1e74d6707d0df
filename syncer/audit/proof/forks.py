"""A restored backup: the fork of the log on record, and the plan that repeats what the backup undid."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from syncer.audit.anchors.folder import read
from syncer.audit.offline.notes import Checkpoint
from syncer.audit.proof.checkpoints import Checkpoints
from syncer.audit.proof.notary import Notary, open_ours
from syncer.decisions.interventions import Operations
from syncer.decisions.replay import Lost, Replay, _lost_event
from syncer.errors import UserError
from syncer.events.store import Store
from syncer.intake.queue import Queue

FORK = "/fork-"


@dataclass(frozen=True, slots=True)
class Fork:
    """A fork on record: the entry that says so, the new name, and how many entries stayed and were lost."""

    seq: int
    origin: str
    kept: int
    lost: Checkpoint
    shared: int


class Forks:
    """What a person does after a restore."""

    def __init__(self, notary: Notary, store: Store, operations: Operations, queue: Queue) -> None:
        self._notary = notary
        self._checkpoints: Checkpoints = notary.checkpoints
        self._store = store
        self._operations = operations
        self._queue = queue

    # -- the fork -------------------------------------------------------------------------------------------

    def record(self, reason: str, against: Path | None = None) -> Fork:
        """Write the fork on record and sign the log under its new name.

        `against` is a note from elsewhere, for a state folder that was restored with the database. Raises UserError
        when the database is not behind.
        """
        lost = self._lost(against)
        kept, shared = self._checkpoints.size(), self._shared(lost.origin)
        origin = self._next(lost.origin)
        facts: dict[str, Any] = {
            "reason": reason,
            "origin": origin,
            "old_origin": lost.origin,
            "anchor": {"size": lost.size, "root": lost.root.hex()},
            "shared": min(shared, lost.size - 1),
        }
        seq = self._checkpoints.record("audit:forked", facts)
        self._notary.make("fork")
        return Fork(seq, origin, kept, lost, facts["shared"])

    def _lost(self, against: Path | None) -> Checkpoint:
        if against is None:
            found = self._notary.lost()
            if found is None:
                raise UserError(
                    "audit fork: the database holds all that the state folder says; nothing was written"
                    " (was the folder restored too? then give a note from elsewhere with --against)"
                )
            return found[1]
        note = self._note(against)
        if self._notary.difference(note) is None:
            raise UserError(f"audit fork: {against}: the database holds what this note says; nothing was written")
        return note

    def _shared(self, origin: str) -> int:
        """Return the largest signed size that the database still bears out."""
        found = {item.size: item.checkpoint for item in self._checkpoints.all() if item.checkpoint.origin == origin}
        for _, text in self._notary.notes():
            try:
                note = open_ours(self._checkpoints, text)
            except ValueError:
                continue
            if note.origin == origin:
                found[note.size] = note
        sizes = sorted(found, reverse=True)
        return next((size for size in sizes if self._checkpoints.root_at(size) == found[size].root), 0)

    def _next(self, origin: str) -> str:
        base = origin.partition(FORK)[0]
        return f"{base}{FORK}{len(self._checkpoints.forks()) + 1}"

    def _note(self, path: Path) -> Checkpoint:
        try:
            return open_ours(self._checkpoints, read(path))
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror}); give the path of a note") from None
        except ValueError as error:
            raise UserError(f"{path}: no note of this log: {error}; give one that was anchored") from None

    # -- the replay -----------------------------------------------------------------------------------------

    def plan(self, since: Path, export: Path | None) -> Replay:
        """Plan what is read back again after a restore. Changes nothing.

        `since` is a note: what was confirmed after its last entry starts with a read-back. A note of the lost part
        stands for the moment of the backup. `export` is an earlier `audit export` that reaches beyond the backup.
        """
        forks = self._checkpoints.forks()
        if not forks:
            raise UserError("replay: no fork is on record; a restore is recorded first, with `syncer audit fork`")
        kept = int(forks[-1]["size"])
        moment = self._checkpoints.time_of(min(self._note(since).size, kept))
        plan = self._operations.plan_resync(confirmed_since=moment)
        lost = [*self._from_export(export, kept), *self._from_queue(moment)]
        return Replay(moment, plan, tuple({item.event_key or item.event: item for item in lost}.values()))

    def _from_queue(self, moment: datetime) -> list[Lost]:
        """Rows that the lost part took from a queue in another database: nobody would ever look at them again."""
        if self._queue.shared:
            return []
        taken = self._queue.taken_since(moment)
        with self._store.write() as tx:
            known = self._store.known_keys(tx, [key for key, _ in taken])
        return [_lost_event(None, key, right) for key, right in taken if key not in known]

    def _from_export(self, export: Path | None, kept: int) -> list[Lost]:
        if export is None:
            return []
        try:
            rows = [json.loads(line) for line in export.read_text(encoding="utf-8").splitlines()]
            received = [
                (row["event"], json.loads(row["body"])["facts"])
                for row in rows
                if row["seq"] > kept and row["what"] == "event:received" and row["body"]
            ]
        except OSError as error:
            raise UserError(f"{export}: cannot be read ({error.strerror}); give an `audit export`") from None
        except (ValueError, KeyError, TypeError):
            raise UserError(f"{export}: is no export of the audit as JSON lines; give one") from None
        with self._store.write() as tx:
            known = self._store.known_keys(tx, [str(facts.get("event_key")) for _, facts in received])
        return [
            _lost_event(event, str(facts.get("event_key")), facts.get("right"))
            for event, facts in received
            if str(facts.get("event_key")) not in known
        ]

    def carry_out(self, replay: Replay, reason: str) -> None:
        """Carry the plan out: read back again what was confirmed since."""
        self._operations.apply_resync(replay.plan, reason)
