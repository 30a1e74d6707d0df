"""The person in a run who looks after what is held, pauses lanes, and asks to look again."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from syncer.database.connections import reading
from syncer.decisions.guarded import StoppedChoice
from syncer.decisions.resync_plan import Selection
from syncer.domain.model import State
from syncer.domain.rights import Ground
from syncer.errors import UserError
from tests.simulation.process import Process

if TYPE_CHECKING:
    from tests.simulation.run import Run


class Operator:
    """Works through the command line's own operations, on a connection of their own."""

    def __init__(self, run: Run, process: Process) -> None:
        self._run = run
        self.process = process
        self._dice = random.Random(f"operator/{run.scenario.seed}")

    def day(self) -> None:
        """Decide on everything that is held; sometimes ask for more."""
        self._try(self._look_at_the_guard)
        for row in self._held():
            self._try(lambda row=row: self._decide(row))  # type: ignore[misc]
        if self._dice.random() < 0.3:
            self._try(self._resync_later)
        if self._dice.random() < 0.1:
            since = self._run.timeline.now - timedelta(days=2)
            self._try(lambda: self._resync(confirmed_since=since))
        if self._dice.random() < 0.05:
            self._try(lambda: self._resync(destination=self._dice.choice(sorted(self._run.world.accounts))))
        if self._dice.random() < 0.3:
            self._try(self._bring_address)

    def pause(self, destination: str) -> None:
        """Stop a lane."""
        self._until_done(lambda: self.process.app.interventions.pause(destination, "account under review"))

    def resume(self, destination: str) -> None:
        """Start it again."""
        self._until_done(lambda: self.process.app.interventions.resume(destination, "review is over"))

    def _held(self) -> list[Any]:
        t = self.process.app.tables
        query = (
            sa.select(t.delivery.c.event_id, t.delivery.c.destination, t.delivery.c.code, t.event.c.event_key)
            .select_from(t.delivery.join(t.event, t.delivery.c.event_id == t.event.c.id))
            .where(t.delivery.c.state == State.HELD)
            .order_by(t.delivery.c.id)
        )
        return self._until_done(lambda: self._rows(query)) or []

    def _rows(self, query: sa.Select[Any]) -> list[Any]:
        with reading(self.process.app.engine) as connection:
            return list(connection.execute(query))

    def _look_at_the_guard(self) -> None:
        """Refuse what a bug sent, and release what people asked for."""
        decisions = self.process.app.guard_decisions
        bogus, genuine = StoppedChoice(source="shop"), StoppedChoice(source="wordpress")
        if (plan := decisions.plan(bogus)).requests:
            decisions.refuse(bogus, "a bug in the shop", plan.digest)
            self._run.count("refused", len(plan.requests))
        if (plan := decisions.plan(genuine)).requests:
            decisions.release(genuine, "they asked for it", plan.digest, plan.deletions)
            self._run.count("released", len(plan.requests))

    def _decide(self, row: Any) -> None:
        app, world = self.process.app, self._run.world
        account = world.accounts[row.destination]
        if row.code == "newer_consent" and self._dice.random() < 0.5:
            person = self._run.history.person_of_key(row.event_key)
            for record in account.people.get(person, []):
                record.opt_in = None  # the person was asked, and wants out
            self._run.count("opt-ins withdrawn")
        elif (
            row.code == "guard_refused"
            or row.code == "newer_consent"
            or (row.code == "malformed" and self._dice.random() < 0.6)
        ):
            app.interventions.exempt(row.event_id, row.destination, Ground.OTHER, "a person looked at it")
            return
        if row.code == "archived_not_purged" and (self._run.calm or self._dice.random() < 0.3):
            account.archive_right = True
        self._resync(events=(row.event_id,))

    def _resync(self, **what: Any) -> None:
        resync = self.process.app.resync
        plan = resync.plan(Selection(**what))
        resync.apply(plan, "looked after")
        self._run.count("deliveries resynced", len(plan.deliveries))

    def _resync_later(self) -> None:
        """Make a plan now and carry it out when much of it no longer holds."""
        plan = self.process.app.resync.plan(Selection(held=True))
        again = tuple(row.event_id for row in self._held()[:5])
        plan = self.process.app.resync.plan(Selection(events=again)) if again else plan
        self._run.timeline.at(
            self._run.timeline.now + timedelta(hours=self._dice.uniform(0.01, 30)),
            lambda: self._try(lambda: self.process.app.resync.apply(plan, "a plan of yesterday")),
        )

    def _bring_address(self) -> None:
        """Bring the address of somebody whose own was shredded."""
        done = self._run.history.shredded()
        if done:
            case = self._dice.choice(done)
            self._resync(addresses=((case.id, self._run.plan.people[case.person][0]),))

    def _try(self, what: Callable[[], None]) -> None:
        try:
            what()
        except UserError:
            self._run.count("refusals")
        except sa.exc.OperationalError as error:
            self._run.job_failed(self.process, error)
        self._run.look()

    def _until_done(self, what: Callable[[], Any]) -> Any:
        for _ in range(20):
            try:
                return what()
            except sa.exc.OperationalError as error:
                self._run.job_failed(self.process, error)
        raise AssertionError("the database never worked")
