"""The console: as wide as a screen, in a pipe as wide as its lines; without markup. A value as JSON or as words.

Every text is escaped on its way out: names and reasons come from tables and providers, and a terminal would obey them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import zip_longest
from typing import Any, TypeVar

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from syncer.cli.output.stdout import json_text
from syncer.privacy.masking import escaped
from syncer.reports.as_json import array_as_json
from syncer.reports.as_json import as_json as to_json

T = TypeVar("T")

#: characters of a line on a terminal
WIDTH = 100
#: characters of a line elsewhere: more than any has, so that `grep` sees each whole
UNBROKEN = 1_000_000


class EscapingConsole(Console):
    """A console that prints each text as one line: what is in it cannot begin another."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as rich does; line feeds before a text stay, they are ours."""
        super().print(*map(_line, objects), **options)


class EscapingTable(Table):
    """A table whose cells are escaped. A sequence of texts is a cell of as many lines; of one, where a row is one."""

    def __init__(self, *, one_line: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self._between = "; " if one_line else "\n"

    def add_row(self, *cells: RenderableType | Sequence[str] | None, **options: Any) -> None:
        """Add a row as rich does."""
        joined = (
            self._between.join(map(escaped, cell)) if isinstance(cell, (list, tuple)) else _cell(cell) for cell in cells
        )
        super().add_row(*joined, **options)


def _line(shown: Any) -> Any:
    if isinstance(shown, str):
        text = shown.lstrip("\n")
        return "\n" * (len(shown) - len(text)) + escaped(text)
    return _cell(shown)


def _cell(shown: Any) -> Any:
    if isinstance(shown, str):
        return escaped(shown)
    if isinstance(shown, Text) and not shown.plain.isprintable():
        return Text(escaped(shown.plain), style=shown.style)
    return shown


def console() -> Console:
    """Return a console on stdout that breaks lines on a terminal alone, at WIDTH; NO_COLOR is respected."""
    return EscapingConsole(highlight=False, emoji=False, markup=False, width=_width())


def _width() -> int:
    plain = Console()
    return min(plain.width, WIDTH) if plain.is_terminal else UNBROKEN


def grid(*columns: str, widths: Sequence[int] = (), **options: Any) -> EscapingTable:
    """Return an empty table with these columns; `#` before a name puts its numbers to the right.

    `widths` are the least that the first of them take.
    """
    table = EscapingTable(one_line=_width() == UNBROKEN, box=None, pad_edge=False, header_style="bold", **options)
    for name, width in zip_longest(columns, widths):
        table.add_column(
            name.lstrip("#"),
            min_width=width,
            justify="right" if name.startswith("#") else "left",
            overflow="fold",
            no_wrap=name == "event",
        )
    return table


def answer(value: T, as_json: bool, show: Callable[[T], None]) -> None:
    """Print a value: as JSON for scripts, or as `show` shows it to people."""
    if as_json:
        sys.stdout.write(json_text(to_json(value)) + "\n")
    else:
        show(value)


def answer_each(values: Iterable[T], as_json: bool, show: Callable[[Iterable[T]], None]) -> None:
    """Print values as they come: as a JSON array, or as `show` shows them to people."""
    if not as_json:
        show(values)
        return
    for piece in array_as_json(values):
        sys.stdout.write(json_text(piece))
    sys.stdout.write("\n")


def lines(texts: Iterable[str]) -> None:
    """Print each text as a line to stdout."""
    for text in texts:
        line(text)


def line(text: str) -> None:
    """Print one line to stdout."""
    sys.stdout.write(escaped(text) + "\n")


def block(text: str) -> None:
    """Print a text of several lines to stdout; nothing in it may come from a stranger but what its format escapes."""
    sys.stdout.write(escaped(text, keep="\n") + "\n")


def demo_console() -> Console:
    """Return a console that understands markup, for the demo's own words."""
    plain = Console(highlight=False, emoji=False)
    return Console(highlight=False, emoji=False, width=min(plain.width, WIDTH) if plain.is_terminal else WIDTH)
