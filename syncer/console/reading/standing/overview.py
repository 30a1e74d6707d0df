"""What the overview says: where all requests stand, what needs somebody, what is due, and whether anybody works."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from syncer import __version__
from syncer.app import App
from syncer.console.reading.requests.register import RegisterQuery
from syncer.console.reading.requests.wanted import LATE, RegisterFilter
from syncer.console.reading.standing.destinations import named
from syncer.console.reading.standing.unseen import answered
from syncer.database.bulk import by_index
from syncer.database.connections import reading
from syncer.database.derived.hops import distinct
from syncer.domain.codes import GUARDED
from syncer.domain.model import EventState, State
from syncer.domain.rights import Ground
from syncer.reports.evidence import ReportedEvent
from syncer.reports.propagation import Integrity, PropagationLog, Span, Summary
from syncer.reports.register.part import Part
from syncer.reports.views import EventView, LaneView, StatusView, event_values
from syncer.reports.wording.needs import Need, Needs

#: requests of each kind that are named on the overview; the register has all of them
NAMED = 200
#: days within which what is due is counted
SOON = (7, 14)


@dataclass(frozen=True, slots=True)
class HowItStands:
    """How the installation stood `at` a moment (UTC).

    `pressing` are requests that are late, held or stopped, at most NAMED of each; `more` says that there are others.
    `due` are numbers by days, `proposals` wait for a second person, `stopped` are open requests that the guard stopped.
    `seen_until` is when a daemon was last known to run, None where nobody knows.
    """

    at: datetime
    status: StatusView
    summary: Summary
    stopped: int
    pressing: tuple[EventView, ...]
    more: bool
    due: tuple[tuple[int, int], ...]
    proposals: int
    seen_until: datetime | None

    @property
    def guarded(self) -> dict[str, LaneView]:
        """The recipients whose deletions wait for a person."""
        return {name: lane for name, lane in self.status.destinations.items() if lane.guard and lane.guard.since}


def read(app: App) -> HowItStands:
    """Read how an installation stands."""
    now, status = app.clock(), app.status.read()
    pressing, more = _pressing(app)
    with reading(app.engine) as connection:
        summary, stopped = _summary(connection, app, status)
        due = tuple((days, _due(connection, app, now, days)) for days in SOON)
        proposals = _proposals(connection, app, now)
        seen_until = None if status.daemons else _seen_until(connection, app)
    return HowItStands(now, status, summary, stopped, pressing, more, due, proposals, seen_until)


def needs(app: App, standing: HowItStands) -> list[Need]:
    """Return what needs a person, in the report's words and the language that is spoken."""
    found = Needs(_as_log(app, standing))
    for event in standing.pressing:
        found.add(event)
    return found.found()


def _pressing(app: App) -> tuple[tuple[EventView, ...], bool]:
    query, more = RegisterQuery(app), False
    found: dict[str, EventView] = {}
    for wanted in (RegisterFilter(due=LATE), RegisterFilter(state=EventState.HELD), RegisterFilter(cause=GUARDED)):
        page = query.page(wanted, size=NAMED)
        more = more or page.older is not None
        found |= {row.view.id: row.view for row in page.requests if row.view is not None}
    return tuple(sorted(found.values(), key=lambda view: (view.received_at, view.id))), more


def _as_log(app: App, standing: HowItStands) -> PropagationLog:
    """Return a report that knows of nothing but what is pressing: its words are wanted, not its register."""
    status, last = standing.status, standing.status.audit.last_verification
    number = len(standing.pressing)
    integrity = Integrity(
        entries=status.audit.entries,
        head=status.audit.head,
        verified=last.ok is not False,
        reason=last.reason or last.problem,
        warnings=(),
        origin=status.audit.origin,
        signed=status.audit.checkpoint,
        root=None,
        anchors=(),
        not_proven=(),
        last_verification=last,
        agreeing=0,
        excused=0,
        forks=(),
    )
    return PropagationLog(
        generated_at=standing.at,
        software=__version__,
        controller=app.controller,
        timezone=app.rule.zone.key,
        rule="",
        objection_target_hours=app.rule.objection_target_hours,
        filter=Span(None, None),
        summary=standing.summary,
        events=_Named(standing.pressing),
        destinations=status.destinations,
        recipients=named(app, {name: lane.adapter for name, lane in status.destinations.items()}),
        reappeared=(),
        decisions=(),
        integrity=integrity,
        stopped=standing.stopped,
        # what is not named here stands in the register: a part does not miss it
        part=Part(1, 1, number, standing.at, standing.at),
    )


