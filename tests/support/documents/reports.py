"""Propagation logs with all their requests in memory, and the texts of them as one text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from syncer.app import App
from syncer.reports import as_csv, as_text
from syncer.reports.evidence import ReportedEvent
from syncer.reports.propagation import PropagationLog


class Listed(tuple[ReportedEvent, ...]):
    """Requests as a register that needs no database."""

    __slots__ = ()

    def views(self, places: Iterable[int] | None = None) -> Iterator[ReportedEvent]:
        return iter(self) if places is None else (self[place] for place in places)


def whole(app: App, since: datetime | None = None, until: datetime | None = None) -> PropagationLog:
    """The propagation log of a span of receipt."""
    with app.propagation.report(since, until) as report:
        return replace(report.log, events=Listed(report.log.events))


def report_text(log: PropagationLog) -> str:
    return "".join(as_text.report_text(log))


def report_csv(log: PropagationLog) -> str:
    return "".join(as_csv.report_csv(log))
