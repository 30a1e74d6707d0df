"""settings.toml and the environment become Settings, or one line for each mistake: place, key and remedy."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy.engine import make_url

from adapters.contract import Action, Adapter
from syncer.errors import SettingsProblem
from syncer.settings.checked import Settings
from syncer.settings.destinations import Destination, wrong
from syncer.settings.messages import is_number, words
from syncer.settings.proof import KINDS, anchored_at
from syncer.settings.table import SECRET_KEY
from syncer.settings.tables import WORDPRESS_BACKENDS, Identity, SettingsTables

SYSTEM_WIDE = Path("/etc/syncer/settings.toml")
_PREFIX = "SYNCER_"
_VARIABLE = re.compile(r"(?![0-9a-fA-F]{20})[A-Za-z_][A-Za-z0-9_]{0,63}")  # not what looks like a key itself


class _Destination(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)

    adapter: str
    erasure: Action
    objection: Action
    api_key_env: str | None = None
    api_key_file: Path | None = None


def find(path: Path | None, environ: Mapping[str, str]) -> Path:
    """Return the settings file to read. Raises SettingsProblem when it is not there."""
    named = environ.get("SYNCER_SETTINGS")
    given = path or (Path(named) if named else None)
    for candidate in (given,) if given else (Path("settings.toml"), SYSTEM_WIDE):
        try:
            candidate.stat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            pass  # it is there, but not for us: reading it says so
        return candidate
    if path:
        raise SettingsProblem([f"{path}: no such settings file; give its path with --settings"])
    if given:
        raise SettingsProblem([f"{given}: no such settings file; correct SYNCER_SETTINGS or unset it"])
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
    """Read and check the settings. Raises SettingsProblem with one line for each mistake.

    `adapters` gives the class of an adapter's name; it is asked for names in `known` only.
    """
    file = find(path, environ)
    return _Reader(file, _parse(file), environ).read(adapters, known)


def _parse(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except tomllib.TOMLDecodeError as error:
        raise SettingsProblem([f"{file}: not valid TOML: {error}; correct that line"]) from None
    except (OSError, UnicodeDecodeError):
        raise SettingsProblem([f"{file}: cannot be read; check its owner, mode and encoding (UTF-8)"]) from None


class _Reader:
    """One reading: the tables of a file with the environment laid over them, and every mistake on the way."""

    def __init__(self, file: Path, tables: dict[str, Any], environ: Mapping[str, str]) -> None:
        self._file = file
        self._folder = file.resolve().parent
        self._problems: list[str] = []
        #: the path of a key -> the environment variable it was set by, which is then the one to blame
        self._variables: dict[tuple[str, ...], str] = {}
        self._destinations: Any = tables.pop("destinations", {})
        self._tables = {"deadlines": {}} | tables  # its missing key is the mistake, not the table
        if not isinstance(self._destinations, dict):
            self._wrong(("destinations",), "must be tables, written [destinations.NAME]")
            self._destinations = {}
        for variable in sorted(environ):
            if variable.startswith(_PREFIX) and "__" in variable.removeprefix(_PREFIX):
                self._override(variable, environ[variable])

    def read(self, adapters: Callable[[str], type[Adapter]], known: tuple[str, ...]) -> Settings:
        """Return what was read. Raises SettingsProblem with one line for each mistake."""
        tables = self._checked_tables()
        destinations = {name: self._destination(name, adapters, known) for name in self._destinations}
        if tables is None or self._problems:
            shown = ("".join(c if c.isprintable() else ascii(c)[1:-1] for c in line) for line in self._problems)
            raise SettingsProblem(list(dict.fromkeys(shown)))
        settings = self._anchored(tables, {name: item for name, item in destinations.items() if item is not None})
        if settings.wordpress and make_url(settings.wordpress_url).get_backend_name() not in WORDPRESS_BACKENDS:
            remedy = 'name it here, like url = "mysql://syncer@localhost/wordpress", or as [queue] url'
            raise SettingsProblem([f"{self._file}: [wordpress] url: WordPress' own database is needed; {remedy}"])
        return settings

    def _override(self, variable: str, text: str) -> None:
        """Lay a variable over the key it names; one that names no table is a mistake."""
        table, *rest = variable.removeprefix(_PREFIX).lower().split("__")
        if table in ("destinations", "anchors") and len(rest) == 2:
            named: Any = self._destinations if table == "destinations" else self._tables.get(table)
            name = _as_written(rest[0], named)
            if name is not None:
                self._lay(variable, (table, name, rest[1]), named[name], _typed(text, named[name].get(rest[1])))
                return
        elif table != "anchors" and table in SettingsTables.model_fields and len(rest) == 1 and rest[0]:
            if not isinstance(self._tables.get(table), dict):
                self._tables[table] = {}
            value = _decoded(text) if is_number(table, rest[0]) else text
            self._lay(variable, (table, rest[0]), self._tables[table], value)
            return
        place = ".".join([table, *rest[:-1]])
        self._problems.append(f"environment: {variable}: there is no table [{place}]; correct its name or unset it")

    def _lay(self, variable: str, path: tuple[str, ...], keys: dict[str, Any], value: Any) -> None:
        keys[path[-1]] = value
        self._variables[path] = variable

    def _checked_tables(self) -> SettingsTables | None:
        try:
            return SettingsTables.model_validate(self._tables)
        except ValidationError as error:
            self._explain(error, ())
            return None

    def _destination(
        self, name: str, adapters: Callable[[str], type[Adapter]], known: tuple[str, ...]
    ) -> Destination | None:
        here, table = ("destinations", name), self._destinations[name]
        if not isinstance(table, dict):
            self._wrong(here, "must be a table")
            return None
        self._refuse_secrets(here, table)
        try:
            item = _Destination.model_validate(table)
        except ValidationError as error:
            self._explain(error, here)
            return None
        destination = Destination(
            name=name,
            adapter=item.adapter,
            erasure=item.erasure,
            objection=item.objection,
            options=dict(item.model_extra or {}),
            api_key_env=item.api_key_env,
            api_key_file=self._folder / item.api_key_file if item.api_key_file else None,
            where=str(self._file),
        )
        self._problems += wrong(self._file, destination, adapters, known)
        return destination

    def _refuse_secrets(self, here: tuple[str, ...], table: dict[str, Any]) -> None:
        """Take every key out that looks like a secret, so that no later message repeats it."""
        for key in [key for key in table if key not in _Destination.model_fields and SECRET_KEY.fullmatch(key)]:
            del table[key]
            remedy = "name a variable with api_key_env or a file with api_key_file, and have the key renewed"
            self._wrong((*here, key), f"secrets never stand in this file; {remedy}")
        variable = table.get("api_key_env")
        if isinstance(variable, str) and not _VARIABLE.fullmatch(variable):
            self._wrong((*here, "api_key_env"), "not a variable's name; put the key into a variable and name that")

    def _anchored(self, tables: SettingsTables, destinations: Mapping[str, Destination]) -> Settings:
        """Return the settings with every relative file at the settings' folder."""
        queue = tables.queue.url
        database = _absolute(tables.database.url, self._folder)
        notes = self._folder / (tables.checkpoints.folder or _beside(database) / "checkpoints")
        return Settings(
            path=self._file,
            database=tables.database.model_copy(update={"url": database}),
            queue=tables.queue.model_copy(update={"url": queue and _absolute(queue, self._folder)}),
            identity=Identity(key_file=self._folder / tables.identity.key_file),
            deadlines=tables.deadlines,
            schedule=tables.schedule,
            log=tables.log,
            metrics=tables.metrics,
            checkpoints=tables.checkpoints.model_copy(update={"folder": notes}),
            retention=tables.retention,
            anchors={name: anchored_at(item, self._folder) for name, item in tables.anchors.items()},
            destinations=destinations,
            wordpress=tables.wordpress,
        )

    def _explain(self, error: ValidationError, here: tuple[str, ...]) -> None:
        for item in error.errors():
            path = (*here, *(part for part in item["loc"] if isinstance(part, str)))
            text = words(path, item)
            if path[0] == "anchors" and len(path) > 2 and path[2] in KINDS:
                path = path[:2] + path[3:]  # pydantic puts the kind there
            self._wrong(path, text)

    def _wrong(self, path: tuple[str, ...], text: str) -> None:
        if path in self._variables:
            self._problems.append(f"environment: {self._variables[path]}: {text}")
            return
        tables = 2 if path[0] in ("destinations", "anchors") else 1
        place = f"[{'.'.join(path[:tables])}]" + "".join(f" {part}" for part in path[tables:])
        self._problems.append(f"{self._file}: {place}: {text}")


