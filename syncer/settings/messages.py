"""What is wrong in settings.toml, in words: what pydantic found becomes a remedy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from syncer.settings.proof import KINDS, Anchor
from syncer.settings.tables import SettingsTables

ACTIONS = "delete, unsubscribe or suppress"


def words(path: tuple[str, ...], item: Any) -> str:
    """Say what pydantic found, with the remedy; the value is shown only where it cannot be a secret."""
    key, kind = path[-1], item["type"]
    harmless = key in (
        "erasure",
        "objection",
        "timezone",
        "level",
        "table",
        "prefix",
        "table_prefix",
        "country",
        "listen",
    )
    shown = f'"{item["input"][:60]}" ' if harmless and isinstance(item["input"], str) else ""
    if kind == "extra_forbidden":
        if len(path) == 1:
            return f"unknown key; known tables: {listed([*SettingsTables.model_fields, 'destinations'])}"
        table = _anchor(path[2]) if path[0] == "anchors" else table_of(path[0])
        return f"unknown key; known here: {listed(table.model_fields)}"
    if kind.startswith("union_tag"):
        return f"kind is missing or not known; use {', '.join(KINDS)}"
    if kind == "missing" and path[0] == "anchors":
        return "missing; add it"
    if kind == "missing":
        hint = {"timezone": 'it, like timezone = "Europe/Berlin"', "adapter": "the name of one"}
        return f"missing; add {hint.get(key, f'it: {ACTIONS}')}"
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


def listed(names: Iterable[str]) -> str:
    """Return names as a sorted list for a sentence."""
    return ", ".join(sorted(set(names)))


def table_of(name: str) -> type[BaseModel]:
    """Return the type of a table."""
    found = SettingsTables.model_fields[name].annotation
    for kind in (found, *get_args(found)):  # a table that may be absent is `Table | None`
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    raise KeyError(name)


def _anchor(kind: str) -> type[BaseModel]:
    types: tuple[type[BaseModel], ...] = get_args(get_args(Anchor)[0])
    return types[KINDS.index(kind)]


def is_number(table: str, key: str) -> bool:
    """Say whether a key of the environment is decoded as JSON: numbers and lists."""
    known = table_of(table).model_fields.get(key)
    return known is not None and (known.annotation in (int, float) or get_origin(known.annotation) is tuple)
