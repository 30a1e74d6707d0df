"""Metrics for Prometheus, read from the database when they are asked for; no label holds personal data."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from wsgiref.types import WSGIApplication

import sqlalchemy as sa
from prometheus_client import CollectorRegistry, generate_latest, make_wsgi_app
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from syncer import __version__
from syncer.errors import UserError
from syncer.privacy.files import written
from syncer.reports.views import EventCounts, LaneView, VerificationView
from syncer.service.listener import Listener

if TYPE_CHECKING:
    from syncer.app import App


#: seconds for which what was counted is handed out again: each count reads all tables, and anybody here may ask
FRESH = 5.0


class StatusCollector(Collector):
    """What `syncer status` says, as gauges; counted anew after `fresh` seconds."""

    def __init__(self, app: App, fresh: float = 0.0) -> None:
        self._app = app
        self._fresh = fresh
        self._counted: tuple[float, list[Metric]] | None = None

    def collect(self) -> list[Metric]:
        """Return every metric; when the database cannot be read, only that it cannot."""
        now = time.monotonic()
        if self._counted is None or now - self._counted[0] >= self._fresh:
            self._counted = (now, list(self._count()))
        return self._counted[1]

    def _count(self) -> Iterator[Metric]:
        try:
            status = self._app.status.read()
        except sa.exc.SQLAlchemyError:
            # raised here, it would end as a traceback on the daemon's stderr
            yield GaugeMetricFamily("syncer_up", "Whether syncer's database could be read", 0)
            return
        yield GaugeMetricFamily("syncer_up", "Whether syncer's database could be read", 1)
        yield InfoMetricFamily("syncer_build", "The software", {"version": __version__})
        yield from _events(status.events, self._app.clock())
        yield from _destinations(status.destinations)
        yield GaugeMetricFamily("syncer_audit_entries", "Entries in the audit chain", status.audit.entries)
        yield from _verification(status.audit.last_verification)
        yield GaugeMetricFamily("syncer_queue_waiting", "Queue rows nobody has taken", status.queue.waiting)


def _verification(last: VerificationView) -> Iterator[Metric]:
    help_ = "Whether the last full verification of the audit found all whole, is not too old and not invented"
    yield GaugeMetricFamily("syncer_audit_verified_ok", help_, int(last.problem is None))
    if last.at is not None:
        help_ = "When the last full verification of the audit ended"
        yield GaugeMetricFamily("syncer_audit_verified_timestamp_seconds", help_, last.at.timestamp())


def _events(counts: EventCounts, now: datetime) -> Iterator[Metric]:
    by_state = {(state.value,): number for state, number in counts.by_state.items()}
    yield _gauge("events", "Events by state; how surely fulfilled ones are, their deliveries say", ["state"], by_state)
    yield GaugeMetricFamily(
        "syncer_overdue_events", "Open events past their due day, or objections past their target", counts.overdue
    )
    yield GaugeMetricFamily(
        "syncer_answered_late_events",
        "Fulfilled events that were answered past their due day, or objections past their target",
        counts.answered_late,
    )
    warned = {(str(days),): number for days, number in counts.warned.items()}
    yield _gauge("warned_events", "Open events by the highest warning they reached, in days", ["days"], warned)
    age = (now - counts.oldest_open).total_seconds() if counts.oldest_open else 0.0
    yield GaugeMetricFamily("syncer_oldest_open_seconds", "Age of the oldest open event since receipt", max(age, 0.0))


def _destinations(lanes: Mapping[str, LaneView]) -> Iterator[Metric]:
    counts = {(name, state.value): number for name, lane in lanes.items() for state, number in lane.by_state.items()}
    help_ = "Deliveries by destination and state; of all that are closed, only confirmed ones were read back"
    yield _gauge("deliveries", help_, ["destination", "state"], counts)
    paused = {(name,): int(lane.paused) for name, lane in lanes.items()}
    shadow = {(name,): int(lane.shadow_since is not None) for name, lane in lanes.items()}
    yield _gauge(
        "shadow", "Whether a destination is in shadow mode: read, and never written to", ["destination"], shadow
    )
    previewed = {(name,): lane.previewed for name, lane in lanes.items()}
    yield _gauge("shadow_previewed", "Deliveries previewed in shadow mode, not carried out", ["destination"], previewed)
    yield _gauge("lane_paused", "Whether a destination's lane is paused", ["destination"], paused)
    guards = {(name,): lane.guard for name, lane in lanes.items() if lane.guard}
    waiting = {key: guard.waiting for key, guard in guards.items()}
    yield _gauge("guard_waiting", "Deletions that did not begin yet", ["destination"], waiting)
    tripped = {key: int(guard.since is not None) for key, guard in guards.items()}
    yield _gauge("guard_tripped", "Whether the guard stopped a destination's deletions", ["destination"], tripped)


def _gauge(name: str, help_: str, labels: list[str], values: Mapping[Any, int]) -> Metric:
    family = GaugeMetricFamily(f"syncer_{name}", help_, labels=labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family


def registry(app: App, fresh: float = 0.0) -> CollectorRegistry:
    """Return a registry of its own, without anything of the process or of other libraries."""
    collectors = CollectorRegistry()
    collectors.register(StatusCollector(app, fresh))
    return collectors


def text(app: App) -> str:
    """Return all metrics in Prometheus' text format."""
    return generate_latest(registry(app)).decode("utf-8")


def write(app: App, path: Path) -> None:
    """Write all metrics for node_exporter's textfile collector, in one step. Raises UserError when that fails."""
    try:
        with written(path, public=True) as file:
            file.write(generate_latest(registry(app)))
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}); choose another --out") from None


def listen(app: App, host: str, port: int) -> Listener:
    """Serve all metrics over HTTP until the listener is closed. Raises UserError when the place is taken."""
    return Listener(answer(app), app.settings.path, host, port)


def answer(app: App) -> WSGIApplication:
    """Return what answers a scrape with the metrics of an installation."""
    return make_wsgi_app(registry(app, FRESH))
