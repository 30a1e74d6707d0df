"""Deliveries whose row nobody can read: held, so that they stop no lane and a person sees them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from syncer.audit.transaction import Transaction
from syncer.database.tables import Tables
from syncer.domain.codes import DAMAGED
from syncer.domain.model import Delivery, State
from syncer.events.mapping import Finished


def hold(tx: Transaction, tables: Tables, ids: Sequence[int], *, done: bool = False) -> set[str]:
    """Hold these deliveries as damaged if they are due still, or with `done` also if not; return their events' ids.

    The words themselves are not repeated anywhere: nobody knows what somebody wrote there.
    """
    d, e = tables.delivery, tables.event
    # what another daemon has recorded meanwhile is due no longer, and no damage
    due = d.c.id.in_(ids) if done else sa.and_(d.c.id.in_(ids), d.c.next_attempt_at.is_not(None))
    rows = tx.connection.execute(
        sa.select(d.c.event_id, d.c.destination, sa.type_coerce(e.c.subject, sa.Text).label("subject"))
        .select_from(d.join(e, d.c.event_id == e.c.id))
        .where(due)
        .with_for_update()
    ).all()
    held = {"state": State.HELD, "code": DAMAGED, "next_attempt_at": None, "claim_rank": None}
    tx.connection.execute(d.update().where(due).values(held))
    for row in rows:
        tx.audit.add(
            "delivery:held",
            event=row.event_id,
            # SQLite stores bytes there too, which no entry can hold
            subject=row.subject if isinstance(row.subject, str) else None,
            destination=row.destination,
            facts={"code": DAMAGED},
        )
    return {row.event_id for row in rows}


def apart(
    decided: Sequence[Finished], fresh: Sequence[Delivery]
) -> Iterator[tuple[int, list[Finished], list[Delivery]]]:
    """Yield what is to be written of each delivery by itself: its id, its results, and itself if it is to begin."""
    results: dict[int, list[Finished]] = {}
    for finished in decided:
        results.setdefault(finished.delivery.id, []).append(finished)
    for row_id, own in results.items():
        yield row_id, own, []
    for delivery in fresh:
        yield delivery.id, [], [delivery]
