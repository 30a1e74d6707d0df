"""What all tables of the settings share: how their keys are declared, read and refused.

A table is a frozen dataclass. Each of its fields is a `key`, whose reader takes what stands in the file and returns the
value, or raises ValueError with what is wrong and the remedy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, ClassVar, Self

#: keys whose value cannot be a secret
_SHOWN = frozenset(
    {"erasure", "objection", "timezone", "level", "table", "prefix", "table_prefix", "country", "listen"}
)


@dataclass(frozen=True)
class Mistake:
    """What is wrong at a key: `path` leads to it from the table that was read, empty for the table as a whole.

    `text` None says that it is not a table at all.
    """

    path: tuple[str, ...]
    text: str | None


class Unfit(Exception):
    """Raised for what cannot be read; `mistakes` are all that were found."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        super().__init__()
        self.mistakes = tuple(mistakes)

    def under(self, name: str) -> Iterator[Mistake]:
        """Yield the mistakes as they are seen from the table above."""
        return (Mistake((name, *mistake.path), mistake.text) for mistake in self.mistakes)


def key(
    read: Callable[[Any], Any],
    default: Any = MISSING,
    *,
    default_factory: Any = MISSING,
    shown: bool = True,
    as_json: bool = False,
    add: str = "it",
) -> Any:
    """Declare a key: how it is read, and its default, or what to `add` where it is missing.

    `shown` False keeps it out of `repr`. With `as_json` a variable of the environment holds it as JSON.
    """
    how = {"read": read, "as_json": as_json, "add": add}
    if default_factory is not MISSING:
        return field(default_factory=default_factory, repr=shown, metadata=how)
    return field(default=default, repr=shown, metadata=how)


@dataclass(frozen=True)
class Table:
    """Base of every table: it refuses unknown keys."""

    #: what the message about an unknown key calls those that are known
    known: ClassVar[str] = "known here"

    @classmethod
    def declared(cls) -> dict[str, Mapping[str, Any]]:
        """Return every key with what was declared of it."""
        return {one.name: one.metadata for one in fields(cls)}

    @classmethod
    def known_keys(cls) -> Iterable[str]:
        """Return the keys that may stand in the file."""
        return cls.declared()

    @classmethod
    def read(cls, given: Any) -> Self:
        """Return the table that a file holds. Raises Unfit."""
        if not isinstance(given, Mapping):
            raise Unfit([Mistake((), None)])
        values: dict[str, Any] = {}
        mistakes: list[Mistake] = []
        for one in fields(cls):
            if one.name in given:
                mistakes += _read(one.name, one.metadata["read"], given[one.name], values)
            elif one.default is MISSING and one.default_factory is MISSING:
                mistakes.append(Mistake((one.name,), f"missing; add {one.metadata['add']}"))
        mistakes += cls.unknown(given)
        if mistakes:
            raise Unfit(mistakes)
        table = cls(**values)
        try:
            table.require_fit()
        except ValueError as error:
            raise Unfit([Mistake((), str(error))]) from None
        return table

    @classmethod
    def unknown(cls, given: Mapping[str, Any]) -> list[Mistake]:
        """Return a mistake for each key that the table does not have."""
        text = f"unknown key; {cls.known}: {', '.join(sorted(cls.known_keys()))}"
        return [Mistake((name,), text) for name in given if name not in cls.declared()]

    def require_fit(self) -> None:
        """Raise ValueError for keys that do not go together."""

    def values(self) -> dict[str, Any]:
        """Return every key with its value."""
        return {name: getattr(self, name) for name in self.declared()}


def _read(name: str, read: Callable[[Any], Any], given: Any, values: dict[str, Any]) -> Iterable[Mistake]:
    try:
        values[name] = read(given)
    except Unfit as unfit:
        return [*unfit.under(name)]
    except ValueError as error:
        shown = f'"{given[:60]}" ' if name in _SHOWN and isinstance(given, str) else ""
        return [Mistake((name,), f"{shown}{error}")]
    return ()
