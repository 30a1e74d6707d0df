"""Installations of syncer for the bench: one destination, any engine, filled quickly."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import sqlalchemy as sa

from syncer.app import App, load_settings, open_app
from syncer.database.connections import writing
from syncer.delivery.lane import Lane
from syncer.setup.install import initialise
from tests.bench.provider import Provider, person

SETTINGS = """[database]
url = "{database}"

[deadlines]
timezone = "Europe/Berlin"

[schedule]
intake_seconds = 1
lane_seconds = 1
recheck_days = []

[guard]
always_allowed = 1_000_000

[log]
level = "error"

[destinations.it]
adapter = "{adapter}"
api_key_env = "BENCH_KEY"
base_url = "{url}"
erasure = "delete"
objection = "unsubscribe"
ecommerce = false
{more}
"""
MORE = {"mailchimp": "", "activecampaign": "requests_per_second = 5"}
DIRTY_PAGES = (
    "SELECT variable_value FROM information_schema.global_status WHERE variable_name = 'INNODB_BUFFER_POOL_PAGES_DIRTY'"
)
SQLITE = "sqlite:///syncer.db"  # in the installation's folder


def settings_file(
    folder: Path, provider: Provider, database: str = "sqlite:///syncer.db", level: str = "error"
) -> Path:
    """Write settings.toml for one provider and set its key."""
    os.environ["BENCH_KEY"] = provider.api_key
    path = folder / "settings.toml"
    text = SETTINGS.format(database=database, adapter=provider.kind, url=provider.url, more=MORE[provider.kind])
    path.write_text(text, encoding="utf-8")
    return path


@contextmanager
def installed(provider: Provider, database: str = SQLITE) -> Iterator[App]:
    """Yield an open installation in a folder of its own."""
    with TemporaryDirectory(prefix="syncer-bench-") as folder:
        settings = load_settings(settings_file(Path(folder), provider, database))
        initialise(settings)
        app = open_app(settings)
        try:
            yield app
        finally:
            app.close()


def fill(app: App, first: int, count: int, kind: str = "erasure") -> None:
    """Queue `count` people and take them in."""
    rows: list[dict[str, Any]] = [
        {"event_key": f"{kind}{n}", "kind": kind, "email": person(n), "created_at": app.clock()}
        for n in range(first, first + count)
    ]
    with writing(app.queue.engine) as connection:
        connection.execute(app.queue.table.insert(), rows)
    app.intake.take_all()


def rest(app: App, longest: float = 120.0) -> None:
    """Let a server write out what was filled in: InnoDB goes on for minutes after a bulk load."""
    kind = app.engine.dialect.name
    with app.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if kind == "postgresql":
            connection.exec_driver_sql("CHECKPOINT")
        if kind != "mysql":
            return
        usual = _number(connection, "SELECT @@GLOBAL.innodb_max_dirty_pages_pct")
        connection.exec_driver_sql("SET GLOBAL innodb_max_dirty_pages_pct = 0")
        until = time.monotonic() + longest
        while time.monotonic() < until and _number(connection, DIRTY_PAGES) > 100:
            time.sleep(0.5)
        connection.exec_driver_sql(f"SET GLOBAL innodb_max_dirty_pages_pct = {usual}")


def _number(connection: sa.Connection, query: str) -> float:
    return float(connection.exec_driver_sql(query).scalar_one())


def work(app: App) -> float:
    """Let the lane work until nothing is due; return the seconds it took."""
    lane = app.lanes()[0]
    try:
        began = time.perf_counter()
        while lane.turn():
            pass
        return time.perf_counter() - began
    finally:
        lane.release()


def work_for(app: App, lane: Lane, seconds: float) -> float:
    """Let the lane work for so many seconds, cool-downs included; return how long it was."""
    alarm = threading.Timer(seconds, app.stop.set)
    alarm.start()
    began = time.perf_counter()
    while not app.stop.is_set():
        if not lane.turn():
            app.stop.wait(0.02)
    took = time.perf_counter() - began
    alarm.join()
    app.stop.clear()
    return took
