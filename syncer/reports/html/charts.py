"""Bars for a report: what was counted becomes lengths and places, which a template writes as SVG. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

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
        counts[next(i for i, (_, bound) in enumerate(bounds) if bound is None or value < bound)] += 1
    most = max(counts) or 1
    bars = tuple(
        Bar(label, count, number * ROW, max(2, round(LONGEST * count / most)) if count else 0)
        for number, ((label, _), count) in enumerate(zip(bounds, counts, strict=True))
    )
    return Chart(name, title, bars, "; ".join(f"{bar.label}: {bar.count}" for bar in bars))
