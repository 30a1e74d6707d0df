"""How a key of the settings is read: from what TOML or the environment holds to a value, or to what is wrong with it.

Each reader raises ValueError with the remedy, as a message goes on behind the name of the key.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from syncer.settings.keys.table import Mistake, Unfit

N = TypeVar("N", int, float)

#: what a truth value may be written as in the environment, which knows text only
_TRUTH = {
    **dict.fromkeys(("1", "on", "t", "true", "y", "yes"), True),
    **dict.fromkeys(("0", "off", "f", "false", "n", "no"), False),
}


def read_text(given: Any) -> str:
    """Read a text."""
    if not isinstance(given, str):
        raise ValueError("must be a valid string")
    return given


def read_path(given: Any) -> Path:
    """Read the path of a file or a folder."""
    if not isinstance(given, str):
        raise ValueError("must be a path, as text")
    return Path(given)


def read_flag(given: Any) -> bool:
    """Read a truth value."""
    if isinstance(given, bool):
        return given
    if isinstance(given, (int, float)) and given in (0, 1):
        return given == 1
    if not isinstance(given, str) or given.lower() not in _TRUTH:
        raise ValueError("must be a valid boolean, true or false")
    return _TRUTH[given.lower()]


def whole(least: int, most: int) -> Callable[[Any], int]:
    """Return what reads a whole number between two, both included."""

    def read(given: Any) -> int:
        return _within(_whole(given), least, most)

    return read


def number(least: float, most: float) -> Callable[[Any], float]:
    """Return what reads a number between two, both included."""

    def read(given: Any) -> float:
        if isinstance(given, bool) or not isinstance(given, (int, float)):
            raise ValueError("must be a valid number")
        if isinstance(given, float) and not math.isfinite(given):
            raise ValueError("must be a finite number")
        return float(_within(given, least, most))

    return read


def read_wholes(given: Any) -> tuple[int, ...]:
    """Read a list of whole numbers."""
    return tuple(_whole(item) for item in _list(given))


def lines(longest: int, most: int) -> Callable[[Any], tuple[str, ...]]:
    """Return what reads at most so many lines, from a list of them or a text that holds them."""
    one = line(longest)

    def read(given: Any) -> tuple[str, ...]:
        # one text of several lines, as TOML and an environment variable can hold it, is a list of lines too
        items = [item for item in given.splitlines() if item.strip()] if isinstance(given, str) else _list(given)
        found, mistakes = [], []
        for item in items:
            try:
                found.append(one(item))
            except ValueError as error:
                mistakes.append(Mistake((), str(error)))
        if mistakes:
            raise Unfit(mistakes)
        if len(items) > most:
            raise ValueError(f"must be at most {most} lines, not {len(items)}")
        return tuple(found)

    return read


def line(longest: int) -> Callable[[Any], str]:
    """Return what reads one line of printable text, without blanks around it."""

    def read(given: Any) -> str:
        if len(read_text(given)) > longest:
            raise ValueError(f"string should have at most {longest} characters")
        shown = read_text(given).strip()
        if not shown or not shown.isprintable():
            raise ValueError("must be one line of printable text; leave it out where there is none")
        return shown

    return read


def part_of_a_name(pattern: str) -> Callable[[Any], str]:
    """Return what reads a text that becomes part of a table's name."""

    def read(given: Any) -> str:
        if not re.fullmatch(pattern, read_text(given)):
            raise ValueError("cannot be part of a table's name; use letters, digits and _, a letter first")
        return read_text(given)

    return read


def one_of(*words: str) -> Callable[[Any], Any]:
    """Return what reads one of these words."""

    def read(given: Any) -> str:
        if given not in words:
            *others, last = map(repr, words)
            raise ValueError(f"is not known; use {', '.join(others)} or {last}" if others else f"must be {last}")
        return str(given)

    return read


def _whole(given: Any) -> int:
    if isinstance(given, bool) or not isinstance(given, int):
        raise ValueError("must be a valid integer")
    return given


def _within(value: N, least: N, most: N) -> N:
    if value < least:
        raise ValueError(f"must be greater than or equal to {least}")
    if value > most:
        raise ValueError(f"must be less than or equal to {most}")
    return value


def _list(given: Any) -> list[Any] | tuple[Any, ...]:
    if not isinstance(given, (list, tuple)):
        raise ValueError("must be a valid tuple")
    return given
