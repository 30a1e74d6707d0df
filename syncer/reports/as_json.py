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
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from functools import cache
from json.encoder import encode_basestring
from operator import attrgetter
from typing import Any, NamedTuple

from syncer.clock import stamp

#: where the elements of an array begin that is a field of the outermost object
_INNER = "\n    "
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
    return _text(value, "\n")


def json_pieces(value: Any) -> Iterator[str]:
    """Yield the JSON of a dataclass in pieces: what is gone through only once need not be held at once."""
    before = "{"
    for key, content in _items(value):
        yield f"{before}\n  {encode_basestring(key)}: "
        if _is_array(content):
            yield from _elements(content)
        else:
            yield _text(content, "\n  ")
        before = ","
    yield "\n}"


def _elements(values: Iterable[Any]) -> Iterator[str]:
    before = "["
    for value in values:
        yield f"{before}\n    {_text(value, _INNER)}"
        before = ","
    yield "[]" if before == "[" else "\n  ]"


def _text(value: Any, line: str) -> str:
    pieces: list[str] = []
    _write(value, line, pieces.append)
    return "".join(pieces)


def array_as_json(values: Iterable[Any]) -> Iterator[str]:
    """Yield an array as `as_json` writes it, an element at a time."""
    before = "["
    for value in values:
        pieces = [before + "\n  "]
        _write(value, "\n  ", pieces.append)
        yield "".join(pieces)
        before = ","
    yield "[]" if before == "[" else "\n]"


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


# not json.dumps: with an indent it works in Python too, and a dictionary for each of a report's million objects, made
# only to be read by it, takes half as long again
def _write(value: Any, line: str, put: Callable[[str], object]) -> None:
    """Write a value; `line` begins a new line at its depth."""
    kind: Any = type(value)
    leaf = _LEAVES.get(kind)
    if leaf is not None:
        put(leaf(value))
    elif kind is tuple or kind is list:
        _write_array(value, line, put)
    elif isinstance(value, Mapping):
        _write_object(value.items(), line, put)
    elif is_dataclass(kind):
        _write_object(_items(value), line, put)
    elif isinstance(value, str):  # an enumeration's
        put(encode_basestring(value))
    elif _is_array(value):
        _write_array(value, line, put)
    else:
        raise TypeError(f"{kind.__name__} is nothing that JSON can hold")


def _is_array(value: Any) -> bool:
    """Say whether it is written as an array: a tuple, a list, or what is gone through like one."""
    return isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping, Set))


#: what is written without a look inside
_LEAVES: dict[Any, Callable[[Any], str]] = {
    str: encode_basestring,
    bool: lambda value: "true" if value else "false",
    int: repr,
    float: json.dumps,
    type(None): lambda _: "null",
    # what somebody else wrote into a column of texts: SQLite stores anything there
    bytes: lambda value: encode_basestring(value.decode("utf-8", "surrogateescape")),
    datetime: lambda value: f'"{stamp(value)}"',
    date: lambda value: f'"{value.isoformat()}"',
}


def _write_array(values: Iterable[Any], line: str, put: Callable[[str], object]) -> None:
    inner, before = line + "  ", "["
    for value in values:
        put(before + inner)
        _write(value, inner, put)
        before = ","
    put("[]" if before == "[" else line + "]")


def _write_object(items: Iterable[tuple[str, Any]], line: str, put: Callable[[str], object]) -> None:
    inner, before = line + "  ", "{"
    for key, value in items:
        start = f"{before}{inner}{encode_basestring(key)}: "
        leaf = _LEAVES.get(type(value))
        if leaf is not None:
            put(start + leaf(value))
        else:
            put(start)
            _write(value, inner, put)
        before = ","
    put("{}" if before == "{" else line + "}")


def _items(value: Any) -> Iterable[tuple[str, Any]]:
    """Return the keys and values of a dataclass, those that are left out left out, and those of flat ones in place."""
    kind: Any = type(value)
    keys, get, special = _shape(kind)
    return _special_items(special, get(value)) if special else zip(keys, get(value), strict=True)


def _special_items(items: tuple[Written, ...], values: tuple[Any, ...]) -> Iterator[tuple[str, Any]]:
    for item, content in zip(items, values, strict=True):
        if item.flat:
            for part in content if type(content) is tuple else (content,):
                if part is not None:
                    yield from _items(part)
        elif item.unset is ALWAYS or content != item.unset:
            yield item.key, content


@cache
def _shape(kind: Any) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]], tuple[Written, ...]]:
    """Return the keys of a dataclass, what gets its values, and how they are written where that is not plain."""
    items = written(kind)
    first, *rest = (item.name for item in items)
    get = attrgetter(first, *rest) if rest else lambda value: (getattr(value, first),)
    plain = all(item.unset is ALWAYS and not item.flat for item in items)
    return tuple(item.key for item in items), get, () if plain else items
