"""A settable clock, a real SQLite installation and the shipped sandbox: what most tests stand on."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import sqlalchemy as sa

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from syncer.app import App, load_settings, open_app
from syncer.database import engines, revisions, sqlite_files
from syncer.database.tables import tables
from syncer.privacy.keyring import Keyring
from syncer.setup.install import initialise
from tests.support.receivers.hooks import SECRET, Receiver, receiver
from tests.support.receivers.smtp import Mailbox, mailbox
from tests.support.servers import SERVERS, Server, server_or_skip
from tests.support.session import leftovers, signals, tools
from tests.support.session.opened import close_all

#: folders of tests that take minutes: every fault, kills, weeks in virtual time, the smallest bench
LONG = {Path(__file__).parent / name for name in ("faults", "crash", "simulation", "bench")}
#: most tests are about something else than the guard, which counts here too and stops nothing
UNGUARDED = "always_allowed = 1_000_000"
AUDIENCES = ("a1b2c3d4e5", "b2c3d4e5f6", "c3d4e5f6a7")


# what takes long on a loaded machine is no defect: time is nothing that an example proves
hypothesis.settings.register_profile("syncer", deadline=None)
hypothesis.settings.load_profile("syncer")


def pytest_configure(config: pytest.Config) -> None:
    """Hold what is true of a session as a whole."""
    for plugin in (leftovers, signals, tools):
        config.pluginmanager.register(plugin)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what takes minutes, and what runs on a server or in a browser: a parameter or a fixture names it."""
    for item in items:
        if not LONG.isdisjoint(item.path.parents):
            item.add_marker(pytest.mark.slow)
        values = getattr(item, "callspec", None)
        named = {str(value) for value in values.params.values()} if values else set()
        if {*SERVERS, "tab"} & (named | set(getattr(item, "fixturenames", ()))):
            item.add_marker(pytest.mark.engines)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, start: datetime) -> None:
        self.now = self.start = start

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime.now(UTC))


@pytest.fixture(autouse=True)
def _what_a_test_opened_is_closed() -> Iterator[None]:
    yield
    close_all()


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mailbox() as server:
        yield server


@pytest.fixture
def hooks(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiver() as server:
        monkeypatch.setenv("TEST_HOOK_URL", server.url())
        monkeypatch.setenv("TEST_HOOK_SECRET", SECRET)
        yield server


@pytest.fixture
def mailchimp() -> Iterator[MailchimpSandbox]:
    with MailchimpSandbox(audiences=AUDIENCES) as server:
        yield server


@pytest.fixture
def activecampaign() -> Iterator[ActiveCampaignSandbox]:
    with ActiveCampaignSandbox(rate=None) as server:
        yield server


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Server]:
    server = server_or_skip("mariadb")
    yield server
    server.close()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    server = server_or_skip("postgresql")
    yield server
    server.close()


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    """The kind of database. Ask for others by `@pytest.mark.parametrize("engine", ENGINES, indirect=True)`."""
    return str(getattr(request, "param", "sqlite"))


@pytest.fixture
def database_url(engine: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of an empty database of the test's kind."""
    if engine == "sqlite":
        yield "sqlite:///syncer.db"
        return
    server: Server = request.getfixturevalue(engine)
    url = server.new_database()
    yield url
    server.drop_database(url)


SETTINGS = """
[database]
url = "{database}"

[deadlines]
timezone = "Europe/Berlin"

[schedule]
intake_seconds = 1
lane_seconds = 1
recheck_days = {recheck_days}

[guard]
always_allowed = 1_000_000

[destinations.newsletter]
adapter = "mailchimp"
api_key_env = "TEST_MAILCHIMP_KEY"
base_url = "{mailchimp}"
erasure = "delete"
objection = "{objection}"

[destinations.crm]
adapter = "activecampaign"
api_key_env = "TEST_ACTIVECAMPAIGN_KEY"
base_url = "{activecampaign}"
requests_per_second = {rate}
erasure = "delete"
objection = "{objection}"
"""


@pytest.fixture
def settings_file(
    tmp_path: Path,
    database_url: str,
    mailchimp: MailchimpSandbox,
    activecampaign: ActiveCampaignSandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Path]:
    """Write a settings.toml that points at the two sandboxes and set their keys."""

    def write(
        *,
        objection: str = "unsubscribe",
        recheck_days: str = "[1, 7]",
        rate: int = 1000,
        guard: str = UNGUARDED,
    ) -> Path:
        monkeypatch.setenv("TEST_MAILCHIMP_KEY", mailchimp.api_key)
        monkeypatch.setenv("TEST_ACTIVECAMPAIGN_KEY", activecampaign.api_key)
        path = tmp_path / "settings.toml"
        path.write_text(
            SETTINGS.format(
                database=database_url,
                mailchimp=mailchimp.url,
                activecampaign=activecampaign.url,
                objection=objection,
                recheck_days=recheck_days,
                rate=rate,
            ).replace(UNGUARDED, guard),
            encoding="utf-8",
        )
        return path

    return write


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the newest schema and nothing in it: making one takes longer than most tests."""
    path = tmp_path_factory.mktemp("empty") / "syncer.db"
    with engines.opened(f"sqlite:///{path}") as made:
        revisions.upgrade(made, tables(), queue_here=True)
    return path


@pytest.fixture
def make_app(settings_file: Callable[..., Path], clock: Clock, empty_database: Path) -> Iterator[Callable[..., App]]:
    """Initialise an installation and open it under the settable clock."""
    opened: list[App] = []

    def make(**options: Any) -> App:
        settings = load_settings(settings_file(**options))
        file = sqlite_files.file_of(sa.make_url(settings.database.url))
        if file is not None and not file.exists():
            Keyring.create(settings.identity.key_file)
            shutil.copy(empty_database, file)
        initialise(settings)
        app = open_app(settings, clock=clock)
        opened.append(app)
        return app

    yield make
    for app in opened:
        app.close()


@pytest.fixture
def app(make_app: Callable[..., App]) -> App:
    return make_app()