def _as_written(name: str, tables: Any) -> str | None:
    """Return how the file writes the table that a variable names: its capitals and dashes are not in the variable."""
    names = [key for key in (tables if isinstance(tables, dict) else ()) if key.lower().replace("-", "_") == name]
    return names[0] if names and isinstance(tables[names[0]], dict) else None


def _decoded(text: str) -> Any:
    # the environment knows text only; a number, a truth value or a list is written as JSON there
    try:
        return json.loads(text)
    except ValueError:
        return text


def _typed(text: str, before: Any) -> Any:
    """Decode an adapter's option; where the file holds text, digits stay text (an audience's id)."""
    found = _decoded(text)
    if isinstance(found, list) or (isinstance(found, (bool, int, float)) and not isinstance(before, str)):
        return found
    return text


def _absolute(url: str, folder: Path) -> str:
    """Anchor a relative SQLite file at the settings' folder, wherever the command is called from."""
    name = _sqlite_file(url)
    return url if name is None else make_url(url).set(database=str(folder / name)).render_as_string(hide_password=False)


def _beside(url: str) -> Path:
    """Return the folder of an SQLite file; an empty path, which is the settings' folder, for any other database."""
    name = _sqlite_file(url)
    return Path() if name is None else Path(name).parent


def _sqlite_file(url: str) -> str | None:
    """Return the file in a URL; None when it names another engine, a database in memory or a `file:` URI."""
    parsed = make_url(url)
    name = parsed.database
    if parsed.get_backend_name() != "sqlite" or not name or name.startswith((":memory:", "file:")):
        return None
    return name
