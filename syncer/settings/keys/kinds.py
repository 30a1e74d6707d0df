"""Tables of which there may be several, each of a kind that it names itself: [anchors.NAME], [channels.NAME]."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from syncer.settings.keys.table import Mistake, Table, Unfit

T = TypeVar("T", bound=Table)


def read_kinds(given: Any, kinds: Mapping[str, type[T]]) -> dict[str, T]:
    """Read all of them by their names. Raises Unfit."""
    if not isinstance(given, Mapping):
        raise Unfit([Mistake((), None)])
    found: dict[str, T] = {}
    mistakes: list[Mistake] = []
    for name, table in given.items():
        try:
            found[name] = _one(table, kinds)
        except Unfit as unfit:
            mistakes += unfit.under(name)
    if mistakes:
        raise Unfit(mistakes)
    return found


def _one(given: Any, kinds: Mapping[str, type[T]]) -> T:
    if not isinstance(given, Mapping):
        raise Unfit([Mistake((), None)])
    kind = given.get("kind")
    if not isinstance(kind, str) or kind not in kinds:
        raise Unfit([Mistake((), f"kind is missing or not known; use {', '.join(kinds)}")])
    return kinds[kind].read(given)


def at_folder(table: T, folder: Path) -> T:
    """Return the table with its relative files resolved against the settings' folder."""
    paths: dict[str, Any] = {name: folder / value for name, value in table.values().items() if isinstance(value, Path)}
    return replace(table, **paths)
