"""Turn settings.toml and the environment into Settings, or into one line for each mistake: place, key and remedy."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy.engine import make_url

from adapters.contract import Adapter
from syncer.errors import SettingsProblem
from syncer.settings.checked import Settings
from syncer.settings.destinations import Destination, DestinationTable, mistakes, taken_secrets
from syncer.settings.environment import Overlay, overlay
from syncer.settings.keys.kinds import T, at_folder
from syncer.settings.keys.table import Unfit
from syncer.settings.search import find
from syncer.settings.tables import WORDPRESS_BACKENDS, IdentitySettings, SettingsTables

if TYPE_CHECKING:
    from syncer.settings.alerting.alerts import HeartbeatSettings

#: tables within a table
_DOORS = {("console", name) for name in ("wordpress", "oidc", "proxy")}


def load(
    path: Path | None,
    environ: Mapping[str, str] = os.environ,
    *,
    adapters: Callable[[str], type[Adapter]],
) -> Settings:
    """Read and check the settings. Raises SettingsProblem with one line for each mistake.

    `adapters` returns an adapter's class by its name, or raises the contract's SettingsError for one it does not have.
    """
    file = find(path, environ)
    tables = parse(file)
    return _Reader(file, tables, overlay(tables, environ)).read(adapters)


def parse(file: Path) -> dict[str, Any]:
    """Return the tables of a settings file as they are written. Raises SettingsProblem."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except tomllib.TOMLDecodeError as error:
        raise SettingsProblem([f"{file}: not valid TOML: {error}; correct that line"]) from None
    except RecursionError:
        raise SettingsProblem([f"{file}: not valid TOML: nested too deep; write lists and tables flat"]) from None
    except (OSError, UnicodeDecodeError):
        raise SettingsProblem([f"{file}: cannot be read; check its owner, mode and encoding (UTF-8)"]) from None


