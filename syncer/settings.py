"""settings.toml and the environment become Settings, or one line for each mistake: file, key and remedy."""

from __future__ import annotations

import hashlib
import json
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from adapters.contract import Action, Adapter
from syncer.destinations import Destination, wrong
from syncer.errors import SettingsProblem

SYSTEM_WIDE = Path("/etc/syncer/settings.toml")


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Database(_Table):
    """Where syncer's own tables live."""

    url: str = "sqlite:///syncer.db"
    prefix: str = Field(default="syncer_", pattern=r"^[a-z][a-z0-9_]{0,20}$")


class Queue(_Table):
    """Where producers write; `url` None means the database above."""

    url: str | None = None
    table: str = Field(default="syncer_queue", pattern=r"^[A-Za-z][A-Za-z0-9_]{0,60}$")


class Identity(_Table):
    """The key file."""

    key_file: Path = Path("syncer.key")


class Deadlines(_Table):
    """The controller's promise."""

    timezone: str
    answer_within_days: int = Field(default=30, ge=1, le=90)
    objection_target_hours: int = Field(default=48, ge=1, le=720)

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


class Schedule(_Table):
    """How often the daemon looks; seconds and days."""

    intake_seconds: float = Field(default=5, ge=0.1, le=3600)
    lane_seconds: float = Field(default=1, ge=0.1, le=3600)
    recheck_days: tuple[int, ...] = (1, 7)

    @field_validator("recheck_days")
    @classmethod
    def _rises(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if any(day < 1 for day in value) or list(value) != sorted(set(value)):
            raise ValueError("must be rising whole days after fulfilment, like [1, 7]")
        return value


class Log(_Table):
    """How much is logged."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class _Destination(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)

    adapter: str
    erasure: Action
    objection: Action
    api_key_env: str | None = None
    api_key_file: Path | None = None


class _File(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="SYNCER_", env_nested_delimiter="__", extra="forbid", frozen=True, case_sensitive=False
    )

    database: Database = Database()
    queue: Queue = Queue()
    identity: Identity = Identity()
    deadlines: Deadlines
    schedule: Schedule = Schedule()
    log: Log = Log()
    destinations: dict[str, _Destination] = {}

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file, which arrives as init arguments."""
        return EnvSettingsSource(settings_cls), init_settings


@dataclass(frozen=True)
class Settings:
    """Everything configured, checked. `path` is the file it came from."""

    path: Path
    database: Database
    queue: Queue
    identity: Identity
    deadlines: Deadlines
    schedule: Schedule
    log: Log
    destinations: Mapping[str, Destination] = field(default_factory=dict)


def find(path: Path | None, environ: Mapping[str, str]) -> Path:
    """Return the settings file to read. Raises SettingsProblem when it is not there."""
    if path is None and environ.get("SYNCER_SETTINGS"):
        path = Path(environ["SYNCER_SETTINGS"])
    if path is not None:
        if not path.is_file():
            raise SettingsProblem([f"{path}: no such settings file; give its path with --settings"])
        return path
    for candidate in (Path("settings.toml"), SYSTEM_WIDE):
        if candidate.is_file():
            return candidate
    raise SettingsProblem(
        [f"settings.toml: neither here nor at {SYSTEM_WIDE}; give its path with --settings or SYNCER_SETTINGS"]
    )


def load(
    path: Path | None,
    environ: Mapping[str, str] = os.environ,
    *,
    adapters: Callable[[str], type[Adapter]],
    known: tuple[str, ...],
) -> Settings:
    """Read and check the settings. Raises SettingsProblem with one line for each mistake."""
    file = find(path, environ)
    raw = _parse(file)
    problems = [*_secrets_in_file(file, raw), *_unknown_variables(environ)]
    if problems:
        raise SettingsProblem(problems)
    try:
        parsed = _File(**raw)
    except ValidationError as error:
        raise SettingsProblem([_line(file, item) for item in error.errors(include_input=True)]) from None
    folder = file.resolve().parent
    destinations: dict[str, Destination] = {}
    for name, item in parsed.destinations.items():
        destination = _destination(file, folder, name, item, environ)
        problems += wrong(file, destination, adapters, known)
        destinations[name] = destination
    problems += _wrong_urls(file, parsed)
    if problems:
        raise SettingsProblem(problems)
    return Settings(
        path=file,
        database=parsed.database.model_copy(update={"url": _absolute(parsed.database.url, folder)}),
        queue=parsed.queue.model_copy(
            update={"url": _absolute(parsed.queue.url, folder) if parsed.queue.url else None}
        ),
        identity=Identity(key_file=folder / parsed.identity.key_file),
        deadlines=parsed.deadlines,
        schedule=parsed.schedule,
        log=parsed.log,
        destinations=destinations,
    )


def _parse(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise SettingsProblem([f"{file}: not valid TOML: {error}; correct that line"]) from None
    except (OSError, UnicodeDecodeError):
        raise SettingsProblem([f"{file}: cannot be read; check its owner, mode and encoding (UTF-8)"]) from None


def _secrets_in_file(file: Path, raw: Mapping[str, Any]) -> list[str]:
    tables = raw.get("destinations")
    found = []
    for name, table in tables.items() if isinstance(tables, dict) else ():
        for key in table if isinstance(table, dict) else ():
            if key in ("api_key", "key", "token", "secret", "password"):
                found.append(
                    f"{file}: [destinations.{name}] {key}: secrets never stand in this file;"
                    " name a variable with api_key_env or a file with api_key_file, and change the key"
                )
    return found


def _unknown_variables(environ: Mapping[str, str]) -> list[str]:
    tables = set(_File.model_fields)
    return [
        f"environment: {name}: there is no table [{name[7:].split('__')[0].lower()}]; unset it or correct its name"
        for name in sorted(environ)
        if name.startswith("SYNCER_") and "__" in name and name[7:].split("__")[0].lower() not in tables
    ]


def _line(file: Path, error: Any) -> str:
    """Turn one mistake of pydantic's into a line; the value is shown only where it cannot be a secret."""
    path = [str(part) for part in error["loc"]]
    table, key = path[:-1], path[-1]
    place = f"[{'.'.join(table)}] {key}" if table else f"[{key}]"
    kind = error["type"]
    shown = f'"{error["input"]}" ' if isinstance(error.get("input"), str) and _harmless(path) else ""
    if kind == "extra_forbidden":
        return f"{file}: {place}: unknown key; correct its name or remove it"
    if kind == "missing":
        return f"{file}: {place}: missing; add it"
    if kind == "enum":
        return f"{file}: {place}: {shown}is not an action; use delete, unsubscribe or suppress"
    if kind == "literal_error":
        return f"{file}: {place}: {shown}is not known; use {error['ctx']['expected']}"
    if kind == "string_pattern_mismatch":
        return f"{file}: {place}: {shown}has characters that a table name cannot have; use a-z, 0-9 and _"
    text = str(error["msg"]).removeprefix("Value error, ")
    return f"{file}: {place}: {shown}{text[0].lower()}{text[1:]}"


def _harmless(path: list[str]) -> bool:
    return path[-1] in ("erasure", "objection", "timezone", "level", "table", "prefix", "adapter")


def _destination(file: Path, folder: Path, name: str, item: _Destination, environ: Mapping[str, str]) -> Destination:
    options = {
        key: _from_environment(value, f"SYNCER_DESTINATIONS__{name}__{key}".upper(), environ)
        for key, value in (item.model_extra or {}).items()
    }
    return Destination(
        name=name,
        adapter=item.adapter,
        erasure=item.erasure,
        objection=item.objection,
        options=options,
        api_key_env=item.api_key_env,
        api_key_file=folder / item.api_key_file if item.api_key_file else None,
        where=str(file),
    )


def _from_environment(value: Any, variable: str, environ: Mapping[str, str]) -> Any:
    # the environment knows text only; a number, a truth value or a list is written as JSON there
    if variable not in {name.upper() for name in environ} or not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _wrong_urls(file: Path, parsed: _File) -> list[str]:
    found = []
    for table, url in (("database", parsed.database.url), ("queue", parsed.queue.url)):
        try:
            if url is not None:
                make_url(url)
        except ArgumentError:
            found.append(f"{file}: [{table}] url: not a database URL; write it like sqlite:///syncer.db")
    return found


def _absolute(url: str, folder: Path) -> str:
    """Anchor a relative SQLite file at the settings' folder, wherever the command is called from."""
    parsed = make_url(url)
    database = parsed.database
    if parsed.get_backend_name() != "sqlite" or not database or database == ":memory:":
        return url
    return parsed.set(database=str(folder / database)).render_as_string(hide_password=False)


def settings_digest(settings: Settings) -> str:
    """Return SHA-256 (hex) of the effective settings without any secret."""
    content = {
        "database": [
            make_url(settings.database.url).render_as_string(hide_password=True),
            settings.database.prefix,
        ],
        "queue": settings.queue.table,
        "deadlines": settings.deadlines.model_dump(mode="json"),
        "schedule": settings.schedule.model_dump(mode="json"),
        "destinations": {
            name: [item.adapter, item.erasure, item.objection, dict(item.options)]
            for name, item in settings.destinations.items()
        },
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()
