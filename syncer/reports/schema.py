"""JSON Schemas of what `as_json` writes, read from the same fields and the same metadata."""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping
from dataclasses import is_dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Union, get_args, get_origin, get_type_hints

from syncer.audit.ledger import Stamp
from syncer.reports.as_json import ALWAYS, written

#: a JSON Schema, or a part of one
Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NULL = {"type": "null"}
_PLAIN: dict[Any, Schema] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    datetime: {"type": "string", "format": "date-time"},
    Stamp: {"type": "string", "format": "date-time"},
    date: {"type": "string", "format": "date"},
    types.NoneType: _NULL,
    Any: {},
}


def schema(kind: Any, title: str) -> Schema:
    """Return the schema of a type. Each dataclass stands once, under `$defs`; no object has other keys than its own."""
    definitions: dict[str, Schema] = {}
    top = _of(kind, definitions)
    return {"$schema": DIALECT, "title": title, **top, "$defs": dict(sorted(definitions.items()))}


def _of(kind: Any, definitions: dict[str, Schema]) -> Schema:
    origin, arguments = get_origin(kind), get_args(kind)
    if kind in _PLAIN:
        return dict(_PLAIN[kind])
    if origin in (Union, types.UnionType):
        return _one_of([_of(item, definitions) for item in arguments])
    if origin is not None and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _of(arguments[1], definitions)}
    if origin is not None and issubclass(origin, Iterable):
        return {"type": "array", "items": _of(arguments[0], definitions)}
    if is_dataclass(kind) and isinstance(kind, type):
        return _reference(kind, definitions)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return {"enum": [item.value for item in kind]}
    raise TypeError(f"{kind} has no JSON")


def _one_of(parts: list[Schema]) -> Schema:
    other = [part for part in parts if part != _NULL]
    if len(other) == 1 and len(parts) == 2 and "enum" in other[0]:
        return {"enum": [*other[0]["enum"], None]}
    if len(other) == 1 and len(parts) == 2 and "type" in other[0]:
        return other[0] | {"type": [other[0]["type"], "null"]}
    return {"anyOf": parts}


def _reference(kind: type, definitions: dict[str, Schema]) -> Schema:
    name = kind.__name__
    if name not in definitions:
        definitions[name] = {}  # its place, for one that holds itself
        definitions[name] = _object(kind, definitions)
    return {"$ref": f"#/$defs/{name}"}


def _object(kind: type, definitions: dict[str, Schema]) -> Schema:
    described: Schema = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
    hints = get_type_hints(kind)
    for item in written(kind):
        if item.flat:
            _flatten(described, hints[item.name], definitions)
            continue
        described["properties"][item.key] = _of(hints[item.name], definitions)
        if item.unset is ALWAYS:
            described["required"].append(item.key)
    return described


def _flatten(into: Schema, kind: Any, definitions: dict[str, Schema]) -> None:
    """Add the fields of a flat dataclass; those of one that may be missing stand together or not at all."""
    origin, arguments = get_origin(kind), get_args(kind)
    parts = [kind]
    if origin is tuple:
        parts = list(get_args(arguments[0])) or [arguments[0]]
    elif origin in (Union, types.UnionType):
        parts = [part for part in arguments if part is not types.NoneType]
    for part in parts:
        inner = _object(part, definitions)
        into["properties"] |= inner["properties"]
        if part is kind:
            into["required"] += inner["required"]
            together = inner.get("dependentRequired", {})
        else:
            together = {key: [other for other in inner["required"] if other != key] for key in inner["properties"]}
        together = {key: others for key, others in together.items() if others}
        if together:
            into.setdefault("dependentRequired", {}).update(together)
