"""The SQL of the audit's pages: entries newest first, each page from where the one before ended, by an index.

What an entry says stands in its body, which no index knows. A page that asks for that reads backwards in slices and
stops after so many entries, whatever it found, and says how far it has come. What is younger than `until` is passed
over by its times alone, all of it: they need not rise with the numbers, so no search among them would be right.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from syncer.audit.ledger import LogEntry
from syncer.audit.log_end import octets, untyped
from syncer.console.reading.entries import content_of, entry_of, text_of
from syncer.database.connections import reading
from syncer.database.tables import Tables

LOOKED_UP = "operator:looked_up"
#: entries of a page, of a slice, and of all slices that one page reads
PAGE, SLICE, MOST = 50, 2000, 50_000
#: characters by which `LIKE` means more than themselves
_SPECIAL = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries are wanted. `by` is who acted, `subject` a pseudonym; `since` and `until` are stamps of the log.

    `before` is the number of the entry with which the page before ended.
    """

    what: str | None = None
    by: str | None = None
    subject: str | None = None
    since: str | None = None
    until: str | None = None
    before: int | None = None


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Entries, newest first. `older` is where the next page goes on, None at the end of the log; with `halted` this
    page looked back as far as `older` and found no more: there may be some behind it."""

    entries: tuple[LogEntry, ...]
    older: int | None
    halted: bool = False


@dataclass(frozen=True, slots=True)
class WholeEntry:
    """An entry with all that the table has of it: its text as it was written, None where that was purged."""

    entry: LogEntry
    subject: str | None
    body: str | None
    leaf: str
    mac: str


class AuditPages:
    """Reads the pages of one installation's audit."""

    def __init__(self, engine: sa.Engine, tables: Tables) -> None:
        self._engine = engine
        self._tables = tables
        a = tables.audit.c
        self._columns = (a.seq, a.at, a.what, a.event_id, a.destination, a.body)

    def page(self, wanted: AuditFilter, size: int = PAGE) -> AuditPage:
        """Return a page of the entries that are wanted."""
        with reading(self._engine) as connection:
            if wanted.subject is not None:
                found: Sequence[Any] = self._of_person(connection, wanted, size + 1)
            elif wanted.by is not None or wanted.since is not None or wanted.until is not None:
                return self._searched(connection, wanted, size)
            else:
                found = connection.execute(self._newest(wanted, size + 1)).all()
        entries = tuple(entry_of(*row) for row in found[:size])
        return AuditPage(entries, entries[-1].seq if len(found) > size else None)

    def whole(self, seq: int) -> WholeEntry | None:
        """Return one entry; None where there is none."""
        a = self._tables.audit.c
        with reading(self._engine) as connection:
            row = connection.execute(
                sa.select(*self._columns, untyped(a.leaf), untyped(a.mac)).where(a.seq == seq)
            ).first()
        if row is None:
            return None
        subject, body = content_of(row.body).get("subject"), row.body
        return WholeEntry(
            entry_of(*row[:6]),
            subject if isinstance(subject, str) else None,
            None if body is None else text_of(body),
            *map(_in_hex, row[6:]),
        )

    def _newest(self, wanted: AuditFilter, most: int) -> sa.Select[Any]:
        a = self._tables.audit.c
        query = sa.select(*self._columns).order_by(a.seq.desc()).limit(most)
        if wanted.what is not None:
            query = query.where(a.what == wanted.what)
        return query if wanted.before is None else query.where(a.seq < wanted.before)

    def _of_person(self, connection: sa.Connection, wanted: AuditFilter, size: int) -> Sequence[Any]:
        """Return a page of the entries of a person's requests, and those that say that somebody looked the person up.

        Who acted is asked of each row, since a body may name somebody besides: so more are read until it is enough.
        """
        found: list[Any] = []
        while True:
            rows = self._about_person(connection, wanted, size)
            found += [row for row in rows if _is_by(row.body, wanted.by)]
            if len(rows) < size or len(found) >= size:
                return found[:size]
            wanted = replace(wanted, before=rows[-1].seq)

    def _about_person(self, connection: sa.Connection, wanted: AuditFilter, most: int) -> Sequence[Any]:
        a, e = self._tables.audit.c, self._tables.event.c
        query = self._within(self._newest(wanted, most), wanted)
        found: list[Any] = []
        if wanted.what in (None, LOOKED_UP):
            named = a.body.like(_holding("subject", wanted.subject or ""), escape="\\")
            found += connection.execute(query.where(a.what == LOOKED_UP, named)).all()
        if wanted.what != LOOKED_UP:
            requests = sa.select(e.id).where(e.subject == wanted.subject)
            found += connection.execute(query.where(a.event_id.in_(requests))).all()
        return sorted({row.seq: row for row in found}.values(), key=lambda row: -row.seq)[:most]

    def _within(self, query: sa.Select[Any], wanted: AuditFilter) -> sa.Select[Any]:
        a = self._tables.audit.c
        if wanted.by is not None:
            query = query.where(a.body.like(_holding("user", wanted.by), escape="\\"))
        if wanted.since is not None:
            query = query.where(a.at >= wanted.since)
        return query if wanted.until is None else query.where(a.at < wanted.until)

    def _searched(self, connection: sa.Connection, wanted: AuditFilter, size: int) -> AuditPage:
        """Look backwards through MOST entries, of the kind where one is wanted, for a page."""
        found: list[Any] = []
        first = self._start(connection, wanted) + 1
        for _ in range(MOST // SLICE):
            last, first = first - 1, self._slice(connection, wanted, first - 1)
            a = self._tables.audit.c
            query = self._within(self._newest(wanted, SLICE), wanted).where(a.seq <= last, a.seq >= first)
            found += [row for row in connection.execute(query) if _is_by(row.body, wanted.by)]
            if len(found) > size:
                entries = tuple(entry_of(*row) for row in found[:size])
                return AuditPage(entries, entries[-1].seq)
            if first <= 1:
                return AuditPage(tuple(entry_of(*row) for row in found), None)
        return AuditPage(tuple(entry_of(*row) for row in found), first, halted=True)

    def _slice(self, connection: sa.Connection, wanted: AuditFilter, last: int) -> int:
        """Return the number at which a slice begins that ends with `last`: SLICE entries of the kind that is wanted."""
        if wanted.what is None:
            return max(last - SLICE + 1, 1)
        a = self._tables.audit.c
        query = sa.select(a.seq).where(a.what == wanted.what, a.seq <= last).order_by(a.seq.desc())
        return connection.execute(query.offset(SLICE - 1).limit(1)).scalar() or 1

    def _start(self, connection: sa.Connection, wanted: AuditFilter) -> int:
        """Return the newest entry that can be on the page: before that none was written early enough."""
        a = self._tables.audit.c
        query = sa.select(a.seq).order_by(a.seq.desc()).limit(1)
        if wanted.before is not None:
            query = query.where(a.seq < wanted.before)
        if wanted.until is not None:
            query = query.where(a.at < wanted.until)
        return connection.execute(query).scalar() or 0


def _is_by(body: str | None, user: str | None) -> bool:
    """Say whether a person of this name acted: not syncer by itself, and not somebody who is only named."""
    if user is None:
        return True
    actor = content_of(body).get("actor")
    return isinstance(actor, dict) and actor.get("user") == user and actor.get("kind") != "daemon"


def _holding(name: str, value: str) -> str:
    """Return the pattern of a body in which a key has this text; bodies are canonical JSON."""
    return f"%{json.dumps({name: value}, ensure_ascii=False, separators=(',', ':'))[1:-1].translate(_SPECIAL)}%"


def _in_hex(held: Any) -> str:
    """Return octets in hex; what is none as it is: SQLite holds anything there."""
    try:
        return octets(held).hex()
    except TypeError:
        return text_of(held)
