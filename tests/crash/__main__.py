"""`make crash`: every named point at its first, middle and last passing, and random moments, on three engines."""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from tests.crash.harness import SHAPES, Installation, Shape, installed
from tests.crash.points import sides
from tests.crash.takeover import seconds_to_take_over
from tests.support.servers import ENGINES, SERVERS, Missing, Server

WHICH = ("first", "middle", "last")
#: points that share one installation
POINTS_EACH = 10
#: seconds within which a dead daemon's lanes go on elsewhere
TAKEOVER = 45.0


@dataclass(slots=True)
class Tally:
    """What the table shows of one engine."""

    kills: Counter[str] = field(default_factory=Counter)
    repeated: Counter[str] = field(default_factory=Counter)
    objections: dict[str, list[str]] = field(default_factory=dict)

    def add(self, point: str, installation: Installation, kills: int) -> None:
        """Take over what an installation found since it was last asked."""
        self.kills[point] += kills
        self.repeated[point] += installation.repeated
        installation.repeated = 0
        self.objections.setdefault(point, []).extend(installation.objections)
        installation.objections.clear()


@contextmanager
def server_of(kind: str) -> Iterator[Server | None]:
    """Start the server of an engine; SQLite has none."""
    if kind == "sqlite":
        yield None
        return
    server = SERVERS[kind]()
    try:
        yield server
    finally:
        server.close()


def crash(kind: str, shape: Shape, server: Server | None, randoms: int, seed: int, bar: Progress) -> Tally:
    """Kill at every point, then at random moments, and end each installation."""
    tally = Tally()
    dice = random.Random(f"{seed} {kind} {shape.name}")
    points = sides(*shape.points)
    task = bar.add_task(f"{kind}, {shape.name}", total=len(points) + randoms)
    # a small database is judged quickly: a new one after some points
    for start in range(0, len(points), POINTS_EACH):
        with installed(shape, server, seed) as installation:
            for point in points[start : start + POINTS_EACH]:
                _kill_at(installation, point, tally)
                bar.advance(task)
            _finish(installation, tally)
    with installed(shape, server, seed) as installation:
        for _ in range(randoms):
            kills = len(installation.kills)
            installation.kill_randomly(dice)
            tally.add("random moments", installation, len(installation.kills) - kills)
            bar.advance(task)
        _finish(installation, tally)
    bar.remove_task(task)
    return tally


def _kill_at(installation: Installation, point: str, tally: Tally) -> None:
    try:
        # two of the three may be the same passing
        for which in {installation.passing(point, which): which for which in reversed(WHICH)}.values():
            installation.kill_at(point, which)
            tally.add(point, installation, 1)
    except AssertionError as failed:  # never passed, or a worker that hangs or breaks
        installation.objections.append(str(failed))
        tally.add(point, installation, 0)


def _finish(installation: Installation, tally: Tally) -> None:
    installation.finish()
    tally.add("the end", installation, 0)


def show(tallies: dict[str, Tally], console: Console) -> int:
    """Print the table; return the number of objections."""
    table = Table(box=None, header_style="bold")
    for name in ("engine", "point", "kills", "repeated calls", "verdict"):
        table.add_column(name, justify="right" if name in ("kills", "repeated calls") else "left")
    bad = 0
    for engine, tally in tallies.items():
        for point in sorted(tally.objections, key=lambda name: name.split(" ", 1)[1]):
            objections = tally.objections[point]
            bad += len(objections)
            verdict = f"[red]{len(objections)} objections[/red]" if objections else "holds"
            table.add_row(engine, point, str(tally.kills[point]), str(tally.repeated[point]), verdict)
    console.print(table)
    for engine, tally in tallies.items():
        for point, objections in tally.objections.items():
            for each in objections[:5]:
                console.print(f"[red]{engine}: {point}: {each}[/red]", highlight=False)
    return bad


def main(words: Iterable[str]) -> int:
    """Run it and return the exit code: 1 when anything was violated."""
    parser = argparse.ArgumentParser(prog="make crash")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--random", type=int, default=20, help="random kills per installation")
    parser.add_argument("--engines", default=",".join(ENGINES))
    options = parser.parse_args(list(words))
    console = Console(width=140)
    console.print(f"seed {options.seed} (make crash SEED={options.seed} repeats it)")
    began, tallies, missing = time.monotonic(), {}, []
    with Progress(console=Console(stderr=True), transient=True) as bar:
        for kind in options.engines.split(","):
            try:
                with server_of(kind) as server:
                    for shape in SHAPES:
                        tally = crash(kind, shape, server, options.random, options.seed, bar)
                        tallies[f"{kind}, {shape.name}"] = tally
                        console.print(f"{kind}, {shape.name}: {sum(tally.kills.values())} kills")
            except Missing as reason:
                missing.append(f"{kind}: {reason}")
    bad = show(tallies, console)
    slow = seconds_to_take_over(lease=30)
    console.print(f"a daemon of another host killed: its lanes went on after {slow:.1f} s (lease 30 s, at most 45)")
    kills = sum(sum(tally.kills.values()) for tally in tallies.values())
    console.print(f"{kills} kills in {time.monotonic() - began:.0f} s: {bad or 'no'} objections")
    for line in missing:
        console.print(f"[red]{line}[/red]")
    return 1 if bad or missing or slow > TAKEOVER else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
