"""What is printed for people: lines, marked words and tables; and how a pipe or a file gets them, whole and plain."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

from syncer.privacy.masking import escaped

#: a text and its style, as rich names styles; "" for none
Piece = tuple[str, str]


@dataclass(frozen=True)
class Marked:
    """Words of which some stand out on a terminal."""

    pieces: tuple[Piece, ...]

    @property
    def plain(self) -> str:
        """The words alone."""
        return "".join(text for text, _ in self.pieces)


def marked(text: str, style: str = "") -> Marked:
    """Return words of one style."""
    return Marked(((text, style),))


#: a text, marked words, or a list of texts: as many lines on a terminal, and one in a pipe, where a row is one
Cell = str | Marked | Sequence[str]


@dataclass(frozen=True)
class Column:
    """A column of a table; `numbers` stand to the right."""

    name: str
    numbers: bool = False


@dataclass(frozen=True)
class Grid:
    """A table without lines between its cells: `widths` are the least that its first columns take.

    One that goes on where another ended is not `headed`.
    """

    columns: tuple[Column, ...]
    widths: tuple[int, ...] = ()
    headed: bool = True
    rows: list[tuple[Cell, ...]] = field(default_factory=list)

    def add_row(self, *cells: Cell) -> None:
        """Add a row."""
        self.rows.append(cells)

    def taken(self) -> tuple[int, ...]:
        """Return how wide each column is with its name, its cells in one line each."""
        names = tuple(column.name for column in self.columns)
        columns = list(zip(*(names, *(tuple(map(_plain, row)) for row in self.rows)), strict=True))
        least = self.widths + (0,) * (len(columns) - len(self.widths))
        return tuple(max(width, *map(_width, cells)) for cells, width in zip(columns, least, strict=True))

    def width(self) -> int:
        """Return how many characters a line takes that does not break."""
        return sum(self.taken()) + 2 * (len(self.columns) - 1)


class PlainSheet:
    """Prints to stdout, each text as one line: what is in it cannot begin another."""

    def print(self, shown: str | Marked | Grid = "") -> None:
        """Print a line or a table; line feeds before a text stay, they are ours."""
        if isinstance(shown, Grid):
            sys.stdout.writelines(f"{line}\n" for line in _lines(shown))
            return
        text = shown.plain if isinstance(shown, Marked) else shown
        body = text.lstrip("\n")
        sys.stdout.write("\n" * (len(text) - len(body)) + escaped(body) + "\n")


def _lines(grid: Grid) -> list[str]:
    widths = grid.taken()
    head = [[column.name for column in grid.columns]] if grid.headed else []
    rows = [*head, *([_plain(cell) for cell in row] for row in grid.rows)]
    return ["  ".join(map(_padded, row, widths, grid.columns)) for row in rows]


def _plain(cell: Cell) -> str:
    if isinstance(cell, str):
        return escaped(cell)
    return escaped(cell.plain) if isinstance(cell, Marked) else "; ".join(map(escaped, cell))


def _padded(text: str, width: int, column: Column) -> str:
    blanks = " " * (width - _width(text))
    return blanks + text if column.numbers else text + blanks


def _width(text: str) -> int:
    """Return how many columns a terminal takes for a text: none for a mark over a letter, two for a wide letter."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
