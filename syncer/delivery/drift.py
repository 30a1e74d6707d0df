"""The drift report: what each destination says today, against what was recorded, while addresses are still kept."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import sqlalchemy as sa

from adapters.contract import Action, Adapter
from adapters.errors import AdapterError
from syncer.clock import stamp
from syncer.database.connections import reading
from syncer.domain.model import EventState, State
from syncer.errors import SyncerError
from syncer.events.store import Store
from syncer.privacy.keyring import Keyring, subject

#: codes of a read-back that say "it is not so"; every other failure says nothing about the person
DRIFT = frozenset({"not_yet", "suppression_missing"})


def reconcile(store: Store, keyring: Keyring, destination: str, adapter: Adapter) -> list[dict[str, Any]]:
    """Read every confirmed delivery of a destination that is still within its rechecks; changes nothing.

    Each row is event, subject, destination, action, recorded (the outcome), confirmed_at, today (`as_recorded`,
    `drifted` or `unknown`) and code (why not).
    """
    with ThreadPoolExecutor(adapter.limits.senders, thread_name_prefix=f"reconcile-{destination}") as pool:
        return list(pool.map(lambda row: _compared(keyring, adapter, row), _within_recheck(store, destination)))


def _within_recheck(store: Store, destination: str) -> list[Any]:
    d, e = store.tables.delivery, store.tables.event
    query = (
        sa.select(d.c.event_id, d.c.destination, d.c.action, d.c.outcome, d.c.confirmed_at, e.c.subject)
        .add_columns(e.c.email_sealed)
        .join(e, d.c.event_id == e.c.id)
        .where(d.c.destination == destination, d.c.state == State.CONFIRMED, d.c.action.is_not(None))
        .where(e.c.state == EventState.FULFILLED, e.c.email_sealed.is_not(None))
        .order_by(d.c.id)
    )
    with reading(store.engine) as connection:
        return list(connection.execute(query))


def _compared(keyring: Keyring, adapter: Adapter, row: Any) -> dict[str, Any]:
    today, code = "as_recorded", None
    try:
        adapter.confirm(Action(row.action), subject(keyring, keyring.open(row.email_sealed, row.event_id)))
    except AdapterError as error:
        today, code = "drifted" if error.code in DRIFT else "unknown", error.code
    except SyncerError:
        today, code = "unknown", "unsealable"
    return {
        "event": row.event_id,
        "subject": row.subject,
        "destination": row.destination,
        "action": row.action,
        "recorded": row.outcome,
        "confirmed_at": stamp(row.confirmed_at),
        "today": today,
        "code": code,
    }
