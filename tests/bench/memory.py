"""Whether a worker grows: resident memory after a thousand and after a hundred thousand deliveries."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from adapters.contract import Action, Adapter, Check, Limits, Outcome, Preview, Receipt, Seen, Step, Subject, nameless
from tests.bench.figures import Figure, Run

#: taken in and delivered at a time, so that the queue itself is no part of the growth
PART = 5000
NEVER = datetime(2020, 1, 1, tzinfo=UTC)


class Nobody(Adapter):
    """A destination in this process that holds nobody: a delivery without a network."""

    name: ClassVar[str] = "nobody"
    actions: ClassVar[frozenset[Action]] = frozenset(Action)
    options: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def configured(cls, options: Mapping[str, Any], api_key: str) -> Nobody:
        return cls()

    @property
    def limits(self) -> Limits:
        return Limits(senders=8)

    def apply(self, action: Action, subject: Subject, received_at: datetime) -> Receipt:
        step = Step("audience a1b2c3d4e5", "GET /lists/{list}/members/{id}", 404, "0a1b2c3d", 1, "absent")
        return Receipt(Outcome.ABSENT, (step,))

    def preview(self, action: Action, subject: Subject, received_at: datetime) -> Preview:
        return Preview((), ())

    def confirm(self, action: Action, subject: Subject, applied: Receipt | None = None) -> Receipt:
        return self.apply(action, subject, NEVER)

    def changed(self, since: datetime | None, after: str | None = None) -> Iterator[Seen]:
        return iter(())

    def opted_in(self, subject: Subject) -> datetime | None:
        return None

    def ping(self) -> None: ...

    def check(self, label: Callable[[str], str] = nameless) -> list[Check]:
        return []

    def close(self) -> None: ...


def measure(run: Run) -> Iterator[Figure]:
    """Yield the growth; the worker is a process of its own."""
    few, many = run.count(1000, 500), run.count(100_000, 2000)
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.memory", str(few), str(many)],
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    found = json.loads(done.stdout)
    note = f"from {found['few']:.0f} MiB after {few} to {found['many']:.0f} MiB after {many}; no network"
    yield Figure(
        "memory: MiB grown between 1 k and 100 k deliveries", round(found["many"] - found["few"], 1), "<= 10", note
    )


def main(few: int, many: int) -> None:
    """Deliver to nobody, and print resident memory after `few` and after `many` deliveries."""
    from syncer.delivery.lane import Lane
    from tests.bench.claims import NOBODY
    from tests.bench.installation import fill, installed

    found, done = {}, 0
    with installed(NOBODY) as app:  # type: ignore[arg-type]  # nobody is called
        app.leases.ensure(["it"])
        lane = Lane("it", Nobody(), app.transactions, app.store, app.leases, app.seals, app.stop)
        for name, goal in (("few", few), ("many", many)):
            while done < goal:
                part = min(PART, goal - done)
                fill(app, done, part)
                done += part
                while lane.turn():
                    pass
            gc.collect()
            found[name] = _resident()
        lane.release()
    print(json.dumps(found))


def _resident() -> float:
    """Return this process' resident memory in MiB."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return round(next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024, 1)


if __name__ == "__main__":
    from syncer.log import configure

    configure("error")
    main(int(sys.argv[1]), int(sys.argv[2]))
