"""What a running daemon can take of changed settings: all but what it was opened with."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.engine import make_url

from syncer.settings.checked import Settings
from syncer.settings.keys.table import Table
from syncer.settings.tables import WORDPRESS_BACKENDS

#: tables with the keys whose values stay as long as the process lives
FIXED: Mapping[str, Callable[[Table], Collection[str]]] = {
    "database": lambda table: table.declared(),
    "queue": lambda table: table.declared(),
    "identity": lambda table: table.declared(),
    "checkpoints": lambda _: ("origin", "folder"),
}


@dataclass(frozen=True, slots=True)
class Change:
    """The settings to go on with, and one line for each value that is not taken."""

    settings: Settings
    kept: tuple[str, ...]


def change(old: Settings, new: Settings) -> Change:
    """Return what becomes of the settings in force once a file says `new`."""
    kept: list[str] = []
    tables: dict[str, Any] = {}
    for name, keys in FIXED.items():
        before, after = getattr(old, name), getattr(new, name)
        stay = {key: getattr(before, key) for key in keys(after) if getattr(before, key) != getattr(after, key)}
        tables[name] = replace(after, **stay)
        kept += [_line(new, f"[{name}] {key}") for key in stay]
    taken = replace(new, **tables)
    if taken.wordpress is not None and make_url(taken.wordpress_url).get_backend_name() not in WORDPRESS_BACKENDS:
        # it has no url of its own, and the database that it would lie in is not the one that stays
        taken = replace(taken, wordpress=old.wordpress)
        kept.append(_line(new, "[wordpress]"))
    return Change(taken, tuple(kept))


def _line(settings: Settings, place: str) -> str:
    return f"{settings.path}: {place}: a running daemon keeps the old value; restart it for the new one"