class _Reader:
    """One reading: the tables of a file become Settings, and every mistake on the way a line."""

    def __init__(self, file: Path, tables: dict[str, Any], environment: Overlay) -> None:
        self._file = file
        self._folder = file.resolve().parent
        self._variables = environment.variables
        self._problems: list[str] = []
        self._destinations: Any = tables.pop("destinations", {})
        self._tables = {"deadlines": {}} | tables  # where it is absent, its missing key is the mistake
        if not isinstance(self._destinations, dict):
            self._wrong(("destinations",), "must be tables, written [destinations.NAME]")
            self._destinations = {}
        self._problems += environment.problems
        for name in ("database", "queue", "wordpress"):
            self._prefer_the_variables_password(name)

    def read(self, adapters: Callable[[str], type[Adapter]]) -> Settings:
        """Return the settings. Raises SettingsProblem with one line for each mistake."""
        tables = self._checked_tables()
        destinations = [self._destination(name, adapters) for name in self._destinations]
        if tables is None or self._problems:
            shown = ("".join(c if c.isprintable() else ascii(c)[1:-1] for c in line) for line in self._problems)
            raise SettingsProblem(list(dict.fromkeys(shown)))
        settings = self._anchored(tables, [item for item in destinations if item is not None])
        if settings.wordpress and make_url(settings.wordpress_url).get_backend_name() not in WORDPRESS_BACKENDS:
            remedy = 'name it here, like url = "mysql://syncer@localhost/wordpress", or as [queue] url'
            raise SettingsProblem([f"{self._file}: [wordpress] url: WordPress' own database is needed; {remedy}"])
        return settings

    def _prefer_the_variables_password(self, name: str) -> None:
        """Forget the password that the file names where a variable gives the whole URL, of another account perhaps."""
        table = self._tables.get(name)
        if (name, "url") in self._variables and isinstance(table, dict):
            for key in ("password_env", "password_file"):
                if (name, key) not in self._variables:
                    table.pop(key, None)

    def _checked_tables(self) -> SettingsTables | None:
        try:
            return SettingsTables.read(self._tables)
        except Unfit as unfit:
            self._explain(unfit, ())
            return None

    def _destination(self, name: str, adapters: Callable[[str], type[Adapter]]) -> Destination | None:
        here, table = ("destinations", name), self._destinations[name]
        if not isinstance(table, dict):
            self._wrong(here, "must be a table")
            return None
        for key, text in taken_secrets(table):
            self._wrong((*here, key), text)
        try:
            destination = DestinationTable.read(table).destination(name, self._file, table)
        except Unfit as unfit:
            self._explain(unfit, here)
            return None
        self._problems += mistakes(self._file, destination, adapters)
        return destination

    def _anchored(self, tables: SettingsTables, destinations: Iterable[Destination]) -> Settings:
        """Return the settings with every relative file resolved against the settings' folder."""
        queue, wordpress = tables.queue, tables.wordpress
        url = _absolute(tables.database.url, self._folder)
        notes = self._folder / (tables.checkpoints.folder or _beside(url) / "checkpoints")
        queue_url = queue.url and _absolute(queue.url, self._folder)
        return Settings(
            path=self._file,
            database=replace(tables.database, url=url, **tables.database.beside(self._folder)),
            queue=replace(queue, url=queue_url, **queue.beside(self._folder)),
            identity=IdentitySettings(key_file=self._folder / tables.identity.key_file),
            deadlines=tables.deadlines,
            schedule=tables.schedule,
            log=tables.log,
            metrics=tables.metrics,
            checkpoints=replace(tables.checkpoints, folder=notes),
            retention=tables.retention,
            anchors=_beside_settings(tables.anchors, self._folder),
            destinations={item.name: item for item in destinations},
            wordpress=wordpress and replace(wordpress, **wordpress.beside(self._folder)),
            controller=tables.controller,
            guard=tables.guard,
            backup=tables.backup,
            alerts=tables.alerts,
            channels=_beside_settings(tables.channels, self._folder),
            heartbeat=tables.heartbeat and _heartbeat_beside(tables.heartbeat, self._folder),
            console=tables.console and tables.console.at(self._folder),
            warnings=tuple(self._passwords_in_the_file(tables)),
        )

    def _passwords_in_the_file(self, tables: SettingsTables) -> Iterator[str]:
        named = {"database": tables.database, "queue": tables.queue, "wordpress": tables.wordpress}
        for name, table in named.items():
            given = table is not None and table.url is not None and make_url(table.url).password is not None
            if given and (name, "url") not in self._variables:
                yield f"[{name}] url holds a password; take it out and name its file with password_file"

    def _explain(self, unfit: Unfit, here: tuple[str, ...]) -> None:
        for mistake in unfit.mistakes:
            path = (*here, *mistake.path)
            name = f"{path[0]}.NAME" if path[0] in ("anchors", "channels") else ".".join(path)
            self._wrong(path, mistake.text or f"must be a table, written [{name}]")

    def _wrong(self, path: tuple[str, ...], text: str) -> None:
        """Note a mistake at a key: its variable is named where the environment gave it, else its place in the file."""
        if path in self._variables:
            self._problems.append(f"environment: {self._variables[path]}: {text}")
            return
        tables = 2 if path[0] in ("destinations", "anchors", "channels") or path[:2] in _DOORS else 1
        place = f"[{'.'.join(path[:tables])}]" + "".join(f" {part}" for part in path[tables:])
        self._problems.append(f"{self._file}: {place}: {text}")


def _beside_settings(tables: Mapping[str, T], folder: Path) -> Mapping[str, T]:
    return {name: at_folder(table, folder) for name, table in tables.items()}


def _heartbeat_beside(heartbeat: HeartbeatSettings, folder: Path) -> HeartbeatSettings:
    file = heartbeat.url_file
    return heartbeat if file is None else replace(heartbeat, url_file=folder / file)


def _absolute(url: str, folder: Path) -> str:
    """Return the URL with a relative SQLite file resolved against the settings' folder, not the working directory."""
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
