"""One person's requests, who looked at them, and who came back: newest first, a page at a time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from syncer.app import App
from syncer.audit.ledger import Facts, Stamp
from syncer.console.reading.entries import content_of, stamp_of, text_of
from syncer.console.reading.requests.rows import ListedRequest, in_address, listed
from syncer.database.bulk import by_index
from syncer.database.connections import reading

#: a pseudonym, as the key ring makes it
REF = re.compile(r"p[0-9]{1,4}:[A-Za-z0-9_-]{10,90}")
#: requests of one person, looks at them, and returns that a page shows
MOST = 200
LOOKED_UP, REAPPEARED = "operator:looked_up", "delivery:reappeared"
#: the last look-ups among which those of one person are looked for
LOOKED_AMONG = 10_000
RETURNS = 50


@dataclass(frozen=True, slots=True)
class LookUp:
    """That somebody looked a person up: when, and who, as the audit names them."""

    seq: int
    at: Stamp
    actor: Facts | None


@dataclass(frozen=True, slots=True)
class PersonRequests:
    """The requests of somebody, newest first; `more` says that there are others."""

    requests: tuple[ListedRequest, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class ReturnSeen:
    """That somebody was found again; `request` is how it stands now, None where the log names none that is there."""

    seq: int
    at: Stamp
    destination: str | None
    request: ListedRequest | None


@dataclass(frozen=True, slots=True)
class ReturnsPage:
    """A page of returns, newest first; `older` is the entry before which the next page begins."""

    found: tuple[ReturnSeen, ...]
    older: int | None


def of_person(app: App, refs: Sequence[str], most: int = MOST) -> PersonRequests:
    """Return the requests that stand under any of somebody's pseudonyms."""
    event, e = app.tables.event, app.tables.event.c
    query = sa.select(e.id).where(e.subject.in_(refs)).order_by(e.received_at.desc(), e.id.desc()).limit(most + 1)
    with reading(app.engine) as connection:
        found = by_index(query, event, f"ix_{app.tables.prefix}event_subject")
        ids = connection.execute(found).scalars().all()
        return PersonRequests(tuple(listed(app.reader, connection, ids[:most])), len(ids) > most)


def looks_at(app: App, refs: Sequence[str], events: Sequence[str]) -> list[LookUp]:
    """Return who looked up one of these pseudonyms or requests, newest first; among the last LOOKED_AMONG look-ups."""
    t = app.tables.audit
    newest = sa.select(t.c.seq).where(t.c.what == LOOKED_UP).order_by(t.c.seq.desc()).limit(LOOKED_AMONG)
    newest = by_index(newest, t, f"ix_{app.tables.prefix}audit_what")
    among = newest.subquery()
    names = [t.c.body.contains(f'"{ref}"', autoescape=True) for ref in refs]
    named = sa.or_(*names, t.c.event_id.in_(list(events)))
    query = sa.select(t.c.seq, t.c.at, t.c.body).where(t.c.seq.in_(sa.select(among.c.seq)), named)
    with reading(app.engine) as connection:
        rows = connection.execute(query.order_by(t.c.seq.desc()).limit(MOST)).all()
    return [LookUp(row.seq, stamp_of(row.at), _actor(row.body)) for row in rows]


def returns(app: App, before: int | None) -> ReturnsPage:
    """Return who was found again, newest first, before an entry of the log."""
    t = app.tables.audit
    query = sa.select(t.c.seq, t.c.at, t.c.event_id, t.c.destination).where(t.c.what == REAPPEARED)
    if before is not None:
        query = query.where(t.c.seq < before)
    query = by_index(query.order_by(t.c.seq.desc()).limit(RETURNS + 1), t, f"ix_{app.tables.prefix}audit_what")
    with reading(app.engine) as connection:
        rows: Sequence[Any] = connection.execute(query).all()
        shown = rows[:RETURNS]
        ids = list(dict.fromkeys(row.event_id for row in shown if row.event_id is not None))
        requests = {row.id: row for row in listed(app.reader, connection, ids) if row.id is not None}
    found = tuple(
        ReturnSeen(row.seq, stamp_of(row.at), _named(row.destination), requests.get(in_address(row.event_id) or ""))
        for row in shown
    )
    return ReturnsPage(found, shown[-1].seq if len(rows) > RETURNS else None)


def _actor(body: Any) -> Facts | None:
    actor = content_of(body).get("actor")
    return actor if isinstance(actor, dict) else None


def _named(destination: Any) -> str | None:
    return None if destination is None else text_of(destination)
