"""`syncer audit verify`: the chain with the key, the log against its signed notes, and the tables against the log."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import sqlalchemy as sa

from syncer.audit.anchors.folder import SUFFIX, all_notes, read
from syncer.audit.chain import Verdict
from syncer.audit.ledger import Ledger
from syncer.audit.offline.notes import UnreadableNote, require_note
from syncer.audit.offline.times import moment
from syncer.audit.offline.verifier import Examination, Finding
from syncer.audit.proof.checkpoints import Checkpoints
from syncer.audit.proof.origins import Origins
from syncer.audit.proof.verification.passage import BadChain, Passage, Pause
from syncer.audit.proof.verification.tables import TableComparison
from syncer.audit.transaction import Clock
from syncer.database.tables import Tables
from syncer.errors import ChainBroken, UserError

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

    def verify(
        self, against: Sequence[Path] = (), accepted: Collection[int] = (), pause: Pause | None = None
    ) -> Finding:
        """Verify everything that can be verified on this host.

        `against` are notes that were collected elsewhere, `accepted` the entries of restores that the caller was told
        of. With a `pause` the log is read in slices with pauses between them; see `passage`. Raises UserError for a
        file that cannot be read as a note: what was damaged proves nothing, and no forgery. A note that is not ours is
        a finding in `against`, but only a warning in the state folder, where anybody may have put it.
        """
        mine, foreign = self._folder_notes()
        signed = [(f"checkpoint {sealed.size}", sealed.note) for sealed in self._checkpoints.all()]
        sources = [signed, mine, _collected(against)]
        examination = Examination(sources, self._origins.public_keys(), accepted, foreign)
        with Passage(self._engine, self._ledger, pause) as passage:
            try:
                examination.take_all(passage.rows())
            except BadChain as bad:
                return _broken(bad.verdict)
            finding = examination.finding()
            if not finding.stands:
                return finding  # also where a note is bad by itself, and no row was read for it
            finding = self._held_against(finding, examination, passage.connection)
        try:
            self._checkpoints.require_intact()  # what was signed last, and its seal: else nothing is signed any more
        except ChainBroken as broken:
            return replace(finding, ok=False, reason=broken.what, lost=0, tables_differ=False)
        return finding

    def _held_against(self, finding: Finding, examination: Examination, connection: sa.Connection) -> Finding:
        """Hold the tables against the log, both of the moment of `connection`, a snapshot."""
        now = max(filter(None, (self._clock(), moment(examination.latest_at))))
        contradiction = TableComparison(self._tables, examination.history, now).contradiction(connection)
        if contradiction:
            return replace(finding, ok=False, reason=contradiction, warnings=(), lost=0, tables_differ=True)
        return finding

    def _folder_notes(self) -> tuple[Notes, list[str]]:
        """Return this log's notes in the state folder, and a warning for each file that is not one of them."""
        mine, foreign = [], []
        for name, text in all_notes(self._folder):
            try:
                checkpoint = self._origins.open(text)
            except ValueError as error:
                foreign.append(f"{name}: passed over: {error}")
            else:
                mine.append((checkpoint.origin, checkpoint.size, name, text))
        # in the order of their sizes: a copy under another name is a copy, and no log that shrank
        return [(name, text) for _, _, name, text in sorted(mine)], foreign


def _collected(against: Sequence[Path]) -> Notes:
    return [(str(path), _read(path)) for path in _files(against)]


def _broken(chain: Verdict) -> Finding:
    return Finding(False, chain.entries, chain.first_bad, chain.reason, chain.purged)


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
