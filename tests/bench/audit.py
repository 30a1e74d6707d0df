"""How quickly the audit is verified and exported, and in how much memory."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

from syncer.app import App
from tests.bench.claims import NOBODY
from tests.bench.figures import Figure, Run
from tests.bench.installation import installed
from tests.bench.resident import peak

TARGETS = {"sqlite": ">= 80000", "mariadb": ">= 50000", "postgresql": ">= 50000"}
STEP = {
    "scope": "audience a1b2c3d4e5",
    "call": "GET /lists/{list}/members/{id}",
    "status": 404,
    "request_id": "0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f",
    "ms": 180,
    "state": "absent",
}


def measure(run: Run) -> Iterator[Figure]:
    """Yield the figures of each engine."""
    rows = run.count(100_000, 5_000)
    for name, new_database in run.engines.items():
        with installed(NOBODY, new_database()) as app:  # type: ignore[arg-type]  # nobody is called
            _write(app, rows)
            entries = app.ledger.head()[0]
            before = peak(reset=True)
            verified = min(_verify(app), _verify(app))
            grown = (peak() - before) / 1024
            began = time.perf_counter()
            for row in app.ledger.rows():
                json.dumps(row)
            exported = time.perf_counter() - began
        note = f"{entries} entries"
        yield Figure(f"audit on {name}: entries verified a second", round(entries / verified), TARGETS[name], note)
        yield Figure(f"audit on {name}: MiB that a verification takes at its peak", round(grown, 1), "<= 32", note)
        yield Figure(f"audit on {name}: entries exported a second", round(entries / exported), ">= 20000", note)


def _write(app: App, rows: int) -> None:
    facts = {"phase": "confirm", "attempt": 1, "action": "delete", "state": "confirmed", "steps": [STEP]}
    for _ in range(rows // 1000):
        with app.transactions.write() as tx:
            for number in range(1000):
                event = f"0193-{number:031d}"
                tx.audit.add("delivery:confirmed", event=event, subject="p1:x", destination="it", facts=facts)


def _verify(app: App) -> float:
    began = time.perf_counter()
    assert app.ledger.verify().ok
    return time.perf_counter() - began
