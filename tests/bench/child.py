"""What a command costs: time, CPU and memory of a process of its own, and the CPU of the server that it asks.

Run as a script it is the small parent of that process: what a process has resident at its start counts into the most it
ever had, and that is its parent's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

#: seconds after which a run is not repeated: what else the machine did no longer counts
LONG = 20.0
#: seconds between two looks at how much memory a process has that started others
WEIGHED_EVERY = 0.1
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run of a command took. `cpu` are seconds of its own and of the server's; `code` is how it ended."""

    seconds: float
    cpu: float
    mib: float
    code: int


def cost(
    words: Sequence[str], folder: Path, env: Mapping[str, str], stdin: str = "", server: int | None = None
) -> Cost:
    """Run a command in a folder; `server` is the process of the database server that it asks.

    Raises RuntimeError, with what it said, for one that crashed.
    """
    before = spent(server)
    done = subprocess.run(
        [sys.executable, "-I", "-S", __file__, *words],
        cwd=folder, env=dict(env), input=stdin, capture_output=True, encoding="utf-8", errors="replace", check=True,
    )  # fmt: skip
    found = json.loads(done.stdout)
    if found["code"] < 0 or "Traceback" in done.stderr:
        raise RuntimeError(f"{' '.join(words)} ended with {found['code']}:\n{done.stderr[-2000:]}")
    return Cost(found["seconds"], found["cpu"] + spent(server) - before, found["mib"], found["code"])


def cheapest(times: int, run: Callable[[], Cost]) -> Cost:
    """Return the run that took the least CPU, with the most memory that any took; a long one is run once."""
    costs = [run()]
    while len(costs) < times and costs[-1].seconds < LONG:
        costs.append(run())
    best = min(costs, key=lambda each: each.cpu)
    return Cost(best.seconds, best.cpu, max(each.mib for each in costs), best.code)


def spent(process: int | None) -> float:
    """Return the CPU seconds of a process and of those it started that have ended; 0 for none."""
    if process is None:
        return 0.0
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICKS


def _weigh(process: int, together: list[float]) -> None:
    """Note the most MiB that a process and those it started have in common; what they share counts once."""
    with suppress(OSError):  # it has ended
        while True:
            time.sleep(WEIGHED_EVERY)
            children = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii").split()
            if children:
                together.append(sum(map(_weight, [str(process), *children])))


def _weight(process: str) -> float:
    lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def main(words: Sequence[str]) -> int:
    """Run the command with standard output to nowhere; print what it took."""
    nowhere = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    began = time.perf_counter()
    process = os.posix_spawn(words[0], list(words), os.environ, file_actions=nowhere)
    together = [0.0]
    threading.Thread(target=_weigh, args=(process, together), daemon=True).start()
    _, status, usage = os.wait4(process, 0)
    found = {
        "seconds": time.perf_counter() - began,
        "cpu": usage.ru_utime + usage.ru_stime,
        "mib": max(usage.ru_maxrss / 1024, *together),
        "code": os.waitstatus_to_exitcode(status),
    }
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
