"""The composition root: builds everything from the settings, and is the only importer of the adapter registry."""

from __future__ import annotations

import getpass
import os
import socket
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from adapters import registry
from adapters.contract import Adapter
from adapters.contract import SettingsError as AdapterSettingsError
from syncer.audit.ledger import Ledger
from syncer.audit.proof.checkpoints import Checkpoints, Schedule
from syncer.audit.proof.notary import Notary, targets
from syncer.clock import now
from syncer.database import connections, engines, revisions
from syncer.database.tables import Tables, tables
from syncer.delivery.balance import Presence
from syncer.delivery.leases import Leases
from syncer.delivery.owners import owner_name
from syncer.errors import SettingsProblem
from syncer.events.store import Store
from syncer.intake.queue import Queue
from syncer.privacy.keyring import Keyring
from syncer.settings.checked import Settings, settings_digest
from syncer.settings.load import load

if TYPE_CHECKING:
    from syncer.audit.proof.forks import Forks
    from syncer.audit.proof.purge import Retention
    from syncer.decisions.extension import Extensions
    from syncer.decisions.interventions import Operations
    from syncer.delivery.lane import Lane
    from syncer.delivery.watch import Watch
    from syncer.intake.take import Intake
    from syncer.intake.wordpress.bridge import WordPress
    from syncer.intake.wordpress.state import WordPressState
    from syncer.reports.dossier import Dossiers
    from syncer.reports.propagation import Propagation
    from syncer.reports.reader import Reader
    from syncer.reports.status import Status


def load_settings(path: Path | None) -> Settings:
    """Read and check the settings. Raises SettingsProblem."""
    return load(path, os.environ, adapters=registry.load, known=registry.names())


def make_tables(settings: Settings) -> Tables:
    """Return the tables under the configured names."""
    return tables(settings.database.prefix, settings.queue.table)


def open_app(settings: Settings, *, actor: str = "cli", clock: Callable[[], datetime] | None = None) -> App:
    """Open key file and database. Raises UserError when one of them is not as it must be; needs no secrets."""
    keyring = Keyring.load(settings.identity.key_file)
    engine = engines.connect(settings.database.url)
    try:
        revisions.require_current(engine, settings.database.prefix)
        return App(settings, engine, keyring, actor, clock or now)
    except BaseException:
        engine.dispose()
        raise


def make_adapter(settings: Settings, name: str) -> Adapter:
    """Build the adapter of a destination. Raises SettingsProblem for a missing secret or unusable option."""
    destination = settings.destinations[name]
    try:
        return registry.load(destination.adapter).configured(destination.options, destination.secret())
    except AdapterSettingsError as error:
        raise SettingsProblem([f"{settings.path}: [destinations.{name}] {error.key}: {error}"]) from None


def require_secrets(settings: Settings) -> None:
    """Raise SettingsProblem with one line for each destination that cannot be built."""
    problems: list[str] = []
    for name in settings.destinations:
        try:
            make_adapter(settings, name).close()
        except SettingsProblem as problem:
            problems += problem.problems
    if problems:
        raise SettingsProblem(problems)


