"""The tables of settings.toml as types: every key, its default and its bounds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy.engine import make_url

from syncer.domain.controller import Controller
from syncer.domain.deadlines import Rule, days_off
from syncer.language.texts import ENGLISH, LANGUAGES
from syncer.settings.alerting.alerts import AlertsSettings, HeartbeatSettings
from syncer.settings.console.table import ConsoleSettings
from syncer.settings.keys.readers import (
    line,
    lines,
    number,
    one_of,
    part_of_a_name,
    read_flag,
    read_path,
    read_text,
    read_wholes,
    whole,
)
from syncer.settings.keys.table import Table, key
from syncer.settings.login import ServerTable, database_url
from syncer.settings.operation import BackupSettings, GuardSettings
from syncer.settings.proof import CheckpointsSettings, RetentionSettings

if TYPE_CHECKING:
    from syncer.settings.alerting.channels import Channel
    from syncer.settings.anchors import Anchor

WORDPRESS_BACKENDS = ("mysql", "mariadb")


@dataclass(frozen=True, kw_only=True)
class DatabaseSettings(ServerTable):
    """The database with syncer's own tables."""

    url: str = key(database_url, "sqlite:///syncer.db", shown=False)
    prefix: str = key(part_of_a_name("[a-z][a-z0-9_]{0,20}"), "syncer_")


@dataclass(frozen=True, kw_only=True)
class QueueSettings(ServerTable):
    """The table that producers write to; `url` None means the database above."""

    table: str = key(part_of_a_name("[A-Za-z][A-Za-z0-9_]{0,60}"), "syncer_queue")


@dataclass(frozen=True, kw_only=True)
class IdentitySettings(Table):
    """The key file."""

    key_file: Path = key(read_path, Path("syncer.key"))


def _timezone(given: Any) -> str:
    name = read_text(given)
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("is not a time zone; write it like Europe/Berlin") from None
    return name


def _country(given: Any) -> str:
    days_off(read_text(given))
    return read_text(given)


@dataclass(frozen=True, kw_only=True)
class DeadlinesSettings(Table):
    """The controller's promise: days and hours after receipt, counted in `timezone`; `country` has its holidays."""

    timezone: str = key(_timezone, add='it, like timezone = "Europe/Berlin"')
    country: str | None = key(_country, None)
    answer_within_days: int = key(whole(1, 90), 30, as_json=True)
    objection_target_hours: int = key(whole(1, 720), 48, as_json=True)

    @property
    def zone(self) -> ZoneInfo:
        """The controller's time zone."""
        return ZoneInfo(self.timezone)

    @property
    def rule(self) -> Rule:
        """The promise as a rule that computes due days."""
        hours = self.objection_target_hours
        return Rule(self.zone, self.answer_within_days, hours, days_off(self.country), self.country)


def _rising_days(given: Any) -> tuple[int, ...]:
    days = read_wholes(given)
    if any(day < 1 for day in days) or list(days) != sorted(set(days)):
        raise ValueError("must be rising whole days after fulfilment, like [1, 7]")
    return days


@dataclass(frozen=True, kw_only=True)
class ScheduleSettings(Table):
    """How often the daemon works, how long the owner of a lane may stay silent, and the days of the rechecks."""

    intake_seconds: float = key(number(0.1, 3600), 5, as_json=True)
    lane_seconds: float = key(number(0.1, 3600), 1, as_json=True)
    lease_seconds: int = key(whole(3, 3600), 30, as_json=True)
    recheck_days: tuple[int, ...] = key(_rising_days, (1, 7), as_json=True)
    watch_hours: int = key(whole(0, 168), 24, as_json=True)


@dataclass(frozen=True, kw_only=True)
class LogSettings(Table):
    """How much is logged."""

    level: Literal["debug", "info", "warning", "error"] = key(one_of("debug", "info", "warning", "error"), "info")


def _listen(given: Any) -> str:
    listen = read_text(given)
    try:
        place_of(listen)
    except ValueError:
        raise ValueError("is not an address and port; write it like 127.0.0.1:9464") from None
    return listen


@dataclass(frozen=True, kw_only=True)
class MetricsSettings(Table):
    """Where the daemon serves its metrics: `HOST:PORT`, None for nowhere. `public` lets other machines reach them."""

    listen: str | None = key(_listen, None)
    public: bool = key(read_flag, False)

    def require_fit(self) -> None:
        """Raise ValueError for a place that other machines can reach without being asked to be."""
        if self.place is not None and not self.public and not ip_address(self.place[0]).is_loopback:
            raise ValueError("listen can be reached from elsewhere; use 127.0.0.1:9464, or set public = true as well")

    @property
    def place(self) -> tuple[str, int] | None:
        """The IP address and the port."""
        return place_of(self.listen)