class _Named:
    """The requests that are named: nobody asks them for evidence."""

    def __init__(self, views: Sequence[EventView]) -> None:
        self._views = views

    def __len__(self) -> int:
        return len(self._views)

    def __iter__(self) -> Iterator[ReportedEvent]:
        return (ReportedEvent(**event_values(view), deliveries=()) for view in self._views)

    def views(self, places: Iterable[int] | None = None) -> Iterator[EventView]:
        """Yield them, or those at these places."""
        return iter(self._views if places is None else [self._views[place] for place in places])


def _summary(connection: sa.Connection, app: App, status: StatusView) -> tuple[Summary, int]:
    """Return where all requests stand, and how many open ones are stopped."""
    events = status.events
    withdrawn = _closed_by_decision(connection, app, Ground.WITHDRAWN)
    excepted = _closed_by_decision(connection, app, None) - withdrawn
    nobody = _without_recipients(connection, app)
    unseen = answered(connection, app, status.destinations)
    everywhere = max(events.fulfilled - withdrawn - excepted - nobody - unseen, 0)
    counts = Summary(
        requests=events.open + events.held + events.fulfilled,
        fulfilled=events.fulfilled,
        everywhere=everywhere,
        answered=unseen,
        with_exception=excepted,
        withdrawn=withdrawn,
        nobody=nobody,
        held=events.held,
        open=events.open,
        overdue=events.overdue,
        answered_late=events.answered_late,
    )
    d, e = app.tables.delivery, app.tables.event.c
    at = d.c.destination.in_(distinct(d.c.destination, connection.dialect.name))
    stopped = sa.select(sa.func.count(sa.distinct(d.c.event_id))).where(at, d.c.code == GUARDED)
    is_open = sa.exists(sa.select(e.id).where(e.id == d.c.event_id, e.state == EventState.OPEN))
    query = by_index(stopped.where(is_open), d, f"ix_{app.tables.prefix}delivery_code")
    return counts, int(connection.execute(query).scalar_one())


def _closed_by_decision(connection: sa.Connection, app: App, ground: Ground | None) -> int:
    """Return how many closed requests have a delivery that a person closed, on this ground or any."""
    d, e = app.tables.delivery, app.tables.event.c
    at = d.c.destination.in_(distinct(d.c.destination, connection.dialect.name))
    closed = sa.exists(sa.select(e.id).where(e.id == d.c.event_id, e.state == EventState.FULFILLED))
    query = sa.select(sa.func.count(sa.distinct(d.c.event_id))).where(at, d.c.state == State.EXEMPT, closed)
    if ground is not None:
        query = query.where(d.c.code == ground)
    return int(connection.execute(by_index(query, d, f"ix_{app.tables.prefix}delivery_state")).scalar_one())


def _without_recipients(connection: sa.Connection, app: App) -> int:
    """Return how many closed requests never had a recipient: a person withdrew each of them, says the log."""
    t, d, e = app.tables.audit, app.tables.delivery.c, app.tables.event.c
    none = ~sa.exists(sa.select(d.id).where(d.event_id == t.c.event_id))
    closed = sa.exists(sa.select(e.id).where(e.id == t.c.event_id, e.state == EventState.FULFILLED))
    query = sa.select(sa.func.count(sa.distinct(t.c.event_id))).where(t.c.what == "event:withdrawn", none, closed)
    return int(connection.execute(by_index(query, t, f"ix_{app.tables.prefix}audit_what")).scalar_one())


def _due(connection: sa.Connection, app: App, now: datetime, days: int) -> int:
    """Return how many requests that are not closed are due from today on within so many days."""
    e, today = app.tables.event, now.astimezone(app.rule.zone).date()
    waits = e.c.state.in_([EventState.OPEN, EventState.HELD])
    query = sa.select(sa.func.count()).where(waits, e.c.due_on >= today, e.c.due_on <= today + timedelta(days=days))
    return int(connection.execute(by_index(query, e, f"ix_{app.tables.prefix}event_state")).scalar_one())


def _proposals(connection: sa.Connection, app: App, now: datetime) -> int:
    p = app.tables.proposal.c
    query = sa.select(sa.func.count()).where(p.outcome.is_(None), p.until > now)
    return int(connection.execute(query).scalar_one())


def _seen_until(connection: sa.Connection, app: App) -> datetime | None:
    """Return when the last daemon that did not say goodbye was seen, or a lane was last worked at."""
    daemon, lane = app.tables.daemon.c, app.tables.lane.c
    times = [
        connection.execute(sa.select(sa.func.max(column))).scalar() for column in (daemon.seen_until, lane.lease_until)
    ]
    return max(filter(None, times), default=None)
