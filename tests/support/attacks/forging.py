"""What somebody who may write the database and has no key file does to the log and the tables."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from syncer.app import App, load_settings, open_app
from syncer.audit.chain import Chain, Entry
from syncer.database.connections import writing
from tests.conftest import Clock
from tests.support.session.opened import until_the_end
from tests.support.walk import rows

#: what, event, destination, facts
Told = tuple[str, str | None, str | None, dict[str, Any]]


def forged(app: App, *told: Told, move_head: bool = True) -> list[Entry]:
    """Append entries whose bodies and leaves are right and whose macs are not, and move the head to the last."""
    t, head = app.tables.audit, app.tables.head
    actor = {"kind": "daemon", "user": "syncer", "host": "here", "pid": 1}
    with writing(app.engine) as connection:  # beside a daemon, perhaps
        seq, mac = connection.execute(sa.select(head.c.seq, head.c.mac)).one()
        chain = Chain(os.urandom(32), seq, bytes(mac))
        entries = [
            chain.append(what=what, at=datetime.now(UTC), event=event, subject=None, destination=destination,
                         actor=actor, facts=facts, sw="1", cfg="0")
            for what, event, destination, facts in told
        ]  # fmt: skip
        for entry in entries:
            connection.execute(t.insert().values(
                seq=entry.seq, at=entry.at, what=entry.what, event_id=entry.event, destination=entry.destination,
                body=entry.body, leaf=entry.leaf, mac=entry.mac))  # fmt: skip
        if move_head:
            connection.execute(head.update().values(seq=chain.seq, mac=chain.mac))
    return entries


def fulfilled_by_hand(app: App, event: str) -> None:
    """Let one event look as if it had been carried out everywhere: entries, head and rows."""
    d, e, now = app.tables.delivery, app.tables.event, datetime.now(UTC)
    with app.engine.begin() as connection:
        places = connection.execute(sa.select(d.c.destination).where(d.c.event_id == event)).scalars().all()
        done = {"state": "confirmed", "outcome": "done", "attempts": 1, "applied_at": now, "confirmed_at": now}
        connection.execute(d.update().where(d.c.event_id == event).values(claim_rank=None, **done))
        connection.execute(e.update().where(e.c.id == event).values(state="fulfilled", fulfilled_at=now))
    forged(
        app,
        *(("delivery:attempted", event, place, {"action": "delete", "attempt": 1}) for place in places),
        *(("delivery:confirmed", event, place, {"attempt": 1, "outcome": "done", "steps": []}) for place in places),
        ("event:fulfilled", event, None, {}),
    )


def fork_by_hand(app: App, old_origin: str) -> None:
    """Put a fork on record as somebody without the key can."""
    facts = {
        "reason": "restored", "origin": f"{old_origin}/fork-1", "old_origin": old_origin, "size": 1, "root": "00",
        "anchor": {"size": 99, "root": "00"}, "shared": 0,
    }  # fmt: skip
    forged(app, ("audit:forked", None, None, facts))


def entries(app: App, count: int) -> None:
    with app.transactions.write() as tx:
        for _ in range(count):
            tx.audit.add("operator:looked_up", facts={"events": 0})


def again(app: App, clock: Clock) -> App:
    """Open the installation in what counts as another process."""
    app.close()
    return until_the_end(open_app(load_settings(app.settings.path), clock=clock))


def written(app: App) -> tuple[int, int, list[Any]]:
    """What stands in the log: entries, checkpoints, head."""
    tables = app.tables
    return len(rows(app, tables.audit)), len(rows(app, tables.checkpoint)), [tuple(r) for r in rows(app, tables.head)]
