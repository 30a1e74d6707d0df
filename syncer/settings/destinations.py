"""A configured destination: its adapter, what each right asks of it, its options, and where its secret is."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.contract import Action, Adapter
from syncer.settings.table import secret

_OWN_KEYS = frozenset({"adapter", "erasure", "objection", "api_key_env", "api_key_file"})
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")


@dataclass(frozen=True)
class Destination:
    """One configured account: its adapter, what each right asks of it, and the adapter's own options."""

    name: str
    adapter: str
    erasure: Action
    objection: Action
    options: Mapping[str, Any]
    api_key_env: str | None = None
    api_key_file: Path | None = None
    where: str = "settings.toml"

    def secret(self) -> str:
        """Read the API key from the environment or its file. Raises SettingsProblem with the remedy."""
        named = "api_key_env" if self.api_key_env is not None else "api_key_file"
        place = f"{self.where}: [destinations.{self.name}] {named}"
        api_key = secret(place, self.api_key_env, self.api_key_file, "key")
        assert api_key is not None  # one of the two is named: that was checked at load
        return api_key


def wrong(
    file: Path, destination: Destination, adapters: Callable[[str], type[Adapter]], known: tuple[str, ...]
) -> list[str]:
    """Return one line for each thing that is wrong with a destination."""
    place = f"{file}: [destinations.{destination.name}]"
    found = []
    if not _NAME.fullmatch(destination.name):
        found.append(f"{place}: a destination's name has lower-case letters, digits, - and _ only; rename it")
    if (destination.api_key_env is None) == (destination.api_key_file is None):
        found.append(f"{place}: give api_key_env or api_key_file, exactly one of the two")
    if destination.adapter not in known:
        return [*found, f'{place} adapter: "{destination.adapter}" is not known; use {" or ".join(known)}']
    adapter = adapters(destination.adapter)
    for right in ("erasure", "objection"):
        action = getattr(destination, right)
        if action not in adapter.actions:
            usable = ", ".join(sorted(adapter.actions))
            found.append(f'{place} {right}: {destination.adapter} cannot "{action}"; use {usable}')
    if destination.objection is Action.DELETE:
        found.append(f"{place} objection: an objection is no erasure; use unsubscribe or suppress")
    for key in destination.options:
        if key not in adapter.options:
            usable = ", ".join(sorted({*adapter.options, *_OWN_KEYS}))
            found.append(f"{place} {key}: unknown key; known here: {usable}")
    return found
