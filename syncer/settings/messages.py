"""What is wrong in settings.toml, in words: what pydantic reports becomes a remedy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_args

from pydantic import BaseModel

from syncer.settings.proof import KINDS, Anchor
from syncer.settings.tables import SettingsTables, table_of

ACTIONS = "delete, unsubscribe or suppress"
#: keys whose value cannot be a secret
_SHOWN = frozenset(
    {"erasure", "objection", "timezone", "level", "table", "prefix", "table_prefix", "country", "listen"}
)
_MISSING = {"timezone": 'it, like timezone = "Europe/Berlin"', "adapter": "the name of one"}


def in_words(path: tuple[str, ...], item: Any) -> str:
    """Return one of pydantic's errors in words, with the remedy; a value is shown only where it cannot be a secret."""
    key, kind = path[-1], item["type"]
    shown = f'"{item["input"][:60]}" ' if key in _SHOWN and isinstance(item["input"], str) else ""
    if kind == "extra_forbidden":
        return _unknown(path)
    if kind.startswith("union_tag"):
        return f"kind is missing or not known; use {', '.join(KINDS)}"
    if kind == "missing":
        what = "it" if path[0] == "anchors" else _MISSING.get(key, f"it: {ACTIONS}")
        return f"missing; add {what}"
    if kind == "enum":
        return f"{shown}is not an action; use {ACTIONS}"
    if kind == "literal_error":
        return f"{shown}is not known; use {item['ctx']['expected']}"
    if kind == "string_pattern_mismatch":
        return f"{shown}cannot be part of a table's name; use letters, digits and _, a letter first"
    if kind.startswith(("model_", "dict_")):
        return f"must be a table, written [{'anchors.NAME' if path[0] == 'anchors' else path[0]}]"
    text = str(item["msg"]).removeprefix("Value error, ").replace("Input should be", "must be")
    return f"{shown}{text[0].lower()}{text[1:]}"


def _unknown(path: tuple[str, ...]) -> str:
    if len(path) == 1:
        return f"unknown key; known tables: {_listed([*SettingsTables.model_fields, 'destinations'])}"
    table = _anchor(path[2]) if path[0] == "anchors" else table_of(path[0])
    return f"unknown key; known here: {_listed(table.model_fields)}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(set(names)))


def _anchor(kind: str) -> type[BaseModel]:
    types: tuple[type[BaseModel], ...] = get_args(get_args(Anchor)[0])
    return types[KINDS.index(kind)]
