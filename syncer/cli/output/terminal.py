"""What only a terminal gets: lines that break, and colours. It takes rich, which is slow to load."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from syncer.cli.output.sheet import Grid, Marked, Piece
from syncer.privacy.masking import escaped

#: characters of a line
WIDTH = 100


class EscapingConsole(Console):
    """A console that prints each text as one line: what is in it cannot begin another."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as rich does; line feeds before a text stay, they are ours."""
        super().print(*map(_shown, objects), **options)


def console() -> EscapingConsole:
    """Return a console on stdout; NO_COLOR is respected."""
    return EscapingConsole(highlight=False, emoji=False, markup=False, width=min(Console().width, WIDTH))


def demo_console() -> Console:
    """Return a console that understands markup, for the demo's own words."""
    plain = Console(highlight=False, emoji=False)
    return Console(highlight=False, emoji=False, width=min(plain.width, WIDTH) if plain.is_terminal else WIDTH)


def _shown(shown: Any) -> Any:
    if isinstance(shown, str):
        text = shown.lstrip("\n")
        return "\n" * (len(shown) - len(text)) + escaped(text)
    if isinstance(shown, Marked):
        return Text.assemble(*map(_piece, shown.pieces))
    return _table(shown) if isinstance(shown, Grid) else shown


def _piece(piece: Piece) -> tuple[str, str]:
    return escaped(piece[0]), piece[1]


def _table(grid: Grid) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", show_header=grid.headed)
    for column, width in zip_longest(grid.columns, grid.widths):
        justify = "right" if column.numbers else "left"
        alone = column.name == "event"
        table.add_column(column.name, justify=justify, overflow="fold", no_wrap=alone, min_width=width)  # type: ignore[arg-type]
    for row in grid.rows:
        table.add_row(*map(_cell, row))
    return table


def _cell(cell: Any) -> Any:
    if isinstance(cell, str):
        return escaped(cell)
    return _shown(cell) if isinstance(cell, Marked) else "\n".join(map(escaped, cell))
