"""`syncer audit verify`: the chain with the key, the log against its signed notes, and the tables against the log."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from syncer.audit.anchors.folder import SUFFIX, all_notes, read
from syncer.audit.chain import ZERO, Verdict, digest
from syncer.audit.ledger import Ledger
from syncer.audit.offline.finding import SINCE, Finding
from syncer.audit.offline.notes import UnreadableNote, require_note
from syncer.audit.offline.times import moment
from syncer.audit.offline.verifier import Examination
from syncer.audit.proof.checkpoints import Checkpoints
from syncer.audit.proof.origins import Origins
from syncer.audit.proof.verification.passage import BadChain, Passage, Pause
from syncer.audit.proof.verification.progress import VerifiedState, VerifiedStates
from syncer.audit.proof.verification.sharing import SecondLost, SecondProcess, can_share, takes
from syncer.audit.proof.verification.span import Span, received
from syncer.audit.proof.verification.stories import Stories
from syncer.audit.proof.verification.tables import TableComparison
from syncer.audit.proof.verification.verified import STALE, Verified
from syncer.audit.transaction import Clock
from syncer.database.connections import reading, snapshot
from syncer.database.tables import Tables
from syncer.errors import ChainBroken, UserError

#: so many entries make it worth to keep a verified state anew
WORTH_KEEPING = 1000
#: (name for people, text) of notes, in the order they were anchored
Notes = list[tuple[str, str]]


class Verification:
    """Verifies one installation's log with all that lies on this host; `folder` is the state folder.

    `whole` verifies everything, `since` what came after the last verified state, which both leave behind.
    """

    def __init__(
        self,
        engine: sa.Engine,
        tables: Tables,
        ledger: Ledger,
        origins: Origins,
        checkpoints: Checkpoints,
        verified: Verified,
        folder: Path,
        clock: Clock,
    ) -> None:
        self._engine = engine
        self._tables = tables
        self._ledger = ledger
        self._origins = origins
        self._checkpoints = checkpoints
        self._verified = verified
        self._states = VerifiedStates(engine, tables, ledger, clock)
        self._folder = folder
        self._clock = clock
        #: entries from which on a second process is worth its start
        self.worth_sharing = 50_000

    def whole(
        self, against: Sequence[Path] = (), accepted: Collection[int] = (), pause: Pause | None = None
    ) -> Finding:
        """Verify everything that can be verified on this host.

        `against` are notes that were collected elsewhere, `accepted` the entries of restores that the caller was told
        of. With a `pause` the log is read in slices with pauses between them; see `passage`. Raises UserError for a
        file that cannot be read as a note: what was damaged proves nothing, and no forgery. A note that is not ours is
        a finding in `against`, but only a warning in the state folder, where anybody may have put it.
        """
        return self._whole(against, accepted, pause)

    def _whole(
        self,
        against: Sequence[Path] = (),
        accepted: Collection[int] = (),
        pause: Pause | None = None,
        before: VerifiedState | None = None,
    ) -> Finding:
        """Verify everything; where `before` is given, the log must have been in that state."""
        size = self._checkpoints.size()
        if pause is None and size >= self.worth_sharing and can_share(self._engine):
            with suppress(SecondLost):
                return self._pass(against, accepted, None, before, size, share=True)
        return self._pass(against, accepted, pause, before, size)

    def _pass(
        self,
        against: Sequence[Path],
        accepted: Collection[int],
        pause: Pause | None,
        before: VerifiedState | None,
        size: int,
        *,
        share: bool = False,
    ) -> Finding:
        """Verify everything in one passage; `size` is that of the newest signed state, `share` asks for two processes.

        Raises SecondLost.
        """
        mine, foreign = self._folder_notes()
        signed = [(f"checkpoint {sealed.size}", sealed.note) for sealed in self._checkpoints.all()]
        sources = [signed, mine, _collected(against)]
        examination = Examination(sources, self._origins.public_keys(), accepted, foreign, of_events=False)
        stories = self._stories(size, alone=pause is not None)
        second = SecondProcess(self._engine, self._ledger, stories) if share else None
        with second or nullcontext(), Passage(self._engine, self._ledger, pause=pause) as passage:
            finding = self._examined(examination, passage, stories, second=second)
            if finding.stands and before is not None:
                finding = self._held_against(finding, before, passage.connection)
            if finding.stands and not against and not accepted:
                self._keep(examination, passage, self._clock())
        return finding

    def since(self, events: Iterable[str] = (), span: Span | None = None, *, keep: bool = True) -> Finding:
        """Verify what came after the last verified state, and what log and tables say of these events.

        With a span also the entries that were written in it, and the events that these received: who takes a request
        out of rows and log would else take it out of the report of its month.
        Everything is verified where there is no such state that counts, or where something is found in the log. With
        `keep` this is where the next one goes on, if it got on by enough.
        """
        state, last = self._states.read(), self._verified.last()
        if state is None or not self._is_there(state):
            return self._whole(before=state)
        if abs(self._clock() - state.whole_at) > STALE or (last is not None and not last.ok):
            return self._whole()
        mine, foreign = self._folder_notes(state.seq)
        signed = [(f"checkpoint {sealed.size}", sealed.note) for sealed in self._checkpoints.all(state.seq)]
        examination = Examination([signed, mine], self._origins.public_keys(), (), foreign, of_events=False)
        examination.go_on(state.examination)
        stories = self._stories(state.seq, alone=True)
        with Passage(self._engine, self._ledger, (state.seq, state.mac)) as passage:
            finding = self._examined(examination, passage, stories, events, span)
            if keep and finding.stands and passage.end[0] >= state.seq + WORTH_KEEPING:
                self._keep(examination, passage, state.whole_at)
        if not finding.stands and not finding.tables_differ:
            return self._whole()  # which names the first that is wrong
        return replace(finding, scope=SINCE, since_entry=state.seq)

    def objection(self, events: Iterable[str]) -> str | None:
        """Return what is wrong with the entries and rows of these events, whatever the rest says; None for nothing."""
        with snapshot(self._engine) as connection:
            stories = self._stories(0, alone=True)
            stories.look_at(connection, events)
            if stories.problem is not None:
                return stories.problem[1]
            return stories.contradiction(connection, self._present(stories.latest_at))

    # -- one examination ------------------------------------------------------------------------------------

    def _present(self, latest_at: str) -> datetime:
        """Return the present, or the latest time of an entry where a clock ran ahead."""
        return max(filter(None, (self._clock(), moment(latest_at))))

    def _examined(
        self,
        examination: Examination,
        passage: Passage,
        stories: Stories,
        events: Iterable[str] | None = None,
        span: Span | None = None,
        second: SecondProcess | None = None,
    ) -> Finding:
        """Examine what the passage reads; `events` are looked at besides, None where every event is looked at anyway.

        So are those that the log received in a `span`.
        """
        try:
            self._follow(examination, passage, stories, second)
            if span is not None:
                stories.look_at(passage.connection, received(self._ledger, passage.connection, span, stories.settled))
        except BadChain as bad:
            if stories.problem is None or stories.problem[0] > (bad.verdict.first_bad or 0):
                return _broken(bad.verdict)
            examination.refuse(*stories.problem)
            return examination.finding()
        if events is None:
            stories.orphan(passage.connection)
        else:
            stories.look_at(passage.connection, events)
        if stories.problem is not None:
            examination.refuse(*stories.problem)
        finding = examination.finding()
        if not finding.stands:
            return finding  # also where a note is bad by itself, and no row was read for it
        contradiction = stories.contradiction(passage.connection, self._present(examination.latest_at))
        contradiction = contradiction or stories.comparison.of_lanes(passage.connection)
        if contradiction is None and events is None:
            contradiction = stories.comparison.added(passage.connection)
        if contradiction:
            return replace(finding, ok=False, reason=contradiction, warnings=(), lost=0, tables_differ=True)
        return self._intact(finding)

    def _stories(self, settled: int, *, alone: bool) -> Stories:
        return Stories(self._tables, self._ledger, TableComparison(self._tables, self._clock()), settled, alone=alone)

    def _follow(
        self, examination: Examination, passage: Passage, stories: Stories, second: SecondProcess | None
    ) -> None:
        first: int | None = None
        for number, (connection, rows) in enumerate(passage.slices()):
            if first is None or examination.purges.waiting:
                first = first or rows[0][0]
                self._foresee(connection, examination, first)
            examination.take_linked(rows)
            if second is not None and takes(number, rows, stories.settled):
                stories.pass_over(rows)
            else:
                stories.follow(connection, rows)
        if second is not None:
            stories.take_over(second.told())

    def _intact(self, finding: Finding) -> Finding:
        try:
            self._checkpoints.require_intact()  # what was signed last, and its seal: else nothing is signed any more
        except ChainBroken as broken:
            return replace(finding, ok=False, reason=broken.what, lost=0, tables_differ=False)
        return finding

    def _foresee(self, connection: sa.Connection, examination: Examination, first: int) -> None:
        for purge in self._ledger.genuine(connection, "audit:purged"):
            if purge.seq >= max(first, examination.size + 1) and isinstance(purge.facts, dict):
                examination.purges.foresee(purge.seq, purge.facts)

    # -- the verified state ---------------------------------------------------------------------------------

    def _keep(self, examination: Examination, passage: Passage, whole_at: datetime) -> None:
        saved = examination.saved()
        if saved is not None:
            self._states.keep(VerifiedState(*passage.end, whole_at, saved))

    def _is_there(self, state: VerifiedState) -> bool:
        with reading(self._engine) as connection:
            return self._mac_of(connection, state.seq) == state.mac

    def _mac_of(self, connection: sa.Connection, seq: int) -> bytes | None:
        if seq == 0:
            return ZERO
        return next((digest(row[7]) for row in self._ledger.part(connection, seq - 1, 1, seq)), None)

    def _held_against(self, finding: Finding, before: VerifiedState, connection: sa.Connection) -> Finding:
        """Hold a log that is whole by itself against what was verified before: an end that is gone was there.

        Only a whole verification that somebody asks for, or the daemon's, lets it be forgotten.
        """
        if self._mac_of(connection, before.seq) == before.mac:
            return finding
        if any(fork.shared < before.seq <= fork.size for fork in finding.forks):
            return finding  # a person put that on record
        gone = f"entry {before.seq} was verified before, and is not here: the log was cut or rolled back"
        return replace(finding, ok=False, reason=gone, first_bad=finding.entries + 1, lost=0)

    def _folder_notes(self, beyond: int = 0) -> tuple[Notes, list[str]]:
        """Return this log's notes in the state folder, and a warning for each file that is not one of them.

        Only files whose names say that they are of more than `beyond` entries are opened.
        """
        mine, foreign = [], []
        for name, text in all_notes(self._folder, beyond):
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
