"""Plots where people would rather look than read, each with its numbers as a table behind it."""

from __future__ import annotations

from collections.abc import Mapping

from babel.numbers import format_decimal

from syncer.console.reading.standing.figures import WeeklyFigures
from syncer.language.texts import _, spoken
from syncer.reports.html.charts import OPEN_BY_AGE, ColumnChart, LevelChart, columns, levels
from syncer.reports.views import LaneView
from syncer.reports.wording.moments import in_short


def received(figures: WeeklyFigures) -> ColumnChart:
    """Draw how many requests were received in each week."""
    values = [(_label(week.begins), float(week.received), str(week.received)) for week in figures.weeks]
    return columns("received", _("Requests received, by week"), values)


def confirmed(figures: WeeklyFigures) -> ColumnChart:
    """Draw how long it took until requests were confirmed everywhere, by the week of their receipt."""
    values = [(_label(week.begins), week.median, _days(week.median)) for week in figures.weeks]
    return columns("confirmed", _("Days until half of the requests of a week were confirmed everywhere"), values)


def open_by_age(figures: WeeklyFigures) -> LevelChart:
    """Draw how old the open requests are."""
    counted = zip(OPEN_BY_AGE, figures.open_by_age, strict=True)
    values = [(_(label), number, None, str(number)) for (label, _bound), number in counted]
    return levels("open", _("Open requests by age"), values)


def deletions(lanes: Mapping[str, LaneView], titles: Mapping[str, str]) -> LevelChart:
    """Draw how many deletions began within 24 hours at each recipient, against what its guard lets begin."""
    values = []
    for name, lane in lanes.items():
        if lane.guard is None:
            continue
        said = {"number": _number(lane.guard.counted), "limit": _number(lane.guard.limit or 0)}
        text = _("%(number)s of %(limit)s") if lane.guard.limit is not None else _("%(number)s, no limit")
        values.append((titles.get(name, name), lane.guard.counted, lane.guard.limit, text % said))
    return levels("deletions", _("Deletions within 24 hours, against the limit"), values)


def health(lanes: Mapping[str, LaneView], titles: Mapping[str, str]) -> LevelChart:
    """Draw what waits at each recipient, and what is held there."""
    values = []
    for name, lane in lanes.items():
        waits = lane.pending + lane.retrying + lane.applied
        said = {"recipient": titles.get(name, name)}
        values.append((_("%(recipient)s: under way") % said, waits, None, str(waits)))
        values.append((_("%(recipient)s: held") % said, lane.held, None, str(lane.held)))
    return levels("health", _("What is not through, by recipient"), values)


def _label(day: object) -> str:
    return in_short(day, with_year=False)  # type: ignore[arg-type]


def _number(value: int) -> str:
    return str(format_decimal(value, locale=spoken()))


def _days(value: float | None) -> str:
    if value is None:
        return "–"
    shown = str(format_decimal(max(value, 0.1), "0.0", locale=spoken()))
    return shown if value >= 0.1 else f"<{shown}"
