"""`python -m tests.bench [GROUP...]`: measure, print one table, write bench.json; 1 when a target is missed.

A target that cannot be met at all has its reason in the table, and a bound that fails the run in its stead.

BENCH_SECONDS (60) shrinks the whole run, BENCH_EVENTS (50000) is how many events what is read is read among,
BENCH_ENGINES (sqlite,mariadb,postgresql) chooses the engines, BENCH_OUT (bench.json) the file.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from syncer.cli.common import GARBAGE_AFTER
from syncer.log import configure
from tests.bench import audit, bounded, claims, console, lane, latency, memory, pace, reads, starts, watching
from tests.bench.figures import Figure, Run
from tests.bench.installation import SQLITE
from tests.bench.peers import side_by_side
from tests.support.servers import ENGINES, SERVERS

GROUPS: dict[str, Callable[[Run], Iterator[Figure]]] = {
    "starts": starts.commands,
    "calls": pace.calls,
    "limits": pace.limits,
    "lane": lane.measure,
    "latency": latency.measure,
    "crashes": starts.crashes,
    "audit": audit.measure,
    "memory": memory.measure,
    "claims": claims.measure,
    "reads": reads.measure,
    "watch": watching.measure,
    "drain": bounded.drain,
    "console": console.measure,
    "beside": side_by_side.measure,
}


def main(wanted: Sequence[str]) -> int:
    """Measure the wanted groups, all by default; return the exit code."""
    unknown = [name for name in wanted if name not in GROUPS]
    if unknown:
        print(f"bench: there is no group {unknown[0]}; known: {', '.join(GROUPS)}", file=sys.stderr)
        return 2
    configure("error")
    gc.set_threshold(GARBAGE_AFTER)  # as every command does
    figures: list[Figure] = []
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        run = _run(stack)
        for group in wanted or GROUPS:
            for figure in GROUPS[group](run):
                figures.append(figure)
                print(_line(figure), flush=True)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    content = {"machine": machine, "seconds": run.seconds, "figures": [figure.as_json() for figure in figures]}
    out = Path(os.environ.get("BENCH_OUT", "bench.json"))
    out.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print(f"\n{machine}; {time.monotonic() - began:.0f} s; written to {out}")
    for figure in figures:
        if not figure.passed:
            print(f"missed: {figure.name}{'' if figure.failed else f' (cannot be met: {figure.excuse})'}")
    return 1 if any(figure.failed for figure in figures) else 0


def _run(stack: contextlib.ExitStack) -> Run:
    """Return how large the run is to be; its servers end with the stack."""
    names = os.environ.get("BENCH_ENGINES", ",".join(ENGINES)).split(",")
    servers = {name: stack.enter_context(contextlib.closing(SERVERS[name]())) for name in names if name != "sqlite"}
    engines: dict[str, Callable[[], str]] = {
        name: servers[name].new_database if name in servers else lambda: SQLITE for name in names
    }
    size = Run(float(os.environ.get("BENCH_SECONDS", "60")), engines, servers)
    events = os.environ.get("BENCH_EVENTS")
    return replace(size, events=int(events) if events else size.count(50_000, 500))


def _line(figure: Figure) -> str:
    mark = "    " if not figure.target else "ok  " if figure.passed else "MISS" if figure.failed else "miss"
    return f"{mark} {figure.name:<66} {figure.value:>9}  {figure.target:<10} {figure.note}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
