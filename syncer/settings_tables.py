"""The tables of settings.toml as types: every key, its default and its bounds."""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, StrictInt, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

BACKENDS = ("sqlite", "mysql", "mariadb", "postgresql")


class Table(BaseModel):
    """Any table: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _database_url(value: str | None) -> str | None:
    try:
        kind = "sqlite" if value is None else make_url(value).get_backend_name()
    except (ArgumentError, ValueError):  # the second for a port that is no number
        raise ValueError("not a database URL; write it like sqlite:///syncer.db") from None
    if kind not in BACKENDS:
        raise ValueError("this kind of database is not supported; use sqlite, mysql or postgresql")
    return value


class Database(Table):
    """Where syncer's own tables live; `url` may hold a password and is not shown."""

    url: str = Field(default="sqlite:///syncer.db", repr=False)
    prefix: str = Field(default="syncer_", pattern=r"^[a-z][a-z0-9_]{0,20}$")

    _usable = field_validator("url")(_database_url)


class Queue(Table):
    """Where producers write; `url` None means the database above."""

    url: str | None = Field(default=None, repr=False)
    table: str = Field(default="syncer_queue", pattern=r"^[A-Za-z][A-Za-z0-9_]{0,60}$")

    _usable = field_validator("url")(_database_url)


class Identity(Table):
    """The key file."""

    key_file: Path = Path("syncer.key")


class Deadlines(Table):
    """The controller's promise: days and hours after receipt, counted in `timezone`."""

    timezone: str
    answer_within_days: int = Field(default=30, ge=1, le=90, strict=True)
    objection_target_hours: int = Field(default=48, ge=1, le=720, strict=True)

    @field_validator("timezone")
    @classmethod
    def _exists(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("is no time zone; write it like Europe/Berlin") from None
        return value

    @property
    def zone(self) -> ZoneInfo:
        """The controller's time zone."""
        return ZoneInfo(self.timezone)


class Schedule(Table):
    """How often the daemon looks and how long it owns a lane unseen, in seconds; the days of its rechecks."""

    intake_seconds: float = Field(default=5, ge=0.1, le=3600, strict=True, allow_inf_nan=False)
    lane_seconds: float = Field(default=1, ge=0.1, le=3600, strict=True, allow_inf_nan=False)
    lease_seconds: int = Field(default=30, ge=3, le=3600, strict=True)
    recheck_days: tuple[StrictInt, ...] = (1, 7)

    @field_validator("recheck_days")
    @classmethod
    def _rises(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if any(day < 1 for day in value) or list(value) != sorted(set(value)):
            raise ValueError("must be rising whole days after fulfilment, like [1, 7]")
        return value


class Log(Table):
    """How much is logged."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class SettingsTables(BaseSettings):
    """All tables but the destinations, whose keys depend on their adapters."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True)

    database: Database = Database()
    queue: Queue = Queue()
    identity: Identity = Identity()
    deadlines: Deadlines
    schedule: Schedule = Schedule()
    log: Log = Log()
