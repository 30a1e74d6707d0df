"""Destinations: the table that configures one, the checked value, its secret, and what can be wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from adapters.contract import Action, Adapter, SettingsError
from syncer.settings.table import SECRET_KEY, secret

#: what a destination may be called
NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_VARIABLE = re.compile(r"(?![0-9a-fA-F]{20})[A-Za-z_][A-Za-z0-9_]{0,63}")  # not what looks like a key itself


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


class DestinationTable(BaseModel):
    """A table [destinations.NAME]; every further key is an option of its adapter."""

    model_config = ConfigDict(extra="allow", frozen=True)

    adapter: str
    erasure: Action
    objection: Action
    api_key_env: str | None = None
    api_key_file: Path | None = None

    def destination(self, name: str, file: Path) -> Destination:
        """Return the destination that a settings file names; its key file lies at the settings' folder."""
        return Destination(
            name=name,
            adapter=self.adapter,
            erasure=self.erasure,
            objection=self.objection,
            options=dict(self.model_extra or {}),
            api_key_env=self.api_key_env,
            api_key_file=file.resolve().parent / self.api_key_file if self.api_key_file else None,
            where=str(file),
        )


def taken_secrets(table: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Take every secret out of a table, so that no later message repeats it; yield each key with what is wrong.

    A secret in place of its variable's name stays: no message shows `api_key_env`.
    """
    for key in [key for key in table if key not in DestinationTable.model_fields and SECRET_KEY.fullmatch(key)]:
        del table[key]
        remedy = "name a variable with api_key_env or a file with api_key_file, and renew the key"
        yield key, f"secrets do not belong in this file; {remedy}"
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
    usable = ", ".join(sorted({*adapter.options, *DestinationTable.model_fields}))
    unknown = (key for key in destination.options if key not in adapter.options)
    return lines + [f"{place} {key}: unknown key; known here: {usable}" for key in unknown]
