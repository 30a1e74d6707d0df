"""A look at a million members: our own time, memory, and what a break costs. Nothing but the provider is played."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime

from adapters.contract import Seen
from tests.bench.figures import Figure, Run
from tests.bench.memory import Nobody
from tests.bench.resident import peak

#: people who were erased, none of whom is back
ERASED = 10_000


class Killed(BaseException):
    """Ends a look as a kill does."""


class Crowd(Nobody):
    """A destination in this process with so many members, listed in order and without a network."""

    def __init__(self, members: int) -> None:
        self._members = members
        self.listed = 0

    def changed(self, since: datetime | None, after: str | None = None) -> Iterator[Seen]:
        for number in range(int(after or 0), self._members):
            self.listed += 1
            yield Seen("audience a", f"member{number}@mail{number % 500}.example.test", True, str(number + 1))


def measure(run: Run) -> Iterator[Figure]:
    """Yield the figures of a look that breaks off half-way and goes on; it has a process of its own."""
    members = run.count(1_000_000, 5000)
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.watching", str(members)], capture_output=True, encoding="utf-8", check=True
    )
    found = json.loads(done.stdout)
    note = f"{members} members, listed in this process: no network and no provider in it"
    yield Figure("watch: members per CPU second", round(members / found["seconds"]), ">= 20000", note)
    yield Figure("watch: MiB at most", found["mib"], "<= 100", note)
    yield Figure(
        "watch: members listed twice after a break", found["twice"], "<= 10500", "the look was killed half-way"
    )


def main(members: int) -> None:
    """Look at the crowd, in two parts, and print what it took."""
    from syncer.delivery.lane import Lane
    from tests.bench.claims import NOBODY
    from tests.bench.installation import fill, installed

    peak(reset=True)  # what it had at its start counts into the most it had, and that is its parent's
    with installed(NOBODY) as app:  # type: ignore[arg-type]  # nobody is called
        app.leases.ensure(["it"])
        fill(app, 0, min(ERASED, members))
        lane = Lane("it", Nobody(), app.transactions, app.store, app.leases, app.seals, app.stop)
        while lane.turn():
            pass
        lane.release()
        crowd, began = Crowd(members), time.process_time()

        def alive() -> bool:
            if crowd.listed < members // 2 + 4_900:
                return True
            raise Killed

        with suppress(Killed):
            app.watch.look("it", crowd, alive, whole=True)
        look = app.watch.look("it", crowd, whole=True)
        seconds = time.process_time() - began
        assert look.complete and look.seen == members
    print(json.dumps({"seconds": seconds, "mib": round(peak() / 1024), "twice": crowd.listed - members}))


if __name__ == "__main__":
    from syncer.log import configure

    configure("error")
    main(int(sys.argv[1]))
