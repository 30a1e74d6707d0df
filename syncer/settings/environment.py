"""Lay the environment over settings.toml: SYNCER_TABLE__KEY, SYNCER_DESTINATIONS__NAME__KEY for a named table.

And SYNCER_CONSOLE__OIDC__KEY for a table within a table.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from syncer.settings.tables import SettingsTables, is_json, within

_PREFIX = "SYNCER_"
#: the tables that stand once for each name
_NAMED = ("destinations", "anchors", "channels")
_SINGLE = SettingsTables.declared().keys() - _NAMED


@dataclass(frozen=True)
class Overlay:
    """What the environment did: the variable that set each path of a key, and one line for each that names no table."""

    variables: Mapping[tuple[str, ...], str]
    problems: Sequence[str]


def overlay(tables: dict[str, Any], environ: Mapping[str, str]) -> Overlay:
    """Lay the environment over the tables of a file, in place and key by key: the environment wins."""
    variables, problems = {}, []
    for variable in sorted(environ):
        if not variable.startswith(_PREFIX) or "__" not in variable.removeprefix(_PREFIX):
            continue
        table, *rest = variable.removeprefix(_PREFIX).lower().split("__")
        path = _path(tables, table, rest)
        if path is None:
            place = ".".join([table, *rest[:-1]])
            problems.append(f"environment: {variable}: there is no table [{place}]; correct its name or unset it")
        else:
            _set(tables, path, environ[variable])
            variables[path] = variable
    return Overlay(variables, problems)


def _path(tables: Mapping[str, Any], table: str, rest: Sequence[str]) -> tuple[str, ...] | None:
    """Return where the key of a variable stands in the file, or None when it names no table."""
    if table in _NAMED and len(rest) == 2:
        name = _as_written(rest[0], tables.get(table))
        return None if name is None else (table, name, rest[1])
    if table in _SINGLE and len(rest) == 2 and within(table, rest[0]) is not None:
        return (table, *rest)
    return (table, rest[0]) if table in _SINGLE and len(rest) == 1 and rest[0] else None


def _as_written(name: str, named: Any) -> str | None:
    """Return a table's name as the file spells it: a variable shows neither its letter case nor its dashes."""
    if not isinstance(named, dict):
        return None
    spelled = next((key for key in named if key.lower().replace("-", "_") == name), None)
    return spelled if spelled is not None and isinstance(named[spelled], dict) else None


def _set(tables: dict[str, Any], path: tuple[str, ...], text: str) -> None:
    table, key = path[0], path[-1]
    if table in _NAMED:
        keys = tables[table][path[1]]
        keys[key] = _typed(text, keys.get(key))
        return
    if len(path) == 3:  # a table within a table, whose keys are all text
        _table_of(_table_of(tables, table), path[1])[key] = text
        return
    _table_of(tables, table)[key] = _decoded(text) if is_json(table, key) else text


def _table_of(tables: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the table of this name, made where there is none or where something else stands in its place."""
    if not isinstance(tables.get(name), dict):
        tables[name] = {}
    found: dict[str, Any] = tables[name]
    return found


def _typed(text: str, before: Any) -> Any:
    """Decode an adapter's option; where the file holds text, digits stay text (an audience's id)."""
    value = _decoded(text)
    if isinstance(value, list) or (isinstance(value, (bool, int, float)) and not isinstance(before, str)):
        return value
    return text


def _decoded(text: str) -> Any:
    # the environment knows text only; a number, a truth value or a list is written as JSON there
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
