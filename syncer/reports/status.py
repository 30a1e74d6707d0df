"""How an installation stands: events and deliveries by state, lanes, daemons, the log's proof, WordPress."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from syncer.audit.ledger import Ledger
from syncer.audit.proof.notary import Notary
from syncer.audit.proof.verification.verified import Verified
from syncer.database.connections import snapshot
from syncer.database.tables import Tables
from syncer.delivery.balance import Presence, Running
from syncer.delivery.guard.guards import Guards, GuardStanding
from syncer.delivery.leases import LaneRow, Leases
from syncer.delivery.owners import Owner, parse_owner
from syncer.domain.deadlines import WARN_DAYS, Rule
from syncer.domain.model import EventState, State
from syncer.events.reading.answers import Answers
from syncer.events.reading.counts import Counts, OpenDeliveries
from syncer.intake.queue import Queue
from syncer.intake.refused import RefusedRows
from syncer.intake.wordpress.state import WordPressState
from syncer.reports.trials import last_trials
from syncer.reports.views import (
    AnchorView,
    AuditStanding,
    DaemonView,
    EventCounts,
    GuardView,
    LaneView,
    QueueView,
    Signed,
    StatusView,
    TrialView,
    VerificationView,
)
from syncer.settings.destinations import LIVE, SHADOW, Destination

#: so long before a request is due, a destination that is still in shadow mode counts as forgotten
FORGOTTEN = timedelta(days=7)
#: of a destination to which nothing was ever sent
NONE_THERE = OpenDeliveries(Counter(), None, None)


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
        guards: Guards,
    ) -> None:
        self._engine = engine
        self._counts = Counts(tables)
        self._answers = Answers(tables, engine.dialect.name)
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
        self._guards = guards

    def read(self) -> StatusView:
        """Return counts by state for each destination, what is late, paused and waiting, and how the log stands."""
        audit = self.audit()
        return StatusView(
            events=self.events(),
            destinations=self.lanes(),
            daemons=tuple(_daemon(item) for item in self._presence.running()),
            audit=audit,
            queue=self.queue(),
            wordpress=self.wordpress(),
        )

    def queue(self) -> QueueView:
        """Return what waits in the queue, whose database may be another, and away while ours answers."""
        return QueueView(self._queue.count(), self._refused.waiting())

    def wordpress(self) -> WordPressState:
        """Return how WordPress stands, by what its last sweep found."""
        return self._wordpress()

    def lanes(self) -> dict[str, LaneView]:
        """Return how each destination stands, the configured ones first."""
        configured, lanes = self._destinations, self._leases.read()
        with snapshot(self._engine) as connection:
            seen = self._counts.destinations(connection)
            found = self._counts.deliveries(connection, seen)
            shadowed = [name for name, lane in lanes.items() if lane.shadow_since is not None]
            previewed = self._counts.previewed(connection, shadowed)
            gone = sorted(set(found) - set(configured), key=str)  # SQLite stores anything there
            adapters = {name: self._counts.adapter(connection, name) for name in gone}
            guards = {name: _guard(self._guards.standing(connection, name)) for name in configured}
        names = [*configured, *gone]
        trials = last_trials(self._ledger)
        near = self._clock().astimezone(self._rule.zone).date() + FORGOTTEN
        return {
            name: _lane(
                lanes.get(name),
                configured[name].adapter if name in configured else adapters[name],
                found.get(name, NONE_THERE),
                trials.get(name),
                previewed.get(name),
                near,
                guards.get(name),
                configured=name in configured,
            )
            for name in names
        }

    def audit(self) -> AuditStanding:
        """Return how the log and its proof stand."""
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

    def events(self) -> EventCounts:
        """Return how many events there are by state, and what is late."""
        with snapshot(self._engine) as connection:
            found = self._counts.events(connection, self._rule, self._clock())
            late = sum(1 for _ in self._answers.late(connection, self._rule))
        return EventCounts(
            **{state.value: found.by_state[state] for state in EventState},
            overdue=found.overdue,
            late_on_arrival=found.late_on_arrival,
            answered_late=late,
            **{f"warn_{days}": number for days, number in zip(WARN_DAYS, found.warned, strict=True)},
            oldest_open=found.oldest,
        )


def needs_attention(status: StatusView) -> bool:
    """Say whether something is held, overdue, paused, stopped or refused, WordPress alarms, or the proof is at risk.

    It is where an anchor is lost for a day, and where the last full verification failed, is missing or too old; and
    where a destination is in shadow mode though what it was previewed for is due within FORGOTTEN.
    """
    waiting = status.events.held or status.events.overdue or status.wordpress.alarms or status.audit.page
    at_risk = status.audit.last_verification.problem
    resting = any(
        lane.paused or lane.held or lane.forgotten or (lane.guard and lane.guard.since)
        for lane in status.destinations.values()
    )
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
    there: OpenDeliveries,
    tried: TrialView | None,
    previewed: tuple[int, date | None] | None,
    near: date,
    guard: GuardView | None,
    *,
    configured: bool,
) -> LaneView:
    number, due_on = previewed or (0, None)
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
        **{state.value: there.by_state[state] for state in State},
        oldest_open=there.oldest,
        next_attempt_at=there.next_attempt_at,
        configured=configured,
        tried=tried,
        mode=SHADOW if row and row.shadow_since else LIVE,
        shadow_since=row.shadow_since if row else None,
        previewed=number,
        previewed_due_on=due_on,
        forgotten=number > 0 and (due_on is None or due_on <= near),
        guard=guard,
    )


def _guard(standing: GuardStanding) -> GuardView:
    waiting = standing.waiting + standing.stopped
    return GuardView(standing.limit, standing.counted, waiting, standing.since, standing.contacts)


def _daemon(item: Running) -> DaemonView:
    owner = parse_owner(item.owner)
    return DaemonView(owner.host, _pid(owner), item.since, item.until)


def _pid(owner: Owner) -> int | None:
    return int(owner.pid) if owner.pid.isdigit() else None
