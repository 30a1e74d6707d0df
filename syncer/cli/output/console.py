"""The console: as wide as a screen, in a pipe as wide as its lines; without markup. A value as JSON or as words.

Every text is escaped on its way out: names and reasons come from tables and providers, and a terminal would obey them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

from syncer.cli.output.sheet import Column, Grid, PlainSheet
from syncer.cli.output.stdout import json_text
from syncer.privacy.masking import escaped

if TYPE_CHECKING:
    from syncer.cli.output.terminal import EscapingConsole

T = TypeVar("T")

#: what lets rich take any output for a terminal
_AS_TERMINAL = ("FORCE_COLOR", "TTY_COMPATIBLE")


def console() -> PlainSheet | EscapingConsole:
    """Return what prints to stdout: lines break on a terminal alone, and only there are colours."""
    if not sys.stdout.isatty() and not any(os.environ.get(name) for name in _AS_TERMINAL):
        return PlainSheet()
    from syncer.cli.output import terminal

    return terminal.console()


def grid(*columns: str, widths: tuple[int, ...] = (), headed: bool = True) -> Grid:
    """Return an empty table with these columns; `#` before a name puts its numbers to the right.

    `widths` are the least that the first of them take.
    """
    return Grid(tuple(Column(name.lstrip("#"), name.startswith("#")) for name in columns), widths, headed)


def answer(value: T, as_json: bool, show: Callable[[T], None]) -> None:
    """Print a value: as JSON for scripts, or as `show` shows it to people."""
    if as_json:
        from syncer.reports.as_json import as_json as to_json

        sys.stdout.write(json_text(to_json(value)) + "\n")
    else:
        show(value)


def answer_each(values: Iterable[T], as_json: bool, show: Callable[[Iterable[T]], None]) -> None:
    """Print values as they come: as a JSON array, or as `show` shows them to people."""
    if not as_json:
        show(values)
        return
    from syncer.reports.as_json import array_as_json

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
