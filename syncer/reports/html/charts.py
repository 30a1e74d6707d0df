"""Bars for a report: what was counted becomes lengths and places, which a template writes as SVG. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from syncer.language.texts import _

#: SVG units: room for the labels, the longest bar, the height of a row
LABEL, LONGEST, ROW = 150, 290, 26

MINUTE, HOUR, DAY = 60, 3600, 86400
#: how long until it was confirmed: label, and the seconds below which a case belongs there
TO_CONFIRMED = (
    ("under 1 minute", MINUTE),
    ("under 15 minutes", 15 * MINUTE),
    ("under 1 hour", HOUR),
    ("under 1 day", DAY),
    ("under 2 days", 2 * DAY),
    ("under 7 days", 7 * DAY),
    ("under 30 days", 30 * DAY),
    ("30 days and more", None),
)
#: how long an event has been open
OPEN_BY_AGE = (
    ("under 7 days", 7 * DAY),
    ("7 to 13 days", 14 * DAY),
    ("14 to 20 days", 21 * DAY),
    ("21 to 29 days", 30 * DAY),
    ("30 days and more", None),
)


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of a chart, in SVG units: `y` is its top, `width` the length of its bar."""

    label: str
    count: int
    y: int
    width: int


@dataclass(frozen=True, slots=True)
class Chart:
    """A bar chart; `text` says the same in words, for those who do not see it."""

    name: str
    title: str
    bars: tuple[Bar, ...]
    text: str
    label_width: int = LABEL
    width: int = LABEL + LONGEST + 60

    @property
    def height(self) -> int:
        """Its height in SVG units."""
        return len(self.bars) * ROW

    @property
    def total(self) -> int:
        """How many cases it counts."""
        return sum(bar.count for bar in self.bars)


def histogram(name: str, title: str, seconds: Iterable[float], bounds: Sequence[tuple[str, int | None]]) -> Chart:
    """Count durations into classes. The last class has no bound."""
    counts = [0] * len(bounds)
    for value in seconds:
        counts[next(i for i, (_class, bound) in enumerate(bounds) if bound is None or value < bound)] += 1
    most = max(counts) or 1
    bars = tuple(
        Bar(_(label), count, number * ROW, max(2, round(LONGEST * count / most)) if count else 0)
        for number, ((label, _bound), count) in enumerate(zip(bounds, counts, strict=True))
    )
    return Chart(name, title, bars, "; ".join(f"{bar.label}: {bar.count}" for bar in bars))


#: SVG units of a chart over time: its width, the height of the longest column, room above, below and beside
OVER_TIME, TALLEST, ABOVE, BELOW, MARGIN = 520, 120, 22, 26, 16
#: SVG units that a letter of a label takes, and the most that a label gets
LETTER, LONGEST_LABEL = 9, 320


@dataclass(frozen=True, slots=True)
class TimeColumn:
    """One span of time, in SVG units; `text` is its number as people read it, `named` whether its label fits."""

    label: str
    text: str
    named: bool
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class ColumnChart:
    """A chart over time; each column has its number above it, so that nobody has to measure."""

    name: str
    title: str
    columns: tuple[TimeColumn, ...]
    width: int = OVER_TIME
    height: int = ABOVE + TALLEST + BELOW


@dataclass(frozen=True, slots=True)
class Level:
    """A number against its limit, in SVG units: `width` is the filled part of `of`, None where nothing limits it."""

    label: str
    text: str
    y: int
    width: int
    of: int | None


@dataclass(frozen=True, slots=True)
class LevelChart:
    """Numbers against their limits, or against the largest of them."""

    name: str
    title: str
    levels: tuple[Level, ...]
    label_width: int

    @property
    def width(self) -> int:
        """Its width in SVG units."""
        return self.label_width + LONGEST + 130

    @property
    def height(self) -> int:
        """Its height in SVG units."""
        return len(self.levels) * ROW


def columns(name: str, title: str, values: Sequence[tuple[str, float | None, str]]) -> ColumnChart:
    """Draw values over time, each a label, a number (None for nothing known) and how that is written."""
    most = max((value for _, value, _ in values if value), default=0) or 1
    # the first and the last label stand over the edges of their columns
    each, every = (OVER_TIME - 2 * MARGIN) // max(len(values), 1), max(1, -(-len(values) * 60 // OVER_TIME))
    drawn = []
    for number, (label, value, text) in enumerate(values):
        height = max(2, round(TALLEST * value / most)) if value else 0
        place = MARGIN + number * each + 3, ABOVE + TALLEST - height
        drawn.append(TimeColumn(label, text, number % every == 0, *place, each - 6, height))
    return ColumnChart(name, title, tuple(drawn))


def levels(name: str, title: str, values: Sequence[tuple[str, int, int | None, str]]) -> LevelChart:
    """Draw numbers against limits, each a label, a number, its limit (None for none) and how that is written.

    A number beyond its limit fills the whole of it; one without is drawn against the largest number.
    """
    most = max((number for _, number, _, _ in values), default=0) or 1
    drawn = []
    for row, (label, number, limit, text) in enumerate(values):
        part = min(number / (limit or most), 1.0) if limit != 0 else 1.0
        width = max(2, round(LONGEST * part)) if number else 0
        drawn.append(Level(label, text, row * ROW, width, LONGEST if limit is not None else None))
    longest = max((len(label) for label, *_ in values), default=0)
    return LevelChart(name, title, tuple(drawn), min(max(LABEL, longest * LETTER + 12), LONGEST_LABEL))
