"""What the log says that somebody asked for, and who it was: as far as only a key in use can have said it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from syncer.audit.ledger import Ledger
from syncer.audit.pins import Pins
from syncer.database.tables import Tables
from syncer.privacy.sealed import SealedRequest


@dataclass(frozen=True, slots=True)
class AskedFor:
    """A request as the log received it, without its address.

    `subject` is its person's pseudonym; None while nobody brought a usable address.
    """

    request: SealedRequest
    subject: str | None


class Testimony:
    """The log of one installation as a witness."""

    def __init__(self, tables: Tables, ledger: Ledger) -> None:
        self._table = tables.audit
        self._pins = Pins(ledger)

    def received(self, connection: sa.Connection, event_id: str) -> AskedFor | None:
        """Return the request of an event; None where no genuine entry has its text."""
        first = next(self._contents(connection, event_id, "event:received"), None)
        if first is None:
            return None
        return AskedFor(_request(first["facts"]), first["subject"] or self._brought(connection, event_id))

    def _brought(self, connection: sa.Connection, event_id: str) -> str | None:
        """Return the pseudonym of the address that a person brought for an event without a usable one.

        Other entries repeat what the row said when they were written, whoever wrote it there: they prove nothing.
        """
        reopened = self._contents(connection, event_id, "delivery:reopened")
        return next((content["subject"] for content in reopened if content["subject"]), None)

    def _contents(self, connection: sa.Connection, event_id: str, what: str) -> Iterator[dict[str, Any]]:
        t = self._table.c
        query = sa.select(t.seq).where(t.event_id == event_id, t.what == what, t.body.is_not(None)).order_by(t.seq)
        for seq in connection.execute(query).scalars().all():
            body = self._pins.body(connection, seq)
            content: dict[str, Any] = json.loads(body) if body else {}
            if (content.get("event"), content.get("what")) == (event_id, what):
                yield content


def _request(facts: Mapping[str, Any]) -> SealedRequest:
    actions = dict(str(item).rsplit(":", 1) for item in facts["destinations"])
    return SealedRequest(
        "",
        facts["right"],
        datetime.fromisoformat(facts["received_at"]),
        {destination: None if action == "-" else action for destination, action in actions.items()},
    )