def actor(kind: str) -> dict[str, Any]:
    """Return who acts, for the audit: kind (`cli`, `daemon`), uid, login uid, user, host and pid."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "?"
    found: dict[str, Any] = {
        "kind": kind,
        "uid": os.getuid(),
        "user": user,
        "host": socket.gethostname(),
        "pid": os.getpid(),
    }
    try:  # survives sudo; 2^32-1 means "never logged in"
        login = int(Path("/proc/self/loginuid").read_text(encoding="ascii"))
        if login != 0xFFFFFFFF:
            found["login_uid"] = login
    except (OSError, ValueError):
        pass
    return found


def _notary(settings: Settings, store: Store, all_tables: Tables, ledger: Ledger, keyring: Keyring) -> Notary:
    wanted = settings.checkpoints
    assert wanted.folder is not None  # the settings name it
    every, host = timedelta(minutes=wanted.every_minutes), socket.gethostname()
    schedule = Schedule(every, wanted.every_entries)
    checkpoints = Checkpoints(store, all_tables, ledger, keyring, schedule, wanted.origin)
    places = targets(settings.anchors, wanted.folder, every, host)
    return Notary(checkpoints, wanted.folder, places, store.clock, host)


class App:
    """Everything an installation consists of, wired together."""

    def __init__(
        self,
        settings: Settings,
        engine: sa.Engine,
        keyring: Keyring,
        kind: str,
        clock: Callable[[], datetime],
        owner: str | None = None,
    ) -> None:
        self.settings = settings
        self.engine = engine
        self.keyring = keyring
        self.clock = clock
        self.stop = threading.Event()
        self.tables = make_tables(settings)
        self.ledger = Ledger(engine, self.tables, keyring, actor(kind), settings_digest(settings))
        with connections.reading(engine) as connection:
            self.ledger.require_key(connection)
        self.store = Store(engine, self.tables, self.ledger, clock)
        self.notary = _notary(settings, self.store, self.tables, self.ledger, keyring)
        self.store.guard = self.notary.guard
        self.leases = Leases(self.store, self.tables, owner or owner_name(), settings.schedule.lease_seconds)
        self.presence = Presence(self.store, self.tables, self.leases)
        apart = settings.queue.url is not None
        queue_engine = engines.connect(settings.queue.url) if settings.queue.url is not None else engine
        self.queue = Queue(queue_engine, self.tables, shared=not apart)
        self.rule = settings.deadlines.rule
        self.recheck_days = tuple(settings.schedule.recheck_days)

    # -- made when first asked for: a command that reads loads nothing of these ----------------------------

    @cached_property
    def wordpress(self) -> WordPress | None:
        """What speaks with WordPress, where the settings name one."""
        if self.settings.wordpress is None:
            return None
        from syncer.intake.wordpress.bridge import WordPress

        return WordPress(self.settings, self.store, self.queue, self.clock)

    @cached_property
    def intake(self) -> Intake:
        """What takes from the queue."""
        from syncer.intake.take import Intake

        return Intake(self.queue, self.store, self.keyring, self.settings.destinations, self.rule)

    @cached_property
    def extensions(self) -> Extensions:
        """What lengthens the time for an answer."""
        from syncer.decisions.extension import Extensions

        return Extensions(self.store, self.rule)

    @cached_property
    def watch(self) -> Watch:
        """What looks for people who come back."""
        from syncer.delivery.watch import Watch

        return Watch(self.store, self.keyring, self.recheck_days)

    @cached_property
    def operations(self) -> Operations:
        """What people decide."""
        from syncer.decisions.interventions import Operations

        return Operations(self.store, self.leases, self.keyring, self.settings.destinations, self.recheck_days)

    @cached_property
    def forks(self) -> Forks:
        """What records a restored database."""
        from syncer.audit.proof.forks import Forks

        return Forks(self.notary, self.store, self.operations, self.queue)

    @cached_property
    def retention(self) -> Retention:
        """What purges what is old enough."""
        from syncer.audit.proof.purge import Retention

        months, checkpoints = self.settings.retention.audit_months, self.notary.checkpoints
        return Retention(self.store, self.tables, checkpoints, months, self.recheck_days)

    @cached_property
    def reader(self) -> Reader:
        """What reads events."""
        from syncer.reports.reader import Reader

        return Reader(self.engine, self.tables, self.ledger, self.rule, self.clock)

    @cached_property
    def status(self) -> Status:
        """What says how the installation stands."""
        from syncer.intake.wordpress.state import NOT_CONFIGURED
        from syncer.reports.status import Status

        def wordpress() -> WordPressState:
            return NOT_CONFIGURED if self.wordpress is None else self.wordpress.state()

        return Status(
            self.engine,
            self.tables,
            self.ledger,
            self.notary,
            self.leases,
            self.presence,
            self.queue,
            self.rule,
            self.clock,
            self.settings.destinations,
            wordpress,
        )

    @cached_property
    def propagation(self) -> Propagation:
        """What makes the propagation log."""
        from syncer.audit.proof.verify import verify
        from syncer.reports.propagation import Propagation, Verified

        def verified() -> Verified:
            told = verify(self)
            return Verified(told["ok"], told["reason"], tuple(told["warnings"]))

        return Propagation(self.reader, self.status, self.ledger, self.notary, self.rule, self.clock, verified)

    @cached_property
    def dossiers(self) -> Dossiers:
        """What makes the dossier of a person."""
        from syncer.reports.dossier import Dossiers

        return Dossiers(
            self.reader,
            self.ledger,
            self.notary.checkpoints,
            self.rule,
            self.clock,
            self.settings.retention.audit_months,
            self.recheck_days,
            self.about,
        )

    def close(self) -> None:
        """Close the database connections."""
        self.engine.dispose()
        if self.queue.engine is not self.engine:
            self.queue.engine.dispose()
        if self.wordpress is not None:
            self.wordpress.close()

    def adapter(self, name: str) -> Adapter:
        """Build the adapter of a destination. Raises SettingsProblem for a missing secret or unusable option."""
        return make_adapter(self.settings, name)

    def about(self, adapter: str) -> type[Adapter] | None:
        """Return the class of an adapter, for what it says of itself; None for one that this version lacks."""
        return registry.load(adapter) if adapter in registry.names() else None

    def lanes(self) -> list[Lane]:
        """Build the lanes of all configured destinations, with their adapters."""
        from syncer.delivery.lane import Lane

        self.leases.ensure(list(self.settings.destinations))
        return [
            Lane(name, self.adapter(name), self.store, self.leases, self.keyring, self.recheck_days, self.stop)
            for name in self.settings.destinations
        ]
