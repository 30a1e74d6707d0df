"""WordPress as an installation sees it: sweep it, tell it what is done, say what is wrong with it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import timedelta

import sqlalchemy as sa

from syncer.audit.transaction import Transactions
from syncer.database import connections, engines
from syncer.database.column_types import collate
from syncer.intake.queue import Queue
from syncer.intake.wordpress import coverage
from syncer.intake.wordpress.erasure_requests import Sites, Unreadable, Way
from syncer.intake.wordpress.plugin import version
from syncer.intake.wordpress.state import WordPressAlarm, WordPressState
from syncer.intake.wordpress.status import StatusTable
from syncer.intake.wordpress.sweep import Sweep, Swept
from syncer.intake.wordpress.sweep_state import SweepState
from syncer.intake.wordpress.tables import wordpress_tables
from syncer.log import get_logger
from syncer.settings.checked import Settings

#: seconds between two looks for changes that WordPress has not been told of
STATUS_SECONDS = 5
REMEDIES = {
    "request_vanished": "a confirmed request was removed before it was carried out: ask who removed it, then submit it"
    " by hand, or drop it with `syncer wordpress dismiss`",
    "request_refused": "nothing shows that somebody who may completed it for the person of its address: ask who made it"
    " and who asked; then submit it by hand or not, and remove it in Tools > Erase Personal Data or `syncer wordpress"
    " dismiss` it",
    "confirmed_waiting": "the person confirmed and nobody completed it: open Tools > Erase Personal Data",
    "plugin_outdated": "the plugin in WordPress is older than syncer: run `syncer wordpress install` again, then open"
    " Tools > Erase Personal Data once",
    "erasure_unfinished": "somebody clicked Erase Personal Data and WordPress did not finish: another plugin's eraser"
    " failed; the lists are told all the same; mend or update that plugin, then click again",
    "site_unreadable": "run what `syncer wordpress grants` prints, with --site NUMBER for each site of a network",
    "network_unreadable": "this is a network: run what `syncer wordpress grants --site 1 --site 2` prints, with --site"
    " for each of its sites",
    "grants_outdated": "syncer reads all posts and cannot see who made a request: run what `syncer wordpress grants`"
    " prints, with --site NUMBER for each site of a network",
    "sweep_overdue": "start `syncer run`, or run `syncer wordpress sweep` and read what it says",
}


class WordPress:
    """The WordPress of one installation, through an engine of its own that commits by itself.

    `providers` are the names of the providers as people know them, by destination: WordPress shows them.
    """

    def __init__(
        self, settings: Settings, transactions: Transactions, queue: Queue, providers: Mapping[str, str]
    ) -> None:
        assert settings.wordpress is not None
        self._settings = settings.wordpress
        self._clock = transactions.clock
        self._engine = engines.connect(settings.wordpress_login)
        reader = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        tables = wordpress_tables(settings.database.prefix)
        self._sites = Sites(reader, settings.database.prefix, self._settings.table_prefix)
        self._state = SweepState(transactions, queue, tables)
        self._sweep = Sweep(self._sites, self._state, queue, self._clock, self._outdated)
        self._status = StatusTable(transactions, self._engine, tables.status, providers)
        self._log = get_logger("syncer.wordpress")
        self._failure = ""
        self._lock = threading.Lock()

    @property
    def sweep_seconds(self) -> float:
        """Seconds between two sweeps."""
        return self._settings.sweep_minutes * 60

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def sweep(self) -> Swept:
        """Sweep once, and bring the whole status table in step. Raises what the databases raise."""
        swept = self._sweep.run()
        self._tell(self._status.publish_all)
        return swept

    def preview(self) -> Swept:
        """Return what a sweep would find and queue, and change nothing. Raises what the databases raise."""
        return self._sweep.run(dry=True)

    def publish(self) -> None:
        """Tell WordPress what changed; a failure is logged once, and made good by the next success."""
        self._tell(self._status.publish)

    def _tell(self, publish: Callable[[], int]) -> None:
        if not self._settings.status_table:
            return
        try:
            with self._lock:  # the daemon sweeps in one thread and publishes in another
                publish()
        except sa.exc.SQLAlchemyError as error:
            if self._failure != type(error).__name__:
                self._failure = type(error).__name__
                self._log.error("wordpress.status_not_written", error=self._failure)
        else:
            self._failure = ""

    def _outdated(self) -> bool:
        """Say whether the plugin, where it feeds the queue, is older than the one shipped; False if nobody can tell."""
        if not self._settings.status_table or not self._state.fed_by_plugin():
            return False
        try:
            return self._status.plugin_version() < version()
        except sa.exc.DBAPIError:
            return False  # the table is missing or not granted: writing it fails as well, and says so

    def dismiss(self, ref: str, reason: str) -> None:
        """Forget a vanished request, or let a refused one be, by a person's decision. Raises UserError for another."""
        self._state.dismiss(ref, reason)

    def state(self) -> WordPressState:
        """Return for `status`: alarms with their remedies, and how the last sweep went."""
        last = self._state.read()
        sites = list(last.sites.values())
        alarms = coverage.alarms(
            last.seen.values(),
            self._state.begun(last.seen.values()),
            sites,
            self._clock(),
            alert_after=timedelta(days=self._settings.alert_after_days),
            swept_every=timedelta(seconds=self.sweep_seconds),
        )
        return WordPressState(
            configured=True,
            swept_at=max((site.swept_at for site in sites), default=None),
            sites=len([site for site in sites if not site.problem]),
            requests=sum(site.requests for site in sites),
            alarms=tuple(WordPressAlarm(item.code, item.about, item.since, REMEDIES[item.code]) for item in alarms),
        )

    def is_loose(self) -> bool:
        """Say whether a site is read from WordPress' own tables, of which the account sees more than it needs."""
        return any(self._sites.requests(site)[1] != Way.VIEWS for site in self._sites.ids() or [1])

    def problems(self) -> list[str]:
        """Try everything that is needed of WordPress' database; return what is refused. Raises what it raises."""
        problems = []
        for site in self._sites.ids() or [1]:
            try:
                way = self._sites.requests(site)[1]
            except Unreadable:
                problems.append(f"site {site} cannot be read")
            else:
                if way == Way.OLD_GRANTS:
                    problems.append(f"site {site} is read by grants that are too old: of all posts, and no author")
        if self._settings.status_table:
            try:
                self._status.publish()
            except sa.exc.DBAPIError:
                problems.append("the status table cannot be written")
        return problems


def create_status_table(settings: Settings) -> None:
    """Create the table that WordPress reads, in its database; one that is there is left alone."""
    table = wordpress_tables(settings.database.prefix).status
    with engines.opened(settings.wordpress_login) as engine, connections.writing(engine) as connection:
        collate([table], engines.no_pad_collation(connection))
        table.create(connection, checkfirst=True)
