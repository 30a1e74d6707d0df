"""How an installation stands: events and deliveries by state, lanes, daemons, the log's proof, WordPress."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import pairwise

import sqlalchemy as sa

from syncer.audit.ledger import Ledger
from syncer.audit.proof.notary import Notary
from syncer.audit.proof.verification.verified import Verified
from syncer.database.connections import reading
from syncer.database.tables import Tables
from syncer.delivery.balance import Presence, Running
from syncer.delivery.leases import LaneRow, Leases
from syncer.delivery.owners import Owner, parse_owner
from syncer.domain.deadlines import WARN_DAYS, Rule
from syncer.domain.endings import answered_late
from syncer.domain.model import WORKABLE, EventState, State, word
from syncer.domain.rights import Ground, Right
from syncer.intake.queue import Queue
from syncer.intake.refused import RefusedRows
from syncer.intake.wordpress.state import WordPressState
from syncer.reports.reader import answered_at
from syncer.reports.trials import last_trials
from syncer.reports.views import (
    AnchorView,
    AuditStanding,
    DaemonView,
    EventCounts,
    LaneView,
    QueueView,
    Signed,
    StatusView,
    TrialView,
    VerificationView,
)
from syncer.settings.destinations import Destination

HOURS_OF_A_DAY = 24
#: a delivery in one of these states is not through
OPEN = WORKABLE | {State.HELD}


class Status:
    """Reads how one installation stands. `wordpress` is called for each status: only where it is used is it loaded."""

    def __init__(
        self,
        engine: sa.Engine,
        tables: Tables,
        ledger: Ledger,
        notary: Notary,
        leases: Leases,
        presence: Presence,
        queue: Queue,
        rule: Rule,
        clock: Callable[[], datetime],
        destinations: Mapping[str, Destination],
        wordpress: Callable[[], WordPressState],
        verified: Verified,
        refused: RefusedRows,
    ) -> None:
        self._engine = engine
        self._tables = tables
        self._ledger = ledger
        self._notary = notary
        self._leases = leases
        self._presence = presence
        self._queue = queue
        self._rule = rule
        self._clock = clock
        self._destinations = destinations
        self._wordpress = wordpress
        self._verified = verified
        self._refused = refused

    def read(self) -> StatusView:
        """Return counts by state for each destination, what is late, paused and waiting, and how the log stands."""
        audit = self._audit()
        return StatusView(
            events=self._event_counts(),
            destinations=self.lanes(),
            daemons=tuple(_daemon(item) for item in self._presence.running()),
            audit=audit,
            queue=QueueView(self._queue.count(), self._refused.waiting()),
            wordpress=self._wordpress(),
        )

    def lanes(self) -> dict[str, LaneView]:
        """Return how each destination stands, the configured ones first."""
        d, e = self._tables.delivery, self._tables.event
        configured = self._destinations
        lanes = self._leases.read()
        with reading(self._engine) as connection:
            counts = connection.execute(
                sa.select(d.c.destination, d.c.state, sa.func.count()).group_by(d.c.destination, d.c.state)
            ).all()
            open_ones = connection.execute(
                sa.select(d.c.destination, sa.func.min(e.c.received_at), sa.func.min(d.c.next_attempt_at))
                .join(e, d.c.event_id == e.c.id)
                .where(d.c.state.in_(OPEN))
                .group_by(d.c.destination)
            ).all()
            adapters = dict(
                tuple(row) for row in connection.execute(sa.select(d.c.destination, d.c.adapter).distinct())
            )
        names = list(configured) + sorted({row[0] for row in counts} - set(configured))
        by_state: dict[str, Counter[str]] = {name: Counter() for name in names}
        for name, state, number in counts:
            by_state[name][word(State, state) or State.HELD] += number
        times = {row[0]: (row[1], row[2]) for row in open_ones}
        trials = last_trials(self._ledger)
        return {
            name: _lane(
                lanes.get(name),
                configured[name].adapter if name in configured else adapters.get(name),
                by_state[name],
                times.get(name, (None, None)),
                trials.get(name),
                configured=name in configured,
            )
            for name in names
        }

    def _audit(self) -> AuditStanding:
        entries, head = self._ledger.head()
        standing = self._notary.standing()
        last = standing.newest
        return AuditStanding(
            entries=entries,
            head=head,
            origin=standing.origin,
            checkpoint=Signed(last.size, last.at) if last else None,
            unsigned=standing.unsigned,
            late=standing.level != "ok",
            page=standing.level == "page",
            anchors={
                item.name: AnchorView(
                    item.kind, item.size, item.at, item.place, item.failing_since, item.error, item.level
                )
                for item in standing.anchors
            },
            last_verification=last_verification(self._verified),
        )

    def _event_counts(self) -> EventCounts:
        e, now, rule = self._tables.event.c, self._clock(), self._rule
        today, target = rule.late_before(now)
        late = sa.or_(e.due_on < today, sa.and_(e.right == Right.OBJECTION, e.received_at <= target))
        borders = [*(rule.warned_before(days, now) for days in WARN_DAYS), None]
        levels = [
            sa.and_(e.received_at < border, e.received_at >= after if after is not None else sa.true())
            for border, after in pairwise(borders)
        ]
        with reading(self._engine) as connection:
            counts: Counter[str] = Counter()
            for state, number in connection.execute(sa.select(e.state, sa.func.count()).group_by(e.state)):
                counts[word(EventState, state) or EventState.HELD] += number
            wanted = (sa.func.count(sa.case((condition, 1))) for condition in (late, *levels))
            query = sa.select(sa.func.min(e.received_at), *wanted).where(e.state != EventState.FULFILLED)
            oldest, overdue, *warned = connection.execute(query).one()
            came = sa.select(e.right, e.received_at, e.due_on, e.created_at)
            rows = connection.execute(came.where(e.state != EventState.FULFILLED, late)) if overdue else ()
            late_on_arrival = sum(rule.late(*row) for row in rows)
            answered = self._answered_late(connection)
        return EventCounts(
            **{state.value: counts[state] for state in EventState},
            overdue=overdue,
            late_on_arrival=late_on_arrival,
            answered_late=answered,
            **{f"warn_{days}": number for days, number in zip(WARN_DAYS, warned, strict=True)},
            oldest_open=oldest,
        )

    def _answered_late(self, connection: sa.Connection) -> int:
        """Count the fulfilled events whose first answer came late; the database sorts out most that did not."""
        e, t, rule = self._tables.event.c, self._tables.audit.c, self._rule
        day = sa.func.date(e.fulfilled_at)
        another_day = sa.func.date(e.received_at) != day if rule.objection_target_hours >= HOURS_OF_A_DAY else sa.true()
        # days in UTC: by the controller's clock it may be the day after
        may_be = sa.or_(day >= e.due_on, sa.and_(e.right == Right.OBJECTION, another_day))
        entry = sa.select(sa.func.min(t.seq)).where(t.event_id == e.id, t.what == "event:fulfilled").scalar_subquery()
        answer = self._tables.audit.alias().c
        first = sa.select(answer.at).where(answer.seq == entry).scalar_subquery()
        query = sa.select(e.right, e.received_at, e.due_on, e.fulfilled_at, first.label("answered_at"))
        d = self._tables.delivery.c
        withdrawn = sa.exists().where(d.event_id == e.id, d.state == State.EXEMPT, d.code == Ground.WITHDRAWN)
        rows = connection.execute(query.where(e.state == EventState.FULFILLED, may_be, ~withdrawn))
        return sum(answered_late(rule, row.right, row.received_at, row.due_on, answered_at(row)) for row in rows)


def needs_attention(status: StatusView) -> bool:
    """Say whether something is held, overdue, paused or refused, WordPress alarms, or the log's proof is at risk.

    It is where an anchor is lost for a day, and where the last full verification failed, is missing or too old.
    """
    waiting = status.events.held or status.events.overdue or status.wordpress.alarms or status.audit.page
    at_risk = status.audit.last_verification.problem
    resting = any(lane.paused or lane.held for lane in status.destinations.values())
    return bool(waiting or status.queue.refused or at_risk or resting)


def last_verification(verified: Verified) -> VerificationView:
    """Return how the last full verification ended, and what is wrong with it."""
    standing = verified.standing()
    last = standing.result
    if last is None:
        return VerificationView(None, None, None, None, standing.level, standing.problem)
    return VerificationView(last.at, last.entries, last.ok, last.reason, standing.level, standing.problem)


def _lane(
    row: LaneRow | None,
    adapter: str | None,
    by_state: Mapping[str, int],
    times: tuple[datetime | None, datetime | None],
    tried: TrialView | None,
    *,
    configured: bool,
) -> LaneView:
    owner = parse_owner(row.owner) if row and row.owner else None
    return LaneView(
        adapter=adapter,
        paused=row.paused if row else False,
        pause_reason=row.reason if row else None,
        paused_by=row.paused_by if row else None,
        cool_until=row.cool_until if row else None,
        owner=row.owner if row else None,
        owner_host=owner.host if owner else None,
        owner_pid=_pid(owner) if owner else None,
        owned_since=row.taken_at if row else None,
        lease_until=row.lease_until if row else None,
        **{state.value: by_state[state] for state in State},
        oldest_open=times[0],
        next_attempt_at=times[1],
        configured=configured,
        tried=tried,
    )


def _daemon(item: Running) -> DaemonView:
    owner = parse_owner(item.owner)
    return DaemonView(owner.host, _pid(owner), item.since, item.until)


def _pid(owner: Owner) -> int | None:
    return int(owner.pid) if owner.pid.isdigit() else None
