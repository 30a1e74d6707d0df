"""Values of the read side in tests: a copy with something changed, and a value made again from its JSON."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from syncer.reports.as_json import ALWAYS, written
from syncer.reports.register.register import Register
from tests.support.documents.reports import Listed

T = TypeVar("T")


def changed(value: T, *path: str | int, **values: Any) -> T:
    """A copy of a frozen value whose part at `path` (names, indexes, keys) has these values."""
    if not path:
        return replace(value, **values)  # type: ignore[type-var]
    first, *rest = path
    made: Any
    if isinstance(value, tuple):
        made = type(value)(changed(part, *rest, **values) if n == first else part for n, part in enumerate(value))
    elif isinstance(value, Mapping):
        made = {**value, first: changed(value[first], *rest, **values)}
    else:
        made = replace(value, **{str(first): changed(getattr(value, str(first)), *rest, **values)})  # type: ignore[type-var]
    return made  # type: ignore[no-any-return]


def from_json(kind: Any, data: Any) -> Any:
    """The value of a type that was written as this JSON."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return None if data is None else from_json(next(a for a in arguments if a is not types.NoneType), data)
    if origin in (tuple, list):
        return origin(from_json(arguments[0], item) for item in data)
    if origin is Register:
        return Listed(from_json(arguments[0], item) for item in data)
    if origin is not None and issubclass(origin, Mapping):
        return {key: from_json(arguments[1], item) for key, item in data.items()}
    if is_dataclass(kind):
        return _object(kind, data)
    if kind is datetime:
        return datetime.fromisoformat(data)
    if kind is date:
        return date.fromisoformat(data)
    return kind(data) if isinstance(kind, type) and issubclass(kind, StrEnum) else data


def _object(kind: Any, data: Mapping[str, Any]) -> Any:
    hints, values = get_type_hints(kind), {}
    for item in written(kind):
        if item.flat:
            values[item.name] = _flat(hints[item.name], data)
        elif item.key in data:
            values[item.name] = from_json(hints[item.name], data[item.key])
        else:
            assert item.unset is not ALWAYS, f"{kind.__name__}.{item.name} is missing"
            values[item.name] = item.unset
    return kind(**values)


def _flat(kind: Any, data: Mapping[str, Any]) -> Any:
    if get_origin(kind) is not tuple:
        return _object(kind, data)
    # those of which the object has a key, in the order in which their keys stand in it
    order = list(data)
    there = [part for part in get_args(get_args(kind)[0]) if fields(part)[0].name in data]
    return tuple(_object(part, data) for part in sorted(there, key=lambda part: order.index(fields(part)[0].name)))
