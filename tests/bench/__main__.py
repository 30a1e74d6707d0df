"""`python -m tests.bench [GROUP...]`: measure, print one table, write bench.json; 1 when a target is missed.

A target that cannot be met at all has its reason in the table, and a bound that fails the run in its stead.

BENCH_SECONDS (60) shrinks the whole run, BENCH_ENGINES (sqlite,mariadb,postgresql) chooses the engines, BENCH_OUT
(bench.json) the file.
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
from pathlib import Path

from syncer.cli.common import GARBAGE_AFTER
from syncer.log import configure
from tests.bench import audit, claims, lane, memory, pace, starts, watching
from tests.bench.figures import Figure, Run
from tests.bench.installation import SQLITE
from tests.support.servers import ENGINES, SERVERS

GROUPS: dict[str, Callable[[Run], Iterator[Figure]]] = {
    "starts": starts.commands,
    "calls": pace.calls,
    "limits": pace.limits,
    "lane": lane.measure,
    "crashes": starts.crashes,
    "audit": audit.measure,
    "memory": memory.measure,
    "claims": claims.measure,
    "watch": watching.measure,
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
        engines: dict[str, Callable[[], str]] = {}
        for name in os.environ.get("BENCH_ENGINES", ",".join(ENGINES)).split(","):
            engines[name] = _engine(name, stack)
        run = Run(float(os.environ.get("BENCH_SECONDS", "60")), engines)
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


def _engine(name: str, stack: contextlib.ExitStack) -> Callable[[], str]:
    if name == "sqlite":
        return lambda: SQLITE
    server = SERVERS[name]()
    stack.callback(server.close)
    return server.new_database


def _line(figure: Figure) -> str:
    mark = "ok  " if figure.passed else "MISS" if figure.failed else "miss"
    return f"{mark} {figure.name:<66} {figure.value:>9}  {figure.target:<10} {figure.note}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
