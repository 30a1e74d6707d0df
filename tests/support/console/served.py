"""The console of an installation on a port of localhost, and people who are signed in there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from flask import Flask

from syncer.app import App
from syncer.cli.operate.demo import listener, served
from syncer.console.desk import Desk, furnish
from syncer.console.sign_in.person import as_text
from syncer.console.site import make_site
from syncer.domain.permissions import Role
from syncer.service.drain import drain
from syncer.settings.console.table import ConsoleSettings
from syncer.settings.operation import GuardSettings
from tests.conftest import Clock
from tests.support import eventful
from tests.support.operate.guarded import flood

#: role -> who has it in these tests
NAMES = {Role.READER: "rita", Role.COMPLIANCE: "clara", Role.OPS: "otto", Role.ADMIN: "ada"}
#: requests that come at once, of which the guard lets none begin
FLOOD, SOURCE = 4, "shop import"


@dataclass(frozen=True, slots=True)
class ServedConsole:
    """An installation with everything in it, its pages, where they are served, and the providers' keys."""

    app: App
    clock: Clock
    site: Flask
    origin: str
    keys: tuple[str, ...]

    @property
    def desk(self) -> Desk:
        """What signs people in."""
        return furnish(self.app)

    def cookie(self, *roles: Role, name: str | None = None, stepped_up: bool = True) -> str:
        """Sign somebody with these roles in; return the value of their cookie."""
        user, who = self.app.tables.user, name or NAMES[roles[0]]
        with self.app.transactions.write() as tx:
            tx.connection.execute(user.delete().where(user.c.name == who))
            tx.connection.execute(user.insert().values(name=who, roles=as_text(roles), created_at=tx.now))
            return self.desk.sessions.open(tx, who, "passkey", "127.0.0.0/24", stepped_up=stepped_up)


@contextmanager
def console(
    folder: Path, make: Callable[[App], Flask] = make_site, four_eyes: tuple[str, ...] = ()
) -> Iterator[ServedConsole]:
    """Serve the console of the installation in which everything happened; `make` is what makes its pages.

    The guard stopped the last requests there. `four_eyes` are what asks for a second person.
    """
    folder.mkdir(exist_ok=True)
    with eventful.installation(folder) as (first, clock, keys), closing(listener(0)) as heard:
        origin = f"http://localhost:{heard.getsockname()[1]}"
        told = ConsoleSettings(url=f"{origin}/", four_eyes=four_eyes)
        guard = GuardSettings(deletions_per_day=1, always_allowed=1)
        settings = replace(first.settings, console=told, guard=guard)
        app = App(settings, first.engine, first.keyring, "cli", clock, first.leases.owner)
        flood(app, FLOOD, source=SOURCE)
        drain(app)
        app.notary.make()
        site = make(app)
        with served(site, told, heard):
            yield ServedConsole(app, clock, site, origin, tuple(keys))
