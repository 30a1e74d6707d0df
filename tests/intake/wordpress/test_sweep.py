"""The sweep on MariaDB, without WordPress: what it reads, queues, holds, and how long it takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from syncer.app import App, load_settings, open_app
from syncer.clock import now
from syncer.database.connections import reading
from syncer.intake.wordpress.views import by_tables, site_tables
from syncer.service.drain import prepare
from syncer.setup.install import initialise
from tests.intake.wordpress.posts import Posts, posts
from tests.support.processes import inside as run
from tests.support.processes import inside_json as as_json

__all__ = ["posts"]


@pytest.fixture
def opened(posts: Posts, tmp_path: Path) -> Iterator[Callable[..., App]]:
    """Open the installation beside WordPress' tables, under a clock that may be ahead."""
    settings = load_settings(posts.settings(tmp_path))
    initialise(settings)
    apps: list[App] = []

    def app(**later: float) -> App:
        apps.append(open_app(settings, clock=lambda: now() + timedelta(**later)))
        return apps[-1]

    yield app
    for each in apps:
        each.close()


def sweep(app: App) -> tuple[int, int]:
    assert app.wordpress is not None
    swept = app.wordpress.sweep()
    return swept.requests, swept.missed


def test_every_completion_that_nobody_queued_becomes_one_event(posts: Posts, opened: Callable[..., App]) -> None:
    posts.add(7, "ada@lovelace.test", "request-completed", "2026-11-01 10:00:00", 1793527200)
    posts.add(8, "a&amp;b@site.test", "request-completed", "2026-11-01 10:00:00", 1793527200)
    posts.add(9, "resent@site.test", "request-pending", "2026-11-02 10:00:00", 1793527200)
    posts.add(10, "open@site.test", "request-pending", "2026-11-02 10:00:00")
    app = opened()

    assert sweep(app) == (4, 3)
    assert sweep(app) == (4, 0)
    assert sweep(opened(days=2)) == (4, 0)

    addresses = [row.email for row in app.queue.waiting(10)]
    assert addresses == ["ada@lovelace.test", "a&b@site.test", "resent@site.test"]
    prepare(app)
    assert sweep(app) == (4, 0)


def test_a_dry_run_says_what_a_sweep_would_queue_and_changes_nothing(posts: Posts, opened: Callable[..., App]) -> None:
    posts.add(7, "ada@lovelace.test", "request-completed", "2026-11-01 10:00:00", 1793527200)
    app = opened()

    done = run(app.settings.path, "wordpress", "sweep", "--dry-run")

    assert "1 that nobody had queued would be queued" in done.stdout
    assert as_json(app.settings.path, "wordpress", "sweep", "--dry-run")["missed"] == 1
    assert app.queue.count() == 0
    assert sweep(app) == (1, 1)


def test_what_is_no_address_is_held_and_the_rest_goes_on(posts: Posts, opened: Callable[..., App]) -> None:
    posts.add(7, "nobody at all", "request-completed", "2026-11-01 10:00:00", 1793527200)
    posts.add(8, "x" * 400 + "@site.test", "request-completed", "2026-11-01 10:00:00", 1793527200)
    posts.add(9, "ada@lovelace.test", "request-completed", "0000-00-00 00:00:00", 1793527200)
    app = opened()

    assert sweep(app) == (3, 3)
    prepare(app)

    with reading(app.engine) as connection:
        states = dict(tuple(row) for row in connection.execute(sa.text("SELECT source_ref, code FROM syncer_event")))
    assert states == {"1:7": "malformed", "1:8": "malformed", "1:9": "no_destination"}


def test_a_sweep_sees_what_was_committed_since_the_last_one(posts: Posts, opened: Callable[..., App]) -> None:
    app = opened()
    assert sweep(app) == (0, 0)

    posts.add(7, "ada@lovelace.test", "request-completed", "2026-11-01 10:00:00", 1793527200)

    assert sweep(app) == (1, 1)


def test_the_printed_grants_suffice_and_nothing_else_is_allowed(
    posts: Posts, opened: Callable[..., App], tmp_path: Path
) -> None:
    opened()
    posts.add(7, "ada@lovelace.test", "request-completed", "2026-11-01 10:00:00", 1793527200)
    posts.server.sql("CREATE OR REPLACE USER least@'127.0.0.1' IDENTIFIED BY 'least'")
    settings = tmp_path / "settings.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("root@", "least:least@"), encoding="utf-8")
    for line in run(settings, "wordpress", "grants", "--host", "127.0.0.1").stdout.splitlines():
        posts.server.sql(line, posts.database)

    done = as_json(settings, "wordpress", "sweep")

    assert (done["requests"], done["missed"], done["alarms"]) == (1, 1, [])
    allowed = sa.create_engine(posts.url.replace("root@", "least:least@"), poolclass=sa.NullPool)
    refused = ["SELECT post_password FROM wp_posts", "SELECT post_content FROM wp_posts",
               "SELECT post_title FROM wp_posts", "SELECT meta_value FROM wp_postmeta",
               "UPDATE wp_posts SET post_title = ''", "UPDATE syncer_wp_erasures SET post_title = ''",
               "DELETE FROM syncer_queue", "UPDATE syncer_queue SET event_key = ''"]  # fmt: skip
    for statement in refused:
        with pytest.raises(sa.exc.OperationalError, match="denied"), allowed.begin() as connection:
            connection.execute(sa.text(statement))


def test_ten_thousand_requests_among_three_hundred_thousand_posts(
    posts: Posts, opened: Callable[..., App], capsys: pytest.CaptureFixture[str]
) -> None:
    posts.fill(300_000, 10_000)
    app = opened()
    first = sweep(app)
    times = []
    for _ in range(3):
        began = time.perf_counter()
        assert sweep(app) == (10_000, 0)
        times.append(time.perf_counter() - began)
    plans = [_plan(posts, query) for query in by_tables(site_tables("syncer_", "wp_", 1))]
    with capsys.disabled():
        print(f"\nsweep of 10,000 requests among 300,000 posts: {min(times):.2f} s, by the indexes {plans}")

    assert first == (10_000, 10_000)
    assert plans == ["type_status_date", "meta_key"]


def _plan(posts: Posts, query: sa.Select[Any]) -> object:
    """Return the index that MariaDB chooses."""
    statement = query.compile(dialect=mysql.dialect(), compile_kwargs={"literal_binds": True})
    return posts.server.sql(f"EXPLAIN {statement}", posts.database)[0][5]
