"""Requests that were carried out, with a genuine log of each, made without a provider: ten thousand in seconds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from syncer.app import App
from syncer.audit.transaction import Transaction
from syncer.clock import stamp
from syncer.database.derived import tally

#: destination -> its adapter, as the settings of tests name them
TOLD = {"newsletter": "mailchimp", "crm": "activecampaign"}
#: requests that one transaction writes
TOGETHER = 2000


def fulfil(app: App, count: int, first: datetime, *, apart: timedelta = timedelta(minutes=1), name: str = "a") -> None:
    """Add `count` erasures that every recipient carried out, received from `first` (UTC) on, `apart` from each other.

    `name` is a letter from a to f that tells several lots apart; ids sort by it, then by the time of receipt.
    """
    for start in range(0, count, TOGETHER):
        with app.transactions.write() as tx:
            numbers = range(start, min(start + TOGETHER, count))
            rows = [_event(name, number, first + number * apart, tx.now) for number in numbers]
            tx.connection.execute(app.tables.event.insert(), rows)
            tx.connection.execute(app.tables.delivery.insert(), [told for row in rows for told in _deliveries(row)])
            tally.recount(tx.connection, app.tables)
            for row in rows:
                _log(tx, row)


def _event(name: str, number: int, at: datetime, done: datetime) -> dict[str, Any]:
    return {
        "id": f"0{name}93{number:04x}-0000-7000-8000-{number:012x}",
        "event_key": f"{name} {number}",
        "right": "erasure",
        "subject": f"p1:{name}{number:042d}",
        "received_at": at,
        "due_on": at.date() + timedelta(days=30),
        "state": "fulfilled",
        "source": "form",
        "source_ref": f"1:{number}",
        "created_at": at,
        "fulfilled_at": done,
        "rechecks_done": 0,
        "shredded_at": done,
    }


def _deliveries(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for destination, adapter in TOLD.items():
        yield {
            "event_id": row["id"],
            "destination": destination,
            "adapter": adapter,
            "action": "delete",
            "state": "confirmed",
            "outcome": "done",
            "attempts": 1,
            "due_on": row["due_on"],
            "applied_at": row["fulfilled_at"],
            "confirmed_at": row["fulfilled_at"],
        }


def _log(tx: Transaction, row: dict[str, Any]) -> None:
    """Note what the log says of such a request; its times are those of the transaction."""
    event, due = row["id"], row["due_on"]
    assert isinstance(due, date)
    received = {
        "destinations": [f"{name}:delete" for name in TOLD],
        "due_on": due.isoformat(),
        "legal_due_on": due.isoformat(),
        "due_rule": "30 days",
        "event_key": row["event_key"],
        "received_at": stamp(row["received_at"]),
        "right": "erasure",
        "source": "form",
        "source_ref": row["source_ref"],
    }
    tx.audit.add("event:received", event=event, subject=row["subject"], facts=received)
    common = {"action": "delete", "attempt": 1}
    for name in TOLD:
        tx.audit.add("delivery:attempted", event=event, destination=name, facts={**common, "fence": 1})
    for name in TOLD:
        applied = {**common, "outcome": "done", "phase": "apply", "state": "applied", "steps": _steps(row, 5)}
        tx.audit.add("delivery:applied", event=event, destination=name, facts=applied)
        confirmed = {**common, "outcome": "done", "phase": "confirm", "state": "confirmed", "steps": _steps(row, 2)}
        tx.audit.add("delivery:confirmed", event=event, destination=name, facts=confirmed)
    tx.audit.add("event:fulfilled", event=event)


def _steps(row: dict[str, Any], count: int) -> list[dict[str, Any]]:
    request = {"ms": 3, "request_id": f"5f1c8e2a-{row['id'][9:]}", "status": 200}
    return [{"call": "GET /contacts", "scope": f"audience {n}", "state": "absent", **request} for n in range(count)]
