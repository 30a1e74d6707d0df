"""The console: as wide as a screen, without markup; a value as JSON or as words."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from rich.console import Console
from rich.table import Table

from syncer.cli.output.stdout import json_text
from syncer.reports.as_json import as_json as to_json

T = TypeVar("T")

#: characters of a line
WIDTH = 100


def console() -> Console:
    """Return a console on stdout that is never wider than WIDTH; NO_COLOR is respected."""
    plain = Console(highlight=False, emoji=False, markup=False)
    return Console(
        highlight=False, emoji=False, markup=False, width=min(plain.width, WIDTH) if plain.is_terminal else WIDTH
    )


def grid(*columns: str, **options: Any) -> Table:
    """Return an empty table with these columns; `#` before a name puts its numbers to the right."""
    table = Table(box=None, pad_edge=False, header_style="bold", **options)
    for name in columns:
        table.add_column(
            name.lstrip("#"),
            justify="right" if name.startswith("#") else "left",
            overflow="fold",
            no_wrap=name == "event",
        )
    return table


def answer(value: T, as_json: bool, show: Callable[[T], None]) -> None:
    """Print a value: as JSON for scripts, or as `show` shows it to people."""
    if as_json:
        line(json_text(to_json(value)))
    else:
        show(value)


def lines(texts: Iterable[str]) -> None:
    """Print each text as a line to stdout."""
    for text in texts:
        line(text)


def line(text: str) -> None:
    """Print one line to stdout."""
    sys.stdout.write(text + "\n")


def demo_console() -> Console:
    """Return a console that understands markup, for the demo's own words."""
    plain = Console(highlight=False, emoji=False)
    return Console(highlight=False, emoji=False, width=min(plain.width, WIDTH) if plain.is_terminal else WIDTH)
