"""The queue in WordPress' MariaDB, syncer's own tables in SQLite: two commits, and a death between them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.intake.wordpress.posts import Posts, posts
from tests.support.paths import ROOT
from tests.support.processes import as_json, run, until

__all__ = ["posts"]


def test_killed_between_the_two_commits_each_row_is_one_event(posts: Posts, tmp_path: Path) -> None:
    settings, mark = posts.settings(tmp_path), tmp_path / "mark"
    assert run(settings, "init").returncode == 0
    people = "\n".join(f"person{number}@two.test" for number in range(20))
    assert run(settings, "submit", "erasure", stdin=people).returncode == 0
    words = [sys.executable, "-m", "tests.intake.wordpress.intake_worker", str(settings), str(mark)]
    with subprocess.Popen(words, cwd=ROOT) as worker:
        try:
            until(mark.exists, 60)
        finally:
            worker.kill()
    between = [len(as_json(settings, "events")), as_json(settings, "status")["queue"]["waiting"]]

    assert run(settings, "drain").returncode in (0, 1)

    assert between == [20, 20]
    events = as_json(settings, "events")
    assert len(events) == len({event["subject"] for event in events}) == 20
    assert as_json(settings, "status")["queue"]["waiting"] == 0
    assert posts.sql("SELECT COUNT(*) FROM syncer_queue WHERE email IS NOT NULL OR taken_at IS NULL") == [(0,)]
    received = [line for line in run(settings, "audit", "export").stdout.splitlines() if '"event:received"' in line]
    assert len(received) == 20
