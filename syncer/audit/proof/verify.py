"""`syncer audit verify`: the chain with the key, the log against its signed notes, and the tables against the log."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import sqlalchemy as sa

from syncer.audit.anchors.folder import SUFFIX, all_notes, read
from syncer.audit.ledger import Ledger
from syncer.audit.offline.notes import UnreadableNote, require_note
from syncer.audit.offline.times import moment
from syncer.audit.offline.verifier import Examination, Finding, LogRow
from syncer.audit.proof.checkpoints import Checkpoints
from syncer.audit.proof.origins import Origins
from syncer.audit.proof.tables import TableComparison
from syncer.audit.transaction import Clock
from syncer.database.connections import snapshot
from syncer.database.tables import Tables
from syncer.errors import UserError

#: (name for people, text) of notes, in the order they were anchored
Notes = list[tuple[str, str]]


class Verification:
    """Verifies one installation's log with all that lies on this host; `folder` is the state folder.

    `verify` does it at once. Whoever reads the log in parts of its own calls `begin`, gives every row to the
    examination, and calls `finish` within the snapshot in which the last rows are read.
    """

    def __init__(
        self,
        engine: sa.Engine,
        tables: Tables,
        ledger: Ledger,
        origins: Origins,
        checkpoints: Checkpoints,
        folder: Path,
        clock: Clock,
    ) -> None:
        self._engine = engine
        self._tables = tables
        self._ledger = ledger
        self._origins = origins
        self._checkpoints = checkpoints
        self._folder = folder
        self._clock = clock

    def verify(self, against: Sequence[Path] = (), accepted: Collection[int] = ()) -> Finding:
        """Verify everything that can be verified on this host.

        `against` are notes that were collected elsewhere, `accepted` the entries of restores that the caller was told
        of. Raises UserError for a file that cannot be read as a note: what was damaged proves nothing, and no forgery.
        A note that is not ours is a finding in `against`, but only a warning in the state folder, where anybody may
        have put it.
        """
        collected = _collected(against)
        chain = self._ledger.verify()
        if not chain.ok:
            return Finding(False, chain.entries, chain.first_bad, chain.reason, chain.purged)
        examination = self._begin(collected, accepted)
        with snapshot(self._engine) as connection:
            return self.finish(examination, self._rows(connection), connection)

    def begin(self, against: Sequence[Path] = (), accepted: Collection[int] = ()) -> Examination:
        """Return an examination against every note on this host; give it the rows in their order. See `verify`."""
        return self._begin(_collected(against), accepted)

    def finish(self, examination: Examination, rest: Iterable[LogRow], connection: sa.Connection) -> Finding:
        """Take the rows that are left, hold the tables against the log, and return the finding.

        `rest` and the tables are of one moment: `connection` is a snapshot, and `rest` is read from it.
        """
        examination.take_all(rest)
        finding = examination.finding()
        if not finding.ok and not finding.declared_lost:
            return finding
        now = max(filter(None, (self._clock(), moment(examination.newest_at))))
        contradiction = TableComparison(self._tables, examination.history, now).contradiction(connection)
        if contradiction:
            return replace(finding, ok=False, reason=contradiction, warnings=(), lost=0)
        return finding

    def _begin(self, collected: Notes, accepted: Collection[int]) -> Examination:
        signed = [(f"checkpoint {sealed.size}", sealed.note) for sealed in self._checkpoints.all()]
        mine, foreign = self._folder_notes()
        return Examination([signed, mine, collected], self._origins.public_keys(), accepted, foreign)

    def _folder_notes(self) -> tuple[Notes, list[str]]:
        """Return this log's notes in the state folder, and a warning for each file that is not one of them."""
        mine, foreign = [], []
        for name, text in all_notes(self._folder):
            try:
                self._origins.open(text)
            except ValueError as error:
                foreign.append(f"{name}: passed over: {error}")
            else:
                mine.append((name, text))
        return mine, foreign

    def _rows(self, connection: sa.Connection) -> Iterator[LogRow]:
        for seq, at, what, event, destination, body, leaf, _ in self._ledger.raw(connection):
            yield seq, at, what, event, destination, body, bytes(leaf) if isinstance(leaf, memoryview) else leaf


def _collected(against: Sequence[Path]) -> Notes:
    return [(str(path), _read(path)) for path in _files(against)]


def _files(given: Sequence[Path]) -> list[Path]:
    files: list[Path] = []
    for path in given:
        files += sorted(path.glob(f"*{SUFFIX}")) if path.is_dir() else [path]
    return files


def _read(path: Path) -> str:
    try:
        text = read(path)
        require_note(text)
    except UnreadableNote as error:
        remedy = "it is damaged, or no note: get it again from where it was kept"
        raise UserError(f"{path}: cannot be read as a note ({error}); {remedy}") from None
    except (OSError, ValueError):
        raise UserError(f"{path}: cannot be read as a note; give the path of a note") from None
    return text
