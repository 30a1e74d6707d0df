"""`make fuzz`: every target under a coverage-guided fuzzer, as many at a time as there are cores; 1 where one fails."""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

SECONDS = 600
#: seconds that one input may take: what is quadratic takes longer with libFuzzer's 4,096 octets
SLOWEST = 20
LONGEST = 4096


@dataclass(frozen=True, slots=True)
class Run:
    """How a target came through: how often it ran, and what was said of it where it failed."""

    target: str
    runs: str
    failure: str | None


def main() -> int:
    """Drive every target, or those that are named; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", help="default: all")
    parser.add_argument("--seconds", type=int, default=SECONDS, help="for all together (default: %(default)s)")
    parser.add_argument("--found", type=Path, default=Path("tests/artifacts/fuzz"), help="where bad inputs are kept")
    given = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        sys.exit("make fuzz: atheris is missing; it has wheels for Linux on x86-64 with Python 3.11 to 3.14 only")
    from tests.fuzz.targets import TARGETS

    unknown = sorted(set(given.targets) - set(TARGETS))
    if unknown:
        sys.exit(f"make fuzz: no target is named {unknown[0]}; choose from {', '.join(TARGETS)}")
    names, cores = given.targets or list(TARGETS), os.cpu_count() or 1
    each = max(given.seconds * cores // len(names), 5)
    given.found.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with ThreadPoolExecutor(cores) as pool:
        results = list(pool.map(lambda name: _drive(name, each, given.found), names))
    for result in results:
        print(f"{result.target:<20} {result.runs:>10} runs  {result.failure or 'clean'}")
    failed = [result for result in results if result.failure]
    print(f"{len(results)} targets, {len(failed)} with a finding, {time.monotonic() - began:.0f} s")
    return 1 if failed else 0


def _drive(name: str, seconds: int, found: Path) -> Run:
    """Fuzz one target in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="syncer-corpus-") as corpus:
        words = [f"-max_total_time={seconds}", f"-timeout={SLOWEST}", f"-max_len={LONGEST}", "-rss_limit_mb=2048"]
        words += [f"-artifact_prefix={found.resolve()}/{name}-", corpus]
        done = subprocess.run(
            [sys.executable, "-m", "tests.fuzz.driver", name, *words],
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
    lines = (done.stdout + done.stderr).splitlines()
    runs = next((line.split()[1] for line in lines if line.startswith("Done ")), "?")
    if done.returncode == 0:
        return Run(name, runs, None)
    # libFuzzer prints the exception of the target, then where it wrote the octets
    telling = [line for line in lines if line.startswith(("artifact_prefix", "SUMMARY", "==")) or "Error" in line]
    return Run(name, runs, "; ".join(telling[-3:]) or f"exit {done.returncode}")


if __name__ == "__main__":
    sys.exit(main())
