"""Every request's entries, read together: what the log says of it, whether that can be true, and what its rows say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from syncer.audit.chain import ZERO, Altered, digest, sealed_text, verify
from syncer.audit.ledger import Ledger
from syncer.audit.log_end import untyped
from syncer.audit.offline.history import History
from syncer.audit.offline.times import moment
from syncer.audit.proof.verification.covering import Covering
from syncer.audit.proof.verification.tables import PurgedEvent, TableComparison
from syncer.database.bulk import LONGEST
from syncer.database.connections import plain_rows_of
from syncer.database.tables import Tables

#: so many events that contradict their rows are looked at again at the end, in whose moment it may be no contradiction
MOST = 10_000
RECEIVED, RESYNCED = "event:received", "operator:resynced"


@dataclass(frozen=True, slots=True)
class ToldStories:
    """What was told of some events: how many entries, the first that cannot be true, and whose rows say otherwise.

    `rows` are how many rows of each table were found of them.
    """

    entries: int
    problem: tuple[int, str] | None
    suspects: Mapping[str, str]
    rows: Mapping[str, int]


class Stories:
    """Follows every event by itself, in the slice of the log in which it was received, to its last entry.

    So nothing is kept of an event once it was looked at. Entries up to `settled` are counted when they pass and when
    they are told; where the two differ, some belong to no event, and `orphan` finds the first. An event that an entry
    after `settled` names is followed anew with that entry.
    The texts are held against their leaves here, and nowhere else.

    `alone`: the entries that are read here do not pass in the same moment of the database, or not at all: then each one
    is asked for its link in the chain, and one without a text for the purge that took it.
    """

    def __init__(
        self, tables: Tables, ledger: Ledger, comparison: TableComparison, settled: int, *, alone: bool
    ) -> None:
        self._ledger = ledger
        self.comparison = comparison
        #: the entries up to this one are the same in every moment of this verification
        self.settled = settled
        self._alone = alone
        self._tables = tables
        self._query = _query(tables, alone)
        self._covering = Covering(ledger)
        self._resyncs: list[tuple[int, frozenset[str] | None]] | None = None
        self._passed = self._told = 0
        #: the first entry that cannot be true, and why
        self.problem: tuple[int, str] | None = None
        #: the latest time of an entry that was told (UTC, as the log has it); "" for none
        self.latest_at = ""
        self._suspects: dict[str, str] = {}  # events whose rows say otherwise, with the first contradiction of each

    def follow(self, connection: sa.Connection, rows: Sequence[Any]) -> None:
        """Follow the events of the next slice; rows as the chain has them, read with this connection."""
        self._resyncs = None if self._alone else self._resyncs
        received: dict[Any, None] = {}
        touched: dict[Any, None] = {}
        self.pass_over(rows)
        for row in rows:
            event = row[3]
            if event is None:
                if row[2] == RESYNCED:
                    self._resyncs = None
                continue
            if row[0] > self.settled:
                touched[event] = None
            if row[2] == RECEIVED:
                received[event] = None
        self._look(
            connection,
            [event for event in {**received, **touched} if isinstance(event, str)],
            range(rows[0][0], rows[-1][0] + 1),
        )

    def pass_over(self, rows: Sequence[Any]) -> None:
        """Count the entries of the next slice, whose events somebody else follows."""
        self._passed += sum(row[3] is not None and row[0] <= self.settled for row in rows)

    def told(self) -> ToldStories:
        """Return what was told so far."""
        return ToldStories(self._told, self.problem, self._suspects, self.comparison.found)

    def take_over(self, told: ToldStories) -> None:
        """Take what somebody else told of the events that were passed over here."""
        self._told += told.entries
        if told.problem is not None:
            self._refuse(*told.problem)
        self._suspects = {**told.suspects, **self._suspects}
        self.comparison.found.update(told.rows)

    def look_at(self, connection: sa.Connection, events: Iterable[str]) -> None:
        """Follow some more events, wherever they were received."""
        self._resyncs, ids = None, iter(events)
        while part := list(islice(ids, LONGEST)):
            self._look(connection, part, range(0))

    def orphan(self, connection: sa.Connection) -> None:
        """Look for the first entry of an event that was never received, if some entry was not told."""
        if self._passed == self._told:
            return
        t, other = self._tables.audit, self._tables.audit.alias("other")
        known = sa.exists().where(other.c.event_id == t.c.event_id, other.c.what == RECEIVED)
        query = sa.select(t.c.seq, t.c.at, t.c.what, t.c.event_id, t.c.destination, t.c.body, untyped(t.c.leaf))
        query = query.where(t.c.event_id.is_not(None), ~known).order_by(t.c.seq).limit(1)
        row = connection.execute(query).first()
        if row is None:
            self._refuse(1, "not every entry of an event is found by its event: an index is damaged, or an id altered")
            return
        self._refuse(row[0], f"entry {row[0]} concerns an event that was never received")
        if row[5] is not None:
            self._content(row[0], tuple(row[1:5]), row[5], row[6])

    def contradiction(self, connection: sa.Connection, now: datetime) -> str | None:
        """Return the first row that says otherwise than the log in the closing moment, in one line; None for none.

        `now` is the present (UTC), or the latest time of an entry where a clock ran ahead.
        """
        suspects = list(self._suspects)
        self._suspects.clear()
        self.comparison.set_now(now)
        self.look_at(connection, suspects)
        return next(iter(self._suspects.values()), None)

    # -- a few events ---------------------------------------------------------------------------------------

    def _look(self, connection: sa.Connection, ids: Sequence[str], slice_: range) -> None:
        for at in range(0, len(ids), LONGEST):
            part = ids[at : at + LONGEST]
            history = History()
            new, purged = set(), {}
            rows = plain_rows_of(connection, self._query, self._tables.audit.c.event_id, part)
            for event, entries in groupby(rows, key=itemgetter(3)):
                told = list(entries)
                if self._tell(connection, history, event, told, slice_):
                    new.add(event)
                if history.is_purged(event):
                    purged[event] = _left_of(told)
            for event, contradiction in self.comparison.of_events(connection, history, part, new, purged):
                if len(self._suspects) < MOST:
                    self._suspects.setdefault(event, contradiction)

    def _tell(self, connection: sa.Connection, history: History, event: str, rows: list[Any], slice_: range) -> bool:
        """Tell the entries of one event; say whether it was received in this slice."""
        received = next((row[0] for row in rows if row[2] == RECEIVED), None)
        self._require_purged_whole(rows)
        nobodys = False
        for row in rows:
            seq, _, what, _, _, body, leaf, *_ = row
            if nobodys and self._is_brought(connection, event, received or 0, seq):
                history.bring(event)
            if self._alone and not self._is_linked(row):
                continue
            if body is None:
                if self._alone and not self._covering.covers(connection, seq, row[1]):
                    self._refuse(seq, f"entry {seq} lost its body, and no purge on record took it")
                history.purged(what, event)
                continue
            content = self._content(seq, row[1:5], body, leaf)
            problem = None if content is None else history.tell(what, content)
            if problem:
                self._refuse(seq, f"entry {seq} {problem}")
            nobodys = history.is_nobodys(event)
        if nobodys and self._is_brought(connection, event, received or 0, None):
            history.bring(event)
        if isinstance(rows[-1][1], str):
            self.latest_at = max(self.latest_at, rows[-1][1])
        mine = received in slice_
        if mine:
            self._told += sum(row[0] <= self.settled for row in rows)
        return mine

    def _require_purged_whole(self, rows: list[Any]) -> None:
        """Refuse an entry without a text whose event's receipt has one: a purge takes the receipt first.

        Nothing proves the columns of a purged entry: given to another event, it would let that one be passed over.
        """
        bare = next((row[0] for row in rows if row[5] is None), None)
        if bare is not None and any(row[2] == RECEIVED and row[5] is not None for row in rows):
            self._refuse(bare, f"entry {bare} was altered: it lost its body, and its event's receipt did not")

    def _content(self, seq: Any, columns: Any, body: Any, leaf: Any) -> dict[str, Any] | None:
        at, what, event, destination = columns
        if not (type(what) is type(event) is str and (destination is None or type(destination) is str)):
            self._refuse(seq, f"entry {seq} was altered")
        elif what == RECEIVED and moment(at) is None:
            self._refuse(seq, f"entry {seq} was altered: its time cannot be read")
        else:
            try:
                return sealed_text(seq, columns, body, leaf)
            except Altered as altered:
                self._refuse(seq, str(altered))
        return None

    def _is_linked(self, row: Any) -> bool:
        seq = row[0]
        before = ZERO if seq == 1 else digest(row[8])
        if before is None:
            self._refuse(seq - 1, f"entry {seq - 1} is missing")
            return False
        verdict = verify([row[:8]], self._ledger.key_of, None, (seq - 1, before), of_events=False)
        if not verdict.ok:
            self._refuse(seq, str(verdict.reason))
        return verdict.ok

    def _refuse(self, seq: int, reason: str) -> None:
        if self.problem is None or seq < self.problem[0]:
            self.problem = seq, reason

    # -- nobody's events ------------------------------------------------------------------------------------

    def _is_brought(self, connection: sa.Connection, event: str, received: int, before: int | None) -> bool:
        """Say whether a resync may have brought the address of an event that is nobody's, after its receipt.

        Only those before an entry count, where one is given.
        """
        if self._resyncs is None:
            self._resyncs = [_brought(entry.seq, entry.facts) for entry in self._ledger.genuine(connection, RESYNCED)]
        return any(
            received < seq and (before is None or seq < before) and (named is None or event in named)
            for seq, named in self._resyncs
        )


def _left_of(rows: Sequence[Any]) -> PurgedEvent:
    latest_at = max((row[1] for row in rows if isinstance(row[1], str)), default="")
    return PurgedEvent(latest_at, whole=all(row[5] is None for row in rows))


def _brought(seq: int, facts: Any) -> tuple[int, frozenset[str] | None]:
    """Return the events whose addresses a resync brought; None for one whose text was purged: it may be any."""
    if facts is None:
        return seq, None
    named = facts.get("deliveries")
    if not facts.get("addresses_brought") or not isinstance(named, list):
        return seq, frozenset()
    return seq, frozenset(item.partition(":")[0] for item in named if isinstance(item, str))


def _query(tables: Tables, alone: bool) -> sa.Select[Any]:
    t, before = tables.audit, tables.audit.alias("before")
    columns = [t.c.seq, t.c.at, t.c.what, t.c.event_id, t.c.destination, t.c.body, untyped(t.c.leaf)]
    if not alone:
        return sa.select(*columns).order_by(t.c.event_id, t.c.seq)
    macs = [untyped(t.c.mac), untyped(before.c.mac).label("previous")]
    joined = t.outerjoin(before, before.c.seq == t.c.seq - 1)
    return sa.select(*columns, *macs).select_from(joined).order_by(t.c.event_id, t.c.seq)
