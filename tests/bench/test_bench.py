"""`make bench` in its smallest form: every figure is there with its target. No assertion on any time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.figures import Figure

#: what the shortest run on SQLite must show, by the beginning of the figure's name
FIGURES = (
    "start: --help", "start: status on SQLite over it", "start: status on SQLite over load",
    "Mailchimp: calls per confirmed erasure", "Mailchimp: calls per confirmed obj",
    "ActiveCampaign: calls per confirmed erasure", "ActiveCampaign: calls per confirmed obj",
    "ActiveCampaign: share", "ActiveCampaign: 429", "Mailchimp: share", "Mailchimp: most connections",
    "Mailchimp, slots freed 5 ms late: 429", "Mailchimp, slots freed 5 ms late: share",
    "lane on sqlite: deliveries/s over", "lane on sqlite: deliveries/s beside", "lane on sqlite: commits",
    "lane on sqlite: log flushes", "idle daemon on sqlite: statements",
    "idle daemon on sqlite: % of", "insert to first call on sqlite: median", "insert to first call on sqlite: p99",
    "objection behind a backlog on sqlite", "after kill -9: seconds", "after kill -9: calls",
    "audit on sqlite: entries verified", "audit on sqlite: MiB", "audit on sqlite: entries exported", "memory: MiB",
    "claim on sqlite: with finished", "claim on sqlite: with rows whose time", "claim on sqlite: with a backlog",
    "guard on sqlite: a count",
    "status on sqlite", "metrics on sqlite", "show on sqlite", "reads on sqlite: MiB", "dossier on sqlite",
    "check on sqlite", "report on sqlite: CPU for each", "report on sqlite: MiB",
    "audit verify --full on sqlite: entries", "audit verify --full on sqlite: MiB", "audit verify again",
    "watch: members per", "watch: MiB", "watch: members listed twice",
    "drain --max-seconds 3 on sqlite",
    "console: seconds until", "console: MiB at rest", "console: ms of the register", "console: ms of the overview",
    "console: MiB after", "console: MiB while", "console: deliveries/s",
    "beside: loop", "beside: the same", "beside: huey", "beside: procrastinate",
    "beside: dramatiq", "beside: syncer on sqlite: events/s", "beside: syncer on sqlite: events lost",
    "beside: syncer on sqlite over",
)  # fmt: skip


def test_the_shortest_run_shows_every_figure_with_its_target(tmp_path: Path) -> None:
    out = tmp_path / "bench.json"
    env = dict(os.environ) | {"BENCH_SECONDS": "1", "BENCH_ENGINES": "sqlite", "BENCH_OUT": str(out)}

    done = subprocess.run(
        [sys.executable, "-m", "tests.bench"], capture_output=True, encoding="utf-8", env=env, timeout=900, check=False
    )

    assert out.exists(), done.stderr  # an exception ends with 1 as a missed target does
    assert done.returncode in (0, 1), done.stderr
    figures = json.loads(out.read_text(encoding="utf-8"))["figures"]
    names = [figure["name"] for figure in figures]
    assert [start for start in FIGURES if not any(name.startswith(start) for name in names)] == []
    assert len(names) == len(FIGURES)
    missed = [figure["name"] for figure in figures if not figure["passed"]]
    assert all(f"missed: {name}" in done.stdout for name in missed)
    assert (done.returncode == 1) == any(line.startswith("MISS") for line in done.stdout.splitlines())


def test_a_figure_without_a_target_is_shown_and_misses_nothing() -> None:
    assert Figure("beside others", 3, "").passed


def test_an_unknown_group_is_refused_in_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", "nothing"], capture_output=True, encoding="utf-8", timeout=60, check=False
    )

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


def test_a_target_that_cannot_be_met_is_shown_as_missed_and_its_bound_fails_instead() -> None:
    within = Figure("a figure", 3, "<= 2", excuse="three steps", bound="<= 3")
    beyond = Figure("a figure", 4, "<= 2", excuse="three steps", bound="<= 3")

    assert (within.passed, within.failed) == (False, False)
    assert (beyond.passed, beyond.failed) == (False, True)
    assert Figure("a figure", 3, "<= 2").failed


@pytest.mark.parametrize(
    ("value", "target", "passed"), [(1.5, "<= 1.5", True), (1.51, "<= 1.5", False), (0.85, ">= 0.85", True)]
)
def test_a_figure_passes_up_to_its_target(value: float, target: str, passed: bool) -> None:
    assert Figure("a figure", value, target).passed is passed
