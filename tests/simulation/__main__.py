"""Many seeds in a row, for a night: `python -m tests.simulation --seeds 1000 --events 500`.

Each seed is a world of its own: its people, its bad days, its crashes, how many daemons share the lanes. One line
tells what happened in it; a seed that broke an invariant says which, and the line by which it is run again alone.
Exit 1 if there was one. `--first N` starts at another seed, `--seeds 1 --first N` repeats one.
"""

from __future__ import annotations

import argparse
import random
import sys
import traceback

from tests.simulation.run import Run, simulate
from tests.simulation.scenario import Scenario


def scenario(seed: int, events: int) -> Scenario:
    """Return what a seed of the night stands for."""
    dice = random.Random(f"night/{seed}")
    return Scenario(
        seed,
        events=events,
        days=dice.choice((14, 21, 35)),
        workers=dice.choice((1, 2, 3)),
        senders=dice.choice((1, 3, 8)),
        trouble=dice.choice((0.0, 0.02, 0.06, 0.2)),
        crashes=dice.choice((0.0, 0.05, 0.2)),
        suppress=dice.random() < 0.5,
        bad_days=dice.random() < 0.8,
        guard=dice.choice((0, 5)),
        flood=dice.choice((0, 40)),
    )


def summary(run: Run) -> str:
    """Say in one line how much happened."""
    c, struck = run.counts, sum(run.weather.struck.values())
    return (
        f"seed {run.scenario.seed}: {c['events']} events, {run.world.calls} calls, {struck} faults,"
        f" {c['crashes']} crashes, {c['stalls']} stalls, {c['database errors']} database errors,"
        f" {c['delivery:reappeared']} people back, {run.timeline.days:.0f} days in {c['milliseconds'] / 1000:.1f} s"
    )


def main() -> int:
    """Run the seeds; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=100, help="how many")
    parser.add_argument("--events", type=int, default=200, help="in each")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    options = parser.parse_args()
    failed = 0
    for seed in range(options.first, options.first + options.seeds):
        if not _one(seed, options.events):
            failed += 1
            print(f"    again: python -m tests.simulation --seeds 1 --first {seed} --events {options.events}")
    print(f"{options.seeds} seeds, {failed} failed")
    return 1 if failed else 0


def _one(seed: int, events: int) -> bool:
    try:
        run = simulate(scenario(seed, events))
    except Exception:
        print(f"seed {seed}: broke off", flush=True)
        traceback.print_exc()
        return False
    print(summary(run), flush=True)
    for violation in run.violations[:10]:
        print(f"    {violation.invariant} on day {violation.day}: {violation.text}", flush=True)
    return not run.violations


if __name__ == "__main__":
    sys.exit(main())
