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
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from functools import cache
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
    # not asdict first: the encoder asks for one object at a time, and nothing is copied twice
    return json.dumps(value, indent=2, ensure_ascii=False, default=_plain)


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


def _plain(value: Any) -> Any:
    """Return what the encoder does not know as something that it does."""
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, date):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return dict(_items(value))
    raise TypeError(f"{type(value).__name__} is nothing that JSON can hold")


def _items(value: Any) -> Iterator[tuple[str, Any]]:
    for item in written(value.__class__):
        content = getattr(value, item.name)
        if item.flat:
            for part in content if isinstance(content, tuple) else (content,):
                if part is not None:
                    yield from _items(part)
        elif content != item.unset:
            yield item.key, content
