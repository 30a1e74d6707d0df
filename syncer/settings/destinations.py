"""Destinations: the table that configures one, the checked value, its secret, and what can be wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.contract import Action, Adapter, SettingsError
from syncer.settings.keys.readers import one_of, read_path, read_text
from syncer.settings.keys.table import Mistake, Table, key
from syncer.settings.secret_file import SECRET_KEY, secret

#: how a destination is worked on
LIVE, SHADOW = "live", "shadow"
ACTIONS = "delete, unsubscribe or suppress"
#: what a destination may be called
NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_VARIABLE = re.compile(r"(?![0-9a-fA-F]{20})[A-Za-z_][A-Za-z0-9_]{0,63}")  # not what looks like a key itself


@dataclass(frozen=True)
class Destination:
    """One configured account: its adapter, what each right asks of it, and the adapter's own options.

    `mode` is `live`, or `shadow` for one that is read and never written to.
    """

    name: str
    adapter: str
    erasure: Action
    objection: Action
    options: Mapping[str, Any]
    mode: str = LIVE
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


def _action(given: Any) -> Action:
    try:
        return Action(given)
    except ValueError:
        raise ValueError(f"is not an action; use {ACTIONS}") from None


@dataclass(frozen=True, kw_only=True)
class DestinationTable(Table):
    """A table [destinations.NAME]; every further key is an option of its adapter."""

    adapter: str = key(read_text, add="the name of one")
    erasure: Action = key(_action, add=f"it: {ACTIONS}")
    objection: Action = key(_action, add=f"it: {ACTIONS}")
    mode: str = key(one_of(LIVE, SHADOW), LIVE)
    api_key_env: str | None = key(read_text, None)
    api_key_file: Path | None = key(read_path, None)

    @classmethod
    def unknown(cls, given: Mapping[str, Any]) -> list[Mistake]:
        """Return nothing: the adapter knows its options."""
        return []

    def destination(self, name: str, file: Path, options: Mapping[str, Any]) -> Destination:
        """Return the destination that a settings file names; its key file lies at the settings' folder."""
        return Destination(
            name=name,
            adapter=self.adapter,
            erasure=self.erasure,
            objection=self.objection,
            mode=self.mode,
            options={option: value for option, value in options.items() if option not in self.declared()},
            api_key_env=self.api_key_env,
            api_key_file=file.resolve().parent / self.api_key_file if self.api_key_file else None,
            where=str(file),
        )


def taken_secrets(table: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Take every secret out of a table, so that no later message repeats it; yield each key with what is wrong.

    A secret in place of its variable's name stays: no message shows `api_key_env`.
    """
    for name in [name for name in table if name not in DestinationTable.declared() and SECRET_KEY.fullmatch(name)]:
        del table[name]
        remedy = "name a variable with api_key_env or a file with api_key_file, and renew the key"
        yield name, f"secrets do not belong in this file; {remedy}"
    variable = table.get("api_key_env")
    if isinstance(variable, str) and not _VARIABLE.fullmatch(variable):
        yield "api_key_env", "not a variable's name; put the key into a variable and name that"


def mistakes(file: Path, destination: Destination, adapters: Callable[[str], type[Adapter]]) -> list[str]:
    """Return one line for each thing that is wrong with a destination."""
    place = f"{file}: [destinations.{destination.name}]"
    lines = []
    if not NAME.fullmatch(destination.name):
        lines.append(f"{place}: a destination's name has lower-case letters, digits, - and _ only; rename it")
    if (destination.api_key_env is None) == (destination.api_key_file is None):
        lines.append(f"{place}: give api_key_env or api_key_file, exactly one of the two")
    try:
        adapter = adapters(destination.adapter)
    except SettingsError as error:
        return [*lines, f"{place} {error.key}: {error}"]
    for right in ("erasure", "objection"):
        action = getattr(destination, right)
        if action not in adapter.actions:
            usable = ", ".join(sorted(adapter.actions))
            lines.append(f'{place} {right}: {destination.adapter} cannot "{action}"; use {usable}')
    if destination.objection is Action.DELETE:
        lines.append(f"{place} objection: an objection is not an erasure; use unsubscribe or suppress")
    usable = ", ".join(sorted({*adapter.options, *DestinationTable.declared()}))
    unknown = (name for name in destination.options if name not in adapter.options)
    return lines + [f"{place} {name}: unknown key; known here: {usable}" for name in unknown]
