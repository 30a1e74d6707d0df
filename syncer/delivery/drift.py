"""The drift report: what each destination says today, against what was recorded, while addresses are still kept."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from adapters.contract import Action, Adapter, Evidence
from adapters.errors import AdapterError
from syncer.database.connections import reading
from syncer.database.tables import Tables
from syncer.domain.model import State
from syncer.errors import SyncerError
from syncer.events.seals import Seals
from syncer.log import get_logger
from syncer.privacy.keyring import subject

#: codes of a read-back that say "it is not so"; every other failure says nothing about the person
DRIFT = frozenset({"not_yet", "suppression_missing"})


@dataclass(frozen=True, slots=True)
class Comparison:
    """A confirmed delivery as it was recorded, beside what its destination says today.

    `recorded` is the outcome, `confirmed_at` UTC, `today` one of `as_recorded`, `drifted` and `unknown`; `code` says
    why it is not as recorded.
    """

    event: str
    subject: str
    destination: str
    action: str
    recorded: str
    confirmed_at: datetime
    today: str
    code: str | None


class Drift:
    """Compares what was recorded with what destinations say today; changes nothing."""

    def __init__(self, engine: sa.Engine, tables: Tables, seals: Seals) -> None:
        self._engine = engine
        self._tables = tables
        self._seals = seals

    def compare(self, destination: str, adapter: Adapter) -> list[Comparison]:
        """Read back every confirmed delivery of a destination whose address is still kept, and compare.

        Where nobody can read back any more, by the adapter that the settings name now, each is unknown.
        """
        if adapter.evidence is not Evidence.READ_BACK:
            return self.uncalled(destination, "unsupported_action")
        rows = self._with_address(destination)
        with ThreadPoolExecutor(adapter.limits.senders, thread_name_prefix=f"reconcile-{destination}") as pool:
            return list(pool.map(lambda row: self._compared(adapter, row), rows))

    def uncalled(self, destination: str, code: str) -> list[Comparison]:
        """Return the same deliveries as unknown, with the reason why the destination was not called."""
        return [_comparison(row, "unknown", code) for row in self._with_address(destination)]

    def _with_address(self, destination: str) -> list[Any]:
        d, e = self._tables.delivery, self._tables.event
        query = (
            sa.select(d.c.event_id, d.c.destination, d.c.action, d.c.outcome, d.c.confirmed_at, e.c.subject)
            .add_columns(e.c.email_sealed, e.c.right, e.c.received_at)
            .join(e, d.c.event_id == e.c.id)
            .where(d.c.destination == destination, d.c.state == State.CONFIRMED, d.c.action.is_not(None))
            .where(e.c.email_sealed.is_not(None))  # also where the event is still open at another destination
            .order_by(d.c.id)
        )
        with reading(self._engine) as connection:
            return list(connection.execute(query))

    def _compared(self, adapter: Adapter, row: Any) -> Comparison:
        today, code = "as_recorded", None
        try:
            person = subject(self._seals.keyring, self._seals.open(row))
            adapter.confirm(Action(row.action), person)
        except AdapterError as error:
            today, code = "drifted" if error.code in DRIFT else "unknown", error.code
        except SyncerError:
            today, code = "unknown", "unsealable"
        except Exception as error:  # noqa: BLE001 — a bug met at one person must not end the report for all
            get_logger("syncer.drift").exception("adapter.crashed", error=type(error).__name__)
            today, code = "unknown", "crashed"
        return _comparison(row, today, code)


def _comparison(row: Any, today: str, code: str | None) -> Comparison:
    return Comparison(
        event=row.event_id,
        subject=row.subject,
        destination=row.destination,
        action=row.action,
        recorded=row.outcome,
        confirmed_at=row.confirmed_at,
        today=today,
        code=code,
    )
