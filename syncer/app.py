"""The composition root: builds an installation from its settings, and alone knows the adapter registry."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from copy import copy
from datetime import datetime, timedelta
from functools import cached_property, lru_cache, partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import sqlalchemy as sa

from adapters import registry
from adapters.contract import Adapter
from adapters.contract import SettingsError as AdapterSettingsError
from syncer.audit.actor import actor
from syncer.audit.ledger import Facts, Ledger, key_check
from syncer.audit.proof.carrier import targets
from syncer.audit.proof.checkpoints import Checkpoints, Schedule
from syncer.audit.proof.notary import Notary
from syncer.audit.proof.origins import Origins
from syncer.audit.proof.rollback import Rollback
from syncer.audit.proof.trust import Trust
from syncer.audit.transaction import Transactions
from syncer.clock import now
from syncer.database import connections, engines, revisions
from syncer.database.tables import Tables, tables
from syncer.delivery.balance import Presence
from syncer.delivery.leases import Leases
from syncer.delivery.owners import owner_name
from syncer.domain.permissions import Permission
from syncer.domain.rights import Right
from syncer.errors import SettingsProblem, UserError
from syncer.intake.queue import Queue
from syncer.privacy.keyring import Keyring
from syncer.settings.checked import Settings, in_shadow, settings_digest
from syncer.settings.destinations import LIVE, SHADOW
from syncer.settings.load import load

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from syncer.audit.access_log import AccessLog
    from syncer.audit.offline.finding import Finding
    from syncer.audit.proof.forks import Forks
    from syncer.audit.proof.purge import Purge
    from syncer.audit.proof.verification.passage import Pause
    from syncer.audit.proof.verification.span import Span
    from syncer.audit.proof.verification.verified import Verified
    from syncer.audit.proof.verification.verify import Verification
    from syncer.decisions.entering import Entering
    from syncer.decisions.extension import Extensions
    from syncer.decisions.four_eyes.authority import Authority
    from syncer.decisions.four_eyes.proposals import Proposals
    from syncer.decisions.guarded import GuardDecisions
    from syncer.decisions.interventions import Interventions
    from syncer.decisions.previews import Previews
    from syncer.decisions.replay import Replays
    from syncer.decisions.resync import Resync
    from syncer.decisions.withdrawing.refused import RefusedRequests
    from syncer.decisions.withdrawing.withdrawal import Withdrawals
    from syncer.delivery.drift import Drift
    from syncer.delivery.guard.guards import Guards
    from syncer.delivery.lane import Lane
    from syncer.delivery.looks.watch import Watch
    from syncer.delivery.shadow.modes import Modes
    from syncer.events.resealing import Resealing
    from syncer.events.seals import Seals
    from syncer.events.shredding import Shredding
    from syncer.events.store import Store
    from syncer.intake.refused import RefusedRows
    from syncer.intake.take import Intake
    from syncer.intake.wordpress.bridge import WordPress
    from syncer.intake.wordpress.state import WordPressState
    from syncer.reports.dossier import Dossiers
    from syncer.reports.propagation import Propagation
    from syncer.reports.reader import Reader
    from syncer.reports.status import Status
    from syncer.settings.effective import Effective


def load_settings(path: Path | None) -> Settings:
    """Read and check the settings. Raises SettingsProblem."""
    return load(path, os.environ, adapters=registry.load)


def effective_settings(path: Path | None) -> Effective:
    """Return the settings that are in force, each with its origin. Raises SettingsProblem; needs no secrets."""
    from syncer.settings.effective import effective

    return effective(path, os.environ, adapters=registry.load)


def make_tables(settings: Settings) -> Tables:
    """Return the tables under the configured names, made once for each pair of them."""
    return _tables(settings.database.prefix, settings.queue.table)


@lru_cache(maxsize=2)
def _tables(prefix: str, queue: str) -> Tables:
    return tables(prefix, queue)


def open_app(
    settings: Settings,
    *,
    actor: str = "cli",
    clock: Callable[[], datetime] | None = None,
    retired: bool = False,
    console: bool = False,
) -> App:
    """Open key file and database. Raises UserError when one of them is not as it must be; needs no secrets.

    `retired` lets a database be opened that was put back to before its key was replaced: for whoever records that.
    `console` opens it with the key file of [console], which opens no address and signs nothing.
    """
    keyring = console_keyring(settings) if console else Keyring.load(settings.identity.key_file)
    engine = engines.connect(settings.database_login)
    try:
        revisions.require_current(engine, settings.database.prefix)
        with connections.reading(engine) as connection:
            keyring = keyring.going_on_with(key_check(connection, make_tables(settings)), retired=retired)
        app = App(settings, engine, keyring, actor, clock or now)
        with connections.reading(engine) as connection:
            app.ledger.require_key(connection)
        return app
    except BaseException:
        engine.dispose()
        raise


def console_keyring(settings: Settings) -> Keyring:
    """Return what the web console knows of the key. Raises UserError."""
    if settings.console is None:
        raise UserError(f"{settings.path}: there is no table [console]; add it with the url that browsers type")
    return Keyring.for_console(settings.console.key_file)


def make_adapter(settings: Settings, name: str) -> Adapter:
    """Build the adapter of a destination. Raises SettingsProblem for a missing secret or unusable option."""
    destination = settings.destinations[name]
    try:
        shadow = destination.mode == SHADOW
        return registry.configured(destination.adapter, destination.options, destination.secret(), shadow=shadow)
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


class App:
    """Everything an installation consists of, wired together. A context manager: it closes its connections."""

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
        self.rule = settings.deadlines.rule
        self.controller = settings.controller.controller
        self.tables = make_tables(settings)
        self._wire(actor(kind), owner or owner_name(), frozenset(Permission))
        queue = settings.queue_login
        queue_engine = engine if queue is None else engines.connect(queue, shared=True)
        self.queue = Queue(queue_engine, self.tables, shared=queue is None)

    def acting_as(self, who: Facts, allowed: frozenset[Permission] = frozenset()) -> App:
        """Return this installation with the same connections, whose every entry in the audit names who acts.

        Its decisions refuse what is not `allowed`. It is not to be closed: that is done to this one.
        """
        other = copy(self)
        for name in [name for name in other.__dict__ if isinstance(getattr(type(self), name, None), cached_property)]:
            del other.__dict__[name]  # made anew, with another ledger
        other._wire(who, self.leases.owner, allowed)
        return other

    def _wire(self, who: Facts, owner: str, allowed: frozenset[Permission]) -> None:
        self.who = who
        self._allowed = allowed
        self.ledger = Ledger(self.engine, self.tables, self.keyring, who, settings_digest(self.settings))
        self._wire_proof()
        self.transactions = Transactions(self.engine, self.tables, self.ledger, self.clock, self.trust.require)
        self.leases = Leases(self.transactions, owner, self.settings.schedule.lease_seconds)
        self.presence = Presence(self.transactions, self.leases)

    def _wire_proof(self) -> None:
        """Wire what signs the log, and what refuses a database that is behind its notes."""
        wanted = self.settings.checkpoints
        assert wanted.folder is not None  # the settings name it
        every, host = timedelta(minutes=wanted.every_minutes), socket.gethostname()
        schedule = Schedule(every, wanted.every_entries)
        self.notes_folder = wanted.folder
        self.origins = Origins(self.engine, self.tables, self.keyring, wanted.origin, self.ledger)
        self.checkpoints = Checkpoints(
            self.engine, self.tables, self.ledger, self.keyring, self.clock, self.origins, schedule
        )
        self.rollback = Rollback(self.checkpoints, self.origins, wanted.folder)
        self.trust = Trust(self.engine, self.ledger, self.rollback)
        places = targets(self.settings.anchors, wanted.folder, every, host)
        self.notary = Notary(
            self.engine, self.tables, self.checkpoints, self.origins, self.rollback, places, self.clock
        )

    # -- made when first asked for: a command that reads loads nothing of these ----------------------------

    @cached_property
    def wordpress(self) -> WordPress | None:
        """What speaks with WordPress, where the settings name one."""
        if self.settings.wordpress is None:
            return None
        from syncer.intake.wordpress.bridge import WordPress

        providers = {name: self.provider(item.adapter) for name, item in self.settings.destinations.items()}
        return WordPress(self.settings, self.transactions, self.queue, providers)

    @cached_property
    def store(self) -> Store:
        """What changes events and deliveries."""
        from syncer.events.store import Store

        return Store(self.transactions, tuple(self.settings.schedule.recheck_days))

    @cached_property
    def guards(self) -> Guards:
        """What makes the guard of each lane, and says how it stands."""
        from syncer.delivery.guard.guards import Guards

        def queued(reach: int) -> int:
            return self.refused_rows.not_among(self.queue.newest(Right.ERASURE, reach))

        return Guards(self.settings.guard, self.transactions, queued)

    @cached_property
    def seals(self) -> Seals:
        """What seals addresses and opens them."""
        from syncer.events.seals import Seals

        return Seals(self.engine, self.tables, self.keyring, self.ledger)

    @cached_property
    def intake(self) -> Intake:
        """What takes from the queue."""
        from syncer.intake.parse import RowParser
        from syncer.intake.take import Intake

        parser = RowParser(self.keyring, self.settings.destinations, self.rule)
        return Intake(self.queue, self.transactions, self.store, parser, self.refused_rows)

    @cached_property
    def refused_rows(self) -> RefusedRows:
        """What keeps the record of queue rows that nobody can write."""
        from syncer.intake.refused import RefusedRows

        return RefusedRows(self.transactions, self.queue)

    @cached_property
    def previews(self) -> Previews:
        """What says once what would happen."""
        from syncer.decisions.previews import Previews

        reading = partial(make_adapter, in_shadow(self.settings))
        return Previews(self.transactions, self.leases, self.seals, self.settings.destinations, reading)

    @cached_property
    def modes(self) -> Modes:
        """What brings the lanes into the mode that the settings say."""
        from syncer.delivery.shadow.modes import Modes

        return Modes(self.transactions, self.leases, self.settings.destinations)

    @cached_property
    def watch(self) -> Watch:
        """What looks for people who come back."""
        from syncer.delivery.looks.unfinished import Places
        from syncer.delivery.looks.watch import Watch

        places = Places(self.transactions, self.ledger, settings_digest(self.settings))
        return Watch(self.transactions, self.store, self.seals, places)

    @cached_property
    def drift(self) -> Drift:
        """What compares the records with the destinations."""
        from syncer.delivery.drift import Drift

        return Drift(self.engine, self.tables, self.seals)

    @cached_property
    def resync(self) -> Resync:
        """What starts deliveries over."""
        from syncer.decisions.resync import Resync

        return Resync(
            self.transactions,
            self.store,
            self.leases,
            self.seals,
            self.settings.destinations,
            self.guards,
            self.authority,
        )

    @cached_property
    def guard_decisions(self) -> GuardDecisions:
        """What a person decides about what the guard stopped."""
        from syncer.decisions.guarded import GuardDecisions

        return GuardDecisions(self.transactions, self.store, self.guards, self.authority)

    @cached_property
    def interventions(self) -> Interventions:
        """What exempts a delivery, pauses a lane and resumes it."""
        from syncer.decisions.interventions import Interventions

        return Interventions(self.transactions, self.store, self.leases, self.settings.destinations, self.authority)

    @cached_property
    def withdrawals(self) -> Withdrawals:
        """What withdraws a request."""
        from syncer.decisions.withdrawing.withdrawal import Withdrawals

        return Withdrawals(self.transactions, self.store, self.authority)

    @cached_property
    def refused(self) -> RefusedRequests:
        """What withdraws the requests that were refused at the guard."""
        from syncer.decisions.withdrawing.refused import RefusedRequests

        return RefusedRequests(self.transactions, self.withdrawals, self.authority)

    @cached_property
    def extensions(self) -> Extensions:
        """What lengthens the time for an answer."""
        from syncer.decisions.extension import Extensions

        return Extensions(self.transactions, self.rule, self.authority)

    @cached_property
    def entering(self) -> Entering:
        """What puts a request into the queue that a person entered."""
        from syncer.decisions.entering import Entering

        return Entering(self.transactions, self.queue, self.keyring, self.withdrawals.withdrawn_among, self.authority)

    @property
    def authority(self) -> Authority:
        """What whoever acts may decide, and for what they need a second person."""
        from syncer.decisions.four_eyes.authority import Authority

        console = self.settings.console
        return Authority(self._allowed, frozenset(console.four_eyes) if console is not None else frozenset())

    @cached_property
    def proposals(self) -> Proposals:
        """What keeps decisions until a second person has looked, and carries them out."""
        from syncer.decisions.four_eyes.carriers import Carriers
        from syncer.decisions.four_eyes.proposals import Proposals

        closing = self.withdrawals, self.refused
        carriers = Carriers(self.interventions, *closing, self.extensions, self.guard_decisions, self.resync)
        return Proposals(self.transactions, self.ledger, self.who, self.authority, carriers)

    @cached_property
    def replays(self) -> Replays:
        """What repeats the work that a restored backup undid."""
        from syncer.decisions.replay import Replays

        return Replays(self.checkpoints, self.origins, self.transactions, self.store, self.resync, self.queue)

    @cached_property
    def forks(self) -> Forks:
        """What records a restored database."""
        from syncer.audit.proof.forks import Forks

        return Forks(self.checkpoints, self.origins, self.rollback, self.notary, self.notes_folder)

    @cached_property
    def verified(self) -> Verified:
        """What knows how the last full verification ended."""
        from syncer.audit.proof.verification.verified import Verified

        return Verified(self.engine, self.tables, self.ledger, self.clock)

    @cached_property
    def access_log(self) -> AccessLog:
        """What notes who looked, who took out, and who was refused."""
        from syncer.audit.access_log import AccessLog

        return AccessLog(self.transactions)

    @cached_property
    def purge(self) -> Purge:
        """What purges the bodies that are old enough."""
        from syncer.audit.proof.purge import Purge

        return Purge(self.transactions, self.checkpoints, self.ledger, self.settings.retention.audit_months)

    @cached_property
    def shredding(self) -> Shredding:
        """What destroys the addresses that outlived their use."""
        from syncer.events.shredding import Shredding

        return Shredding(self.transactions, self.store)

    @cached_property
    def resealing(self) -> Resealing:
        """What seals addresses anew that an older syncer or an older key sealed."""
        from syncer.events.resealing import Resealing

        return Resealing(self.transactions, self.seals)

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
            self.verified,
            self.refused_rows,
            self.guards,
        )

    @cached_property
    def propagation(self) -> Propagation:
        """What makes the propagation log."""
        from syncer.reports.propagation import Propagation
        from syncer.reports.register.paged import Registers

        return Propagation(
            Registers(self.engine, self.tables, self.reader, self.ledger),
            self.status,
            self.ledger,
            self.notary,
            self.rule,
            self.clock,
            self.verify_since,
            self.verified,
            self.about,
            self.controller,
        )

    @cached_property
    def dossiers(self) -> Dossiers:
        """What makes the dossier of a person."""
        from syncer.reports.dossier import Dossiers

        return Dossiers(
            self.reader,
            self.ledger,
            self.checkpoints,
            self.origins,
            self.rule,
            self.clock,
            self.settings.retention.audit_months,
            self.settings.schedule.recheck_days,
            self.about,
            self.is_working,
            self.controller,
            self.verification.objection,
        )

    @cached_property
    def verification(self) -> Verification:
        """What verifies the log with all that lies on this host."""
        from syncer.audit.proof.verification.verify import Verification

        return Verification(
            self.engine,
            self.tables,
            self.ledger,
            self.origins,
            self.checkpoints,
            self.verified,
            self.notes_folder,
            self.clock,
        )

    def verify(
        self, against: Sequence[Path] = (), accepted: Collection[int] = (), pause: Pause | None = None
    ) -> Finding:
        """Verify the whole log with all that lies on this host; see `Verification.whole`. Raises UserError."""
        return self.verification.whole(against, accepted, pause)

    def verify_since(self, events: Iterable[str] = (), span: Span | None = None, *, keep: bool = True) -> Finding:
        """Verify what came since the last verified state, these events and a span; see `Verification.since`."""
        return self.verification.since(events, span, keep=keep)

    # -- destinations --------------------------------------------------------------------------------------

    def adapter(self, name: str) -> Adapter:
        """Build the adapter of a destination. Raises SettingsProblem for a missing secret or unusable option."""
        return make_adapter(self.settings, name)

    def about(self, adapter: str) -> type[Adapter] | None:
        """Return the class of an adapter, for what it says of itself; None for one that is not installed."""
        try:
            return registry.load(adapter)
        except AdapterSettingsError:
            return None

    def provider(self, adapter: str) -> str:
        """Return the name by which people know an adapter's provider; its own where it has none, or is gone."""
        about = self.about(adapter)
        return (about.title if about else "") or adapter

    def is_working(self, destination: str) -> bool:
        """Say whether a destination is called at present: it is in the settings, and its lane is not paused."""
        lane = self.leases.get(destination)
        return destination in self.settings.destinations and not (lane and lane.paused)

    def lanes(self, adapters: Mapping[str, Adapter] | None = None, stop: threading.Event | None = None) -> list[Lane]:
        """Build the lanes of all configured destinations, with their adapters, or with those that are given.

        They work until `stop`, or this installation's own.
        """
        from syncer.delivery.lane import Lane
        from syncer.delivery.shadow.lane import ShadowLane

        self.leases.ensure(list(self.settings.destinations))
        kinds = {LIVE: Lane, SHADOW: ShadowLane}
        return [
            kinds[self.settings.destinations[name].mode](
                name,
                adapter,
                self.transactions,
                self.store,
                self.leases,
                self.seals,
                stop or self.stop,
                guard=self.guards.of(name, adapter),
            )
            for name, adapter in (adapters or {name: self.adapter(name) for name in self.settings.destinations}).items()
        ]

    # -- the end -------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Close the database connections; what was never asked for is not made for it."""
        self.engine.dispose()
        if self.queue.engine is not self.engine:
            self.queue.engine.dispose()
        wordpress: WordPress | None = self.__dict__.get("wordpress")
        if wordpress is not None:
            wordpress.close()

    def __enter__(self) -> App:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
