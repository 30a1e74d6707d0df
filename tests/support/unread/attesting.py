"""A person's word on a held delivery, as the log and the tables keep it: who, when, what was answered, and why."""

from __future__ import annotations

from syncer.app import App
from syncer.domain.model import State, move
from tests.support.walk import event

#: what a person says of an answer that came by letter
WORD = {"answer": "done", "on": "2026-11-30", "reason": "their letter of that day", "evidence_sha256": "ab" * 32}


def attest(app: App, destination: str, answer: str = "done", *, reason: str = WORD["reason"]) -> None:
    """Close the held delivery of the only event at a destination."""
    d, row = app.tables.delivery, event(app)
    with app.transactions.write() as tx:
        mine = (d.c.event_id == row.id, d.c.destination == destination, d.c.state == State.HELD)
        closed = {"state": move(State.HELD, State.ATTESTED), "code": answer}
        assert tx.connection.execute(d.update().where(*mine).values(closed)).rowcount == 1
        facts = WORD | {"answer": answer, "reason": reason}
        tx.audit.add("delivery:attested", event=row.id, subject=row.subject, destination=destination, facts=facts)
        app.store.settle(tx, {row.id})
