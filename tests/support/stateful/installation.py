"""One real installation on SQLite with two destinations, in virtual time; what a person does comes from its desk."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from syncer.app import App
from syncer.database import engines
from syncer.database.connections import reading
from syncer.settings.destinations import LIVE, SHADOW
from tests.simulation.installation import install
from tests.simulation.scenario import ARCHIVES, Scenario
from tests.simulation.timeline import Timeline
from tests.simulation.world import Account, Call, Record, World
from tests.support.stateful.daemon import Daemon, opened
from tests.support.stateful.skies import Provider, Skies

PEOPLE = ("ada@people.test", "grace@people.test", "edith@people.test")
NAMES = ("crm", "newsletter")


class Installation:
    """The installation, and the world that it works on. `guard` is how many deletions may begin in a day."""

    def __init__(self, folder: Path, guard: int) -> None:
        self.timeline = Timeline()
        scenario = Scenario(0, shop=False, guard=guard, senders=2)
        self.settings, _ = install(folder, scenario)
        accounts = {name: Account(name, scopes, archives=name in ARCHIVES) for name, scopes in scenario.scopes.items()}
        self.world = World(self.timeline, accounts, {address: who for who, address in enumerate(PEOPLE)})
        self.calls: list[Call] = []
        self.world.listeners.append(self.calls.append)
        self.skies = Skies()
        for name in NAMES:
            for who in range(len(PEOPLE)):
                self.comes_back(name, who)
        self.desk = self._opened(self.settings, "cli")
        #: called whenever a lane of the daemon stops
        self.lane_stopped: Callable[[], None] = lambda: None
        self.daemon = self._started(())

    def clock(self) -> datetime:
        """Return the time (UTC)."""
        return self.timeline.now

    def pass_time(self, hours: float) -> None:
        """Move the clock."""
        self.timeline.pass_until(self.timeline.now + timedelta(hours=hours))

    def comes_back(self, name: str, who: int, *, opted_in: bool = False) -> None:
        """Let somebody be added at a destination, with or without a word of their own."""
        account, now = self.world.accounts[name], self.timeline.now
        account.put(Record(name, account.scopes[0], PEOPLE[who], who, "subscribed", now if opted_in else None, now))

    def restart(self, *, kill: bool, shadow: Collection[str]) -> None:
        """Let another daemon take over, with these destinations on trial."""
        if kill:
            self.daemon.kill()
        else:
            self.daemon.stop()
        self.daemon = self._started(shadow)

    def close(self) -> None:
        """End everything."""
        self.daemon.kill()
        self.desk.close()

    def rows(self, query: sa.Select[Any]) -> list[Any]:
        """Read the database."""
        with reading(self.desk.engine) as connection:
            return list(connection.execute(query))

    def events(self) -> list[Any]:
        """Return the events, in the order in which they were taken."""
        e = self.desk.tables.event.c
        return self.rows(sa.select(e.id, e.state, e.event_key, e.subject).order_by(e.queue_id))

    def _started(self, shadow: Collection[str]) -> Daemon:
        destinations = {
            name: replace(item, mode=SHADOW if name in shadow else LIVE)
            for name, item in self.settings.destinations.items()
        }
        app = self._opened(replace(self.settings, destinations=destinations), "daemon")
        adapters = {
            name: Provider(self.world, self.world.accounts[name], self.skies, 2, "daemon", lambda: None)
            for name in NAMES
        }
        daemon = Daemon(app, adapters, self.timeline.monotonic)
        daemon.stopped = lambda: self.lane_stopped()
        return daemon

    def _opened(self, settings: Any, kind: str) -> App:
        engine = engines.connect(settings.database.url)

        @sa.event.listens_for(engine, "connect")
        def _opened(connection: Any, _record: Any) -> None:
            connection.execute("PRAGMA synchronous=OFF")  # nothing here must outlive a power cut

        return opened(settings, kind, self.clock, engine)
