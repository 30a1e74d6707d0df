"""Looks what is so now: each question is asked by itself, and one that fails stops no other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

import sqlalchemy as sa

from syncer.alerting.catalog import CRITICAL, INFO, WARNING, Observed, Sign
from syncer.clock import stamp
from syncer.database.alerting import outbox
from syncer.database.alerting import signs as sql
from syncer.database.connections import reading
from syncer.database.failures import is_outage
from syncer.domain.deadlines import end_of_day, local_day
from syncer.errors import UntrustedLog
from syncer.log import get_logger
from syncer.service.alerts.conditions import security
from syncer.service.alerts.conditions.sign_in_ways import SignInWays
from syncer.service.alerts.conditions.surge import Surge

if TYPE_CHECKING:
    from syncer.app import App
    from syncer.reports.views import QueueView

DAY = timedelta(days=1)
#: what is due within so many days is due soon; what is open for so many is open for long
SOON, LONG = 7, 14
#: after so long a trial is forgotten, a channel given up, a proposal waits for long, and the queue is not taken
FORGOTTEN = timedelta(days=3)
LOST = timedelta(days=3)
UNDECIDED = timedelta(days=7)
UNTAKEN = timedelta(minutes=15)
#: what somebody wrote into the log when a backup was made
BACKUP = "backup:made"


class Unread(Exception):
    """Raised where what a question asks for cannot be read now."""


class Signs:
    """Asks for all conditions of one installation."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._surge = Surge(app)
        self._ways = SignInWays(app)
        self._untaken: tuple[str | None, datetime] | None = None
        self._log = get_logger("syncer.alerts")

    def look(self) -> Observed:
        """Ask everything once. Raises only what is an outage, and UntrustedLog."""
        look = _Look(self._app)
        questions: dict[Callable[[], Iterable[Sign]], tuple[str, ...]] = {
            look.deadlines: ("overdue", "objection_late", "due_soon", "open_long"),
            look.lanes: ("guard_tripped", "guarded_due", "shadow_long", "lane_paused"),
            look.held: ("held",),
            look.proposals: ("proposal_waits",),
            look.reappeared: ("reappeared",),
            look.proof: ("verification", "unsigned", "anchor_failing"),
            look.clock: ("clock_anomaly",),
            look.refused: ("queue_refused",),
            look.wordpress: ("wordpress",),
            look.listings: ("listing_incomplete",),
            look.channels: ("channel_fails",),
            look.backup: ("backup_old",),
            look.security: security.CONDITIONS,
            self._surge.look: ("surge",),
            self._ways.look: ("new_way",),
            lambda: self._queue(look): ("queue_stale",),
        }
        signs: list[Sign] = []
        asked: set[str] = set()
        for question, names in questions.items():
            try:
                signs += question()
            except Exception as error:
                if is_outage(error) or isinstance(error, UntrustedLog):
                    raise
                self._log.error("alerts.question_failed", reason=names[0], error=type(error).__name__)
            else:
                asked |= set(names)
        return Observed(tuple(signs), frozenset(asked))

    def _queue(self, look: _Look) -> Iterator[Sign]:
        """Say that rows wait, or may, and nothing was taken for a while, as far as this process has seen."""
        queue = look.queue
        if queue is not None and queue.waiting <= queue.refused:
            self._untaken = None
            return
        with reading(self._app.engine) as connection:
            newest = sql.newest_request(connection, self._app.tables)
        if self._untaken is None or self._untaken[0] != newest or self._untaken[1] > look.now:
            self._untaken = (newest, look.now)
        if look.now - self._untaken[1] >= UNTAKEN:
            facts: dict[str, int | str] = {"state": "it cannot be read"} if queue is None else {"rows": queue.waiting}
            yield Sign("queue_stale", CRITICAL, {**facts, "since": _day_time(self._untaken[1])})


