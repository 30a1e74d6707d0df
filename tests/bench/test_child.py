"""What a command costs is counted for the command alone."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.bench.child import Cost, cheapest, cost


def test_memory_is_the_commands_own_however_large_its_parent_is(tmp_path: Path) -> None:
    large = bytearray(os.urandom(1) * 300_000_000)

    found = cost([sys.executable, "-c", "pass"], tmp_path, os.environ)

    assert 1 < found.mib < len(large) / 2**20 / 2


def test_memory_is_that_of_a_command_and_of_the_processes_that_it_starts(tmp_path: Path) -> None:
    taking = "import time; taken = b'x' * 60_000_000; time.sleep(0.6)"
    starting = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {taking!r}]);"

    found = cost([sys.executable, "-c", starting + taking], tmp_path, os.environ)
    both = (
        f"import subprocess, sys; other = subprocess.Popen([sys.executable, '-c', {taking!r}]); {taking}; other.wait()"
    )

    assert 57 < found.mib < 100
    assert 114 < cost([sys.executable, "-c", both], tmp_path, os.environ).mib < 160


def test_the_code_of_a_command_is_kept_and_a_crash_is_raised_with_what_it_said(tmp_path: Path) -> None:
    assert cost([sys.executable, "-c", "raise SystemExit(3)"], tmp_path, os.environ).code == 3
    with pytest.raises(RuntimeError, match="boom"):
        cost([sys.executable, "-c", "raise ValueError('boom')"], tmp_path, os.environ)


def test_a_command_reads_what_it_is_given(tmp_path: Path) -> None:
    words = [sys.executable, "-c", "import sys; raise SystemExit(len(sys.stdin.read()))"]

    assert cost(words, tmp_path, os.environ, "four").code == 4


def test_the_cheapest_run_counts_with_the_most_memory_of_any_and_a_long_one_is_run_once() -> None:
    runs = iter([Cost(1.0, 2.0, 10.0, 0), Cost(1.0, 1.0, 8.0, 0), Cost(30.0, 3.0, 9.0, 0), Cost(1.0, 0.1, 9.0, 0)])

    assert cheapest(2, lambda: next(runs)) == Cost(1.0, 1.0, 10.0, 0)
    assert cheapest(2, lambda: next(runs)) == Cost(30.0, 3.0, 9.0, 0)
