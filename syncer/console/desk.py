"""What the pages work with: the installation, the sessions, and who acts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from flask import current_app, g

from syncer.console.sign_in.accounts import AccountBook
from syncer.console.sign_in.factors import Factors
from syncer.console.sign_in.sessions import Sessions
from syncer.console.sign_in.throttle import Throttle
from syncer.domain.permissions import READING, Permission
from syncer.settings.console.table import ConsoleSettings

if TYPE_CHECKING:
    from syncer.app import App
    from syncer.console.sign_in.person import Person

_NAME = "syncer"
#: ways in that the settings open, each by its table
DOORS = ("wordpress", "oidc", "proxy")


@dataclass(frozen=True, slots=True)
class Desk:
    """What every page has at hand. `cookie` is the name of the session's cookie, `path` where browsers send it."""

    app: App
    settings: ConsoleSettings
    sessions: Sessions
    throttle: Throttle

    @property
    def cookie(self) -> str:
        """The cookie's name: browsers keep one that begins so from this host alone, and by https alone."""
        return "__Secure-syncer" if self.settings.prefix else "__Host-syncer"

    @property
    def path(self) -> str:
        """The path below which browsers send the cookie."""
        return f"{self.settings.prefix}/"

    @property
    def zone(self) -> ZoneInfo:
        """The controller's time zone, which every page goes by."""
        return self.app.settings.deadlines.zone

    @property
    def known_cookie(self) -> str:
        """The name of the cookie by which a browser is known that somebody signed in with."""
        return f"{self.cookie}-known"

    def accounts(self) -> AccountBook:
        """Return the accounts; what is changed there names who is signed in."""
        return AccountBook(self.acting().transactions if g.get("person") else self.app.transactions)

    def factors(self) -> Factors:
        """Return what people sign in with; what is changed there names who is signed in."""
        return Factors(self.acting().transactions if g.get("person") else self.app.transactions, self.app.keyring)

    def allowed_to(self, who: Person) -> frozenset[Permission]:
        """Return what somebody may do here: with `actions = false` nothing but reading."""
        return who.allowed if self.settings.actions else who.allowed & READING

    def acting(self) -> App:
        """Return the installation, whose audit names who is signed in."""
        who: Person = g.person
        return self.app.acting_as(who.actor, self.allowed_to(who))


def furnish(app: App) -> Desk:
    """Return the desk of an installation. Raises AssertionError where its settings have no [console]."""
    settings = app.settings.console
    assert settings is not None
    idle, age = timedelta(minutes=settings.idle_minutes), timedelta(hours=settings.session_hours)
    closed = frozenset(door for door in DOORS if getattr(settings, door) is None)
    sessions = Sessions(app.engine, app.tables, app.clock, idle, age, closed)
    return Desk(app, settings, sessions, Throttle(app.transactions, app.keyring.console_key))


def desk() -> Desk:
    """Return the desk of the site that answers."""
    found: Desk = current_app.extensions[_NAME]
    return found
