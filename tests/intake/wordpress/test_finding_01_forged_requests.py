"""Finding 1: rows as an author forges them in `wp_posts`. The sweep refuses them and says so, until somebody looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import structlog

from syncer.app import App, load_settings, open_app
from syncer.clock import now
from syncer.intake.wordpress.coverage import NAMED
from syncer.service.drain import prepare
from syncer.setup.install import initialise
from tests.intake.wordpress.posts import Posts, posts
from tests.support.processes import inside as run
from tests.support.processes import inside_json as as_json

__all__ = ["posts"]
AT, STAMP = "2026-11-01 10:00:00", 1793527200
DONE = "request-completed"


@pytest.fixture
def settings(posts: Posts, tmp_path: Path) -> Path:
    """An installation beside accounts 1, an administrator, 3, a contributor, and 6, the person."""
    path = posts.settings(tmp_path)
    initialise(load_settings(path))
    for number, email in ((1, "admin@site.test"), (3, "contributor@site.test"), (6, "ada@lovelace.test")):
        posts.user(number, email)
    return path


@pytest.fixture
def opened(settings: Path) -> Iterator[Callable[..., App]]:
    apps: list[App] = []

    def app(**later: float) -> App:
        apps.append(open_app(load_settings(settings), clock=lambda: now() + timedelta(**later)))
        return apps[-1]

    yield app
    for each in apps:
        each.close()


def sweep(app: App) -> tuple[int, int]:
    assert app.wordpress is not None
    swept = app.wordpress.sweep()
    return swept.missed, swept.refused


def alarms(app: App) -> list[tuple[str, str, datetime | None]]:
    assert app.wordpress is not None
    return [(alarm.code, alarm.about, alarm.since) for alarm in app.wordpress.state().alarms]


FORGED = {
    "a contributor's own, by XML-RPC": (3, None),
    "an editor's in the name of the person": (6, None),
    "an editor's in nobody's name, by Quick Edit": (0, None),
    "a contributor's that an administrator completed": (3, STAMP),
    "of an account that was deleted, its content given to the administrator": (1, STAMP),
    "of an account that was deleted with nobody to take its content": (77, STAMP),
}


@pytest.mark.parametrize("forged", FORGED)
def test_finding_01_a_forged_request_is_refused_and_an_alarm_and_erases_nobody(
    posts: Posts, settings: Path, opened: Callable[..., App], forged: str
) -> None:
    author, stamp = FORGED[forged]
    posts.add(7, "ada@lovelace.test", DONE, AT, stamp, author=author)
    app = opened()

    assert sweep(app) == (0, 1)

    assert [alarm[:2] for alarm in alarms(app)] == [("request_refused", "1:7")]
    assert app.queue.count() == 0
    told = run(settings, "status")
    assert told.returncode == 1
    assert "ALARM request_refused (1:7)" in told.stdout
    assert "lovelace" not in told.stdout + told.stderr


@pytest.mark.parametrize("author", [0, 6])
def test_finding_01_what_wordpress_itself_completed_for_the_person_is_taken(
    posts: Posts, opened: Callable[..., App], author: int
) -> None:
    posts.add(7, "Ada@Lovelace.test", DONE, AT, STAMP, author=author)
    app = opened()

    assert sweep(app) == (1, 0)
    assert [row.email for row in app.queue.waiting(2)] == ["Ada@Lovelace.test"]
    assert alarms(app) == []


def test_finding_01_a_refusal_is_said_once_and_stands_with_the_time_of_the_first(
    posts: Posts, opened: Callable[..., App]
) -> None:
    posts.add(7, "ada@lovelace.test", DONE, AT, author=3)
    first, later = opened(), opened(minutes=5)
    with structlog.testing.capture_logs() as logs:
        sweep(first)
        since = alarms(first)

        assert sweep(later) == (0, 1)

    assert alarms(later) == since
    said = [(line["log_level"], line["count"]) for line in logs if line["event"] == "wordpress.refused"]
    assert said == [("error", 1)]


def test_finding_01_a_dry_run_and_the_sweeps_json_count_the_refused(posts: Posts, settings: Path) -> None:
    posts.add(7, "ada@lovelace.test", DONE, AT, author=3)

    dry = run(settings, "wordpress", "sweep", "--dry-run")
    swept = as_json(settings, "wordpress", "sweep")
    done = run(settings, "wordpress", "sweep")

    assert "1 would be refused" in dry.stdout
    assert (swept["missed"], swept["refused"]) == (0, 1)
    assert [alarm["code"] for alarm in swept["alarms"]] == ["request_refused"]
    assert done.returncode == 1


def test_finding_01_a_dismissed_refusal_stays_dismissed_until_the_request_is_completed_again(
    posts: Posts, settings: Path, opened: Callable[..., App]
) -> None:
    posts.add(7, "ada@lovelace.test", DONE, AT, STAMP, author=3)
    sweep(opened())

    assert run(settings, "wordpress", "dismiss", "1:7", "--reason", "made by a contributor").returncode == 0

    app = opened(minutes=5)
    assert sweep(app) == (0, 0)
    assert sweep(app) == (0, 0)
    assert alarms(app) == []
    assert run(settings, "wordpress", "dismiss", "1:7", "--reason", "and once more").returncode == 2

    posts.meta(7, "_wp_user_request_completed_timestamp", str(STAMP + 3600))
    assert sweep(app) == (0, 1)
    assert [alarm[:2] for alarm in alarms(app)] == [("request_refused", "1:7")]


def test_finding_01_a_refusal_ends_when_the_request_is_removed_or_was_queued(
    posts: Posts, opened: Callable[..., App]
) -> None:
    for number in (7, 8):
        posts.add(number, f"p{number}@lovelace.test", DONE, AT, author=3)
    app = opened()
    assert sweep(app) == (0, 2)

    posts.sql("DELETE FROM wp_posts WHERE ID = 7")
    # an administrator completed it in the screen, and the plugin said so
    posts.sql(
        "INSERT INTO syncer_queue (event_key, kind, email, source, source_ref, created_at)"
        " VALUES ('erasure:1:8:request-completed:1', 'erasure', 'p8@lovelace.test', 'eraser', '1:8', UTC_TIMESTAMP())"
    )

    assert sweep(app) == (0, 0)
    assert alarms(app) == []


def test_finding_01_who_forges_thousands_does_not_flood_the_alarms(posts: Posts, opened: Callable[..., App]) -> None:
    for number in range(1, NAMED + 6):
        posts.add(number, f"p{number}@lovelace.test", DONE, AT, author=3)
    app = opened()

    assert sweep(app) == (0, NAMED + 5)

    assert len(alarms(app)) == NAMED + 1
    assert [about for _, about, _ in alarms(app)][-1] == "5 more"


def test_finding_01_a_forged_request_holds_up_no_other_one(posts: Posts, opened: Callable[..., App]) -> None:
    posts.add(7, "ada@lovelace.test", DONE, AT, author=3)
    posts.add(8, "grace@hopper.test", DONE, AT, STAMP)
    app = opened()

    assert sweep(app) == (1, 1)
    prepare(app)

    assert [row["source_ref"] for row in as_json(app.settings.path, "events")] == ["1:8"]


def test_finding_01_grants_that_are_too_old_to_show_authors_are_an_alarm_and_go_on_by_wordpress_own_time(
    posts: Posts, settings: Path, opened: Callable[..., App]
) -> None:
    posts.add(7, "ada@lovelace.test", DONE, AT, author=3)  # forged
    posts.add(8, "grace@hopper.test", DONE, AT, STAMP)
    old_account(posts, settings)

    swept = as_json(settings, "wordpress", "sweep")

    assert (swept["sites"], swept["missed"], swept["refused"]) == (1, 1, 1)
    assert {alarm["code"]: alarm["about"] for alarm in swept["alarms"]} == {
        "request_refused": "1:7", "grants_outdated": "grants"
    }  # fmt: skip
    checked = run(settings, "check").stdout
    assert "site 1 is read by grants that are too old" in checked
    assert "syncer wordpress grants" in checked


def old_account(posts: Posts, settings: Path) -> None:
    """Let the installation use an account with what was granted before there were views."""
    columns = "ID, post_title, post_name, post_status, post_type, post_date_gmt, post_modified_gmt"
    posts.server.sql("CREATE OR REPLACE USER older@'127.0.0.1' IDENTIFIED BY 'older'")
    for rights, table in (
        (f"SELECT ({columns})", "wp_posts"),
        ("SELECT (post_id, meta_key, meta_value)", "wp_postmeta"),
        ("SELECT, INSERT, UPDATE (email, taken_at)", "syncer_queue"),
    ):
        posts.server.sql(f"GRANT {rights} ON {posts.database}.{table} TO older@'127.0.0.1'")
    text = settings.read_text(encoding="utf-8").replace("root@", "older:older@")
    settings.write_text(text + "status_table = false\n", encoding="utf-8")