class _Look:
    """One look: what several questions need is read once."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.now = app.clock()
        self._today = local_day(self.now, app.rule.zone)
        self._soon = self._today + timedelta(days=SOON)

    @cached_property
    def queue(self) -> QueueView | None:
        """What waits in the queue; None where it cannot be read, though our own database answers."""
        try:
            return self._app.status.queue()
        except sa.exc.SQLAlchemyError as error:
            if self._app.queue.shared and is_outage(error):
                raise
            return None

    def deadlines(self) -> Iterator[Sign]:
        """Ask for what is late, or soon will be."""
        app, rule = self._app, self._app.rule
        _, target = rule.late_before(self.now)
        border = end_of_day(self._today - timedelta(days=LONG), rule.zone)
        with reading(app.engine) as connection:
            found = sql.open_requests(connection, app.tables, self._today, target, self._soon, border)
        first: dict[str, int | str] = {"earliest_due": found.due_first.isoformat()} if found.due_first else {}
        if found.late:
            yield Sign("overdue", CRITICAL, {"requests": found.late, **first})
        if found.missed:
            yield Sign("objection_late", CRITICAL, {"requests": found.missed})
        if found.soon:
            yield Sign("due_soon", WARNING, {"requests": found.soon, **({} if found.late else first)})
        if found.long:
            yield Sign("open_long", WARNING, {"requests": found.long})

    def lanes(self) -> Iterator[Sign]:
        """Ask each destination of the settings whether it is paused, guarded or on trial."""
        app = self._app
        with reading(app.engine) as connection:
            for lane in sql.lanes(connection, app.tables):
                if lane.destination not in app.settings.destinations:
                    continue
                if lane.guard_since is not None:
                    yield from self._guarded(lane, sql.guarded(connection, app.tables, lane.destination))
                if lane.shadow_since is not None and self.now - lane.shadow_since >= FORGOTTEN:
                    yield Sign("shadow_long", WARNING, {"since": _day_time(lane.shadow_since)}, lane.destination)
                if lane.paused:
                    since = lane.paused_at or self.now
                    severity = CRITICAL if self.now - since >= DAY else WARNING
                    facts = {"by": "a person" if lane.paused_by == "operator" else "syncer", "since": _day_time(since)}
                    yield Sign("lane_paused", severity, facts, lane.destination)

    def _guarded(self, lane: sql.LaneSign, found: sql.GuardSign) -> Iterator[Sign]:
        assert lane.guard_since is not None
        numbers = {"limit": lane.guard_limit, "counted": lane.guard_counted}
        facts: dict[str, int | str] = {"deletions": found.waiting, "since": _day_time(lane.guard_since)}
        facts |= {name: value for name, value in numbers.items() if value is not None}
        if found.due_first is not None:
            facts["earliest_due"] = found.due_first.isoformat()
        yield Sign("guard_tripped", CRITICAL, facts, lane.destination)
        if found.due_first is not None and found.due_first <= self._soon:
            facts = {"deletions": found.waiting, "earliest_due": found.due_first.isoformat()}
            yield Sign("guarded_due", CRITICAL, facts, lane.destination)

    def held(self) -> Iterator[Sign]:
        """Ask what waits for a person: at a destination, or as a whole."""
        status = self._app.status
        at = self._known({name: lane.held for name, lane in status.lanes().items() if lane.held})
        for name, number in at.items():
            yield Sign("held", WARNING, {"requests": number}, name)
        if not at and (number := status.events().held):
            yield Sign("held", WARNING, {"requests": number})

    def proposals(self) -> Iterator[Sign]:
        """Ask which decisions wait for a second person for long."""
        app = self._app
        with reading(app.engine) as connection:
            number, first = sql.proposals(connection, app.tables, self.now - UNDECIDED, self.now)
        if number:
            yield Sign("proposal_waits", WARNING, {"proposals": number, "since": _day_time(first or self.now)})

    def reappeared(self) -> Iterator[Sign]:
        """Ask who was found again within a day."""
        for name, number in self._known(self._entries("delivery:reappeared")).items():
            yield Sign("reappeared", INFO, {"people": number}, name)

    def clock(self) -> Iterator[Sign]:
        """Ask whether the machine's clock jumped within a day."""
        if jumps := sum(self._entries("clock:anomaly").values()):
            yield Sign("clock_anomaly", WARNING, {"jumps": jumps})

    def proof(self) -> Iterator[Sign]:
        """Ask how the log and its anchors stand."""
        audit = self._app.status.audit()
        last = audit.last_verification
        if last.problem is not None:
            facts = {"last": _day_time(last.at)} if last.at else {}
            severity = CRITICAL if last.level == "page" else WARNING
            yield Sign("verification", severity, {**facts, "state": "failed" if severity == CRITICAL else "too old"})
        for name, anchor in audit.anchors.items():
            if anchor.level != "ok":
                facts = {"since": _day_time(anchor.failing_since)} if anchor.failing_since else {}
                yield Sign("anchor_failing", CRITICAL if anchor.level == "page" else WARNING, facts, name)
        if audit.page and all(anchor.level != "page" for anchor in audit.anchors.values()):
            yield Sign("unsigned", CRITICAL, {})

    def refused(self) -> Iterator[Sign]:
        """Ask for rows of the queue that the database refuses."""
        if self.queue is None:
            raise Unread("the queue")  # of rows that are on record nothing is known now
        if rows := self.queue.refused:
            yield Sign("queue_refused", WARNING, {"rows": rows})

    def wordpress(self) -> Iterator[Sign]:
        """Ask WordPress' alarms."""
        if alarms := self._app.status.wordpress().alarms:
            yield Sign("wordpress", WARNING, {"alarms": len(alarms)})

    def listings(self) -> Iterator[Sign]:
        """Ask where the look for people who are back does not come to its end."""
        app = self._app
        before = self.now - 2 * timedelta(hours=max(app.settings.schedule.watch_hours, 1))
        with reading(app.engine) as connection:
            names = sql.unfinished_looks(connection, app.tables, before)
        yield from (
            Sign("listing_incomplete", WARNING, {}, name) for name in names if name in app.settings.destinations
        )

    def channels(self) -> Iterator[Sign]:
        """Ask which channels are off, or failed for so long that a message was given up."""
        app = self._app
        with reading(app.engine) as connection:
            standing = outbox.channels(connection, app.tables)
            given_up = outbox.given_up(connection, app.tables, self.now - DAY)
        for name in app.settings.channels:
            row = standing.get(name)
            failing = row.failing_since if row is not None else None
            if row is not None and row.off_at is not None:
                yield Sign("channel_fails", WARNING, {"since": _day_time(row.off_at), "state": "switched off"}, name)
            elif failing is not None and self.now - failing >= LOST:
                yield Sign("channel_fails", WARNING, {"since": _day_time(failing)}, name)
            elif name in given_up:
                yield Sign("channel_fails", WARNING, {"messages": given_up[name]}, name)

    def backup(self) -> Iterator[Sign]:
        """Ask how old the last good backup is, where one was ever made."""
        app = self._app
        with reading(app.engine) as connection:
            last = sql.newest_entry(connection, app.tables, BACKUP)
        if last is None:
            return
        age = self.now - datetime.fromisoformat(last)
        if abs(age) >= timedelta(hours=app.settings.backup.alarm_hours):
            yield Sign("backup_old", WARNING, {"last": last[:16].replace("T", " ") + "Z"})

    def security(self) -> Iterator[Sign]:
        """Ask what the console noted within a day of who signs in, and of who may."""
        app = self._app
        if app.settings.console is not None:
            yield from security.signs(app.ledger.entries(security.WHATS, stamp(self.now - DAY)))

    def _known(self, numbers: Mapping[str, int]) -> dict[str, int]:
        """Return the numbers by destination, those that the settings do not know together: rows may hold any text."""
        known: Counter[str] = Counter()
        for name, number in numbers.items():
            known[name if name in self._app.settings.destinations else ""] += number
        return dict(known)

    def _entries(self, what: str) -> dict[str, int]:
        with reading(self._app.engine) as connection:
            return sql.entries(connection, self._app.tables, what, stamp(self.now - DAY))


def _day_time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%MZ")
