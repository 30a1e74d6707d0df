"""The settings that are in force, value by value, and where each came from; no value shows a secret."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url

from adapters.contract import Adapter
from syncer.privacy.masking import masked
from syncer.settings.checked import Settings
from syncer.settings.destinations import Destination, DestinationTable
from syncer.settings.environment import overlay
from syncer.settings.keys.table import Table
from syncer.settings.load import load, parse
from syncer.settings.search import Candidate, look
from syncer.settings.secret_file import SECRET_KEY
from syncer.settings.tables import SettingsTables

HIDDEN = "***"
#: tables of which there may be several, and those that are read key by key
_NAMED = ("anchors", "channels", "destinations")
_SINGLE = tuple(name for name in SettingsTables.declared() if name not in _NAMED)


class Source(StrEnum):
    """Where a value came from."""

    FILE = "file"
    ENVIRONMENT = "environment"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Value:
    """One value in force: files are absolute, a secret is `***`, an address of a person is `[address]`.

    `origin` is the file (absolute) or the variable that gave it. `meaning` stands at an option of an adapter that
    nobody gave: the default is the adapter's own.
    """

    table: str
    key: str
    value: Any
    source: Source
    origin: str | None
    meaning: str | None = None


@dataclass(frozen=True)
class Effective:
    """The settings in force: their file, the places where one was looked for, and every value."""

    file: Path
    places: tuple[Candidate, ...]
    values: tuple[Value, ...]


def effective(
    path: Path | None,
    environ: Mapping[str, str],
    *,
    adapters: Callable[[str], type[Adapter]],
) -> Effective:
    """Read and check the settings as `load` does, and return them value by value. Raises SettingsProblem."""
    places = look(path, environ)
    settings = load(path, environ, adapters=adapters)
    origins = _Origins(settings.path, environ)
    values = [*_tables(settings, origins)]
    for destination in settings.destinations.values():
        values += _destination(destination, adapters(destination.adapter).options, origins)
    return Effective(settings.path, places, tuple(values))


class _Origins:
    """Where each key of the file and of the environment stands."""

    def __init__(self, file: Path, environ: Mapping[str, str]) -> None:
        self._file, tables = file, parse(file)
        self._written = set(_paths(tables))
        self._variables = overlay(tables, environ).variables

    def value(self, path: tuple[str, ...], value: Any, meaning: str | None = None) -> Value:
        """Return a value with its origin; `path` is its table, the table's name where it has one, and the key."""
        table, key, shown = ".".join(path[:-1]), path[-1], _shown(path[-1], value)
        if path in self._variables:
            return Value(table, key, shown, Source.ENVIRONMENT, self._variables[path], meaning)
        if path in self._written and value is not None:
            return Value(table, key, shown, Source.FILE, str(self._file), meaning)
        return Value(table, key, shown, Source.DEFAULT, None, meaning)


def _paths(tables: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for table, content in tables.items():
        if not isinstance(content, Mapping):
            continue
        for key, inner in content.items():
            if isinstance(inner, Mapping):
                yield from ((table, key, each) for each in inner)
            else:
                yield table, key


def _tables(settings: Settings, origins: _Origins) -> Iterable[Value]:
    for name in _SINGLE:
        if (table := getattr(settings, name)) is not None:
            yield from _model((name,), table, origins)
    for name, anchor in settings.anchors.items():
        yield from _model(("anchors", name), anchor, origins)
    for name, channel in settings.channels.items():
        yield from _model(("channels", name), channel, origins)


def _model(path: tuple[str, ...], table: Table, origins: _Origins) -> Iterable[Value]:
    for key, value in table.values().items():
        if isinstance(value, Table):
            yield from _model((*path, key), value, origins)
        else:
            yield origins.value((*path, key), value)


def _destination(destination: Destination, options: Mapping[str, str], origins: _Origins) -> Iterable[Value]:
    path = ("destinations", destination.name)
    for key in DestinationTable.declared():
        yield origins.value((*path, key), getattr(destination, key))
    for key, meaning in options.items():
        given = key in destination.options
        yield origins.value((*path, key), destination.options.get(key), None if given else meaning)


def _shown(key: str, value: Any) -> Any:
    """Return a value as JSON can hold it and everybody may see it."""
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, (tuple, list)):
        return [_shown(key, item) for item in value]
    if not isinstance(value, str):
        return value
    if key == "url":
        return _url(value)
    if key == "access_key" or (SECRET_KEY.fullmatch(key) and not key.endswith(("_env", "_file", "_header"))):
        return HIDDEN
    return masked(value) if key in ("to", "sender", "user") else str(value)


def _url(text: str) -> str:
    url = make_url(text)
    hidden = {key: "HIDDEN" for key in url.query if SECRET_KEY.fullmatch(key)}
    return url.update_query_dict(hidden).render_as_string(hide_password=True).replace("=HIDDEN", f"={HIDDEN}")
