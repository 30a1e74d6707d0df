"""The one edge where the read side becomes JSON: frozen dataclasses, written field by field.

A field is written under its own name and in its own place. Its metadata may say otherwise, without importing anything:

- `{"key": "from"}`: it is written under this key;
- `{"unset": value}`: it is left out when it has this value;
- `{"flat": True}`: it is a dataclass, or a tuple of different ones, whose fields are written in its place; None
  writes nothing.

Moments are written in UTC with microseconds and Z, days as YYYY-MM-DD, tuples as arrays. `schema.py` reads the same
metadata.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple

from syncer.clock import stamp

#: what no field has: it is never left out
ALWAYS = object()


class Written(NamedTuple):
    """How a field is written: its name, its key, the value at which it is left out, and whether it is flat."""

    name: str
    key: str
    unset: Any
    flat: bool


def as_json(value: Any) -> str:
    """Return JSON as every command prints it. Takes dataclasses, and plain values that hold them."""
    return json.dumps(_plain(value), indent=2, ensure_ascii=False)


@cache
def written(kind: Any) -> tuple[Written, ...]:
    """Return how the fields of a dataclass are written, in their order."""
    return tuple(
        Written(
            item.name,
            item.metadata.get("key", item.name),
            item.metadata.get("unset", ALWAYS),
            item.metadata.get("flat", False),
        )
        for item in fields(kind)
    )


# not `default=` of the encoder: it costs three times as much, and a report holds a million of these values
def _plain(value: Any) -> Any:
    """Return a value as the encoder takes it."""
    kind: Any = type(value)
    if kind in _AS_THEY_ARE:
        return value
    if kind is datetime:
        return stamp(value)
    if kind is tuple or kind is list:
        return [_plain(item) for item in value]
    if kind is dict:
        return {key: _plain(item) for key, item in value.items()}
    if is_dataclass(kind):
        return _object({}, value)
    if kind is date:
        return value.isoformat()
    if isinstance(value, str):  # an enumeration's
        return value.value if isinstance(value, Enum) else value
    raise TypeError(f"{kind.__name__} is nothing that JSON can hold")


_AS_THEY_ARE = frozenset({str, int, bool, float, type(None)})


def _object(into: dict[str, Any], value: Any) -> dict[str, Any]:
    kind: Any = type(value)
    keys, get, special = _shape(kind)
    if not special:
        for key, content in zip(keys, get(value), strict=True):
            into[key] = content if type(content) in _AS_THEY_ARE else _plain(content)
        return into
    for item, content in zip(special, get(value), strict=True):
        if item.flat:
            for part in content if type(content) is tuple else (content,):
                if part is not None:
                    _object(into, part)
        elif item.unset is ALWAYS or content != item.unset:
            into[item.key] = content if type(content) in _AS_THEY_ARE else _plain(content)
    return into


@cache
def _shape(kind: Any) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]], tuple[Written, ...]]:
    """Return the keys of a dataclass, what gets its values, and how they are written where that is not plain."""
    items = written(kind)
    first, *rest = (item.name for item in items)
    get = attrgetter(first, *rest) if rest else lambda value: (getattr(value, first),)
    plain = all(item.unset is ALWAYS and not item.flat for item in items)
    return tuple(item.key for item in items), get, () if plain else items
