"""The tables of settings.toml as types: every key, its default and its bounds."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, StrictInt, field_validator, model_validator
from sqlalchemy.engine import make_url

from syncer.domain.controller import Controller
from syncer.domain.deadlines import Rule, days_off
from syncer.settings.login import ServerTable
from syncer.settings.proof import Anchor, CheckpointsSettings, RetentionSettings, allowed_names
from syncer.settings.table import Table

WORDPRESS_BACKENDS = ("mysql", "mariadb")


class DatabaseSettings(ServerTable):
    """The database with syncer's own tables."""

    url: str = Field(default="sqlite:///syncer.db", repr=False)
    prefix: str = Field(default="syncer_", pattern=r"^[a-z][a-z0-9_]{0,20}$")


class QueueSettings(ServerTable):
    """The table that producers write to; `url` None means the database above."""

    table: str = Field(default="syncer_queue", pattern=r"^[A-Za-z][A-Za-z0-9_]{0,60}$")


class IdentitySettings(Table):
    """The key file."""

    key_file: Path = Path("syncer.key")


class DeadlinesSettings(Table):
    """The controller's promise: days and hours after receipt, counted in `timezone`; `country` has its holidays."""

    timezone: str
    country: str | None = None
    answer_within_days: int = Field(default=30, ge=1, le=90, strict=True)
    objection_target_hours: int = Field(default=48, ge=1, le=720, strict=True)

    @field_validator("timezone")
    @classmethod
    def _exists(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("is not a time zone; write it like Europe/Berlin") from None
        return value

    @field_validator("country")
    @classmethod
    def _has_holidays(cls, value: str | None) -> str | None:
        days_off(value)
        return value

    @property
    def zone(self) -> ZoneInfo:
        """The controller's time zone."""
        return ZoneInfo(self.timezone)

    @property
    def rule(self) -> Rule:
        """The promise as a rule that computes due days."""
        hours = self.objection_target_hours
        return Rule(self.zone, self.answer_within_days, hours, days_off(self.country), self.country)


class ScheduleSettings(Table):
    """How often the daemon works, how long the owner of a lane may stay silent, and the days of the rechecks."""

    intake_seconds: float = Field(default=5, ge=0.1, le=3600, strict=True, allow_inf_nan=False)
    lane_seconds: float = Field(default=1, ge=0.1, le=3600, strict=True, allow_inf_nan=False)
    lease_seconds: int = Field(default=30, ge=3, le=3600, strict=True)
    recheck_days: tuple[StrictInt, ...] = (1, 7)
    watch_hours: int = Field(default=24, ge=0, le=168, strict=True)

    @field_validator("recheck_days")
    @classmethod
    def _rises(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if any(day < 1 for day in value) or list(value) != sorted(set(value)):
            raise ValueError("must be rising whole days after fulfilment, like [1, 7]")
        return value


class LogSettings(Table):
    """How much is logged."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class MetricsSettings(Table):
    """Where the daemon serves its metrics: `HOST:PORT`, None for nowhere. `public` lets other machines reach them."""

    listen: str | None = None
    public: bool = False

    @model_validator(mode="after")
    def _stays_here(self) -> MetricsSettings:
        if self.place is not None and not self.public and not ip_address(self.place[0]).is_loopback:
            raise ValueError("listen can be reached from elsewhere; use 127.0.0.1:9464, or set public = true as well")
        return self

    @field_validator("listen")
    @classmethod
    def _is_a_place(cls, value: str | None) -> str | None:
        try:
            place_of(value)
        except ValueError:
            raise ValueError("is not an address and port; write it like 127.0.0.1:9464") from None
        return value

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


class WordPressSettings(ServerTable):
    """The WordPress that feeds the queue; `url` None means the queue's database."""

    table_prefix: str = Field(default="wp_", pattern=r"^[A-Za-z0-9_]{1,40}$")
    sweep_minutes: float = Field(default=5, ge=0.05, le=1440, strict=True, allow_inf_nan=False)
    alert_after_days: int = Field(default=7, ge=1, le=90, strict=True)
    status_table: bool = True

    @field_validator("url")
    @classmethod
    def _is_wordpress(cls, value: str | None) -> str | None:
        if value is not None and make_url(value).get_backend_name() not in WORDPRESS_BACKENDS:
            raise ValueError("WordPress runs on MariaDB or MySQL; write it like mysql://syncer@localhost/wordpress")
        return value


def _one_line(text: str) -> str:
    line = text.strip()
    if not line or not line.isprintable():
        raise ValueError("must be one line of printable text; leave it out where there is none")
    return line


def _lines(value: Any) -> Any:
    # one text of several lines, as TOML and an environment variable can hold it, is a list of lines too
    return tuple(line for line in value.splitlines() if line.strip()) if isinstance(value, str) else value


#: one line that a letter shows
Line = Annotated[str, Field(max_length=300), AfterValidator(_one_line)]


class ControllerSettings(Table):
    """Who answers for the data, as pages for data subjects name it; all of it may be missing."""

    name: Line | None = None
    address: Annotated[tuple[Line, ...], BeforeValidator(_lines), Field(max_length=12)] = ()
    contact: Line | None = None
    data_protection_officer: Line | None = None
    supervisory_authority: Line | None = None

    @property
    def controller(self) -> Controller:
        """The same as a value that knows nothing of settings."""
        return Controller(**dict(self))


class SettingsTables(Table):
    """All tables but the destinations, whose keys depend on their adapters. `wordpress` None: not in use."""

    database: DatabaseSettings = DatabaseSettings()
    queue: QueueSettings = QueueSettings()
    identity: IdentitySettings = IdentitySettings()
    controller: ControllerSettings = ControllerSettings()
    deadlines: DeadlinesSettings
    schedule: ScheduleSettings = ScheduleSettings()
    log: LogSettings = LogSettings()
    metrics: MetricsSettings = MetricsSettings()
    wordpress: WordPressSettings | None = None
    checkpoints: CheckpointsSettings = CheckpointsSettings()
    retention: RetentionSettings = RetentionSettings()
    anchors: dict[str, Anchor] = Field(default_factory=dict)

    _anchor_names = field_validator("anchors")(allowed_names)


def table_of(name: str) -> type[BaseModel]:
    """Return the type of a table. Raises KeyError for a name that has none of its own."""
    annotation = SettingsTables.model_fields[name].annotation
    for kind in (annotation, *get_args(annotation)):  # a table that may be absent is `Table | None`
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    raise KeyError(name)
