"""The SQL of what alerts are raised for, as far as nothing else counts it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from syncer.database.bulk import by_index
from syncer.database.tables import Tables

#: the word in `delivery.code` of what the guard keeps back
GUARDED = "guarded"
#: the states of deliveries that it keeps back: those of people who are back are tried again
KEPT_BACK = ("pending", "retrying")
#: the states of requests that are not through
UNFINISHED = ("open", "held")


@dataclass(frozen=True, slots=True)
class OpenRequests:
    """Requests that are not through: each is counted once, at the worst that is true of it.

    `late` is past its due day, `missed` an objection past its target; `soon` is due within days, `long` older than the
    border. `due_first` is the earliest due day of those that are late or due soon.
    """

    late: int
    missed: int
    soon: int
    long: int
    due_first: date | None


@dataclass(frozen=True, slots=True)
class LaneSign:
    """What a lane says for alerts: whether and since when it is paused, guarded, on trial (UTC)."""

    destination: str
    paused: bool
    paused_by: str | None
    paused_at: datetime | None
    guard_since: datetime | None
    guard_limit: int | None
    guard_counted: int | None
    shadow_since: datetime | None


@dataclass(frozen=True, slots=True)
class GuardSign:
    """How many deletions wait for a person at a destination, and the earliest day on which one is due."""

    waiting: int
    due_first: date | None


def open_requests(
    connection: sa.Connection, tables: Tables, today: date, target: datetime, soon: date, border: datetime
) -> OpenRequests:
    """Count the requests that are not through.

    `today` and `soon` are days, `soon` the last that counts as soon; an objection received at or before `target` missed
    it; what was received before `border` (both UTC) is open for long.
    """
    e = tables.event.c
    late = e.due_on < today
    missed = sa.and_(sa.not_(late), e.right == "objection", e.received_at <= target)
    near = sa.and_(sa.not_(late), sa.not_(missed), e.due_on <= soon)
    long = sa.and_(sa.not_(late), sa.not_(missed), e.due_on > soon, e.received_at < border)
    counts: list[Any] = [sa.func.count(sa.case((each, 1))) for each in (late, missed, near, long)]
    first = sa.func.min(sa.case((e.due_on <= soon, e.due_on)))
    query: sa.Select[Any] = sa.select(*counts, first).where(e.state.in_(UNFINISHED))
    row = connection.execute(by_index(query, tables.event, f"ix_{tables.prefix}event_state")).one()
    return OpenRequests(row[0], row[1], row[2], row[3], _day(row[4]))


def lanes(connection: sa.Connection, tables: Tables) -> list[LaneSign]:
    """Return every lane."""
    lane = tables.lane.c
    query = sa.select(*[lane[name] for name in LaneSign.__slots__]).order_by(lane.destination)
    return [LaneSign(row[0], bool(row[1]), *row[2:]) for row in connection.execute(query)]


def guarded(connection: sa.Connection, tables: Tables, destination: str) -> GuardSign:
    """Return what the guard keeps back at a destination."""
    d = tables.delivery.c
    query = sa.select(sa.func.count(), sa.func.min(d.due_on))
    query = query.where(d.destination == destination, d.code == GUARDED, d.state.in_(KEPT_BACK))
    row = connection.execute(query).one()
    return GuardSign(row[0], _day(row[1]))


def proposals(
    connection: sa.Connection, tables: Tables, before: datetime, now: datetime
) -> tuple[int, datetime | None]:
    """Return how many decisions wait for a second person since before a moment (UTC), and since when the first does."""
    p = tables.proposal.c
    query = sa.select(p.proposed_at).where(p.outcome.is_(None), p.until > now, p.proposed_at <= before)
    found = connection.execute(query.order_by(p.proposed_at)).scalars().all()
    return len(found), found[0] if found else None


def entries(connection: sa.Connection, tables: Tables, what: str, since: str) -> dict[str, int]:
    """Return how many entries of a kind the log has since a moment, as it writes it, by destination ("" for none)."""
    a = tables.audit.c
    query = sa.select(a.destination, sa.func.count()).where(a.what == what, a.at >= since).group_by(a.destination)
    return {row[0] or "": row[1] for row in connection.execute(query)}


def newest_entry(connection: sa.Connection, tables: Tables, what: str) -> str | None:
    """Return when the log's newest entry of a kind was written, as the log writes it; None for none."""
    a = tables.audit.c
    found = connection.execute(sa.select(a.at).where(a.what == what).order_by(a.seq.desc()).limit(1)).scalar()
    return found if isinstance(found, str) else None


def newest_request(connection: sa.Connection, tables: Tables) -> str | None:
    """Return the id of the request that was taken last: they rise with time."""
    return connection.execute(sa.select(sa.func.max(tables.event.c.id))).scalar()


def taken_by_day(connection: sa.Connection, tables: Tables, now: datetime, days: int) -> Mapping[str, list[int]]:
    """Return how many requests of each right were taken in each of the last days of 24 hours, the newest first."""
    e = tables.event.c
    bounds = [now - timedelta(days=number) for number in range(days + 1)]
    within = [sa.and_(e.created_at > bounds[n + 1], e.created_at <= bounds[n]) for n in range(days)]
    counts = [sa.func.count(sa.case((each, 1))) for each in within]
    # by the time alone: were the right in the condition or its plain column grouped by, SQLite would read all requests
    right = sa.func.coalesce(e.right, "")
    query = sa.select(right, *counts).where(e.created_at > bounds[-1]).group_by(right)
    return {str(row[0]): list(row[1:]) for row in connection.execute(query)}


def unfinished_looks(connection: sa.Connection, tables: Tables, before: datetime) -> list[str]:
    """Return the destinations where the look for people who are back has not come to its end since a moment (UTC)."""
    w = tables.watch.c
    query = sa.select(w.destination).where(w.unfinished.is_not(None), w.looked_at < before)
    return [str(name) for name in connection.execute(query.order_by(w.destination)).scalars()]


def _day(value: Any) -> date | None:
    """Return a day as SQLite gives it back from an expression: as its text."""
    if isinstance(value, str):
        try:
            return date.fromisoformat(value[:10])
        except ValueError:
            return None
    return value if isinstance(value, date) else None