def place_of(text: str | None) -> tuple[str, int] | None:
    """Return IP address and port of `HOST:PORT`, None for None. Raises ValueError for anything else."""
    if text is None:
        return None
    host, _, port = text.rpartition(":")
    address = ip_address(host.removeprefix("[").removesuffix("]"))
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError("not a port")
    return str(address), int(port)


def _wordpress_url(given: Any) -> str:
    url = database_url(given)
    if make_url(url).get_backend_name() not in WORDPRESS_BACKENDS:
        raise ValueError("wordPress runs on MariaDB or MySQL; write it like mysql://syncer@localhost/wordpress")
    return url


@dataclass(frozen=True, kw_only=True)
class WordPressSettings(ServerTable):
    """The WordPress that feeds the queue; `url` None means the queue's database."""

    url: str | None = key(_wordpress_url, None, shown=False)
    table_prefix: str = key(part_of_a_name("[A-Za-z0-9_]{1,40}"), "wp_")
    sweep_minutes: float = key(number(0.05, 1440), 5, as_json=True)
    alert_after_days: int = key(whole(1, 90), 7, as_json=True)
    status_table: bool = key(read_flag, True)


#: one line that a letter shows
_LINE = line(300)


@dataclass(frozen=True, kw_only=True)
class ControllerSettings(Table):
    """Who answers for the data, as pages for data subjects name it; all of it may be missing.

    `language` is that of a report and a dossier for which nobody chooses another.
    """

    name: str | None = key(_LINE, None)
    address: tuple[str, ...] = key(lines(300, 12), (), as_json=True)
    contact: str | None = key(_LINE, None)
    data_protection_officer: str | None = key(_LINE, None)
    supervisory_authority: str | None = key(_LINE, None)
    language: str = key(one_of(*LANGUAGES), ENGLISH)

    @property
    def controller(self) -> Controller:
        """The same as a value that knows nothing of settings."""
        return Controller(**{name: value for name, value in self.values().items() if name != "language"})


def _anchors(given: Any) -> Mapping[str, Anchor]:
    from syncer.settings.anchors import read_anchors  # most installations have none but the folder

    return read_anchors(given)


def _channels(given: Any) -> Mapping[str, Channel]:
    from syncer.settings.alerting.channels import read_channels

    return read_channels(given)


@dataclass(frozen=True, kw_only=True)
class SettingsTables(Table):
    """All tables but the destinations, whose keys depend on their adapters. `wordpress` None: not in use."""

    known: ClassVar[str] = "known tables"

    database: DatabaseSettings = key(DatabaseSettings.read, DatabaseSettings())
    queue: QueueSettings = key(QueueSettings.read, QueueSettings())
    identity: IdentitySettings = key(IdentitySettings.read, IdentitySettings())
    controller: ControllerSettings = key(ControllerSettings.read, ControllerSettings())
    deadlines: DeadlinesSettings = key(DeadlinesSettings.read)
    schedule: ScheduleSettings = key(ScheduleSettings.read, ScheduleSettings())
    log: LogSettings = key(LogSettings.read, LogSettings())
    metrics: MetricsSettings = key(MetricsSettings.read, MetricsSettings())
    wordpress: WordPressSettings | None = key(WordPressSettings.read, None)
    checkpoints: CheckpointsSettings = key(CheckpointsSettings.read, CheckpointsSettings())
    retention: RetentionSettings = key(RetentionSettings.read, RetentionSettings())
    guard: GuardSettings = key(GuardSettings.read, GuardSettings())
    backup: BackupSettings = key(BackupSettings.read, BackupSettings())
    alerts: AlertsSettings = key(AlertsSettings.read, AlertsSettings())
    heartbeat: HeartbeatSettings | None = key(HeartbeatSettings.read, None)
    console: ConsoleSettings | None = key(ConsoleSettings.read, None)
    anchors: Mapping[str, Anchor] = key(_anchors, default_factory=dict)
    channels: Mapping[str, Channel] = key(_channels, default_factory=dict)

    @classmethod
    def known_keys(cls) -> Iterable[str]:
        """Return the tables that may stand in the file."""
        return (*cls.declared(), "destinations")


def within(table: str, name: str) -> type[Table] | None:
    """Return the type of a table that stands within another, like [console.oidc]; None for a key that holds a value."""
    keys = _type_of(SettingsTables, table)
    return _type_of(keys, name) if keys is not None else None


def is_json(table: str, name: str) -> bool:
    """Say whether a variable holds this key of a table as JSON: numbers and lists."""
    keys = _type_of(SettingsTables, table)
    return keys is not None and name in keys.declared() and keys.declared()[name]["as_json"]


def _type_of(table: type[Table], name: str) -> type[Table] | None:
    """Return the type that a key of a table is read as; None for a value, and for a key that is not known."""
    read = getattr(table.declared().get(name, {}).get("read"), "__self__", None)
    return read if isinstance(read, type) and issubclass(read, Table) else None
