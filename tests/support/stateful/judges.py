"""What must be so after every step: nothing open is out of sight, and nothing is called done that was not read."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from itertools import takewhile
from typing import Any

import sqlalchemy as sa

from syncer.database.connections import snapshot
from syncer.database.derived import tally
from syncer.decisions.guarded import StoppedChoice
from syncer.decisions.resync_plan import Selection
from syncer.domain.codes import GUARDED, SHADOWED
from tests.support.stateful.installation import NAMES, Installation

CLOSED = {"confirmed", "exempt"}
#: the longest that anything waits by itself: a provider that asks for a day
LONGEST = timedelta(hours=25)
PROBED = timedelta(minutes=15)


class Judges:
    """They look at one installation."""

    def __init__(self, here: Installation) -> None:
        self._here = here
        self._seq = 0
        self._since: dict[tuple[str, str], int] = {}
        self._log = _Log()
        #: all that can make a difference, as it was when somebody looked last
        self.seen: object = None
        #: the deliveries as they were when somebody looked last, with how their events stand
        self.rows: list[Any] = []
        here.lane_stopped = self._read_the_log

    def look(self) -> None:
        """Look at everything."""
        self._read_the_log()
        if (seen := self._sight()) == self.seen:
            return
        self.seen = seen
        d, e = self._here.desk.tables.delivery, self._here.desk.tables.event
        both = sa.select(d, e.c.state.label("stands"), e.c.email_sealed, e.c.fulfilled_at)
        self.rows = rows = self._here.rows(both.select_from(d.join(e, d.c.event_id == e.c.id)).order_by(d.c.id))
        lanes = self._here.desk.status.lanes()
        self._events(rows)
        self._ways_on(rows, lanes)
        self._lanes(lanes)
        self._counts(rows, lanes)

    def person_of(self, event: str) -> int:
        """Return who asked."""
        return self._log.person[event]

    def at_end(self) -> None:
        """Look at what is left once all faults are over and everybody has decided: nothing is open."""
        open_ = [event for event in self._here.events() if event.state != "fulfilled"]
        assert not open_, f"still open: {open_}"
        for finding in (self._here.desk.verify_since(), self._here.desk.verify()):
            assert finding.ok, f"{finding.scope}: {finding.reason}"

    def _sight(self) -> object:
        """Return all that can make a difference: nobody looks twice at the same."""
        t = self._here.desk.tables
        return self._here.clock(), *(self._here.rows(sa.select(table)) for table in (t.delivery, t.event, t.lane))

    # -- every open delivery has a way on -------------------------------------------------------------------

    def _ways_on(self, rows: list[Any], lanes: Any) -> None:
        app, now = self._here.desk, self._here.clock()
        listed = {event.id for event in app.reader.events(state="held")}
        planned = {(each.event, name) for each in app.guard_decisions.plan(StoppedChoice()).requests
                   for name in each.destinations}  # fmt: skip
        claims = {name: {each.id for each in app.store.claim(name, now + LONGEST, 1000)} for name in NAMES}
        for row in rows:
            what = f"{row.event_id} at {row.destination}: {row.state}, {row.code}"
            lane = lanes[row.destination]
            if row.state in CLOSED:
                assert row.next_attempt_at is None and row.claim_rank is None, f"{what} is done, and due"
                assert row.state == "exempt" or not row.untried, f"{what} is done, and would wait at the guard"
            elif row.state == "held":
                assert row.next_attempt_at is None and row.claim_rank is None, f"{what} is held, and due"
                assert row.event_id in listed, f"{what} is listed nowhere"
                plan = app.resync.plan(Selection(events=(row.event_id,), destination=row.destination))
                assert plan.deliveries, f"{what} cannot be started over: {plan.skipped}"
            elif row.code == GUARDED and row.next_attempt_at is None:
                assert (row.event_id, row.destination) in planned, f"{what} stands in no plan of the guard"
                assert lane.guard is not None and lane.guard.since is not None, f"{what}, and its lane is not stopped"
            elif row.code == SHADOWED and row.next_attempt_at is None:
                assert lane.mode == "shadow", f"{what}, and its lane is not on trial"
            else:
                assert row.id in claims[row.destination], f"{what} is never taken up, next {row.next_attempt_at}"
                assert row.email_sealed is not None, f"{what}, and its address is gone"

    def _lanes(self, lanes: Any) -> None:
        now, rows = self._here.clock(), self._here.desk.leases.read()
        for name in NAMES:
            row = rows[name]
            assert lanes[name].paused == row.paused
            if row.paused and row.paused_by == "syncer":
                assert row.probe_at is not None and row.probe_at <= now + PROBED, f"{name} is never probed again"
            assert row.cool_until is None or row.cool_until <= now + LONGEST, f"{name} waits for ever"

    # -- events follow their deliveries ---------------------------------------------------------------------

    def _events(self, rows: list[Any]) -> None:
        of_event: dict[str, list[Any]] = {}
        for row in rows:
            of_event.setdefault(row.event_id, []).append(row)
        for event, own in of_event.items():
            again = {row.state for row in own if row.state == "applied" and row.confirmed_at is not None}
            open_ = [row.state for row in own if row.state not in CLOSED]
            stands = own[0].stands
            if stands == "fulfilled":
                assert all(state in again for state in open_), f"{event} is fulfilled with {open_}"
            assert open_ or stands == "fulfilled", f"{event} is {stands} though nothing of it is open"
            assert ("held" in open_) == (stands == "held"), f"{event} is {stands} with {open_}"

    # -- the figures ----------------------------------------------------------------------------------------

    def _counts(self, rows: list[Any], lanes: Any) -> None:
        states = Counter((row.destination, row.state) for row in rows)
        for name, lane in lanes.items():
            told = {
                state: getattr(lane, state)
                for state in ("pending", "retrying", "applied", "confirmed", "held", "exempt")
            }
            assert told == {state: states[name, state] for state in told}, f"status counts wrongly at {name}"
            waits = [row for row in rows if row.destination == name and self._log.waits(row)]
            assert lane.guard.waiting == len(waits), f"{lane.guard.waiting} wait at {name}, and {len(waits)} should"
        found = self._here.desk.status.events()
        events = Counter(event.state for event in self._here.events())
        assert (found.open, found.held, found.fulfilled) == (events["open"], events["held"], events["fulfilled"])
        with snapshot(self._here.desk.engine) as connection:
            assert tally.counters_differ(connection, self._here.desk.tables) is None

    # -- the log --------------------------------------------------------------------------------------------

    def _read_the_log(self) -> None:
        t = self._here.desk.tables.audit.c
        for seq, what, body in self._here.rows(
            sa.select(t.seq, t.what, t.body).where(t.seq > self._seq).order_by(t.seq)
        ):
            self._seq, content = seq, json.loads(body)
            if what == "delivery:confirmed":
                self._confirmed(content)
            self._log.tell(what, content)
            where = content["event"], content["destination"]
            if what.startswith("delivery:") and what not in ("delivery:applied", "delivery:reopened"):
                self._since[where] = len(self._here.calls)

    def _confirmed(self, content: dict[str, Any]) -> None:
        """Look whether somebody read, since the last change, that it was so."""
        event, name, facts = content["event"], content["destination"], content["facts"]
        what = f"{event} at {name} was confirmed"
        assert any(str(step["call"]).startswith("GET ") for step in facts["steps"]), f"{what} without a read-back"
        since = self._since.get((event, name), 0)
        who = self._log.person[event]
        own = [call for call in self._here.calls[since:] if (call.account, call.person) == (name, who)]
        seen = list(takewhile(lambda call: not (call.effect and call.verb == "apply"), reversed(own)))
        so = any(call.erased if self._log.action[event, name] == "delete" else call.unreachable for call in seen)
        assert so, f"{what}, and it was not so in {len(seen)} calls"


class _Log:
    """What the log says of each deletion: whether it began, and whether somebody let it pass the guard."""

    def __init__(self) -> None:
        self.action: dict[tuple[str, str], str] = {}
        self.person: dict[str, int] = {}
        self._began: set[tuple[str, str]] = set()
        self._passed: set[tuple[str, str]] = set()
        self._released: set[str] = set()

    def tell(self, what: str, content: dict[str, Any]) -> None:
        """Take in one entry."""
        event, facts = content["event"], content["facts"]
        where = event, content["destination"]
        if what == "event:received":
            self.person[event] = int(facts["event_key"].partition(":")[0])
            for item in facts["destinations"]:
                name, _, action = item.partition(":")
                self.action[event, name] = action
        elif what == "guard:released" and event is not None:
            self._released.add(event)
            self._passed |= {(event, name) for name in NAMES}
        elif what == "delivery:attempted":
            self._began.add(where)
        elif what == "delivery:reopened" and facts["to"] == "pending":
            self._began.discard(where)
            if event not in self._released:
                self._passed.discard(where)
        elif what == "delivery:reappeared" or facts.get("found_by") == "watch":
            self._began.discard(where)
            self._passed.discard(where)
            self._released.discard(event)

    def waits(self, row: Any) -> bool:
        """Say whether a delivery counts as one that would begin next, and that nobody let pass.

        What was started over during its call counts until it is read back.
        """
        where = row.event_id, row.destination
        due = row.state in ("pending", "retrying") or (row.state == "applied" and row.confirmed_at is None)
        due = due and row.code != SHADOWED
        return row.action == "delete" and due and where not in self._began | self._passed
